//! Whose turn it is, when everybody has something to say.

use bytes::Bytes;
use spacelift_worker_core::protocol::message::{RunType, WorkerBody, WorkerMessage};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::bench::Bench;
use crate::control::Command;
use crate::control::task::{Input, next};
use crate::wire::WireEvent;

#[tokio::test]
async fn an_unanswered_offer_is_withdrawn_in_time_although_workers_never_stop_talking() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Proposed).await;
    let offered_at = bench.now;
    let lease = bench.store.open_lease_of_run(run).await.unwrap().unwrap().lease;
    let stop = CancellationToken::new();
    let (fill_commands, mut commands) = mpsc::channel(4);
    let (fill_events, mut events) = mpsc::channel(4);
    let mut last_tick = bench.now;
    let answer = 30_000;
    while bench.store.lease(bench.pool, lease).await.unwrap().times.ended_at.is_none() {
        assert!(bench.now < offered_at + answer + 3_000, "it waits for ever");
        while let Ok(room) = fill_events.try_reserve() {
            let body = WorkerBody::Status(worker.now_status());
            let bytes = Bytes::from(WorkerMessage { id: bench.next_id(), ts: bench.now, body }.encode());
            room.send(WireEvent::Message { pool: bench.pool, worker: worker.id, bytes });
        }
        while fill_commands.try_send(Command::Poke).is_ok() {}
        bench.now += 400;
        let is_due = bench.now - last_tick >= 1_000;
        let tick = async {
            if !is_due {
                std::future::pending::<()>().await;
            }
        };
        let input = next(&stop, tick, &mut commands, &mut events).await.unwrap();
        if matches!(input, Input::Tick) {
            last_tick = bench.now;
        }
        bench.control.handle(input, bench.now).await.unwrap();
        bench.control.schedule(bench.now).await.unwrap();
        bench.orders(worker.id);
    }
    assert!(bench.now >= offered_at + answer);
    stop.cancel();
    let tick = std::future::ready(());
    assert!(next(&stop, tick, &mut commands, &mut events).await.is_none(), "the end goes before all");
}
