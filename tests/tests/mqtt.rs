//! The MQTT transport against a broker with faults on demand: nothing is lost or reordered, and it always comes back.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use spacelift_mothership::broker::Fault;
use spacelift_worker_core::driver::HostCommand;
use spacelift_worker_core::ids::{Lease, MessageId, RunId, WorkerId};
use spacelift_worker_core::launcher::{Launcher, LauncherEnd};
use spacelift_worker_core::pool::PoolToken;
use spacelift_worker_core::protocol::message::{Ack, ControlBody, Drain, Phase, WorkerBody, WorkerStatus};
use spacelift_worker_core::protocol::{Begun, JournalRecord};
use spacelift_worker_core::secret::SecretText;
use spacelift_worker_tests::system::{
    Folder, Mosquitto, Mothership, Plane, TunnelProxy, Worker, tls_stream, write_journal,
};
use spacelift_worker_tests::tools::Tool;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

/// An order that changes something only at its first time, so that each further one is answered by one message.
fn drain(cmd_seq: u64) -> ControlBody {
    ControlBody::Drain(Drain { cmd_seq, drain: true })
}

/// Waits until the worker has answered this message.
async fn answered(plane: &mut Plane, id: MessageId) {
    plane.until(|_, message| (message.body == WorkerBody::Ack(Ack { re: id })).then_some(())).await;
}

async fn is_heard(plane: &mut Plane, worker: WorkerId, cmd_seq: u64) {
    let id = plane.say(worker, drain(cmd_seq)).await;
    answered(plane, id).await;
}

/// A folder with the journal of a process that had begun a run and did not finish.
fn unfinished_business() -> (Folder, RunId) {
    let (folder, run) = (Folder::new(), RunId::from_parts(7, 7));
    let lease = Lease { generation: 1, counter: 4 };
    let begun = Some(Begun { run, lease, phase: Phase::Plan });
    let record = JournalRecord { floor: lease, begun, ..JournalRecord::new(WorkerId::from_parts(1, 1)) };
    write_journal(folder.path(), &record);
    (folder, run)
}

#[tokio::test]
async fn a_worker_says_hello_first_and_keeps_its_session_and_a_last_will() {
    let mut plane = Plane::start().await;
    let _worker = plane.worker(&[]);
    let (id, first) = plane.heard().await;
    assert!(matches!(&first.body, WorkerBody::Hello(hello) if hello.worker == id), "{first:?}");
    let seen = plane.broker.faults().seen().remove(0);
    assert_eq!((seen.client_id, seen.keep_alive), (id.to_string(), 30));
    assert!(!seen.clean_session && seen.has_will);
}

#[tokio::test]
async fn many_workers_of_one_process_have_an_identity_and_a_state_each() {
    let mut plane = Plane::start().await;
    let folder = Folder::new();
    let state = folder.path().display().to_string();
    let launchers = Launcher::from_pairs(plane.variables(&[("SPACELIFT_WORKER_STATE_DIR", &state)]))
        .build_many(3)
        .unwrap();
    let metrics = launchers[0].metrics();
    let mut ends = Vec::new();
    for launcher in launchers {
        let (host, commands) = mpsc::channel(1);
        ends.push((host, tokio::spawn(launcher.run_until(commands))));
    }
    let mut workers = BTreeSet::new();
    while workers.len() < 3 {
        workers.insert(plane.greeted().await);
    }
    for worker in workers {
        is_heard(&mut plane, worker, 1).await;
    }
    let health = metrics.health();
    assert!(health.is_alive() && health.is_ready() && health.workers == 3, "{health:?}");
    assert!(metrics.to_prometheus().contains("\nspacelift_worker_connections_total 3\n"));
    for (number, (host, end)) in (1..).zip(ends) {
        assert!(folder.join(&format!("worker-{number}")).is_dir());
        host.send(HostCommand::Shutdown).await.unwrap();
        assert!(matches!(end.await.unwrap(), LauncherEnd::Shutdown));
    }
    assert!(!metrics.health().is_alive());
}

