//! Workers that fall silent, crash and return.

use spacelift_worker_core::protocol::message::{
    ControlBody, Finished, Interrupted, Outcome, Phase, Progress, RunState, RunType, WorkerBody,
};

use super::bench::{Bench, Hand, kinds};
use crate::store::Change;

/// A tracked run, planned by a worker that left, being applied by another one.
async fn applying(bench: &mut Bench) -> (Hand, spacelift_worker_core::protocol::message::Offer) {
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Tracked).await;
    let plan = worker.begin(bench).await;
    worker.succeed(bench, &plan).await;
    bench.confirm(run).await;
    let apply = worker.begin(bench).await;
    assert_eq!(apply.phase, Phase::Apply);
    let version = bench.open(worker.id, &apply).await.state_version + 1;
    let progress =
        Progress { run, lease: apply.lease, state: RunState::Applying, state_version: version, note: None };
    bench.say(worker.id, WorkerBody::Progress(progress)).await;
    assert_eq!(bench.state(run).await, RunState::Applying);
    (worker, apply)
}

#[tokio::test]
async fn a_lost_plan_is_offered_again_only_after_its_lease_and_the_old_report_changes_nothing() {
    let mut bench = Bench::new().await;
    let mut silent = bench.worker(2).await;
    let mut other = bench.worker(1).await;
    let run = bench.run(RunType::Tracked).await;
    let old = silent.begin(&mut bench).await;
    bench.pass(110, &mut [&mut other]).await;
    assert_eq!(bench.state(run).await, RunState::Preparing, "its worker may still be at it");
    assert!(other.offer(&mut bench).await.is_none());
    bench.pass(5, &mut [&mut other]).await;
    let new = other.begin(&mut bench).await;
    assert!(new.run == run && new.lease > old.lease);
    let late = silent.report(&old, Outcome::Failed);
    silent.finish(&mut bench, late).await;
    assert_eq!(bench.state(run).await, RunState::Preparing);
    other.succeed(&mut bench, &new).await;
    assert_eq!(bench.state(run).await, RunState::Unconfirmed);
}

#[tokio::test]
async fn a_worker_that_still_holds_what_was_given_to_another_is_told_to_end_it() {
    let mut bench = Bench::new().await;
    let mut silent = bench.worker(2).await;
    let mut other = bench.worker(1).await;
    bench.run(RunType::Tracked).await;
    let old = silent.begin(&mut bench).await;
    bench.pass(120, &mut [&mut other]).await;
    bench.orders(silent.id);
    silent.hello(&mut bench).await;
    let orders = bench.orders(silent.id);
    assert!(
        matches!(&orders[..], [each] if matches!(&each.body, ControlBody::Kill(halt) if halt.lease == old.lease))
    );
    silent.status(&mut bench).await;
    assert!(bench.orders(silent.id).is_empty(), "once, until it is due again");
}

#[tokio::test]
async fn a_lost_apply_keeps_its_stack_locked_until_the_run_timeout_and_a_late_report_replaces_the_verdict() {
    let mut bench = Bench::new().await;
    let (mut silent, apply) = applying(&mut bench).await;
    let mut other = bench.worker(3).await;
    let next = bench.run(RunType::Task).await;
    bench.pass(65, &mut [&mut other]).await;
    let run = bench.store.run(apply.run).await.unwrap();
    assert_eq!(run.state, RunState::Applying);
    assert!(run.unreachable_since.is_some(), "it is marked");
    bench.pass(69 * 60 - 65, &mut [&mut other]).await;
    assert_eq!(bench.state(apply.run).await, RunState::Applying);
    assert!(other.offer(&mut bench).await.is_none(), "the stack is locked");
    bench.pass(60, &mut [&mut other]).await;
    assert_eq!(bench.state(apply.run).await, RunState::Failed);
    assert_eq!(bench.note(apply.run).await, "worker stopped reporting its status");
    assert_eq!(other.begin(&mut bench).await.run, next);

    silent.hello(&mut bench).await;
    assert!(!kinds(&bench.orders(silent.id)).contains(&"kill"), "what may be changing something is let be");
    let report = Finished { state_version: 9, ..silent.report(&apply, Outcome::Succeeded) };
    silent.finish(&mut bench, report.clone()).await;
    assert_eq!(bench.state(apply.run).await, RunState::Finished);
    let second = Finished { outcome: Outcome::Failed, ..report };
    silent.finish(&mut bench, second).await;
    assert_eq!(bench.state(apply.run).await, RunState::Finished, "once");
}

#[tokio::test]
async fn an_apply_whose_worker_returns_in_time_goes_on() {
    let mut bench = Bench::new().await;
    let (mut worker, apply) = applying(&mut bench).await;
    bench.pass(300, &mut []).await;
    assert!(bench.store.run(apply.run).await.unwrap().unreachable_since.is_some());
    worker.hello(&mut bench).await;
    let run = bench.store.run(apply.run).await.unwrap();
    assert_eq!((run.state, run.unreachable_since), (RunState::Applying, None));
    worker.succeed(&mut bench, &apply).await;
    assert_eq!(bench.state(apply.run).await, RunState::Finished);
}

#[tokio::test]
async fn a_worker_that_speaks_is_never_lost_however_long_its_run_takes() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Task).await;
    worker.begin(&mut bench).await;
    bench.pass(80 * 60, &mut [&mut worker]).await;
    assert_eq!(bench.state(run).await, RunState::Preparing);
}

