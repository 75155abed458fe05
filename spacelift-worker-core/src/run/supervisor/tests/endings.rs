//! How phases are ended from outside, and by their timeouts.

use super::bench::{Bench, MINUTE, SECOND};
use crate::exec::ExitStatus;
use crate::protocol::message::{EndCause, Outcome, Phase};
use crate::run::supervisor::Supervisor;

#[test]
fn a_silent_run_is_remarked_upon_each_minute_and_that_is_no_output_of_it() {
    let mut bench = Bench::new(Phase::Plan);
    bench.allow();
    bench.fetched();
    bench.started();
    let began = bench.now;
    bench.pass(30_000);
    bench.call(|supervisor, now| supervisor.output(now, 1));
    bench.pass(150_000);
    let heard = began + 30_000;
    assert_eq!(bench.remarks, [(heard + 60_000, 60_000), (heard + 120_000, 120_000)]);
    bench.pass(6 * MINUTE);
    bench.exited(ExitStatus::Signal(15));
    bench.pass(MINUTE);
    bench.flushed();
    assert_eq!(bench.ended(), (Outcome::Failed, Some(EndCause::LogsTimeout)));
}

#[test]
fn guarantee_9_silence_for_seven_minutes_ends_the_run_and_the_report_says_so() {
    let mut bench = Bench::new(Phase::Plan).running();
    assert!(bench.pass(7 * MINUTE - 1).is_empty());
    assert!(bench.call(|supervisor, now| supervisor.output(now, 1)).is_empty());
    assert!(bench.pass(7 * MINUTE - 1).is_empty(), "output counts");
    assert!(bench.call(|supervisor, now| supervisor.output(now, 0)).is_empty(), "nothing is no output");
    assert_eq!(bench.pass(1), ["SIGTERM"]);
    assert!(bench.notes[0].contains("no output for 7m"), "{:?}", bench.notes);
    assert!(bench.pass(10 * SECOND - 1).is_empty());
    assert_eq!(bench.pass(1), ["SIGKILL"]);
    assert_eq!(bench.exited(ExitStatus::Signal(9)), ["flush"]);
    assert_eq!(bench.ended(), (Outcome::Failed, Some(EndCause::LogsTimeout)));
}

#[test]
fn guarantee_9_seventy_minutes_in_all_end_the_run_and_the_report_says_so() {
    let mut bench = Bench::with_after_run(Phase::Apply).running();
    for _ in 0..13 {
        assert!(bench.pass(5 * MINUTE).is_empty());
        bench.call(|supervisor, now| supervisor.output(now, 1));
    }
    assert_eq!(bench.pass(5 * MINUTE), ["SIGTERM"]);
    assert_eq!(bench.exited(ExitStatus::Signal(15)), ["flush"], "there is no time for hooks");
    assert_eq!(bench.ended(), (Outcome::Failed, Some(EndCause::RunTimeout)));
    assert!(bench.outcome().reason.unwrap().contains("not done after 70m"));
}

#[test]
fn silence_counts_only_while_a_command_runs() {
    let mut bench = Bench::new(Phase::Plan);
    bench.asked();
    assert!(bench.pass(8 * MINUTE).is_empty());
    bench.allow();
    assert!(bench.pass(8 * MINUTE).is_empty());
    bench.fetched();
    assert!(bench.pass(8 * MINUTE).is_empty());
}

#[test]
fn the_run_timeout_ends_a_fetch_that_hangs() {
    let mut bench = Bench::new(Phase::Plan);
    bench.allow();
    assert_eq!(bench.pass(70 * MINUTE), ["abandon", "flush"]);
    assert_eq!(bench.ended(), (Outcome::Failed, Some(EndCause::RunTimeout)));
}

/// A wish from outside, the signals to a running command with their distance, and what is reported.
type Wish = (fn(&mut Supervisor, crate::protocol::Now), &'static [(u64, &'static str)], Outcome, EndCause);

const WISHES: [Wish; 5] = [
    (Supervisor::stop, &[(0, "SIGTERM"), (10 * SECOND, "SIGKILL")], Outcome::Stopped, EndCause::Stopped),
    (Supervisor::kill, &[(0, "SIGKILL")], Outcome::Stopped, EndCause::Killed),
    (Supervisor::cycle, &[(0, "SIGTERM"), (8 * SECOND, "SIGKILL")], Outcome::Failed, EndCause::Cycled),
    (Supervisor::shutdown, &[(0, "SIGTERM"), (10 * SECOND, "SIGKILL")], Outcome::Failed, EndCause::Shutdown),
    (
        Supervisor::lease_ended,
        &[(0, "SIGTERM"), (10 * SECOND, "SIGKILL")],
        Outcome::Failed,
        EndCause::LeaseEnded,
    ),
];

#[test]
fn a_running_command_gets_its_signals_in_time() {
    for (wish, signals, outcome, cause) in WISHES {
        let mut bench = Bench::new(Phase::Plan).running();
        let mut asked = bench.call(wish);
        for (distance, signal) in signals {
            if *distance > 0 {
                assert!(bench.pass(distance - 1).is_empty(), "{cause:?}");
                asked = bench.pass(1);
            }
            assert_eq!(asked, [*signal], "{cause:?}");
        }
        assert_eq!(bench.exited(ExitStatus::Signal(9)), ["flush"], "{cause:?}");
        assert_eq!(bench.ended(), (outcome, Some(cause)));
    }
}

