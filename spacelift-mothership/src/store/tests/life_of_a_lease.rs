//! From the offer to the first terminal report.

use spacelift_worker_core::protocol::message::{RunState, SealedObject};

use super::*;

#[tokio::test]
async fn a_run_has_one_worker_and_a_worker_one_run() {
    let house = House::new().await;
    let (first, second) = (house.run(1, RunType::Proposed).await, house.run(2, RunType::Proposed).await);
    let (one, other) = (house.worker(1).await, house.worker(2).await);
    house.offer(first.id, Phase::Plan, one).await.unwrap();
    assert!(matches!(house.offer(first.id, Phase::Plan, other).await, Err(LeaseError::RunNotWaiting { .. })));
    assert!(matches!(house.offer(second.id, Phase::Plan, one).await, Err(LeaseError::WorkerNotFree { .. })));
    assert!(matches!(
        house.offer(second.id, Phase::Apply, other).await,
        Err(LeaseError::RunNotWaiting { .. })
    ));
}

#[tokio::test]
async fn a_drained_or_gone_or_foreign_worker_gets_nothing() {
    let house = House::new().await;
    let run = house.run(1, RunType::Proposed).await;
    let drained = house.worker(1).await;
    house.store.set_drained(drained, true).await.unwrap();
    let gone = house.worker(2).await;
    house.store.worker_gone(gone, false, NOW).await.unwrap();
    for worker in [drained, gone, WorkerId::from_parts(1, 1)] {
        let refused = house.offer(run.id, Phase::Plan, worker).await;
        assert!(matches!(refused, Err(LeaseError::WorkerNotFree { .. })), "{worker}");
    }
}

#[tokio::test]
async fn leases_of_a_pool_strictly_rise_also_when_offers_are_refused() {
    let house = House::new().await;
    let run = house.run(1, RunType::Proposed).await;
    let worker = house.worker(1).await;
    let mut last = Lease::default();
    for _ in 0..3 {
        let record = house.offer(run.id, Phase::Plan, worker).await.unwrap();
        assert!(record.lease > last);
        last = record.lease;
        let run = house.store.end_lease(&house.end(record.lease, None)).await.unwrap();
        assert_eq!(run.state, RunState::Queued, "a refused offer leaves the run where it is");
    }
}

#[tokio::test]
async fn only_the_worker_that_was_asked_starts_and_only_once() {
    let house = House::new().await;
    let run = house.run(1, RunType::Proposed).await;
    let (worker, other) = (house.worker(1).await, house.worker(2).await);
    let record = house.offer(run.id, Phase::Plan, worker).await.unwrap();
    let foreign = LeaseRecord { worker: other, ..record.clone() };
    assert!(matches!(house.start(&foreign).await, Err(LeaseError::NotFound { .. })));
    house.store.accept_lease(house.pool, record.lease, worker).await.unwrap();
    let again = house.store.accept_lease(house.pool, record.lease, worker).await;
    assert!(matches!(again, Err(LeaseError::State { actual: LeaseState::Accepted, .. })));
    let run = house.start(&record).await.unwrap();
    assert_eq!((run.state, run.state_version), (RunState::Preparing, 2));
    assert!(matches!(house.start(&record).await, Err(LeaseError::State { .. })));
}

#[tokio::test]
async fn the_first_terminal_report_wins() {
    let house = House::new().await;
    let run = house.run(1, RunType::Proposed).await;
    let worker = house.worker(1).await;
    let record = house.offer(run.id, Phase::Plan, worker).await.unwrap();
    house.start(&record).await.unwrap();
    house.store.end_lease(&house.end(record.lease, Some(RunState::Failed))).await.unwrap();
    let second = house.store.end_lease(&house.end(record.lease, Some(RunState::Finished))).await;
    assert!(matches!(second, Err(LeaseError::State { actual: LeaseState::Ended, .. })));
    let late = house.store.replace_verdict(&house.end(record.lease, Some(RunState::Finished))).await;
    assert!(late.is_err(), "a worker's own word is no verdict of loss");
    assert_eq!(house.store.run(run.id).await.unwrap().state, RunState::Failed);
}

