//! Leases, journal and resume with launchers as processes, against a control plane that repeats, delays, loses and lies.

#![expect(clippy::panic, clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use spacelift_mothership::source::pack;
use spacelift_worker_core::crypto::{hex, sha256};
use spacelift_worker_core::envelope::offer;
use spacelift_worker_core::ids::{Lease, MessageId, RunId, WorkerId};
use spacelift_worker_core::protocol::message::{
    Ack, ControlBody, Cycle, Drain, EndCause, Finished, Grant, Halt, Nack, NackReason, Offer, Outcome, Phase,
    SealedPart, WorkerBody, WorkerMessage, WorkerStatus,
};
use spacelift_worker_tests::system::{Answer, Folder, Launcher, Plane, ScriptedStore, eventually};

/// Notes that it runs, and goes on until it is ended, or the test is over.
const ENDLESS: &str = "echo $$ >> \"$TARGET/pids\"; while [ -d \"$TARGET\" ]; do sleep 0.1; done";
/// Notes that it runs, and ends well.
const SHORT: &str = "echo $$ >> \"$TARGET/pids\"; echo planned";

/// A scripted control plane with its store, and a folder in which commands leave their traces.
struct Scene {
    plane: Plane,
    store: ScriptedStore,
    /// Length and digest of the source.
    source: (u64, String),
    target: Folder,
}

impl Scene {
    async fn new() -> Self {
        Self::with_store(|_| Answer::status(200, "")).await
    }

    /// What is asked of the store beside the source is answered so.
    async fn with_store(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let plane = Plane::start().await;
        let folder = Folder::new();
        folder.write("template", "as it was sealed\n");
        let packed = pack(folder.path()).unwrap();
        let source = (packed.len, packed.sha256.clone());
        let mut bytes = Vec::new();
        packed.into_file().read_to_end(&mut bytes).unwrap();
        let store = ScriptedStore::start(&plane.authority, move |path| match path {
            "/source" => Answer::ok(&bytes),
            other => answer(other),
        })
        .await;
        Self { plane, store, source, target: Folder::new() }
    }

    /// A plan of this command, sealed to the worker and signed, under the lease 1.`counter`.
    fn plan(&self, worker: WorkerId, counter: u64, command: &str) -> Offer {
        let (lease, run) = (Lease { generation: 1, counter }, RunId::from_parts(counter, 1));
        let upload = |name: String| json!({"name": name, "url": self.store.url(&format!("/{name}"))});
        let logs: Vec<_> = (0..16).map(|number| upload(format!("log-{counter}-{number}"))).collect();
        let payload = json!({
            "pool": self.plane.pool, "worker": worker, "lease": lease, "phase": "plan", "state_version": 1,
            "run": {"id": run, "type": "TRACKED", "state": "PREPARING", "created_at": 1, "updated_at": 1, "commit": {}},
            "stack": {"slug": "site"},
            "account_name": "acme",
            "workflow": {"plan": command},
            "environment": [{"name": "TARGET", "value": self.target.path().display().to_string()}],
            "source": {"url": self.store.url("/source"), "len": self.source.0, "sha256": self.source.1},
            "uploads": {"workspace": upload(format!("workspace-{counter}")), "logs": logs},
        });
        let context = offer::context(self.plane.pool, worker, run, "plan", lease).unwrap();
        let sealed =
            offer::seal(&self.plane.key.public_key(), &context, payload.to_string().as_bytes()).unwrap();
        Offer {
            cmd_seq: counter,
            expires_at: None,
            run,
            phase: Phase::Plan,
            lease,
            sig: Some(self.plane.signing_key.sign_offer(&sha256(&sealed)).unwrap()),
            sealed: SealedPart::Inline(STANDARD.encode(&sealed)),
        }
    }

    /// Offers, and starts once it is accepted. Gives the identifiers of the offer and of the start, and the start.
    async fn begin(&mut self, worker: WorkerId, offer: &Offer, ttl_ms: u64) -> (MessageId, MessageId, Grant) {
        let id = self.plane.say(worker, ControlBody::Offer(offer.clone())).await;
        let re = self
            .plane
            .until(|_, message| match &message.body {
                WorkerBody::Accept(accept) if accept.re == id => Some(message.id),
                WorkerBody::Nack(nack) => panic!("{nack:?}"),
                _ => None,
            })
            .await;
        let Offer { run, lease, .. } = *offer;
        let grant = Grant { cmd_seq: offer.cmd_seq, run, lease, re, ttl_ms, sealed: None, sig: None };
        let start = self.plane.say(worker, ControlBody::Start(grant.clone())).await;
        (id, start, grant)
    }

