//! What each phase consists of.

use super::*;
use crate::run::assignment::tests::{assignment, hints, payload};

fn plan(payload: OfferPayload) -> Plan {
    let hints = hints(payload.phase);
    let assignment = Assignment::new(payload, hints).unwrap();
    Plan::new(&assignment, &RunSettings::default(), "/mnt/workspace")
}

fn commands_of(step: &Step) -> Vec<String> {
    let script = step.script.clone().unwrap_or_default();
    script
        .lines()
        .filter_map(|line| line.strip_prefix("eval '")?.strip_suffix('\''))
        .map(str::to_owned)
        .collect()
}

/// A phase, the state in which it is prepared, and its states with their commands.
type Case = (Phase, RunState, &'static [(RunState, &'static str)]);

#[test]
fn each_phase_enters_its_states_in_order_with_rising_versions() {
    use RunState::{Applying, Destroying, Initializing, Performing, Planning, Preparing, PreparingApply};
    let cases: [Case; 5] = [
        (Phase::Apply, PreparingApply, &[(Applying, "do-apply")]),
        (Phase::Destroy, Preparing, &[(Initializing, "do-init"), (Destroying, "do-destroy")]),
        (Phase::Plan, Preparing, &[(Initializing, "do-init"), (Planning, "do-plan")]),
        (Phase::Task, Preparing, &[(Initializing, "do-init"), (Performing, "do-task")]),
        (
            Phase::Test,
            Preparing,
            &[
                (Initializing, "do-init"),
                (Planning, "do-plan"),
                (Applying, "do-apply"),
                (Destroying, "do-destroy"),
            ],
        ),
    ];
    for (phase, preparing, expected) in cases {
        let plan = plan(payload(phase));
        assert_eq!((plan.preparing, plan.state_version), (preparing, 5), "{phase:?}");
        assert_eq!(plan.steps.len(), expected.len(), "{phase:?}");
        for ((step, (state, command)), nth) in plan.steps.iter().zip(expected).zip(6..) {
            assert_eq!((step.state, step.state_version), (*state, nth), "{phase:?}");
            assert_eq!(commands_of(step), [*command], "{phase:?}");
            assert_eq!(step.write_only, state.changes_state(), "{phase:?} {state:?}");
            assert_eq!(step.run_after_failure, phase == Phase::Test && *state == Destroying);
        }
    }
}

#[test]
fn hooks_stand_around_their_command_in_one_script() {
    let mut payload = payload(Phase::Plan);
    payload.hooks.before_init = vec!["b1".into(), "b2".into()];
    payload.hooks.after_init = vec!["a1".into()];
    payload.hooks.before_plan = vec!["bp".into()];
    payload.hooks.before_apply = vec!["never".into()];
    let plan = plan(payload);
    assert_eq!(commands_of(&plan.steps[0]), ["b1", "b2", "do-init", "a1"]);
    assert_eq!(commands_of(&plan.steps[1]), ["bp", "do-plan"]);
}

#[test]
fn a_state_without_anything_to_run_is_entered_all_the_same() {
    let mut payload = payload(Phase::Plan);
    payload.workflow.init = None;
    let plan = plan(payload);
    assert_eq!((plan.steps[0].state, plan.steps[0].script.clone()), (RunState::Initializing, None));
}

#[test]
fn only_a_plan_hands_its_workspace_on() {
    for phase in [Phase::Apply, Phase::Destroy, Phase::Plan, Phase::Task, Phase::Test] {
        let mut payload = payload(phase);
        payload.uploads.workspace = Some(Upload { name: "w".into(), url: "https://store.example/".into() });
        assert_eq!(plan(payload).seal_workspace.is_some(), phase == Phase::Plan, "{phase:?}");
    }
}

#[test]
fn every_step_knows_its_run_and_its_state() {
    let plan = plan(payload(Phase::Destroy));
    let variables = &plan.steps[1].variables;
    let run = plan.run.to_string();
    for (name, value) in [
        ("SPACELIFT_RUN_ID", run.as_str()),
        ("SPACELIFT_STACK_ID", "front-end"),
        ("TF_VAR_spacelift_account_name", "acme"),
        ("TF_VAR_spacelift_commit_branch", "main"),
        ("TF_VAR_spacelift_commit_sha", "0123abcd"),
        ("TF_VAR_spacelift_local_preview", "false"),
        ("TF_VAR_spacelift_project_root", "live/eu"),
        ("TF_VAR_spacelift_repository", "acme/infra"),
        ("TF_VAR_spacelift_run_id", run.as_str()),
        ("TF_VAR_spacelift_run_state", "DESTROYING"),
        ("TF_VAR_spacelift_run_trigger", "mona"),
        ("TF_VAR_spacelift_run_type", "DESTROY"),
        ("TF_VAR_spacelift_space_id", "root"),
        ("TF_VAR_spacelift_stack_branch", "main"),
        ("TF_VAR_spacelift_stack_id", "front-end"),
        ("TF_VAR_spacelift_stack_labels", "a,b"),
        ("TF_VAR_spacelift_stack_labels_list", r#"["a","b"]"#),
        ("TF_VAR_spacelift_workspace_root", "/mnt/workspace"),
    ] {
        assert_eq!(variables.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!variables.contains_key("TF_VAR_spacelift_final_run_state"), "only after_run knows it");
}

#[test]
fn after_run_knows_how_the_run_ended() {
    let mut first = payload(Phase::Plan);
    first.hooks.after_run = vec!["tell".into()];
    let mut deployed = first.clone();
    deployed.stack.auto_deploy = true;
    let mut preview = first.clone();
    preview.uploads.workspace = None;
    for (payload, ended, expected) in [
        (first.clone(), None, "UNCONFIRMED"),
        (deployed, None, "CONFIRMED"),
        (preview, None, "FINISHED"),
        (first, Some(RunState::Failed), "FAILED"),
    ] {
        let step = plan(payload).after_run(RunState::Planning, 7, ended).unwrap();
        assert_eq!(commands_of(&step), ["tell"]);
        assert_eq!(step.variables["TF_VAR_spacelift_final_run_state"], expected);
        assert_eq!(step.variables["TF_VAR_spacelift_run_state"], "PLANNING");
    }
    let plan = Plan::new(&assignment(Phase::Plan), &RunSettings::default(), "/w");
    assert_eq!(plan.after_run(RunState::Planning, 7, None), None);
}
