//! A new process over the same data folder forgets nothing that matters.

use spacelift_worker_core::ids::{Lease, RunId};
use spacelift_worker_core::protocol::message::{ControlBody, Phase, RunInHand, RunState, RunType};

use super::bench::{Bench, Hand, kinds};
use crate::control::Command;
use crate::wire::WireEvent;

#[tokio::test]
async fn a_restart_offers_to_nobody_it_has_not_heard() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    bench.restart();
    let run = bench.run(RunType::Proposed).await;
    assert!(bench.orders(worker.id).is_empty());
    worker.status(&mut bench).await;
    assert_eq!(worker.begin(&mut bench).await.run, run);
}

#[tokio::test]
async fn a_lease_goes_on_over_a_restart_and_the_next_one_is_higher() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Tracked).await;
    let plan = worker.begin(&mut bench).await;
    bench.restart();
    worker.status(&mut bench).await;
    let orders = bench.orders(worker.id);
    assert_eq!(kinds(&orders), ["renew"], "at once: nobody knows when the last one was");
    let ControlBody::Renew(grant) = &orders[0].body else { panic!("{orders:?}") };
    assert!(grant.cmd_seq > plan.cmd_seq);
    worker.succeed(&mut bench, &plan).await;
    assert_eq!(bench.state(run).await, RunState::Unconfirmed);
    bench.confirm(run).await;
    assert!(worker.begin(&mut bench).await.lease > plan.lease);
}

#[tokio::test]
async fn what_was_not_acknowledged_before_a_restart_is_sent_after_it() {
    let mut bench = Bench::new().await;
    let worker = bench.worker(1).await;
    bench.order(Command::Drain { worker: worker.id, drain: true }).await;
    let before = bench.orders(worker.id);
    bench.restart();
    bench.control.handle_event(WireEvent::Connected, bench.now).await.unwrap();
    assert_eq!(bench.orders(worker.id), before);
}

#[tokio::test]
async fn an_offer_from_before_a_restart_can_be_accepted_after_it() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Proposed).await;
    let offer = worker.offer(&mut bench).await.unwrap();
    bench.restart();
    worker.accept(&mut bench, &offer).await;
    assert_eq!(kinds(&bench.orders(worker.id)), ["start"]);
    assert_eq!(bench.state(run).await, RunState::Preparing);
}

/// A run that waits to be applied, and a worker that says it applies it, under a lease that no record knows.
async fn applied_by_a_stranger(bench: &mut Bench) -> (RunId, Hand) {
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Tracked).await;
    let plan = worker.begin(bench).await;
    worker.succeed(bench, &plan).await;
    let lease = Lease { generation: 1, counter: 1_000 };
    worker.seen = Some(lease);
    worker.run = Some(RunInHand { run, lease, phase: Phase::Apply, state: Some(RunState::Applying) });
    worker.status(bench).await;
    bench.confirm(run).await;
    (run, worker)
}

#[tokio::test]
async fn a_run_that_a_worker_holds_under_a_lease_nobody_knows_is_offered_to_nobody_else() {
    for is_lost in [false, true] {
        let mut bench = Bench::new().await;
        let (run, mut holder) = applied_by_a_stranger(&mut bench).await;
        let mut other = bench.worker(2).await;
        let same_stack = bench.run(RunType::Task).await;
        bench.pass(300, &mut [&mut holder, &mut other]).await;
        assert!(other.offer(&mut bench).await.is_none(), "neither the run nor another one of its stack");
        if is_lost {
            bench.pass(60, &mut [&mut other]).await;
        } else {
            holder.leave(&mut bench, false).await;
        }
        assert_eq!(other.begin(&mut bench).await.run, run);
        assert_eq!(bench.state(same_stack).await, RunState::Queued);
    }
}

#[tokio::test]
async fn a_run_is_offered_again_once_the_worker_that_held_it_says_that_it_does_not() {
    let mut bench = Bench::new().await;
    let (run, mut holder) = applied_by_a_stranger(&mut bench).await;
    let mut other = bench.worker(2).await;
    assert!(other.offer(&mut bench).await.is_none());
    holder.run = None;
    holder.status(&mut bench).await;
    assert_eq!(other.begin(&mut bench).await.run, run);
}

#[tokio::test]
async fn after_a_restored_backup_nothing_is_offered_before_every_worker_had_time_to_say_what_it_holds() {
    let mut bench = Bench::new().await;
    let (run, mut holder) = applied_by_a_stranger(&mut bench).await;
    bench.restart_restored();
    let mut other = bench.worker(2).await;
    assert!(other.offer(&mut bench).await.is_none());
    bench.pass(50, &mut [&mut other]).await;
    assert!(other.offer(&mut bench).await.is_none(), "the one that holds it may come yet");
    holder.hello(&mut bench).await;
    bench.pass(60, &mut [&mut holder, &mut other]).await;
    assert!(other.offer(&mut bench).await.is_none());
    holder.run = None;
    holder.status(&mut bench).await;
    assert_eq!(other.begin(&mut bench).await.run, run);
}
