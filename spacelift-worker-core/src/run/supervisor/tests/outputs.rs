//! When outputs are handed on, and what becomes of a run where they cannot be.

use super::bench::Bench;
use crate::exec::ExitStatus;
use crate::protocol::message::{EndCause, Outcome, Phase, SealedObject, Upload};
use crate::run::assignment::tests::payload;
use crate::run::supervisor::Supervisor;

/// A phase whose offer has a place for outputs, and hooks that run at the very end.
fn with_outputs(phase: Phase) -> Bench {
    let mut payload = payload(phase);
    payload.hooks.after_run = vec!["tell".into()];
    payload.uploads.outputs =
        Some(Upload { name: "outputs-5".into(), url: "https://store.example/outputs?sig=3".into() });
    Bench::with(payload)
}

fn object() -> SealedObject {
    SealedObject { name: "outputs-5".into(), len: 9, sha256: "00".into() }
}

#[test]
fn an_apply_is_told_where_outputs_go_and_they_are_handed_on_before_the_last_hooks() {
    let mut bench = with_outputs(Phase::Apply).running();
    assert_eq!(bench.variables["SPACELIFT_OUTPUTS_FILE"], "/mnt/workspace/outputs.json");
    assert_eq!(bench.exited(ExitStatus::Code(0)), ["outputs"]);
    assert_eq!(bench.handed_on(Ok(Some(object()))), ["start tell"]);
    assert!(!bench.variables.contains_key("SPACELIFT_OUTPUTS_FILE"), "what comes now is not read");
    assert_eq!(bench.succeed(), ["flush"]);
    assert_eq!(bench.ended(), (Outcome::Succeeded, None));
    assert_eq!(bench.outcome().outputs, Some(object()));
}

#[test]
fn a_run_without_outputs_succeeds_without_them() {
    let mut bench = with_outputs(Phase::Apply).running();
    bench.exited(ExitStatus::Code(0));
    bench.handed_on(Ok(None));
    bench.succeed();
    assert_eq!(bench.ended(), (Outcome::Succeeded, None));
    assert_eq!(bench.outcome().outputs, None);
}

#[test]
fn an_apply_that_fails_hands_nothing_on() {
    let mut bench = with_outputs(Phase::Apply).running();
    assert_eq!(bench.exited(ExitStatus::Code(1)), ["start tell"]);
    bench.succeed();
    assert_eq!(bench.ended(), (Outcome::Failed, Some(EndCause::Command)));
    assert_eq!(bench.outcome().outputs, None);
}

#[test]
fn outputs_that_cannot_be_handed_on_fail_the_run_and_say_that_its_changes_are_made() {
    let mut bench = with_outputs(Phase::Apply).running();
    bench.exited(ExitStatus::Code(0));
    assert_eq!(bench.handed_on(Err("it is no JSON".into())), ["start tell"]);
    bench.succeed();
    assert_eq!(bench.ended(), (Outcome::Failed, Some(EndCause::Outputs)));
    let reason = bench.outcome().reason.unwrap();
    assert!(reason.contains("changes are made") && reason.contains("it is no JSON"), "{reason}");
}

#[test]
fn a_stop_while_outputs_are_handed_on_abandons_them() {
    let mut bench = with_outputs(Phase::Apply).running();
    bench.exited(ExitStatus::Code(0));
    assert_eq!(bench.call(Supervisor::stop), ["abandon", "start tell"]);
    assert!(bench.handed_on(Ok(Some(object()))).is_empty(), "an answer that comes late does not count");
    bench.succeed();
    assert_eq!(bench.ended(), (Outcome::Stopped, Some(EndCause::Stopped)));
    assert_eq!(bench.outcome().outputs, None);
}

#[test]
fn only_an_apply_hands_outputs_on() {
    for phase in [Phase::Destroy, Phase::Plan, Phase::Task, Phase::Test] {
        let mut bench = with_outputs(phase).running();
        assert!(!bench.variables.contains_key("SPACELIFT_OUTPUTS_FILE"), "{phase:?}");
        for _ in 0..5 {
            let asked = [bench.exited(ExitStatus::Code(0)), bench.started()].concat();
            assert!(!asked.contains(&"outputs".to_owned()), "{phase:?}: {asked:?}");
        }
    }
}
