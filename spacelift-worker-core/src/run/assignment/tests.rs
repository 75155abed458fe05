//! What an opened offer must be to become an assignment.

use super::*;
use crate::protocol::message::{
    Commit, EnvironmentVariable, Hooks, RunDetails, RunState, RunType, StackDetails, Upload, Uploads,
    Workflow,
};

pub(in crate::run) fn hints(phase: Phase) -> Hints {
    Hints {
        pool: PoolId::from_parts(1, 1),
        worker: WorkerId::from_parts(1, 2),
        run: RunId::from_parts(1, 3),
        lease: Lease { generation: 1, counter: 9 },
        phase,
    }
}

pub(in crate::run) fn payload(phase: Phase) -> OfferPayload {
    let Hints { pool, worker, run, lease, phase } = hints(phase);
    let download = Download { url: "https://store.example/in?sig=1".into(), len: 3, sha256: "00".repeat(32) };
    let workspace = SealedDownload { download: download.clone(), phase: Phase::Plan, state_version: 3 };
    let upload = Upload { name: "workspace-3-1.9".into(), url: "https://store.example/out?sig=2".into() };
    let run_type = match phase {
        Phase::Apply | Phase::Plan => RunType::Tracked,
        Phase::Destroy => RunType::Destroy,
        Phase::Task => RunType::Task,
        Phase::Test => RunType::Testing,
    };
    OfferPayload {
        pool,
        worker,
        lease,
        phase,
        state_version: 5,
        run: RunDetails {
            id: run,
            run_type,
            state: RunState::Ready,
            title: String::new(),
            created_at: 0,
            updated_at: 0,
            triggered_by: "mona".into(),
            commit: Commit { branch: "main".into(), hash: "0123abcd".into(), ..Commit::default() },
            user_provided_metadata: Vec::new(),
            drift_detection: false,
            based_on_local_workspace: false,
        },
        stack: StackDetails {
            slug: "front-end".into(),
            labels: vec!["a".into(), "b".into()],
            space: "root".into(),
            project_root: "live/eu".into(),
            repository_path: "acme/infra".into(),
            ..StackDetails::default()
        },
        account_name: "acme".into(),
        workflow: Workflow {
            init: Some("do-init".into()),
            plan: Some("do-plan".into()),
            apply: Some("do-apply".into()),
            destroy: Some("do-destroy".into()),
            vendor: String::new(),
        },
        command: if phase == Phase::Task { "do-task".into() } else { String::new() },
        hooks: Hooks::default(),
        environment: Vec::new(),
        runner_image: String::new(),
        source: (phase != Phase::Apply).then_some(download),
        workspace: (phase == Phase::Apply).then_some(workspace),
        inputs: Vec::new(),
        uploads: Uploads {
            workspace: (phase == Phase::Plan).then_some(upload),
            outputs: None,
            logs: Vec::new(),
        },
    }
}

pub(in crate::run) fn assignment(phase: Phase) -> Assignment {
    Assignment::new(payload(phase), hints(phase)).unwrap()
}

const PHASES: [Phase; 5] = [Phase::Apply, Phase::Destroy, Phase::Plan, Phase::Task, Phase::Test];

#[test]
fn an_offer_is_an_assignment_when_seal_and_hints_agree() {
    for phase in PHASES {
        let assignment = assignment(phase);
        assert_eq!(matches!(assignment.fetch(), Fetch::Workspace(_)), phase == Phase::Apply, "{phase:?}");
    }
}

#[test]
fn a_seal_that_is_about_something_else_is_refused_by_name() {
    let good = hints(Phase::Plan);
    let cases = [
        ("pool", Hints { pool: PoolId::from_parts(9, 9), ..good }),
        ("worker", Hints { worker: WorkerId::from_parts(9, 9), ..good }),
        ("run", Hints { run: RunId::from_parts(9, 9), ..good }),
        ("lease", Hints { lease: Lease { generation: 2, counter: 9 }, ..good }),
        ("phase", Hints { phase: Phase::Destroy, ..good }),
    ];
    for (what, hints) in cases {
        assert_eq!(
            Assignment::new(payload(Phase::Plan), hints),
            Err(AssignmentError::Mismatch { what }),
            "{what}"
        );
    }
}

#[test]
fn an_apply_takes_the_planned_workspace_and_no_source() {
    let mut both = payload(Phase::Apply);
    both.source = payload(Phase::Plan).source;
    let mut neither = payload(Phase::Apply);
    neither.workspace = None;
    for payload in [both, neither] {
        assert!(matches!(
            Assignment::new(payload, hints(Phase::Apply)),
            Err(AssignmentError::Inputs { phase: "apply", .. })
        ));
    }
}

#[test]
fn without_source_and_workspace_there_is_nothing_to_work_on() {
    for phase in [Phase::Destroy, Phase::Plan, Phase::Task, Phase::Test] {
        let mut nothing = payload(phase);
        nothing.source = None;
        assert!(matches!(Assignment::new(nothing, hints(phase)), Err(AssignmentError::Inputs { .. })));
    }
}

#[test]
fn a_project_root_stays_inside_the_source() {
    for (root, good) in [
        ("", true),
        (".", true),
        ("a/b", true),
        ("a..b/..c", true),
        ("/etc", false),
        ("..", false),
        ("a/../..", false),
        ("a\0b", false),
        ("a\nb", false),
    ] {
        let mut payload = payload(Phase::Plan);
        payload.stack.project_root = root.into();
        assert_eq!(Assignment::new(payload, hints(Phase::Plan)).is_ok(), good, "{root:?}");
    }
}

#[test]
fn a_variable_that_no_command_can_be_given_is_refused_without_being_quoted() {
    for (name, value) in [("", "v"), ("A=B", "v"), ("A\0", "v"), ("A\n", "v"), ("A", "hunter2\0")] {
        let mut payload = payload(Phase::Plan);
        let variable = |name: &str, value: &str| EnvironmentVariable {
            name: name.into(),
            value: value.into(),
            secret: true,
        };
        payload.environment = vec![variable("GOOD", "a\nb"), variable(name, value)];
        let refused = Assignment::new(payload, hints(Phase::Plan)).unwrap_err();
        assert_eq!(refused, AssignmentError::Variable { position: 2 });
        assert!(!refused.to_string().contains("hunter2"));
    }
}

#[test]
fn a_task_without_a_command_is_refused() {
    let mut payload = payload(Phase::Task);
    payload.command = " ".into();
    assert_eq!(Assignment::new(payload, hints(Phase::Task)), Err(AssignmentError::NoCommand));
}

#[test]
fn the_policy_sees_the_image_that_is_used_without_the_blanks_around_it() {
    let mut payload = payload(Phase::Plan);
    payload.runner_image = " ghcr.io/acme/runner:1\n".into();
    let assignment = Assignment::new(payload, hints(Phase::Plan)).unwrap();
    assert_eq!(assignment.payload().runner_image, "ghcr.io/acme/runner:1");
    assert_eq!(assignment.policy_input("1.2.3").docker_image, "ghcr.io/acme/runner:1");
}