    /// The next report of an end, which is not acknowledged.
    async fn finished(&mut self) -> (WorkerMessage, Finished) {
        self.plane
            .until(|_, message| match &message.body {
                WorkerBody::Finished(finished) => Some((message.clone(), finished.clone())),
                _ => None,
            })
            .await
    }

    async fn acknowledge(&mut self, worker: WorkerId, report: MessageId) {
        self.plane.say(worker, ControlBody::Ack(Ack { re: report })).await;
        self.plane
            .until(|_, message| match &message.body {
                WorkerBody::Status(status) => (status.status == WorkerStatus::Idle).then_some(()),
                _ => None,
            })
            .await;
    }

    /// Says something that is to be refused, and gives the reason.
    async fn refusal(&mut self, worker: WorkerId, id: MessageId, body: ControlBody) -> NackReason {
        self.plane.say_as(id, worker, body).await;
        self.plane
            .until(|from, message| match &message.body {
                WorkerBody::Nack(Nack { re, reason, .. }) if (from, *re) == (worker, id) => Some(*reason),
                // That an offer has come is acknowledged at once; taking it is another word.
                WorkerBody::Accept(accept) if (from, accept.re) == (worker, id) => panic!("it was taken"),
                _ => None,
            })
            .await
    }

    /// Waits until the worker has answered something that can be asked at any time.
    async fn is_heard(&mut self, worker: WorkerId, cmd_seq: u64) {
        let id = self.plane.say(worker, ControlBody::Drain(Drain { cmd_seq, drain: false })).await;
        self.plane.until(|_, message| (message.body == WorkerBody::Ack(Ack { re: id })).then_some(())).await;
    }

    /// The last status of this worker that is heard now.
    async fn status(&mut self, worker: WorkerId) -> MessageId {
        self.plane
            .until(|from, message| {
                (from == worker && matches!(message.body, WorkerBody::Status(_))).then_some(message.id)
            })
            .await
    }