#[test]
fn a_wish_is_heard_at_every_moment() {
    for (wish, _, outcome, cause) in WISHES {
        let mut judging = Bench::new(Phase::Plan);
        judging.asked();
        assert_eq!(judging.call(wish), ["abandon", "flush"], "{cause:?}");

        let mut fetching = Bench::new(Phase::Plan);
        fetching.allow();
        assert_eq!(fetching.call(wish), ["abandon", "flush"], "{cause:?}");

        let mut starting = Bench::new(Phase::Plan);
        starting.allow();
        starting.fetched();
        assert!(starting.call(wish).is_empty(), "{cause:?}");
        let signal = if cause == EndCause::Killed { "SIGKILL" } else { "SIGTERM" };
        assert_eq!(starting.started(), [signal], "{cause:?}");
        assert_eq!(starting.exited(ExitStatus::Signal(9)), ["flush"]);

        let mut sealing = Bench::new(Phase::Plan).running_in("PLANNING");
        sealing.exited(ExitStatus::Code(0));
        assert_eq!(sealing.call(wish), ["abandon", "flush"], "{cause:?}");

        for mut bench in [judging, fetching, starting, sealing] {
            assert_eq!(bench.ended(), (outcome, Some(cause)));
            assert_eq!(bench.outcome().workspace, None);
        }
    }
}

#[test]
fn a_stop_lets_the_hooks_at_the_end_run_and_the_others_do_not() {
    for (wish, _, _, cause) in WISHES {
        let mut bench = Bench::with_after_run(Phase::Plan).running();
        bench.call(wish);
        let asked = bench.exited(ExitStatus::Signal(15));
        if cause == EndCause::Stopped {
            assert_eq!(asked, ["start tell"]);
            assert_eq!(bench.variables["TF_VAR_spacelift_final_run_state"], "STOPPED");
        } else {
            assert_eq!(asked, ["flush"], "{cause:?}");
        }
    }
}

#[test]
fn guarantee_3_an_ended_lease_never_stops_what_began_to_change_something() {
    for (phase, state) in
        [(Phase::Apply, "APPLYING"), (Phase::Destroy, "DESTROYING"), (Phase::Task, "PERFORMING")]
    {
        let mut bench = Bench::new(phase).running_in(state);
        assert!(bench.call(Supervisor::lease_ended).is_empty(), "{state}");
        bench.exited(ExitStatus::Code(0));
        assert_eq!(bench.ended(), (Outcome::Succeeded, None), "{state}");
    }
}

#[test]
fn guarantee_3_without_a_lease_nothing_that_changes_something_is_started() {
    let mut bench = Bench::new(Phase::Apply);
    bench.allow();
    let now = bench.at();
    bench.supervisor.fetched(now, Ok(()));
    let entered = bench.supervisor.poll_effect();
    assert!(matches!(entered, Some(crate::run::Effect::EnterState { .. })), "{entered:?}");
    // The session refused the state: its lease had ended.
    assert_eq!(bench.call(Supervisor::lease_ended), ["flush"]);
    assert_eq!(bench.ended(), (Outcome::Failed, Some(EndCause::LeaseEnded)));
}

#[test]
fn guarantee_5_a_cycle_shortens_the_grace_that_runs_and_leaves_little_time_for_the_log() {
    let mut bench = Bench::with_after_run(Phase::Apply).running();
    bench.call(Supervisor::stop);
    bench.pass(SECOND);
    assert!(bench.call(Supervisor::cycle).is_empty());
    assert_eq!(bench.pass(8 * SECOND), ["SIGKILL"]);
    assert_eq!(bench.exited(ExitStatus::Signal(9)), ["flush"]);
    assert_eq!(bench.pass(3 * SECOND), ["report"], "5 s of jitter + 8 + 3 are less than 20");
}

#[test]
fn a_kill_after_a_stop_is_immediate_and_is_what_is_reported() {
    let mut bench = Bench::new(Phase::Apply).running();
    assert_eq!(bench.call(Supervisor::stop), ["SIGTERM"]);
    assert_eq!(bench.call(Supervisor::kill), ["SIGKILL"]);
    assert!(bench.call(Supervisor::kill).is_empty());
    bench.exited(ExitStatus::Signal(9));
    assert_eq!(bench.ended(), (Outcome::Stopped, Some(EndCause::Killed)));
}

#[test]
fn a_kill_during_the_last_hooks_after_a_failure_is_immediate_and_the_failure_is_reported() {
    let mut bench = Bench::with_after_run(Phase::Apply).running();
    bench.exited(ExitStatus::Code(1));
    assert!(bench.call(Supervisor::kill).is_empty(), "it is still being started");
    assert_eq!(bench.started(), ["SIGKILL"]);
    assert_eq!(bench.exited(ExitStatus::Signal(9)), ["flush"]);
    assert_eq!(bench.ended(), (Outcome::Failed, Some(EndCause::Command)));
}

#[test]
fn what_does_not_die_is_reported_all_the_same() {
    let mut bench = Bench::new(Phase::Plan).running();
    bench.call(Supervisor::kill);
    assert_eq!(bench.pass(10 * SECOND), ["flush"]);
    assert_eq!(bench.pass(3 * SECOND), ["report"]);
    assert_eq!(bench.ended(), (Outcome::Stopped, Some(EndCause::Killed)));
}

#[test]
fn a_log_that_cannot_be_stored_does_not_hold_the_report_for_ever() {
    let mut bench = Bench::new(Phase::Apply).running();
    assert_eq!(bench.exited(ExitStatus::Code(0)), ["flush"]);
    assert!(bench.pass(60 * SECOND - 1).is_empty());
    assert_eq!(bench.pass(1), ["report"]);
    assert_eq!(bench.ended(), (Outcome::Succeeded, None));
}
