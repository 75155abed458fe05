//! A control plane with one pool and one stack, and hand-made workers of it.

use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use spacelift_worker_core::envelope::{Context, offer};
use spacelift_worker_core::ids::{Lease, MessageId, PoolId, RunId, WorkerId};
use spacelift_worker_core::pool::{ControlKey, PoolKey, verify_offer};
use spacelift_worker_core::protocol::message::{
    Accept, Ack, Commit, ControlBody, ControlMessage, EnvironmentVariable, Finished, Goodbye, Hello, Nack,
    NackReason, Offer, OfferPayload, Outcome, RunInHand, RunState, RunType, SealedObject, SealedPart, Status,
    WorkerBody, WorkerMessage, WorkerStatus,
};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::super::task::{Control, ControlParts};
use super::super::{BlobLinks, Command};
use crate::ca::{Authority, Validity};
use crate::serve::Timings;
use crate::store::{
    BlobName, Blobs, DataDir, NewPool, NewRun, NewStack, PoolCertificate, Run, Stack, StackCode, Store,
};
use crate::wire::{WireCommand, WireEvent};

pub(super) const START: u64 = 1_700_000_000_000;

static POOL_KEY: LazyLock<PoolKey> = LazyLock::new(|| PoolKey::generate(2048).unwrap());
static CONTROL_KEY: LazyLock<Arc<ControlKey>> =
    LazyLock::new(|| Arc::new(ControlKey::generate(2048).unwrap()));

/// URLs that say what they allow.
struct PlainLinks;

impl BlobLinks for PlainLinks {
    fn get(&self, name: &BlobName, until_ms: u64) -> String {
        format!("https://blobs/get/{name}?{until_ms}")
    }

    fn put(&self, name: &BlobName, max_len: u64, until_ms: u64) -> String {
        format!("https://blobs/put/{name}?{max_len}&{until_ms}")
    }
}

pub(super) struct Bench {
    folder: TempDir,
    pub(super) store: Store,
    pub(super) control: Control,
    wire: mpsc::Receiver<WireCommand>,
    pub(super) pool: PoolId,
    pub(super) now: u64,
    messages: u128,
    pub(super) revoked: Vec<PoolId>,
    mail: Vec<(WorkerId, ControlMessage)>,
}

fn parts(store: &Store, folder: &TempDir) -> ControlParts {
    ControlParts {
        restored: false,
        store: store.clone(),
        blobs: Blobs::new(DataDir::at(folder.path()).blobs()),
        links: Arc::new(PlainLinks),
        signing_key: Arc::clone(&CONTROL_KEY),
        account_name: "acme".into(),
        timings: Timings::default(),
    }
}

pub(super) fn worker_id(number: u64) -> WorkerId {
    WorkerId::from_parts(START + number, 1)
}