#[tokio::test]
async fn a_keep_alive_of_ten_minutes_is_told_to_the_broker_and_one_of_ten_seconds_is_refused() {
    let mut plane = Plane::start().await;
    let _worker = plane.worker(&[("SPACELIFT_WORKER_MQTT_KEEP_ALIVE", "10m")]);
    plane.heard().await;
    assert_eq!(plane.broker.faults().seen()[0].keep_alive, 600);
    for wrong in ["10s", "21m"] {
        let problems =
            Worker::start(plane.variables(&[("SPACELIFT_WORKER_MQTT_KEEP_ALIVE", wrong)])).unwrap_err();
        assert!(
            problems.contains("SPACELIFT_WORKER_MQTT_KEEP_ALIVE") && problems.contains("30s"),
            "{problems}"
        );
    }
}

#[tokio::test]
async fn a_crash_is_told_by_the_last_will_and_an_end_by_a_goodbye() {
    let mut plane = Plane::start().await;
    for crash in [true, false] {
        let worker = plane.worker(&[]);
        plane.greeted().await;
        if crash {
            worker.crash().await;
        } else {
            assert!(matches!(worker.shutdown().await, LauncherEnd::Shutdown));
        }
        let crashed = plane
            .until(|_, message| match &message.body {
                WorkerBody::Goodbye(goodbye) => Some(goodbye.crashed),
                _ => None,
            })
            .await;
        assert_eq!(crashed, crash);
    }
}

