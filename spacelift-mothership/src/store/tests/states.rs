//! Changes of a run's state are compared and set.

use spacelift_worker_core::protocol::message::RunState;

use super::*;

#[tokio::test]
async fn a_change_from_a_state_that_was_left_is_refused() {
    let house = House::new().await;
    let run = house.run(1, RunType::Tracked).await;
    let cancel = Change::new(run.id, RunState::Queued, RunState::Canceled, NOW);
    house.store.transition(&cancel).await.unwrap();
    assert!(matches!(
        house.store.transition(&cancel).await,
        Err(TransitionError::Moved { expected: RunState::Queued, actual: RunState::Canceled })
    ));
    assert_eq!(house.store.transitions(run.id).await.unwrap().len(), 2);
}

#[tokio::test]
async fn of_many_changes_at_once_one_happens() {
    let house = House::new().await;
    let run = house.run(1, RunType::Tracked).await;
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = house.store.clone();
            let change = Change::new(run.id, RunState::Queued, RunState::Canceled, NOW);
            tokio::spawn(async move { store.transition(&change).await.is_ok() })
        })
        .collect();
    let mut happened = 0;
    for task in tasks {
        happened += usize::from(task.await.unwrap());
    }
    assert_eq!(happened, 1);
}

#[tokio::test]
async fn a_change_that_is_not_allowed_says_both_states() {
    let house = House::new().await;
    let run = house.run(1, RunType::Tracked).await;
    let refused =
        house.store.transition(&Change::new(run.id, RunState::Queued, RunState::Applying, NOW)).await;
    assert_eq!(refused.unwrap_err().to_string(), "a run in state QUEUED cannot become APPLYING");
    assert_eq!(house.store.run(run.id).await.unwrap(), run);
}

#[tokio::test]
async fn a_late_progress_report_is_refused_by_its_version() {
    let house = House::new().await;
    let run = house.run(1, RunType::Proposed).await;
    let worker = house.worker(1).await;
    let record = house.offer(run.id, Phase::Plan, worker).await.unwrap();
    house.start(&record).await.unwrap();
    let planning =
        Change { version: Some(4), ..Change::new(run.id, RunState::Preparing, RunState::Planning, NOW) };
    house.store.transition(&planning).await.unwrap();
    let late =
        Change { version: Some(3), ..Change::new(run.id, RunState::Planning, RunState::Initializing, NOW) };
    assert!(matches!(
        house.store.transition(&late).await,
        Err(TransitionError::Late { version: 3, current: 4 })
    ));
}

#[tokio::test]
async fn a_confirmation_keeps_its_note_name_and_metadata() {
    let house = House::new().await;
    let run = house.run(1, RunType::Tracked).await;
    assert!(run.spec.needs_approval);
    let worker = house.worker(1).await;
    let record = house.offer(run.id, Phase::Plan, worker).await.unwrap();
    house.start(&record).await.unwrap();
    house.store.end_lease(&house.end(record.lease, Some(RunState::Unconfirmed))).await.unwrap();
    let confirm = Change {
        note: Some("go".into()),
        username: Some("eve".into()),
        metadata: Some("second".into()),
        ..Change::new(run.id, RunState::Unconfirmed, RunState::Confirmed, NOW)
    };
    let run = house.store.transition(&confirm).await.unwrap();
    assert_eq!(run.next_phase(), Some(Phase::Apply));
    assert_eq!(run.spec.user_provided_metadata, ["first", "second"]);
    let last = house.store.transitions(run.id).await.unwrap().pop().unwrap();
    assert_eq!((last.note.as_deref(), last.username.as_deref()), (Some("go"), Some("eve")));
    assert!(!last.terminal);
}

#[tokio::test]
async fn an_ended_run_no_longer_waits() {
    let house = House::new().await;
    let run = house.run(1, RunType::Proposed).await;
    house.run(2, RunType::Proposed).await;
    house.store.set_prioritized(run.id, true, NOW).await.unwrap();
    assert!(house.store.run(run.id).await.unwrap().spec.prioritized);
    house.store.transition(&Change::new(run.id, RunState::Queued, RunState::Canceled, NOW)).await.unwrap();
    assert_eq!(house.store.open_runs(house.pool).await.unwrap().len(), 1);
    assert_eq!(house.store.runs_of_stack("net").await.unwrap().len(), 2);
    assert_eq!(house.store.used_by(house.pool).await.unwrap().len(), 1);
}