impl Bench {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::create(folder.path()).unwrap();
        let store = Store::open(&dir).await.unwrap();
        let pool = PoolId::from_parts(START, 1);
        let authority = Authority::load_or_create(&dir.ca(), START).unwrap();
        let csr = POOL_KEY.csr("anything").unwrap();
        let made = authority.pool(&csr, pool, Validity::ten_years(START)).unwrap();
        let certificate =
            PoolCertificate { csr, pem: made.pem, serial: made.serial, fingerprint: made.fingerprint };
        let new = NewPool {
            id: pool,
            name: "main".into(),
            description: String::new(),
            labels: vec![],
            space: "root".into(),
            drift_detection_run_limit: None,
            certificate,
        };
        store.create_pool(&new, START).await.unwrap();
        let (sender, wire) = mpsc::channel(1_024);
        let control = Control::new(parts(&store, &folder), sender, START);
        let (revoked, mail) = (vec![], vec![]);
        let bench = Self { folder, store, control, wire, pool, now: START, messages: 0, revoked, mail };
        bench.stack("net", false).await;
        bench
    }

    /// The same data folder under a new process.
    pub(super) fn restart(&mut self) {
        self.collect();
        let (sender, wire) = mpsc::channel(1_024);
        self.control = Control::new(parts(&self.store, &self.folder), sender, self.now);
        self.wire = wire;
    }

    /// The data folder as it was before, under a new process that was told so. The store stays as it is.
    pub(super) fn restart_restored(&mut self) {
        self.collect();
        let (sender, wire) = mpsc::channel(1_024);
        let parts = ControlParts { restored: true, ..parts(&self.store, &self.folder) };
        self.control = Control::new(parts, sender, self.now);
        self.wire = wire;
    }

    pub(super) async fn stack(&self, slug: &str, auto_deploy: bool) -> Stack {
        self.stack_with(slug, auto_deploy, "hunter2hunter2".into()).await
    }

    pub(super) async fn stack_with(&self, slug: &str, auto_deploy: bool, secret: String) -> Stack {
        let variable = EnvironmentVariable { name: "TOKEN".into(), value: secret, secret: true };
        let new = NewStack {
            slug: slug.into(),
            name: slug.into(),
            space: "root".into(),
            labels: vec!["blue".into()],
            pool: self.pool,
            is_module: false,
            auto_deploy,
            code: StackCode::default(),
            environment: vec![variable],
        };
        self.store.create_stack(&new, self.now).await.unwrap()
    }

    pub(super) async fn run(&mut self, run_type: RunType) -> RunId {
        self.run_on("net", run_type).await
    }

    /// Triggers a run and lets the control loop see it.
    pub(super) async fn run_on(&mut self, stack: &str, run_type: RunType) -> RunId {
        self.messages += 1;
        let new = NewRun {
            id: RunId::from_parts(self.now, self.messages),
            stack: stack.into(),
            run_type,
            title: "title".into(),
            triggered_by: "ada".into(),
            command: "make".into(),
            commit: Commit::default(),
            drift_detection: false,
            metadata: None,
            prioritized: false,
        };
        let run = self.store.create_run(&new, self.now).await.unwrap();
        self.order(Command::Poke).await;
        run.id
    }

    pub(super) async fn order(&mut self, command: Command) {
        self.control.handle_command(command, self.now).await.unwrap();
        self.control.schedule(self.now).await.unwrap();
    }

    /// Lets time go by; the workers named say that nothing changed.
    pub(super) async fn pass(&mut self, secs: u64, alive: &mut [&mut Hand]) {
        let end = self.now + secs * 1_000;
        while self.now < end {
            self.now = end.min(self.now + 5_000);
            for hand in &mut *alive {
                hand.status(self).await;
            }
            self.control.handle_tick(self.now).await.unwrap();
            self.control.schedule(self.now).await.unwrap();
            self.collect();
        }
    }

    /// A worker connects.
    pub(super) async fn worker(&mut self, number: u64) -> Hand {
        let mut hand = Hand { id: worker_id(number), seq: 0, seen: None, run: None };
        hand.hello(self).await;
        hand
    }

    /// A message in the name of a worker; what it was answered is in the mail.
    pub(super) async fn say(&mut self, worker: WorkerId, body: WorkerBody) -> MessageId {
        let id = self.next_id();
        self.say_as(worker, id, body).await;
        id
    }

    pub(super) fn next_id(&mut self) -> MessageId {
        self.messages += 1;
        MessageId::from_parts(self.now, self.messages)
    }

    pub(super) async fn say_as(&mut self, worker: WorkerId, id: MessageId, body: WorkerBody) {
        self.say_bytes(self.pool, worker, &WorkerMessage { id, ts: self.now, body }.encode()).await;
    }

    pub(super) async fn say_bytes(&mut self, pool: PoolId, worker: WorkerId, bytes: &[u8]) {
        let event = WireEvent::Message { pool, worker, bytes: Bytes::copy_from_slice(bytes) };
        self.control.handle_event(event, self.now).await.unwrap();
        self.control.schedule(self.now).await.unwrap();
        // The channel is bounded, and nobody else reads it.
        self.collect();
    }

    fn collect(&mut self) {
        while let Ok(command) = self.wire.try_recv() {
            match command {
                WireCommand::Publish { pool, worker, bytes } => {
                    assert_eq!(pool, self.pool);
                    self.mail.push((worker, ControlMessage::decode(&bytes).unwrap()));
                }
                WireCommand::Revoked { pool } => self.revoked.push(pool),
            }
        }
    }

    /// What a worker was sent since it last looked.
    pub(super) fn mail(&mut self, worker: WorkerId) -> Vec<ControlMessage> {
        self.collect();
        let (mine, others) = std::mem::take(&mut self.mail).into_iter().partition(|(to, _)| *to == worker);
        self.mail = others;
        mine.into_iter().map(|(_, message)| message).collect()
    }

    /// The same without acknowledgements.
    pub(super) fn orders(&mut self, worker: WorkerId) -> Vec<ControlMessage> {
        let mut mail = self.mail(worker);
        mail.retain(|message| !matches!(message.body, ControlBody::Ack(_)));
        mail
    }

    pub(super) async fn state(&self, run: RunId) -> RunState {
        self.store.run(run).await.unwrap().state
    }

    pub(super) async fn note(&self, run: RunId) -> String {
        self.store.transitions(run).await.unwrap().pop().unwrap().note.unwrap_or_default()
    }

    pub(super) async fn confirm(&mut self, run: RunId) -> Run {
        let change = crate::store::Change::new(run, RunState::Unconfirmed, RunState::Confirmed, self.now);
        let run = self.store.transition(&change).await.unwrap();
        self.order(Command::Poke).await;
        run
    }

    /// Opens an offer as a worker does: signature first, then exactly its context.
    pub(super) async fn open(&self, worker: WorkerId, offer: &Offer) -> OfferPayload {
        let sealed = self.sealed_bytes(&offer.sealed).await;
        verify_offer(&CONTROL_KEY.public_key(), &sealed, offer.sig.as_ref().unwrap()).unwrap();
        let context =
            offer::context(self.pool, worker, offer.run, offer.phase.as_str(), offer.lease).unwrap();
        self.unseal(&context, &sealed)
    }

    pub(super) async fn sealed_bytes(&self, part: &SealedPart) -> Vec<u8> {
        match part {
            SealedPart::Inline(text) => STANDARD.decode(text).unwrap(),
            SealedPart::Reference { url, len, .. } => {
                let name = url.strip_prefix("https://blobs/get/").unwrap().split('?').next().unwrap();
                let bytes = std::fs::read(DataDir::at(self.folder.path()).blobs().join(name)).unwrap();
                assert_eq!(u64::try_from(bytes.len()).unwrap(), *len);
                bytes
            }
            other => panic!("{other:?}"),
        }
    }

    /// Whether a sealed part lies in the folder of blobs.
    pub(super) fn is_stored(&self, part: &SealedPart) -> bool {
        let SealedPart::Reference { url, .. } = part else { return false };
        let name = url.strip_prefix("https://blobs/get/").unwrap().split('?').next().unwrap();
        DataDir::at(self.folder.path()).blobs().join(name).exists()
    }

    pub(super) fn unseal<T: serde::de::DeserializeOwned>(&self, context: &Context, sealed: &[u8]) -> T {
        let opened = offer::unseal(&[&POOL_KEY], context, sealed).unwrap();
        serde_json::from_slice(opened.expose()).unwrap()
    }
}

