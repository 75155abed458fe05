//! Tests of the store on a real file; a fixture with one pool, one stack and one worker.

mod dependencies;
mod life_of_a_lease;
mod memory;
mod states;

use spacelift_worker_core::ids::{Lease, MessageId, PoolId, RunId, WorkerId};
use spacelift_worker_core::protocol::message::{
    Commit, EnvironmentVariable, Hello, Phase, RunType, Status, WorkerStatus,
};

use super::*;

const NOW: u64 = 1_700_000_000_000;

struct House {
    folder: tempfile::TempDir,
    store: Store,
    pool: PoolId,
}

fn certificate(serial: &str) -> PoolCertificate {
    PoolCertificate {
        csr: "csr".into(),
        pem: "pem".into(),
        serial: serial.into(),
        fingerprint: format!("sha256-{serial}"),
    }
}

fn hello(worker: WorkerId) -> Hello {
    Hello {
        worker,
        versions: vec![1],
        library: "0.1.0".into(),
        metadata: [("instance_id".to_owned(), "i-1".to_owned())].into(),
        capabilities: vec![],
        status: status(1, None),
    }
}

fn status(status_seq: u64, last_lease_seen: Option<Lease>) -> Status {
    Status { status: WorkerStatus::Idle, status_seq, last_lease_seen, run: None }
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&DataDir::create(folder.path()).unwrap()).await.unwrap();
        let pool = PoolId::from_parts(NOW, 1);
        let new = NewPool {
            id: pool,
            name: "main".into(),
            description: String::new(),
            labels: vec!["blue".into()],
            space: "root".into(),
            drift_detection_run_limit: None,
            certificate: certificate("01"),
        };
        store.create_pool(&new, NOW).await.unwrap();
        Self { folder, store, pool }
    }

    async fn reopened(self) -> Self {
        self.store.close().await;
        let store = Store::open(&DataDir::create(self.folder.path()).unwrap()).await.unwrap();
        Self { store, ..self }
    }

    async fn stack(&self, slug: &str) -> Stack {
        let secret = |name: &str| EnvironmentVariable {
            name: name.into(),
            value: "hunter2hunter2".into(),
            secret: true,
        };
        let new = NewStack {
            slug: slug.into(),
            name: slug.into(),
            space: "root".into(),
            labels: vec![],
            pool: self.pool,
            is_module: false,
            auto_deploy: false,
            code: StackCode::default(),
            environment: vec![
                secret("TOKEN"),
                EnvironmentVariable { name: "REGION".into(), value: "eu-west-1".into(), secret: false },
            ],
        };
        self.store.create_stack(&new, NOW).await.unwrap()
    }

    async fn run(&self, number: u128, run_type: RunType) -> Run {
        if self.store.stack("net").await.is_err() {
            self.stack("net").await;
        }
        let new = NewRun {
            id: RunId::from_parts(NOW, number),
            stack: "net".into(),
            run_type,
            title: "title".into(),
            triggered_by: "ada".into(),
            command: String::new(),
            commit: Commit::default(),
            drift_detection: false,
            metadata: Some("first".into()),
            prioritized: false,
        };
        self.store.create_run(&new, NOW).await.unwrap()
    }

    async fn worker(&self, number: u128) -> WorkerId {
        let worker = WorkerId::from_parts(NOW, number);
        self.store.worker_hello(self.pool, &hello(worker), NOW).await.unwrap();
        worker
    }

    async fn offer(&self, run: RunId, phase: Phase, worker: WorkerId) -> Result<LeaseRecord, LeaseError> {
        let offer_message = MessageId::from_parts(NOW, 1);
        let deadline = NOW + 1000;
        self.store.offer_lease(&NewLease { run, phase, worker, offer_message, deadline, now: NOW }).await
    }

    async fn start(&self, record: &LeaseRecord) -> Result<Run, LeaseError> {
        let until = Until { expires_at: NOW + 90_000, deadline: NOW + 99_000 };
        let command = SentCommand::bare_start(self.pool, record.worker, NOW);
        self.store.start_lease(self.pool, record.lease, record.worker, until, NOW, command).await?;
        Ok(self.store.run(record.run).await?)
    }

    fn end(&self, lease: Lease, to: Option<spacelift_worker_core::protocol::message::RunState>) -> LeaseEnd {
        LeaseEnd {
            pool: self.pool,
            lease,
            reason: "finished".into(),
            to,
            worker_version: None,
            note: None,
            workspace: None,
            outputs: None,
            lost: false,
            now: NOW,
        }
    }
}