#[tokio::test]
async fn a_report_of_the_end_that_overtook_the_progress_fills_it_in() {
    let house = House::new().await;
    let run = house.run(1, RunType::Tracked).await;
    let worker = house.worker(1).await;
    let record = house.offer(run.id, Phase::Plan, worker).await.unwrap();
    house.start(&record).await.unwrap();
    let object = SealedObject { name: "w".into(), len: 1, sha256: "00".into() };
    let workspace = SealedResult { object, phase: Phase::Plan, state_version: 4 };
    let end = LeaseEnd {
        worker_version: Some(4),
        workspace: Some(workspace.clone()),
        ..house.end(record.lease, Some(RunState::Unconfirmed))
    };
    let run = house.store.end_lease(&end).await.unwrap();
    assert_eq!((run.state, run.state_version, &run.workspace), (RunState::Unconfirmed, 5, &Some(workspace)));
    let states: Vec<_> = house.store.transitions(run.id).await.unwrap();
    let states: Vec<_> = states.into_iter().map(|each| (each.state, each.state_version)).collect();
    assert_eq!(
        states,
        [
            (RunState::Queued, 1),
            (RunState::Preparing, 2),
            (RunState::Planning, 4),
            (RunState::Unconfirmed, 5)
        ]
    );
}

#[tokio::test]
async fn a_lost_plan_returns_to_the_queue_and_keeps_no_old_report() {
    let house = House::new().await;
    let run = house.run(1, RunType::Tracked).await;
    let (worker, other) = (house.worker(1).await, house.worker(2).await);
    let record = house.offer(run.id, Phase::Plan, worker).await.unwrap();
    house.start(&record).await.unwrap();
    let run = house.store.end_lease(&house.end(record.lease, Some(RunState::Queued))).await.unwrap();
    assert_eq!(run.next_phase(), Some(Phase::Plan));
    let next = house.offer(run.id, Phase::Plan, other).await.unwrap();
    assert!(next.lease > record.lease);
    let late = house.store.end_lease(&house.end(record.lease, Some(RunState::Unconfirmed))).await;
    assert!(matches!(late, Err(LeaseError::State { .. })));
}

#[tokio::test]
async fn a_late_report_replaces_the_verdict_of_loss_once() {
    let house = House::new().await;
    let run = house.run(1, RunType::Task).await;
    let worker = house.worker(1).await;
    let record = house.offer(run.id, Phase::Task, worker).await.unwrap();
    house.start(&record).await.unwrap();
    house.store.set_unreachable(run.id, Some(NOW)).await.unwrap();
    let lost = LeaseEnd {
        lost: true,
        note: Some("worker stopped reporting its status".into()),
        ..house.end(record.lease, Some(RunState::Failed))
    };
    let run = house.store.end_lease(&lost).await.unwrap();
    assert!(run.lost && run.unreachable_since.is_none());
    let report = house.end(record.lease, Some(RunState::Finished));
    let run = house.store.replace_verdict(&report).await.unwrap();
    assert_eq!((run.state, run.lost), (RunState::Finished, false));
    assert!(house.store.replace_verdict(&report).await.is_err());
}

#[tokio::test]
async fn an_ended_lease_is_not_renewed() {
    let house = House::new().await;
    let run = house.run(1, RunType::Proposed).await;
    let worker = house.worker(1).await;
    let record = house.offer(run.id, Phase::Plan, worker).await.unwrap();
    house.start(&record).await.unwrap();
    let renewed = house.store.extend_lease(house.pool, record.lease, Some(NOW + 5), NOW + 6).await.unwrap();
    assert_eq!((renewed.times.expires_at, renewed.times.deadline), (Some(NOW + 5), NOW + 6));
    assert_eq!(house.store.open_lease_of_worker(worker).await.unwrap(), Some(renewed));
    house.store.end_lease(&house.end(record.lease, Some(RunState::Stopped))).await.unwrap();
    assert!(house.store.extend_lease(house.pool, record.lease, None, NOW).await.is_err());
    assert_eq!(house.store.open_lease_of_run(run.id).await.unwrap(), None);
    assert_eq!(house.store.leases_of_run(run.id).await.unwrap().len(), 1);
}
