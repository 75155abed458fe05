//! What workers report, and what of it counts.

use spacelift_worker_core::ids::{Lease, PoolId};
use spacelift_worker_core::protocol::message::{
    EndCause, Finished, LogManifest, LogSegment, Outcome, Progress, RunState, RunType, SealedObject, Status,
    WorkerBody, WorkerMessage, WorkerStatus,
};

use super::bench::{Bench, kinds};

#[tokio::test]
async fn a_second_terminal_report_changes_nothing_and_is_acknowledged() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Proposed).await;
    let plan = worker.begin(&mut bench).await;
    worker.succeed(&mut bench, &plan).await;
    let before = bench.store.transitions(run).await.unwrap();
    let second = Finished { reason: Some("no".into()), ..worker.report(&plan, Outcome::Failed) };
    bench.mail(worker.id);
    bench.say(worker.id, WorkerBody::Finished(second)).await;
    assert_eq!(bench.store.transitions(run).await.unwrap(), before);
    assert_eq!(kinds(&bench.mail(worker.id)), ["ack"]);
}

#[tokio::test]
async fn a_report_about_no_lease_of_the_run_is_acknowledged_and_changes_nothing() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Proposed).await;
    let plan = worker.begin(&mut bench).await;
    let unknown =
        Finished { lease: Lease { generation: 9, counter: 9 }, ..worker.report(&plan, Outcome::Succeeded) };
    let other_run = Finished { run: plan.run, ..worker.report(&plan, Outcome::Succeeded) };
    let other_run = Finished { run: spacelift_worker_core::ids::RunId::from_parts(7, 7), ..other_run };
    bench.mail(worker.id);
    bench.say(worker.id, WorkerBody::Finished(unknown)).await;
    bench.say(worker.id, WorkerBody::Finished(other_run)).await;
    assert_eq!(kinds(&bench.mail(worker.id)), ["ack", "ack"]);
    assert_eq!(bench.state(run).await, RunState::Preparing);
}

#[tokio::test]
async fn a_failure_carries_its_reason_and_a_stop_is_a_stop() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let failed = bench.run(RunType::Proposed).await;
    let plan = worker.begin(&mut bench).await;
    let report = Finished {
        cause: Some(EndCause::LogsTimeout),
        reason: Some("no output for 7 minutes".into()),
        ..worker.report(&plan, Outcome::Failed)
    };
    worker.finish(&mut bench, report).await;
    assert_eq!(bench.state(failed).await, RunState::Failed);
    assert_eq!(bench.note(failed).await, "no output for 7 minutes");
    let stopped = bench.run(RunType::Proposed).await;
    let plan = worker.begin(&mut bench).await;
    let report = worker.report(&plan, Outcome::Stopped);
    worker.finish(&mut bench, report).await;
    assert_eq!(bench.state(stopped).await, RunState::Stopped);
}

#[tokio::test]
async fn a_workspace_that_was_not_offered_is_never_taken() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Tracked).await;
    let plan = worker.begin(&mut bench).await;
    let foreign = SealedObject { name: "runs/other/1.1/workspace-2".into(), len: 1, sha256: "00".into() };
    let report = Finished { workspace: Some(foreign), ..worker.report(&plan, Outcome::Succeeded) };
    worker.finish(&mut bench, report).await;
    let run = bench.store.run(run).await.unwrap();
    assert_eq!((run.state, run.workspace), (RunState::Failed, None));
}