#[tokio::test]
async fn answers_keep_their_order_while_the_broker_is_slow_and_none_is_missing() {
    let mut plane = Plane::start().await;
    let _worker = plane.worker(&[]);
    let worker = plane.greeted().await;
    plane.broker.faults().delay_pubacks(Duration::from_millis(15));
    let mut asked = Vec::new();
    for cmd_seq in 1..=150 {
        asked.push(plane.say(worker, drain(cmd_seq)).await);
    }
    let (mut answers, mut last_status) = (Vec::new(), 0);
    while answers.len() < asked.len() {
        match plane.heard().await.1.body {
            WorkerBody::Ack(ack) => answers.push(ack.re),
            WorkerBody::Status(status) => {
                assert!(status.status_seq > last_status, "a status came after a later one");
                last_status = status.status_seq;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(answers, asked);
}

#[tokio::test]
async fn a_worker_speaks_fifty_times_a_second_at_most() {
    let mut plane = Plane::start().await;
    let _worker = plane.worker(&[]);
    let worker = plane.greeted().await;
    let began = Instant::now();
    for cmd_seq in 1..=160 {
        plane.say(worker, drain(cmd_seq)).await;
    }
    for _ in 1..=160 {
        plane.until(|_, message| matches!(message.body, WorkerBody::Ack(_)).then_some(())).await;
    }
    assert!(began.elapsed() > Duration::from_secs(2), "160 messages in {:?}", began.elapsed());
}

#[tokio::test]
async fn a_report_outlives_brokers_that_lose_repeat_and_cut() {
    let mut plane = Plane::start().await;
    let faults = plane.broker.faults();
    // The first connection breaks within the greeting, the second finds a broker that acknowledges and drops.
    faults.cut_after(600);
    faults.ask(Fault::LoseMessage, 3);
    faults.ask(Fault::RepeatDelivery, 5);
    let (folder, run) = unfinished_business();
    let state = folder.path().display().to_string();
    let _worker = plane.worker(&[("SPACELIFT_WORKER_STATE_DIR", &state)]);
    let about = |message: &spacelift_worker_core::protocol::message::WorkerMessage| match &message.body {
        WorkerBody::Interrupted(report) if report.run == run => Some(message.id),
        _ => None,
    };
    let first = plane.until(|_, message| about(message)).await;
    faults.ask(Fault::RepeatPuback, 1);
    plane.broker.kick_all();
    let again = plane.until(|worker, message| about(message).map(|id| (worker, id))).await;
    assert_eq!(again.1, first, "the same report has the same identifier each time");
    plane.say(again.0, ControlBody::Ack(Ack { re: first })).await;
    let is_free =
        |status: &spacelift_worker_core::protocol::message::Status| status.status == WorkerStatus::Idle;
    plane
        .until(|_, message| {
            matches!(&message.body, WorkerBody::Status(status) if is_free(status)).then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_worker_comes_back_to_a_broker_that_forgot_its_session_or_its_subscription() {
    let mut plane = Plane::start().await;
    let _worker = plane.worker(&[]);
    let worker = plane.greeted().await;
    is_heard(&mut plane, worker, 1).await;
    for (cmd_seq, fault) in [(2, Fault::ForgetSession), (3, Fault::ForgetSubscription)] {
        let faults = plane.broker.faults();
        faults.ask(fault, 1);
        plane.broker.kick_all();
        plane.greeted().await;
        assert_eq!(faults.left(fault), 0);
        is_heard(&mut plane, worker, cmd_seq).await;
    }
}

#[tokio::test]
async fn what_a_broker_kept_for_an_absent_worker_is_heard_once_it_is_back() {
    let mut plane = Plane::start().await;
    let _worker = plane.worker(&[]);
    let worker = plane.greeted().await;
    plane.broker.kick_all();
    let id = plane.say(worker, drain(1)).await;
    answered(&mut plane, id).await;
}

#[tokio::test]
async fn attempts_are_at_least_a_second_apart_and_do_not_end() {
    let mut plane = Plane::start().await;
    let _worker = plane.worker(&[]);
    plane.greeted().await;
    let faults = plane.broker.faults();
    faults.ask(Fault::RefuseConnection, 1);
    faults.ask(Fault::RefuseConnect, 2);
    plane.broker.kick_all();
    let worker = plane.greeted().await;
    is_heard(&mut plane, worker, 1).await;
    let seen = faults.seen();
    assert_eq!(seen.len(), 4, "{seen:?}");
    for pair in seen.windows(2) {
        let gap = pair[1].at - pair[0].at;
        assert!(gap >= Duration::from_millis(950), "{gap:?}");
    }
}

#[tokio::test]
async fn a_refused_subscription_ends_a_worker_that_was_never_connected_with_the_reason() {
    let plane = Plane::start().await;
    plane.broker.faults().ask(Fault::RefuseSubscription, 10);
    match plane.worker(&[]).end().await {
        LauncherEnd::NeverConnected { reason } => {
            assert!(reason.contains("refuses the subscription") && reason.contains("/readonly/"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(plane.broker.faults().left(Fault::RefuseSubscription), 8, "two attempts are enough for that");
}

#[tokio::test]
async fn another_process_with_the_same_identifier_ends_an_idle_worker_and_no_report() {
    let mut plane = Plane::start().await;
    let (folder, _) = unfinished_business();
    let state = folder.path().display().to_string();
    let idle = plane.worker(&[]);
    let reporting = plane.worker(&[("SPACELIFT_WORKER_STATE_DIR", &state)]);
    // Each time a connection is up, another one takes it over. Both workers see the same.
    let kicking = async {
        loop {
            plane.heard().await;
            plane.broker.kick_all();
        }
    };
    let end = tokio::select! {
        end = idle.end() => end,
        () = kicking => panic!("it never ends"),
    };
    match end {
        LauncherEnd::Failed { reason } => assert!(reason.contains("another process"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert!(reporting.is_running(), "a report that is not delivered keeps a worker alive");
}

#[tokio::test]
async fn brokers_are_tried_in_turn() {
    let mut plane = Plane::start().await;
    let live = format!("tls://127.0.0.1:{}", plane.port());
    let dead = plane.token(|parts| parts.broker_endpoint = "127.0.0.1:1".parse().unwrap());
    let _worker = plane.worker(&[
        ("SPACELIFT_TOKEN", &dead),
        ("SPACELIFT_WORKER_BROKER_ENDPOINTS", &format!("127.0.0.1:2, {live}")),
    ]);
    let worker = plane.greeted().await;
    is_heard(&mut plane, worker, 1).await;
    // It goes back to the one that it knows, and round the circle when that is away.
    plane.broker.faults().ask(Fault::RefuseConnection, 1);
    plane.broker.kick_all();
    plane.greeted().await;
    is_heard(&mut plane, worker, 2).await;
}

#[tokio::test]
async fn a_broker_that_cannot_be_understood_is_named_at_the_start() {
    let plane = Plane::start().await;
    let variables = plane.variables(&[("SPACELIFT_WORKER_BROKER_ENDPOINTS", "tcp://a.example")]);
    let problems = Worker::start(variables).unwrap_err();
    assert!(
        problems.contains("SPACELIFT_WORKER_BROKER_ENDPOINTS") && problems.contains("tls://"),
        "{problems}"
    );
}

#[tokio::test]
async fn port_443_is_asked_for_by_its_protocol_name_and_another_port_is_not() {
    let mut plane = Plane::start_as(&["broker.test"]).await;
    let proxy = TunnelProxy::start(Some(plane.port()));
    let proxy_url = proxy.url("worker:hunter2");
    for (port, alpn) in [(443, vec![b"x-amzn-mqtt-ca".to_vec()]), (8883, vec![])] {
        let endpoint = format!("broker.test:{port}");
        let token = plane.token(|parts| parts.broker_endpoint = endpoint.parse().unwrap());
        let worker = plane.worker(&[("SPACELIFT_TOKEN", &token), ("HTTPS_PROXY", &proxy_url)]);
        let id = plane.greeted().await;
        is_heard(&mut plane, id, 1).await;
        let hello = plane.hellos().pop().unwrap();
        assert_eq!((hello.server_name.as_deref(), hello.alpn), (Some("broker.test"), alpn));
        let asked = proxy.asked().pop().unwrap();
        assert!(asked.starts_with(&format!("CONNECT {endpoint} HTTP/1.1\r\n")), "{asked}");
        // base64 of worker:hunter2
        assert!(asked.contains("Proxy-Authorization: Basic d29ya2VyOmh1bnRlcjI=\r\n"), "{asked}");
        worker.shutdown().await;
    }
}

#[tokio::test]
async fn a_host_that_no_proxy_lists_is_reached_directly() {
    let plane = Plane::start().await;
    let proxy = TunnelProxy::start(Some(plane.port()));
    let token = plane.token(|parts| parts.broker_endpoint = "broker.test:8883".parse().unwrap());
    let variables = plane.variables(&[
        ("SPACELIFT_TOKEN", &token),
        ("HTTPS_PROXY", &proxy.url("")),
        ("NO_PROXY", ".test"),
    ]);
    match Worker::start(variables).unwrap().end().await {
        LauncherEnd::NeverConnected { reason } => assert!(reason.contains("broker.test"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(proxy.asked(), Vec::<String>::new());
}

/// An MQTT CONNECT of version 3.1.1 with this client identifier.
fn connect_packet(client_id: &str) -> Vec<u8> {
    let mut body = b"\x00\x04MQTT\x04\x00\x00\x1e".to_vec();
    body.extend(u16::try_from(client_id.len()).unwrap().to_be_bytes());
    body.extend(client_id.as_bytes());
    [vec![0x10, u8::try_from(body.len()).unwrap()], body].concat()
}

#[tokio::test]
async fn mosquitto_closes_in_order_what_another_client_takes_over() {
    let Some(program) = Tool::Mosquitto.find().unwrap() else { return };
    let port = Mosquitto::free_port();
    let mothership = Mothership::start_with(&["--broker-url", &format!("tls://127.0.0.1:{port}")]);
    let _broker = Mosquitto::start(&program, port, &mothership.data().join("ca"));
    let pool = mothership.create_pool("pool");
    let token = PoolToken::parse(&SecretText::new(pool.token.clone())).unwrap();
    let identity = (token.parts().certificate_pem.as_str(), pool.key_pem.as_str());
    let authority = std::fs::read_to_string(mothership.data().join("ca/ca.pem")).unwrap();
    let client = WorkerId::from_parts(1, 1).to_string();
    let mut answer = [0; 4];
    let mut first = tls_stream(port, &authority, identity).await;
    first.write_all(&connect_packet(&client)).await.unwrap();
    first.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x20, 2, 0, 0]);
    let mut second = tls_stream(port, &authority, identity).await;
    second.write_all(&connect_packet(&client)).await.unwrap();
    second.read_exact(&mut answer).await.unwrap();
    // TLS's own goodbye; an end without it would be an error
    assert_eq!(first.read(&mut answer).await.unwrap(), 0);
}
