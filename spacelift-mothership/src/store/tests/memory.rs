//! What a restart must not forget, and what the file must not hold.

use spacelift_worker_core::protocol::message::{LogManifest, LogSegment, RunState};

use super::*;

#[tokio::test]
async fn a_restart_forgets_nothing() {
    let house = House::new().await;
    let stack = house.stack("net").await;
    let run = house.run(1, RunType::Tracked).await;
    let worker = house.worker(1).await;
    let record = house.offer(run.id, Phase::Plan, worker).await.unwrap();
    let run = house.start(&record).await.unwrap();
    let command = SentCommand {
        pool: house.pool,
        cmd_seq: house.store.next_cmd_seq(house.pool).await.unwrap(),
        worker,
        kind: CommandKind::Drain,
        message: MessageId::from_parts(NOW, 9),
        body: vec![1, 2, 3],
        sent_at: NOW,
    };
    house.store.record_command(&command).await.unwrap();
    house.store.set_drained(worker, true).await.unwrap();
    let pool = house.store.pool(house.pool).await.unwrap();
    let known = house.store.worker(worker).await.unwrap();
    let record = house.store.lease(house.pool, record.lease).await.unwrap();

    let house = house.reopened().await;
    assert_eq!(house.store.find_pool("main").await.unwrap(), pool);
    assert_eq!(house.store.stacks().await.unwrap(), [stack]);
    assert_eq!(house.store.open_runs(house.pool).await.unwrap(), std::slice::from_ref(&run));
    assert_eq!(house.store.workers(house.pool).await.unwrap(), [known]);
    assert_eq!(house.store.open_leases().await.unwrap(), [record]);
    let commands = house.store.open_commands(worker).await.unwrap();
    let kinds: Vec<_> = commands.iter().map(|each| each.kind).collect();
    assert_eq!((kinds, commands.last()), (vec![CommandKind::Start, CommandKind::Drain], Some(&command)));
    let states: Vec<_> =
        house.store.transitions(run.id).await.unwrap().into_iter().map(|each| each.state).collect();
    assert_eq!(states, [RunState::Queued, RunState::Preparing]);
}

#[tokio::test]
async fn counters_rise_over_a_restart_and_never_repeat() {
    let house = House::new().await;
    let mut last = 0;
    for _ in 0..3 {
        let seq = house.store.next_cmd_seq(house.pool).await.unwrap();
        assert!(seq > last);
        last = seq;
    }
    let house = house.reopened().await;
    assert!(house.store.next_cmd_seq(house.pool).await.unwrap() > last);
}

#[tokio::test]
async fn counters_taken_at_once_are_all_different() {
    let house = House::new().await;
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let (store, pool) = (house.store.clone(), house.pool);
            tokio::spawn(async move { store.next_cmd_seq(pool).await.unwrap() })
        })
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    for task in tasks {
        assert!(seen.insert(task.await.unwrap()));
    }
    assert_eq!(seen.len(), 40);
}

#[tokio::test]
async fn after_a_restored_backup_no_lease_and_no_command_number_comes_again() {
    let house = House::new().await;
    let run = house.run(1, RunType::Proposed).await;
    let worker = house.worker(1).await;
    let before = house.offer(run.id, Phase::Plan, worker).await.unwrap();
    house.store.end_lease(&house.end(before.lease, None)).await.unwrap();
    house.store.raise_generation().await.unwrap();
    let after = house.offer(run.id, Phase::Plan, worker).await.unwrap();
    assert!(after.lease.generation > before.lease.generation);
    assert!(after.cmd_seq > before.cmd_seq + 1_000_000);
}

#[tokio::test]
async fn the_files_hold_no_plain_secret() {
    let house = House::new().await;
    house.stack("net").await;
    let environment = house.store.stack_environment("net").await.unwrap();
    assert_eq!(environment[1].name, "TOKEN");
    assert_eq!(environment[1].value, "hunter2hunter2");
    assert!(environment[1].secret && !environment[0].secret);
    for name in ["mothership.db", "mothership.db-wal"] {
        let bytes = std::fs::read(house.folder.path().join(name)).unwrap();
        let found = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!found(b"hunter2"), "{name}");
        assert!(name.ends_with(".db") || found(b"eu-west-1"), "the search itself works");
    }
}

#[tokio::test]
async fn a_data_folder_serves_one_process_and_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let dir = DataDir::create(folder.path().join("data")).unwrap();
    let lock = dir.lock().unwrap();
    assert!(matches!(dir.lock(), Err(DataDirError::InUse { .. })));
    drop(lock);
    dir.lock().unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(dir.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }
}

#[tokio::test]
async fn a_reset_revokes_the_old_certificate_and_names_are_unique() {
    let house = House::new().await;
    assert!(house.store.may_connect(house.pool, "sha256-01").await.unwrap());
    house.store.replace_certificate(house.pool, &certificate("02"), NOW).await.unwrap();
    assert!(!house.store.may_connect(house.pool, "sha256-01").await.unwrap());
    assert!(house.store.may_connect(house.pool, "sha256-02").await.unwrap());
    assert!(!house.store.may_connect(PoolId::from_parts(1, 1), "sha256-02").await.unwrap());
    let revoked = house.store.revoked_certificates().await.unwrap();
    assert_eq!(revoked.iter().map(|each| each.serial.as_str()).collect::<Vec<_>>(), ["01"]);

    let again = NewPool {
        id: PoolId::from_parts(NOW, 2),
        name: "main".into(),
        description: String::new(),
        labels: vec![],
        space: "root".into(),
        drift_detection_run_limit: Some(0),
        certificate: certificate("03"),
    };
    assert!(matches!(house.store.create_pool(&again, NOW).await, Err(StoreError::Taken { .. })));
}

