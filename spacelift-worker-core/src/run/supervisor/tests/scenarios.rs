//! How phases go, and how they fail by themselves.

use super::bench::Bench;
use crate::exec::ExitStatus;
use crate::protocol::message::{EndCause, Outcome, Phase};
use crate::run::assignment::tests::payload;
use crate::run::supervisor::Verdict;

#[test]
fn a_plan_goes_from_the_policy_to_the_sealed_workspace() {
    let mut bench = Bench::with_after_run(Phase::Plan);
    assert_eq!(bench.asked(), ["enter Preparing 5", "policy"]);
    assert_eq!(bench.allow(), ["fetch"]);
    assert_eq!(bench.fetched(), ["enter Initializing 6", "start do-init"]);
    assert_eq!(bench.succeed(), ["enter Planning 7", "start do-plan"]);
    assert_eq!(bench.succeed(), ["seal"]);
    assert_eq!(bench.sealed(), ["start tell"]);
    assert_eq!(bench.variables["TF_VAR_spacelift_final_run_state"], "UNCONFIRMED");
    assert_eq!(bench.succeed(), ["flush"]);
    assert_eq!(bench.flushed(), ["report"]);
    let outcome = bench.outcome();
    assert_eq!((outcome.outcome, outcome.cause, outcome.state_version), (Outcome::Succeeded, None, 7));
    assert_eq!(outcome.workspace.unwrap().name, "w");
    assert!(bench.supervisor.is_done() && bench.supervisor.poll_timeout().is_none());
}

#[test]
fn a_denied_run_fetches_and_starts_nothing_and_its_log_says_why() {
    let mut bench = Bench::with_after_run(Phase::Plan);
    bench.asked();
    let reasons = vec!["only main".to_owned(), "not on fridays".to_owned()];
    let asked = bench.call(|supervisor, now| supervisor.policy_decided(now, Verdict::Denied(reasons)));
    assert_eq!(asked, ["flush"]);
    assert!(bench.notes[0].contains("only main; not on fridays"), "{:?}", bench.notes);
    assert_eq!(bench.ended(), (Outcome::Failed, Some(EndCause::PolicyDenied)));
    assert_eq!(bench.outcome().reason, Some(bench.notes[0].clone()));
}

#[test]
fn a_workspace_that_cannot_be_fetched_ends_the_phase_before_anything_runs() {
    let mut bench = Bench::with_after_run(Phase::Apply);
    bench.allow();
    let asked = bench.call(|supervisor, now| supervisor.fetched(now, Err("its digest is wrong".into())));
    assert_eq!(asked, ["flush"]);
    assert_eq!(bench.ended(), (Outcome::Failed, Some(EndCause::Workspace)));
    assert!(bench.outcome().reason.unwrap().contains("its digest is wrong"));
}

#[test]
fn a_command_that_fails_ends_the_phase_without_sealing() {
    let mut bench = Bench::with_after_run(Phase::Plan).running();
    assert_eq!(bench.exited(ExitStatus::Code(3)), ["start tell"]);
    assert_eq!(bench.variables["TF_VAR_spacelift_final_run_state"], "FAILED");
    assert_eq!(bench.succeed(), ["flush"]);
    assert_eq!(bench.ended(), (Outcome::Failed, Some(EndCause::Command)));
    let outcome = bench.outcome();
    assert_eq!((outcome.exit_code, outcome.workspace), (Some(3), None));
    assert!(outcome.reason.unwrap().contains("INITIALIZING ended with exit code 3"));
}

#[test]
fn a_signal_is_reported_as_a_shell_would() {
    let mut bench = Bench::new(Phase::Plan).running();
    bench.exited(ExitStatus::Signal(9));
    assert_eq!(bench.outcome().exit_code, Some(137));
}

#[test]
fn what_a_test_has_built_is_torn_down_after_a_failure() {
    let mut bench = Bench::new(Phase::Test).running_in("APPLYING");
    assert_eq!(bench.exited(ExitStatus::Code(1)), ["enter Destroying 9", "start do-destroy"]);
    assert_eq!(bench.succeed(), ["flush"]);
    assert_eq!(bench.ended(), (Outcome::Failed, Some(EndCause::Command)));
    assert!(bench.outcome().reason.unwrap().contains("APPLYING"), "the first failure counts");
}

#[test]
fn a_test_that_could_not_initialize_has_nothing_to_tear_down() {
    let mut bench = Bench::new(Phase::Test).running();
    assert_eq!(bench.exited(ExitStatus::Code(1)), ["flush"]);
}

#[test]
fn a_command_that_cannot_be_started_is_the_workers_fault() {
    let mut bench = Bench::with_after_run(Phase::Plan);
    bench.allow();
    bench.fetched();
    let asked = bench.call(|supervisor, now| supervisor.started(now, Err("no such file: sh".into())));
    assert_eq!(asked, ["flush"], "no hooks where nothing ever ran");
    assert_eq!(bench.ended(), (Outcome::Failed, Some(EndCause::Internal)));
}

#[test]
fn a_workspace_that_cannot_be_handed_on_fails_the_plan() {
    let mut bench = Bench::with_after_run(Phase::Plan).running_in("PLANNING");
    assert_eq!(bench.exited(ExitStatus::Code(0)), ["seal"]);
    let asked = bench.call(|supervisor, now| supervisor.sealed(now, Err("the store refused it".into())));
    assert_eq!(asked, ["start tell"]);
    assert_eq!(bench.variables["TF_VAR_spacelift_final_run_state"], "FAILED");
    bench.succeed();
    assert_eq!(bench.ended(), (Outcome::Failed, Some(EndCause::Workspace)));
}

#[test]
fn states_without_a_script_are_entered_and_passed() {
    let mut payload = payload(Phase::Task);
    payload.workflow.init = None;
    let mut bench = Bench::with(payload);
    bench.allow();
    assert_eq!(bench.fetched(), ["enter Initializing 6", "enter Performing 7", "start do-task"]);
}

#[test]
fn a_failing_hook_at_the_very_end_fails_the_phase() {
    let mut bench = Bench::with_after_run(Phase::Apply).running();
    assert_eq!(bench.exited(ExitStatus::Code(0)), ["start tell"]);
    bench.started();
    assert_eq!(bench.exited(ExitStatus::Code(1)), ["flush"]);
    assert_eq!(bench.ended(), (Outcome::Failed, Some(EndCause::Command)));
}

#[test]
fn a_phase_that_fails_after_sealing_names_no_workspace() {
    let mut bench = Bench::with_after_run(Phase::Plan).running_in("PLANNING");
    bench.exited(ExitStatus::Code(0));
    bench.sealed();
    bench.started();
    bench.exited(ExitStatus::Code(1));
    assert_eq!(bench.ended(), (Outcome::Failed, Some(EndCause::Command)));
    assert_eq!(bench.outcome().workspace, None);
}

#[test]
fn late_answers_change_nothing() {
    let mut bench = Bench::new(Phase::Plan).running();
    assert!(bench.allow().is_empty());
    assert!(bench.fetched().is_empty());
    assert!(bench.sealed().is_empty());
    assert!(bench.flushed().is_empty());
    bench.exited(ExitStatus::Code(1));
    bench.outcome();
    assert!(bench.exited(ExitStatus::Code(0)).is_empty());
    assert!(bench.call(|supervisor, now| supervisor.kill(now)).is_empty());
    assert!(bench.pass(1_000_000_000).is_empty());
}
