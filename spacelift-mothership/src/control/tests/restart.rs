//! A new process over the same data folder forgets nothing that matters.

use spacelift_worker_core::protocol::message::{ControlBody, RunState, RunType};

use super::bench::{Bench, kinds};
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