/// A worker made by hand: it keeps what a real one would tell, and does nothing by itself.
pub(super) struct Hand {
    pub(super) id: WorkerId,
    pub(super) seq: u64,
    pub(super) seen: Option<Lease>,
    pub(super) run: Option<RunInHand>,
}

impl Hand {
    pub(super) fn now_status(&mut self) -> Status {
        self.seq += 1;
        let status = if self.run.is_some() { WorkerStatus::Busy } else { WorkerStatus::Idle };
        Status { status, status_seq: self.seq, last_lease_seen: self.seen, run: self.run.clone() }
    }

    pub(super) async fn hello(&mut self, bench: &mut Bench) {
        let hello = Hello {
            worker: self.id,
            versions: vec![1],
            library: "0.1.0".into(),
            metadata: [].into(),
            capabilities: vec![],
            status: self.now_status(),
        };
        bench.say(self.id, WorkerBody::Hello(hello)).await;
    }

    pub(super) async fn status(&mut self, bench: &mut Bench) -> MessageId {
        let status = self.now_status();
        bench.say(self.id, WorkerBody::Status(status)).await
    }

    /// The offer that is in the mail, acknowledged and seen, as a worker does before it opens it.
    pub(super) async fn offer(&mut self, bench: &mut Bench) -> Option<(MessageId, Offer)> {
        let mut found = None;
        for message in bench.orders(self.id) {
            if let ControlBody::Offer(offer) = message.body {
                self.seen = self.seen.max(Some(offer.lease));
                bench.say(self.id, WorkerBody::Ack(Ack { re: message.id })).await;
                found = Some((message.id, offer));
            }
        }
        found
    }