#[tokio::test]
async fn progress_counts_forwards_only_and_never_decides_what_a_person_decides() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Tracked).await;
    let plan = worker.begin(&mut bench).await;
    let progress = |state, state_version| {
        WorkerBody::Progress(Progress { run, lease: plan.lease, state, state_version, note: None })
    };
    for (state, version, expected) in [
        (RunState::Planning, 4, RunState::Planning),
        (RunState::Initializing, 3, RunState::Planning),
        (RunState::Planning, 4, RunState::Planning),
        (RunState::Applying, 5, RunState::Planning),
        (RunState::Confirmed, 5, RunState::Planning),
        (RunState::Unconfirmed, 5, RunState::Planning),
        (RunState::Finished, 5, RunState::Planning),
        (RunState::Queued, 5, RunState::Planning),
    ] {
        bench.mail(worker.id);
        bench.say(worker.id, progress(state, version)).await;
        assert_eq!(bench.state(run).await, expected, "{state:?}");
        assert_eq!(kinds(&bench.mail(worker.id)), ["ack"]);
    }
    let other = bench.worker(2).await;
    bench.say(other.id, progress(RunState::Applying, 6)).await;
    assert_eq!(bench.state(run).await, RunState::Planning);
}

#[tokio::test]
async fn a_log_manifest_names_what_its_lease_was_given_and_nothing_else() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Proposed).await;
    let plan = worker.begin(&mut bench).await;
    let own = bench.open(worker.id, &plan).await.uploads.logs.remove(0).name;
    let manifest = |name: &str| LogManifest {
        run,
        lease: plan.lease,
        segments: vec![LogSegment {
            name: name.into(),
            len: 1,
            sha256: "00".into(),
            state: RunState::Preparing,
            state_version: 2,
        }],
        complete: false,
    };
    bench.mail(worker.id);
    bench.say(worker.id, WorkerBody::Logs(manifest("sources/secret"))).await;
    assert_eq!(kinds(&bench.mail(worker.id)), ["nack"]);
    assert!(bench.store.log_segments(run).await.unwrap().is_empty());
    bench.say(worker.id, WorkerBody::Logs(manifest(&own))).await;
    assert_eq!(bench.store.log_segments(run).await.unwrap()[0].segment.name, own);
}

#[tokio::test]
async fn a_status_that_comes_late_changes_nothing() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    bench.run(RunType::Proposed).await;
    let plan = worker.begin(&mut bench).await;
    worker.status(&mut bench).await;
    let late =
        Status { status: WorkerStatus::Idle, status_seq: 1, last_lease_seen: Some(plan.lease), run: None };
    bench.say(worker.id, WorkerBody::Status(late)).await;
    assert_eq!(bench.state(plan.run).await, RunState::Preparing);
    assert_eq!(bench.store.worker(worker.id).await.unwrap().status, WorkerStatus::Busy);
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_and_without_an_id_dropped() {
    let mut bench = Bench::new().await;
    let worker = bench.worker(1).await;
    bench.mail(worker.id);
    let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    for (body, answer) in [
        (format!(r#"{{"v":1,"type":"dance","id":"{id}","ts":1}}"#), vec!["nack"]),
        (format!(r#"{{"v":2,"type":"status","id":"{id}","ts":1}}"#), vec!["nack"]),
        (r#"{"v":1,"type":"status"}"#.to_owned(), vec![]),
        ("\u{0}".to_owned(), vec![]),
    ] {
        bench.say_bytes(bench.pool, worker.id, body.as_bytes()).await;
        assert_eq!(kinds(&bench.mail(worker.id)), answer, "{body}");
    }
}

#[tokio::test]
async fn nobody_speaks_for_a_worker_of_another_pool() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    bench.run(RunType::Proposed).await;
    let plan = worker.begin(&mut bench).await;
    let body = WorkerBody::Finished(worker.report(&plan, Outcome::Failed));
    let message = WorkerMessage { id: bench.next_id(), ts: bench.now, body };
    bench.say_bytes(PoolId::from_parts(9, 9), worker.id, &message.encode()).await;
    assert_eq!(bench.state(plan.run).await, RunState::Preparing);
    let body = WorkerBody::Status(worker.now_status());
    let message = WorkerMessage { id: bench.next_id(), ts: bench.now, body };
    let before = bench.store.worker(worker.id).await.unwrap();
    bench.say_bytes(PoolId::from_parts(9, 9), worker.id, &message.encode()).await;
    assert_eq!(bench.store.worker(worker.id).await.unwrap(), before);
}