    /// The process ids of all commands so far.
    fn pids(&self) -> Vec<String> {
        let text = fs::read_to_string(self.target.join("pids")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn pid(&self) -> String {
        eventually("the command", || self.pids().pop())
    }
}

/// Whether a process is there and no zombie.
fn is_alive(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
}

fn kill(launcher: &mut Launcher) {
    launcher.process.signal("KILL");
    launcher.process.exit_code();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_replayed_to_a_second_worker_starts_nothing_there() {
    let mut scene = Scene::new().await;
    let _first = scene.plane.launcher().start();
    let first = scene.plane.greeted().await;
    let _second = scene.plane.launcher().start();
    let second = scene.plane.greeted().await;
    assert_ne!(first, second);
    let offer = scene.plan(first, 1, ENDLESS);
    let (id, start, grant) = scene.begin(first, &offer, 90_000).await;
    scene.pid();
    assert_eq!(
        scene.refusal(second, id, ControlBody::Offer(offer.clone())).await,
        NackReason::CannotOpen,
        "it is sealed for another worker"
    );
    assert_eq!(scene.refusal(second, start, ControlBody::Start(grant.clone())).await, NackReason::Stale);
    // The same to the first one is no second start.
    scene.plane.say_as(id, first, ControlBody::Offer(offer)).await;
    scene.plane.say_as(start, first, ControlBody::Start(grant)).await;
    scene.is_heard(first, 3).await;
    assert_eq!(scene.pids().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_replayed_after_the_journal_was_lost_starts_nothing() {
    let mut scene = Scene::new().await;
    let mut launcher = scene.plane.launcher().start();
    let worker = scene.plane.greeted().await;
    let offer = scene.plan(worker, 1, SHORT);
    let (id, start, grant) = scene.begin(worker, &offer, 90_000).await;
    let (report, finished) = scene.finished().await;
    assert_eq!(finished.outcome, Outcome::Succeeded, "{finished:?}");
    scene.acknowledge(worker, report.id).await;
    kill(&mut launcher);
    fs::remove_file(launcher.folder().join("state/journal.json")).unwrap();
    launcher.restart();
    let successor = scene.plane.greeted().await;
    assert_ne!(successor, worker, "no worker ever comes back");
    // To where the offer went, and to who is there now.
    scene.plane.say_as(id, worker, ControlBody::Offer(offer.clone())).await;
    scene.plane.say_as(start, worker, ControlBody::Start(grant.clone())).await;
    let refused = scene.refusal(successor, id, ControlBody::Offer(offer)).await;
    assert_eq!(refused, NackReason::CannotOpen);
    assert_eq!(scene.refusal(successor, start, ControlBody::Start(grant)).await, NackReason::Stale);
    assert_eq!(scene.pids().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_renew_brings_no_ended_lease_back() {
    let mut scene = Scene::new().await;
    let _launcher = scene.plane.launcher().start();
    let worker = scene.plane.greeted().await;
    let offer = scene.plan(worker, 1, ENDLESS);
    let (_, _, grant) = scene.begin(worker, &offer, 12_000).await;
    let pid = scene.pid();
    let status = scene.status(worker).await;
    let (report, finished) = scene.finished().await;
    assert_eq!((finished.outcome, finished.cause), (Outcome::Failed, Some(EndCause::LeaseEnded)));
    assert!(!is_alive(&pid), "the command is ended before its end is reported");
    let renewal = Grant { cmd_seq: 5, re: status, ttl_ms: 90_000, ..grant };
    scene.plane.say(worker, ControlBody::Renew(renewal)).await;
    scene.acknowledge(worker, report.id).await;
    scene.is_heard(worker, 6).await;
    assert_eq!((scene.pids().len(), is_alive(&pid)), (1, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_that_points_at_a_silent_server_holds_up_no_kill() {
    let mut scene = Scene::new().await;
    let _launcher = scene.plane.launcher().start();
    let worker = scene.plane.greeted().await;
    let offer = scene.plan(worker, 1, ENDLESS);
    let (_, _, grant) = scene.begin(worker, &offer, 90_000).await;
    let pid = scene.pid();
    let status = scene.status(worker).await;
    // It takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/logs", silent.local_addr().unwrap());
    let sealed = SealedPart::Reference { url, len: 1 << 20, sha256: "0".repeat(64) };
    let renewal = Grant { cmd_seq: 5, re: status, sealed: Some(sealed), ..grant };
    scene.plane.say(worker, ControlBody::Renew(renewal)).await;
    let halt = Halt { cmd_seq: 6, run: offer.run, lease: offer.lease };
    scene.plane.say(worker, ControlBody::Kill(halt)).await;
    let (report, finished) = scene.finished().await;
    assert_eq!((finished.outcome, finished.cause), (Outcome::Stopped, Some(EndCause::Killed)));
    assert!(!is_alive(&pid));
    scene.acknowledge(worker, report.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_suspended_across_the_end_of_its_lease_ends_its_run_when_it_wakes() {
    let mut scene = Scene::new().await;
    let launcher = scene.plane.launcher().start();
    let worker = scene.plane.greeted().await;
    let offer = scene.plan(worker, 1, ENDLESS);
    let began = Instant::now();
    let (_, _, grant) = scene.begin(worker, &offer, 14_000).await;
    let pid = scene.pid();
    let status = scene.status(worker).await;
    launcher.process.signal("STOP");
    assert!(
        began.elapsed() < Duration::from_secs(7),
        "too slow a machine for this test: the lease ended before"
    );
    // It waits in the socket of the sleeper, and would make the lease last for hours.
    let renewal = Grant { cmd_seq: 5, re: status, ttl_ms: 10_000_000, ..grant };
    scene.plane.say(worker, ControlBody::Renew(renewal)).await;
    eventually("the end of the lease", || (began.elapsed() > Duration::from_secs(15)).then_some(()));
    assert!(is_alive(&pid), "nobody ends it meanwhile");
    launcher.process.signal("CONT");
    let (report, finished) = scene.finished().await;
    assert_eq!((finished.outcome, finished.cause), (Outcome::Failed, Some(EndCause::LeaseEnded)));
    assert_eq!(finished.workspace, None, "nothing is handed on without a lease");
    assert!(!is_alive(&pid));
    scene.acknowledge(worker, report.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_before_its_offer_withdraws_it_for_good() {
    let mut scene = Scene::new().await;
    let mut launcher = scene.plane.launcher().start();
    let worker = scene.plane.greeted().await;
    let offer = scene.plan(worker, 2, SHORT);
    let halt = Halt { cmd_seq: 3, run: offer.run, lease: offer.lease };
    let id = scene.plane.say(worker, ControlBody::Kill(halt)).await;
    scene.plane.until(|_, message| (message.body == WorkerBody::Ack(Ack { re: id })).then_some(())).await;
    let (first, second) = (MessageId::from_parts(1, 7), MessageId::from_parts(1, 8));
    assert_eq!(scene.refusal(worker, first, ControlBody::Offer(offer.clone())).await, NackReason::Stale);
    let older = scene.plan(worker, 1, SHORT);
    assert_eq!(scene.refusal(worker, second, ControlBody::Offer(older)).await, NackReason::Stale);
    let next = scene.plan(worker, 3, SHORT);
    scene.begin(worker, &next, 90_000).await;
    let (report, finished) = scene.finished().await;
    assert_eq!((finished.lease, finished.outcome), (next.lease, Outcome::Succeeded));
    scene.acknowledge(worker, report.id).await;
    assert_eq!(scene.pids().len(), 1);
    assert!(launcher.process.is_running());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cycle_redelivered_to_a_restarted_process_does_not_end_it() {
    let mut scene = Scene::new().await;
    let mut launcher = scene.plane.launcher().start();
    let worker = scene.plane.greeted().await;
    let cycle = ControlBody::Cycle(Cycle { cmd_seq: 1 });
    let id = scene.plane.say(worker, cycle.clone()).await;
    scene.plane.until(|_, message| (message.body == WorkerBody::Ack(Ack { re: id })).then_some(())).await;
    assert_eq!(launcher.process.exit_code(), 4, "{}", launcher.process.stderr());
    launcher.restart();
    let successor = scene.plane.greeted().await;
    assert_ne!(successor, worker);
    scene.plane.say_as(id, worker, cycle).await;
    scene.plane.broker.kick_all();
    assert_eq!(scene.plane.greeted().await, successor);
    scene.is_heard(successor, 2).await;
    assert!(launcher.process.is_running());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_lost_after_sending_is_sent_again_by_the_next_process_as_it_was() {
    let mut scene = Scene::new().await;
    let mut launcher = scene.plane.launcher().start();
    let worker = scene.plane.greeted().await;
    let offer = scene.plan(worker, 1, SHORT);
    scene.begin(worker, &offer, 90_000).await;
    let (lost, _) = scene.finished().await;
    kill(&mut launcher);
    launcher.restart();
    let successor = scene.plane.greeted().await;
    let (again, finished) = scene.finished().await;
    assert_eq!((again.clone(), finished.outcome), (lost, Outcome::Succeeded));
    let busy = scene.plan(successor, 2, SHORT);
    let id = MessageId::from_parts(1, 7);
    let refused = scene.refusal(successor, id, ControlBody::Offer(busy)).await;
    assert_eq!(refused, NackReason::Busy, "no offer is taken while a report is not delivered");
    scene.acknowledge(successor, again.id).await;
    assert_eq!(scene.pids().len(), 1);
    // What was acknowledged is not told to anybody again.
    kill(&mut launcher);
    launcher.restart();
    let third = scene.plane.greeted().await;
    let id = scene.plane.say(third, ControlBody::Drain(Drain { cmd_seq: 3, drain: false })).await;
    let told_again = scene
        .plane
        .until(|_, message| match &message.body {
            WorkerBody::Ack(ack) if ack.re == id => Some(false),
            WorkerBody::Finished(_) | WorkerBody::Interrupted(_) => Some(true),
            _ => None,
        })
        .await;
    assert!(!told_again);
}

/// The workspace of the run in hand below a launcher's folder.
fn workspace_below(folder: &Path) -> Option<PathBuf> {
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        if path.file_name().is_some_and(|name| name == "workspace") && path.is_dir() {
            return Some(path);
        }
        if path.is_dir()
            && let Some(found) = workspace_below(&path)
        {
            return Some(found);
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_retried_with_a_changed_workspace_is_still_what_was_sealed() {
    let folder = Arc::new(Mutex::new(PathBuf::new()));
    let (tries, of_launcher) = (AtomicU32::new(0), Arc::clone(&folder));
    let mut scene = Scene::with_store(move |path| match path {
        "/workspace-1" if tries.fetch_add(1, Ordering::SeqCst) == 0 => {
            let workspace = workspace_below(&of_launcher.lock().unwrap()).unwrap();
            fs::write(workspace.join("source/template"), "changed after it was sealed\n").unwrap();
            fs::write(workspace.join("source/smuggled"), "a new file").unwrap();
            Answer::status(503, "")
        }
        _ => Answer::status(200, ""),
    })
    .await;
    let launcher = scene.plane.launcher().start();
    *folder.lock().unwrap() = launcher.folder().to_owned();
    let worker = scene.plane.greeted().await;
    let offer = scene.plan(worker, 1, SHORT);
    scene.begin(worker, &offer, 90_000).await;
    let (report, finished) = scene.finished().await;
    assert_eq!(finished.outcome, Outcome::Succeeded, "{finished:?}");
    let asked = scene.store.asked();
    let puts: Vec<_> = asked.iter().filter(|asked| asked.target() == "/workspace-1").collect();
    assert_eq!(puts.len(), 2);
    assert!(puts[0].body == puts[1].body, "a retry sends the identical bytes");
    let object = finished.workspace.unwrap();
    assert_eq!((object.len, object.sha256), (puts[1].body.len() as u64, hex(&sha256(&puts[1].body))));
    scene.acknowledge(worker, report.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nack_storm_is_neither_answered_nor_obeyed() {
    let mut scene = Scene::new().await;
    let mut launcher = scene.plane.launcher().start();
    let worker = scene.plane.greeted().await;
    let offer = scene.plan(worker, 1, ENDLESS);
    scene.begin(worker, &offer, 90_000).await;
    let pid = scene.pid();
    let status = scene.status(worker).await;
    while scene.plane.heard_already().is_some() {}
    for number in 0..900 {
        let re = if number % 2 == 0 { status } else { MessageId::from_parts(9, number) };
        let (lease, reason) = (Some(offer.lease), NackReason::Busy);
        scene.plane.say(worker, ControlBody::Nack(Nack { re, lease, reason, note: None })).await;
    }
    let id = scene.plane.say(worker, ControlBody::Drain(Drain { cmd_seq: 3, drain: false })).await;
    let mut said = 0;
    scene
        .plane
        .until(|_, message| {
            said += 1;
            (message.body == WorkerBody::Ack(Ack { re: id })).then_some(())
        })
        .await;
    assert!(said < 20, "{said} messages, of which one answers");
    assert!(is_alive(&pid) && launcher.process.is_running());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poison_message_is_refused_once_and_does_not_come_back() {
    let mut scene = Scene::new().await;
    let mut launcher = scene.plane.launcher().start();
    let worker = scene.plane.greeted().await;
    let id = MessageId::from_parts(3, 3);
    let poison: [Vec<u8>; 7] = [
        Vec::new(),
        b"\xff\xfe\x00 no text".to_vec(),
        "[".repeat(100_000).into_bytes(),
        format!(r#"{{"v":1,"type":"offer","id":"{id}","ts":1,"lease":[{}]}}"#, "1,".repeat(50_000))
            .into_bytes(),
        format!(r#"{{"v":1,"type":"explode","id":"{id}","ts":1}}"#).into_bytes(),
        format!(r#"{{"v":2,"type":"cycle","id":"{id}","ts":1,"cmd_seq":1}}"#).into_bytes(),
        format!(r#"{{"v":1,"type":"start","id":"{id}","ts":1,"cmd_seq":-1}}"#).into_bytes(),
    ];
    for bytes in &poison {
        scene.plane.say_bytes(worker, bytes.clone()).await;
    }
    scene.is_heard(worker, 1).await;
    // What was not acknowledged to the broker would come again on each new connection, for ever. The first cut may meet
    // acknowledgements on their way.
    let mut refused_again = 0;
    for cmd_seq in 2..4 {
        scene.plane.broker.kick_all();
        assert_eq!(scene.plane.greeted().await, worker);
        let probe = scene.plane.say(worker, ControlBody::Drain(Drain { cmd_seq, drain: false })).await;
        refused_again = 0;
        scene
            .plane
            .until(|_, message| match &message.body {
                WorkerBody::Nack(nack) if nack.re == id => {
                    refused_again += 1;
                    None
                }
                WorkerBody::Ack(ack) => (ack.re == probe).then_some(()),
                _ => None,
            })
            .await;
    }
    assert_eq!(refused_again, 0);
    assert!(launcher.process.is_running());
}