#[tokio::test]
async fn a_late_status_is_left_and_still_counts_as_heard() {
    let house = House::new().await;
    let worker = house.worker(1).await;
    let lease = "1.4".parse().unwrap();
    assert!(house.store.worker_status(worker, &status(5, Some(lease)), NOW + 5).await.unwrap());
    assert!(!house.store.worker_status(worker, &status(4, None), NOW + 9).await.unwrap());
    let known = house.store.worker(worker).await.unwrap();
    assert_eq!((known.status_seq, known.last_lease_seen, known.last_seen), (5, Some(lease), NOW + 9));
}

#[tokio::test]
async fn a_worker_that_was_given_up_is_back_with_its_hello() {
    let house = House::new().await;
    let worker = house.worker(1).await;
    assert!(house.store.worker_gone(worker, true, NOW + 1).await.unwrap());
    assert!(!house.store.worker_gone(worker, false, NOW + 2).await.unwrap(), "the first word stays");
    assert!(house.store.worker(worker).await.unwrap().crashed);
    assert!(house.store.workers(house.pool).await.unwrap().is_empty());
    house.worker(1).await;
    assert_eq!(house.store.workers(house.pool).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_command_is_open_until_its_own_worker_answers() {
    let house = House::new().await;
    let (worker, other) = (house.worker(1).await, house.worker(2).await);
    let message = MessageId::from_parts(NOW, 3);
    let (pool, kind, body) = (house.pool, CommandKind::Drain, vec![1]);
    let command = SentCommand { pool, cmd_seq: 7, worker, kind, message, body, sent_at: NOW };
    house.store.record_command(&command).await.unwrap();
    assert!(house.store.record_command(&command).await.is_err(), "a number is used once");
    assert!(!house.store.ack_command(other, message, NOW).await.unwrap());
    assert!(house.store.ack_command(worker, message, NOW).await.unwrap());
    assert!(!house.store.ack_command(worker, message, NOW).await.unwrap());
    assert!(house.store.open_commands(worker).await.unwrap().is_empty());
}

#[tokio::test]
async fn log_manifests_grow_and_never_shrink() {
    let house = House::new().await;
    let run = house.run(1, RunType::Proposed).await;
    let worker = house.worker(1).await;
    let record = house.offer(run.id, Phase::Plan, worker).await.unwrap();
    house.start(&record).await.unwrap();
    let segment = |number: u64| LogSegment {
        name: format!("logs/{number}"),
        len: number,
        sha256: "00".into(),
        state: RunState::Preparing,
        state_version: 2,
    };
    let manifest = |number, complete| LogManifest {
        run: run.id,
        lease: record.lease,
        segments: (1..=number).map(segment).collect(),
        complete,
    };
    assert!(house.store.put_log_manifest(&manifest(2, false)).await.unwrap());
    assert!(!house.store.put_log_manifest(&manifest(1, false)).await.unwrap(), "it came late");
    assert!(house.store.put_log_manifest(&manifest(3, true)).await.unwrap());
    assert!(!house.store.put_log_manifest(&manifest(4, false)).await.unwrap(), "it was complete");
    let foreign = LogManifest { lease: "1.99".parse().unwrap(), ..manifest(1, false) };
    assert!(!house.store.put_log_manifest(&foreign).await.unwrap());
    let names: Vec<_> =
        house.store.log_segments(run.id).await.unwrap().into_iter().map(|each| each.segment.name).collect();
    assert_eq!(names, ["logs/1", "logs/2", "logs/3"]);
    let has_logs: Vec<_> =
        house.store.transitions(run.id).await.unwrap().into_iter().map(|each| each.has_logs).collect();
    assert_eq!(has_logs, [false, true]);
}

#[tokio::test]
async fn blobs_are_written_once_whole_and_within_their_limit() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::new(folder.path());
    let name: BlobName = "runs/a/workspace".parse().unwrap();
    assert_eq!(blobs.put_bytes(name.clone(), b"one").await.unwrap(), Put::Created);
    assert_eq!(blobs.put_bytes(name.clone(), b"one").await.unwrap(), Put::Same);
    assert!(matches!(blobs.put_bytes(name.clone(), b"two").await, Err(BlobError::Exists { .. })));
    assert!(matches!(blobs.put_bytes(name.clone(), b"longer").await, Err(BlobError::Exists { .. })));
    let (_, len) = blobs.open(&name).await.unwrap();
    assert_eq!(len, 3);

    let mut put = blobs.put("short".parse().unwrap(), 2).await.unwrap();
    assert!(matches!(put.write(b"abc").await, Err(BlobError::TooLong { limit: 2 })));
    drop(put);
    assert!(matches!(blobs.open(&"short".parse().unwrap()).await, Err(BlobError::NotFound { .. })));
    assert!(matches!(blobs.open(&"runs".parse().unwrap()).await, Err(BlobError::NotFound { .. })));
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|each| each.unwrap().file_name()).collect();
    assert_eq!(left, ["runs"], "no temporary file stays");
    assert!(blobs.remove(&name).await.unwrap());
    assert!(!blobs.remove(&name).await.unwrap());
}

#[test]
fn no_blob_name_leaves_the_folder() {
    for wrong in ["", "/", "/etc/passwd", "..", "a/../b", "a//b", "a/", ".put-x", "a b", "a\0", "é", "a\\b"]
    {
        assert!(wrong.parse::<BlobName>().is_err(), "{wrong}");
    }
    assert!("a/B-1_2.tar.zst".parse::<BlobName>().is_ok());
    assert!("a".repeat(201).parse::<BlobName>().is_err());
}