    pub(super) async fn refuse(&mut self, bench: &mut Bench, offer: &(MessageId, Offer), reason: NackReason) {
        let nack = Nack { re: offer.0, lease: Some(offer.1.lease), reason, note: Some("because".into()) };
        bench.say(self.id, WorkerBody::Nack(nack)).await;
    }

    pub(super) async fn accept(&mut self, bench: &mut Bench, offer: &(MessageId, Offer)) -> MessageId {
        let accept = Accept { re: offer.0, run: offer.1.run, lease: offer.1.lease };
        self.run =
            Some(RunInHand { run: offer.1.run, lease: offer.1.lease, phase: offer.1.phase, state: None });
        bench.say(self.id, WorkerBody::Accept(accept)).await
    }

    /// From the offer in the mail to the start, which is acknowledged.
    pub(super) async fn begin(&mut self, bench: &mut Bench) -> Offer {
        let offer = self.offer(bench).await.expect("an offer");
        let accept = self.accept(bench, &offer).await;
        let orders = bench.orders(self.id);
        let [ControlMessage { id, body: ControlBody::Start(grant), .. }] = orders.as_slice() else {
            panic!("{orders:?}")
        };
        assert_eq!((grant.re, grant.lease, grant.ttl_ms), (accept, offer.1.lease, 90_000));
        bench.say(self.id, WorkerBody::Ack(Ack { re: *id })).await;
        offer.1
    }

    pub(super) fn report(&self, offer: &Offer, outcome: Outcome) -> Finished {
        Finished {
            run: offer.run,
            lease: offer.lease,
            outcome,
            cause: None,
            exit_code: None,
            reason: None,
            state_version: 4,
            workspace: None,
            outputs: None,
        }
    }

    /// The phase succeeds; a plan with the workspace that was asked for.
    pub(super) async fn succeed(&mut self, bench: &mut Bench, offer: &Offer) {
        let payload = bench.open(self.id, offer).await;
        let object = |name: &String| SealedObject { name: name.clone(), len: 9, sha256: "ab".repeat(32) };
        let report = Finished {
            workspace: payload.uploads.workspace.as_ref().map(|upload| object(&upload.name)),
            state_version: payload.state_version + 2,
            ..self.report(offer, Outcome::Succeeded)
        };
        self.finish(bench, report).await;
    }

    pub(super) async fn finish(&mut self, bench: &mut Bench, report: Finished) {
        bench.say(self.id, WorkerBody::Finished(report)).await;
        self.run = None;
        self.status(bench).await;
    }

    pub(super) async fn leave(&mut self, bench: &mut Bench, crashed: bool) {
        bench.say(self.id, WorkerBody::Goodbye(Goodbye { crashed })).await;
    }
}

/// The kinds of what was sent.
pub(super) fn kinds(mail: &[ControlMessage]) -> Vec<&'static str> {
    let kind = |message: &ControlMessage| match message.body {
        ControlBody::Ack(_) => "ack",
        ControlBody::Cycle(_) => "cycle",
        ControlBody::Drain(_) => "drain",
        ControlBody::Kill(_) => "kill",
        ControlBody::Nack(_) => "nack",
        ControlBody::Offer(_) => "offer",
        ControlBody::Renew(_) => "renew",
        ControlBody::Start(_) => "start",
        ControlBody::Stop(_) => "stop",
        _ => "other",
    };
    mail.iter().map(kind).collect()
}
