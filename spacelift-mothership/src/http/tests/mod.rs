//! The listener with a real client over TLS, on loopback.

mod admin;
mod blobs;
mod poll;

use std::sync::Arc;

use spacelift_worker_core::ids::WorkerId;
use spacelift_worker_core::pool::PoolKey;
use spacelift_worker_core::protocol::message::{Hello, Status, WorkerStatus};
use tokio::sync::{mpsc, watch};

use super::*;
use crate::ca::{Authority, load_or_create_signing_key};
use crate::control::{Command, ControlHandle};
use crate::serve::Timings;
use crate::store::{Blobs, DataDir, Store};
use crate::wire::WireEvent;

/// A serving control plane without a control loop: its commands are read by the test.
pub(crate) struct House {
    pub(crate) state: AppState,
    pub(crate) base: String,
    pub(crate) client: reqwest::Client,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Receiver<WireEvent>,
    /// Keeps the channel open, as the composition does.
    _events: mpsc::Sender<WireEvent>,
    shutdown: watch::Sender<bool>,
    serving: tokio::task::JoinHandle<()>,
    pub(crate) folder: tempfile::TempDir,
}

impl House {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::create(folder.path()).unwrap();
        let now = crate::fresh::now_ms();
        let authority = Arc::new(Authority::load_or_create(&dir.ca(), now).unwrap());
        let identity = authority.server(&[], now).unwrap();
        let listener = HttpListener::bind("127.0.0.1:0".parse().unwrap(), &identity).await.unwrap();
        let base = format!("https://{}", listener.address());
        let store = Store::open(&dir).await.unwrap();
        let (control, commands) = ControlHandle::channel();
        let (events, event_receiver) = mpsc::channel(16);
        let signing_key = load_or_create_signing_key(&dir.signing_key()).unwrap().public_key();
        let state = AppState {
            urls: BlobUrls::new(&base, store.url_key().unwrap()),
            blobs: Blobs::new(dir.blobs()),
            admin: AdminToken::load_or_create(&dir.admin_token()).unwrap(),
            terms: Arc::new(TokenTerms {
                broker: "127.0.0.1:8883".parse().unwrap(),
                namespace: "spacelift".into(),
                ca_pem: Some(authority.certificate_pem().into()),
                signing_key,
            }),
            timings: Timings::default(),
            poll: PollDesk::new(vec![base.clone()], events.downgrade()).unwrap(),
            store,
            control,
            authority,
        };
        let endpoint =
            crate::api::Endpoint { url: base.clone(), listen: None, broker: "127.0.0.1:8883".into(), pid: 1 };
        endpoint.write(&dir).unwrap();
        let client = crate::cli::https_client(state.authority.certificate_pem()).unwrap();
        let (shutdown, told) = watch::channel(false);
        let serving = tokio::spawn(listener.serve(state.clone(), told));
        Self {
            state,
            base,
            client,
            commands,
            events: event_receiver,
            _events: events,
            shutdown,
            serving,
            folder,
        }
    }

    /// Asks the admin API, and gives the status and the body.
    async fn ask(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> (u16, serde_json::Value) {
        let mut request = self
            .client
            .request(method, format!("{}/api/v1{path}", self.base))
            .header("authorization", self.state.admin.header().expose());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> (u16, serde_json::Value) {
        self.ask(reqwest::Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: serde_json::Value) -> (u16, serde_json::Value) {
        self.ask(reqwest::Method::POST, path, Some(body)).await
    }

    /// The status alone: what axum refuses by itself is no JSON.
    async fn post_raw(&self, path: &str, body: serde_json::Value) -> u16 {
        let request = self
            .client
            .post(format!("{}/api/v1{path}", self.base))
            .header("authorization", self.state.admin.header().expose())
            .json(&body);
        request.send().await.unwrap().status().as_u16()
    }

    /// A pool named `main`; its token comes back.
    async fn pool(&self) -> String {
        let csr = PoolKey::generate(2048).unwrap().csr("x").unwrap();
        let body = serde_json::json!({
            "name": "main", "certificateSigningRequest": csr, "space": "root", "driftDetectionRunLimit": -1,
        });
        let (status, answer) = self.post("/pools", body).await;
        assert_eq!(status, 200, "{answer}");
        answer["token"].as_str().unwrap().to_owned()
    }

    /// A stack named `net` on the pool `main`.
    async fn stack(&self) {
        let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let answer = self
            .client
            .put(format!("{}/api/v1/sources/{sha256}", self.base))
            .header("authorization", self.state.admin.header().expose())
            .body("hello")
            .send()
            .await
            .unwrap();
        let source: serde_json::Value = answer.json().await.unwrap();
        let body = serde_json::json!({
            "name": "Net", "pool": "main", "space": "root",
            "code": {
                "branch": "main", "projectRoot": "", "runnerImage": "", "workflow": {"plan": "true"}, "hooks": {},
                "source": source,
            },
        });
        let (status, answer) = self.post("/stacks", body).await;
        assert_eq!((status, answer["id"].as_str()), (200, Some("net")), "{answer}");
    }

    pub(crate) async fn worker(&self) -> WorkerId {
        let now = crate::fresh::now_ms();
        let worker = crate::fresh::worker_id(now).unwrap();
        let pool = self.state.store.find_pool("main").await.unwrap().id;
        let hello = Hello {
            worker,
            versions: vec![1],
            library: "0.1.0".into(),
            metadata: [("instance_id".to_owned(), "i-1".to_owned())].into(),
            capabilities: vec![],
            status: Status { status: WorkerStatus::Idle, status_seq: 1, last_lease_seen: None, run: None },
        };
        self.state.store.worker_hello(pool, &hello, now).await.unwrap();
        worker
    }

    /// Ends the listener in order.
    pub(crate) async fn stop(&mut self) {
        self.shutdown.send(true).unwrap();
        (&mut self.serving).await.unwrap();
    }

    fn command(&mut self) -> Option<Command> {
        self.commands.try_recv().ok()
    }
}
