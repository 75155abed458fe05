//! What people ask for, and that it arrives.

use spacelift_worker_core::protocol::message::{Ack, ControlBody, Outcome, RunState, RunType, WorkerBody};

use super::bench::{Bench, kinds};
use crate::control::Command;

#[tokio::test]
async fn a_drained_worker_gets_no_work_until_it_is_taken_back() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    bench.order(Command::Drain { worker: worker.id, drain: true }).await;
    let run = bench.run(RunType::Proposed).await;
    assert_eq!(kinds(&bench.orders(worker.id)), ["drain"]);
    bench.order(Command::Drain { worker: worker.id, drain: false }).await;
    let orders = bench.orders(worker.id);
    assert_eq!(kinds(&orders), ["drain", "offer"]);
    let ControlBody::Offer(offer) = &orders[1].body else { panic!("{orders:?}") };
    assert_eq!(offer.run, run);
    worker.hello(&mut bench).await;
    let again = bench.orders(worker.id);
    let drains: Vec<_> = again
        .iter()
        .filter_map(|each| match &each.body {
            ControlBody::Drain(drain) => Some(drain.drain),
            _ => None,
        })
        .collect();
    assert_eq!(drains, [false], "the overruled one is forgotten");
}

#[tokio::test]
async fn a_command_is_sent_again_after_ten_seconds_and_at_a_hello_until_it_is_acknowledged() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    bench.order(Command::Drain { worker: worker.id, drain: true }).await;
    let first = bench.orders(worker.id).remove(0);
    bench.pass(5, &mut [&mut worker]).await;
    assert!(bench.orders(worker.id).is_empty());
    bench.pass(5, &mut [&mut worker]).await;
    assert_eq!(bench.orders(worker.id), std::slice::from_ref(&first), "the same bytes");
    worker.hello(&mut bench).await;
    assert_eq!(bench.orders(worker.id), std::slice::from_ref(&first));
    bench.say(worker.id, WorkerBody::Ack(Ack { re: first.id })).await;
    worker.hello(&mut bench).await;
    bench.pass(20, &mut [&mut worker]).await;
    assert!(bench.orders(worker.id).is_empty());
}

#[tokio::test]
async fn a_cycle_reaches_every_worker_of_the_pool_busy_or_idle() {
    let mut bench = Bench::new().await;
    let mut busy = bench.worker(1).await;
    bench.run(RunType::Proposed).await;
    busy.begin(&mut bench).await;
    let idle = bench.worker(2).await;
    bench.order(Command::Cycle { pool: bench.pool }).await;
    assert_eq!(kinds(&bench.orders(busy.id)), ["cycle"]);
    assert_eq!(kinds(&bench.orders(idle.id)), ["cycle"]);
}

#[tokio::test]
async fn a_stop_asks_the_worker_and_a_kill_does_not_ask() {
    for (command, kind) in [(true, "stop"), (false, "kill")] {
        let mut bench = Bench::new().await;
        let mut worker = bench.worker(1).await;
        let run = bench.run(RunType::Proposed).await;
        let plan = worker.begin(&mut bench).await;
        bench.order(if command { Command::Stop { run } } else { Command::Kill { run } }).await;
        assert_eq!(kinds(&bench.orders(worker.id)), [kind]);
        assert_eq!(bench.state(run).await, RunState::Preparing, "the worker reports the end");
        let report = worker.report(&plan, Outcome::Stopped);
        worker.finish(&mut bench, report).await;
        assert_eq!(bench.state(run).await, RunState::Stopped);
    }
}

#[tokio::test]
async fn a_run_that_was_stopped_and_lost_is_not_offered_again() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Proposed).await;
    worker.begin(&mut bench).await;
    bench.order(Command::Stop { run }).await;
    bench.pass(120, &mut []).await;
    assert_eq!(bench.state(run).await, RunState::Stopped);
}

#[tokio::test]
async fn a_plan_that_succeeds_after_its_stop_is_not_applied() {
    for restarts in [false, true] {
        for kill in [false, true] {
            let mut bench = Bench::new().await;
            bench.stack("auto", true).await;
            let mut worker = bench.worker(1).await;
            let run = bench.run_on("auto", RunType::Tracked).await;
            let plan = worker.begin(&mut bench).await;
            bench.order(if kill { Command::Kill { run } } else { Command::Stop { run } }).await;
            let order = bench.orders(worker.id).remove(0);
            bench.say(worker.id, WorkerBody::Ack(Ack { re: order.id })).await;
            if restarts {
                bench.restart();
            }
            worker.succeed(&mut bench, &plan).await;
            assert_eq!(bench.state(run).await, RunState::Stopped);
            bench.pass(20, &mut [&mut worker]).await;
            assert!(worker.offer(&mut bench).await.is_none());
        }
    }
}

#[tokio::test]
async fn a_stop_that_is_read_after_the_plan_succeeded_ends_the_run() {
    for (stack, planned, ended) in [
        ("auto", RunState::Confirmed, RunState::Stopped),
        ("net", RunState::Unconfirmed, RunState::Discarded),
    ] {
        let mut bench = Bench::new().await;
        bench.stack("auto", true).await;
        let mut worker = bench.worker(1).await;
        let run = bench.run_on(stack, RunType::Tracked).await;
        let plan = worker.begin(&mut bench).await;
        // So that nobody is there to apply it before the stop is read.
        bench.order(Command::Drain { worker: worker.id, drain: true }).await;
        worker.succeed(&mut bench, &plan).await;
        assert_eq!(bench.state(run).await, planned);
        bench.order(Command::Stop { run }).await;
        assert_eq!(bench.state(run).await, ended);
        bench.order(Command::Drain { worker: worker.id, drain: false }).await;
        assert!(worker.offer(&mut bench).await.is_none());
    }
}

#[tokio::test]
async fn a_stop_of_a_run_that_went_back_to_the_queue_cancels_it_and_its_next_offer_is_withdrawn() {
    let mut bench = Bench::new().await;
    let run = bench.run(RunType::Tracked).await;
    let mut worker = bench.worker(1).await;
    let offer = worker.offer(&mut bench).await.unwrap();
    bench.order(Command::Stop { run }).await;
    assert_eq!(bench.state(run).await, RunState::Canceled);
    assert_eq!(kinds(&bench.orders(worker.id)), ["kill"]);
    worker.accept(&mut bench, &offer).await;
    assert_eq!(kinds(&bench.orders(worker.id)), ["nack"]);
    bench.order(Command::Stop { run }).await;
    assert_eq!(bench.state(run).await, RunState::Canceled, "what has ended stays ended");
}

#[tokio::test]
async fn a_reset_cuts_the_pool_and_its_workers_are_gone() {
    let mut bench = Bench::new().await;
    let worker = bench.worker(1).await;
    bench.order(Command::Reset { pool: bench.pool }).await;
    bench.orders(worker.id);
    assert_eq!(bench.revoked, [bench.pool]);
    assert!(bench.store.workers(bench.pool).await.unwrap().is_empty());
    bench.run(RunType::Proposed).await;
    assert!(bench.orders(worker.id).is_empty());
}

#[tokio::test]
async fn orders_about_nothing_do_nothing() {
    let mut bench = Bench::new().await;
    let worker = bench.worker(1).await;
    let run = spacelift_worker_core::ids::RunId::from_parts(1, 1);
    for command in [
        Command::Stop { run },
        Command::Kill { run },
        Command::Drain { worker: super::bench::worker_id(77), drain: true },
        Command::Poke,
    ] {
        bench.order(command).await;
    }
    assert!(bench.orders(worker.id).is_empty());
}