#[tokio::test]
async fn what_the_control_plane_slept_through_is_not_held_against_a_worker() {
    let mut bench = Bench::new().await;
    let worker = bench.worker(1).await;
    bench.now += 3_600_000;
    bench.control.handle_tick(bench.now).await.unwrap();
    assert_eq!(bench.store.worker(worker.id).await.unwrap().gone_at, None);
    bench.pass(55, &mut []).await;
    assert_eq!(bench.store.worker(worker.id).await.unwrap().gone_at, None);
    bench.pass(5, &mut []).await;
    assert!(bench.store.worker(worker.id).await.unwrap().crashed);
}

#[tokio::test]
async fn a_crashed_worker_is_gone_at_once_and_its_offer_goes_to_another_one() {
    let mut bench = Bench::new().await;
    let mut older = bench.worker(1).await;
    let mut newer = bench.worker(2).await;
    let run = bench.run(RunType::Tracked).await;
    newer.offer(&mut bench).await.unwrap();
    newer.leave(&mut bench, true).await;
    bench.pass(5, &mut [&mut older]).await;
    assert_eq!(older.begin(&mut bench).await.run, run);
}

#[tokio::test]
async fn an_interrupted_plan_waits_again_and_an_interrupted_apply_has_failed() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Proposed).await;
    let plan = worker.begin(&mut bench).await;
    worker.leave(&mut bench, true).await;
    // The next process on that machine reports for the one before.
    let successor = bench.worker(2).await;
    let interrupted = Interrupted { worker: worker.id, run, lease: plan.lease };
    bench.say(successor.id, WorkerBody::Interrupted(interrupted)).await;
    assert_eq!(bench.store.lease(bench.pool, plan.lease).await.unwrap().end_reason.unwrap(), "interrupted");
    assert_eq!(bench.state(run).await, RunState::Queued);

    let mut bench = Bench::new().await;
    let (worker, apply) = applying(&mut bench).await;
    let interrupted = Interrupted { worker: worker.id, run: apply.run, lease: apply.lease };
    bench.say(worker.id, WorkerBody::Interrupted(interrupted)).await;
    assert_eq!(bench.state(apply.run).await, RunState::Failed);
    assert!(bench.note(apply.run).await.contains("not known"));
}

#[tokio::test]
async fn a_plan_that_ends_every_worker_is_given_up() {
    let mut bench = Bench::new().await;
    let run = bench.run(RunType::Tracked).await;
    for number in 1..=4 {
        assert_eq!(bench.state(run).await, RunState::Queued, "{number}");
        let mut worker = bench.worker(number).await;
        let plan = worker.begin(&mut bench).await;
        let interrupted = Interrupted { worker: worker.id, run, lease: plan.lease };
        bench.say(worker.id, WorkerBody::Interrupted(interrupted)).await;
        worker.run = None;
        bench.orders(worker.id);
        worker.leave(&mut bench, false).await;
        bench.pass(5, &mut []).await;
    }
    assert_eq!(bench.state(run).await, RunState::Failed);
}

#[tokio::test]
async fn an_impossible_version_is_refused_and_keeps_no_other_lease_from_being_looked_at() {
    let mut bench = Bench::new().await;
    bench.stack("other", false).await;
    let mut liar = bench.worker(1).await;
    let run = bench.run(RunType::Task).await;
    let task = liar.begin(&mut bench).await;
    let state = RunState::Initializing;
    let progress = Progress { run, lease: task.lease, state, state_version: u64::MAX, note: None };
    bench.mail(liar.id);
    bench.say(liar.id, WorkerBody::Progress(progress)).await;
    for state_version in [u64::MAX, u64::MAX / 2 - 1] {
        let report = Finished { state_version, ..liar.report(&task, Outcome::Succeeded) };
        bench.say(liar.id, WorkerBody::Finished(report)).await;
    }
    assert_eq!(kinds(&bench.mail(liar.id)), ["nack", "nack", "nack"]);
    assert_eq!(bench.state(run).await, RunState::Preparing);
    // Nothing more is heard of it.
    bench.pass(69 * 60, &mut []).await;
    let mut second = bench.worker(2).await;
    let waits = bench.run_on("other", RunType::Task).await;
    let unanswered = bench.store.open_lease_of_run(waits).await.unwrap().unwrap();
    bench.pass(120, &mut [&mut second]).await;
    assert_eq!(bench.state(run).await, RunState::Failed, "it is given up in its time");
    let lease = bench.store.lease(bench.pool, unanswered.lease).await.unwrap();
    assert_eq!(lease.end_reason.as_deref(), Some("not answered"));
}

/// A version at the end of what a column holds, as a database may have it that was written before versions were bounded.
#[tokio::test]
async fn a_lease_that_cannot_be_ended_keeps_no_other_lease_from_being_looked_at() {
    let mut bench = Bench::new().await;
    bench.stack("other", false).await;
    let mut stuck = bench.worker(1).await;
    let run = bench.run(RunType::Proposed).await;
    stuck.begin(&mut bench).await;
    let highest = u64::MAX / 2;
    let change = Change {
        version: Some(highest),
        ..Change::new(run, RunState::Preparing, RunState::Initializing, bench.now)
    };
    bench.store.transition(&change).await.unwrap();
    bench.pass(100, &mut []).await;
    let mut second = bench.worker(2).await;
    let waits = bench.run_on("other", RunType::Task).await;
    let unanswered = bench.store.open_lease_of_run(waits).await.unwrap().unwrap();
    bench.pass(60, &mut [&mut second]).await;
    let lease = bench.store.lease(bench.pool, unanswered.lease).await.unwrap();
    assert_eq!(lease.end_reason.as_deref(), Some("not answered"));
}
