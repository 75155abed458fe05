//! The records in memory against the database: the same loop over both says the same, and leaves the same records.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use spacelift_worker_core::ids::{Lease, MessageId, RunId, WorkerId};
use spacelift_worker_core::protocol::message::{
    Accept, Ack, ControlMessage, EndCause, Finished, Goodbye, Hello, Interrupted, Nack, NackReason, Outcome,
    Phase, Progress, RunInHand, RunState, RunType, SealedObject, Status, WorkerBody, WorkerMessage,
    WorkerStatus,
};
use tokio::sync::mpsc;

use super::super::desk::Plain;
use super::super::memory::Memory;
use super::super::task::Control;
use super::super::{Command, ControlError};
use super::bench::{Bench, START, worker_id};
use crate::serve::Timings;
use crate::store::{Book, LeaseRecord, Ledger, Store};
use crate::wire::{WireCommand, WireEvent};

/// What happens to both.
#[derive(Clone, Debug)]
enum Op {
    Hello(u64),
    Status { worker: u64, idle: bool, lease: u64, holds: bool },
    Accept { worker: u64, lease: u64 },
    Ack { worker: u64, back: usize },
    Nack { worker: u64, back: usize, reason: NackReason },
    Progress { worker: u64, lease: u64, version: u64, state: RunState },
    Finished { worker: u64, lease: u64, outcome: Outcome, late: bool },
    Interrupted { worker: u64, lease: u64 },
    Goodbye { worker: u64, crashed: bool },
    Pass(u64),
    Command(u8, u64),
}

fn op() -> impl Strategy<Value = Op> {
    let worker = 1..4_u64;
    let lease = 1..7_u64;
    let reason = prop_oneof![
        Just(NackReason::Busy),
        Just(NackReason::PolicyDenied),
        Just(NackReason::Stale),
        Just(NackReason::Expired),
    ];
    let state = prop_oneof![Just(RunState::Planning), Just(RunState::Applying), Just(RunState::Initializing)];
    let outcome = prop_oneof![Just(Outcome::Succeeded), Just(Outcome::Failed), Just(Outcome::Stopped)];
    prop_oneof![
        3 => worker.clone().prop_map(Op::Hello),
        4 => (worker.clone(), any::<bool>(), lease.clone(), any::<bool>())
            .prop_map(|(worker, idle, lease, holds)| Op::Status { worker, idle, lease, holds }),
        5 => (worker.clone(), lease.clone()).prop_map(|(worker, lease)| Op::Accept { worker, lease }),
        3 => (worker.clone(), 0..4_usize).prop_map(|(worker, back)| Op::Ack { worker, back }),
        2 => (worker.clone(), 0..4_usize, reason)
            .prop_map(|(worker, back, reason)| Op::Nack { worker, back, reason }),
        2 => (worker.clone(), lease.clone(), 2..9_u64, state)
            .prop_map(|(worker, lease, version, state)| Op::Progress { worker, lease, version, state }),
        4 => (worker.clone(), lease.clone(), outcome, any::<bool>())
            .prop_map(|(worker, lease, outcome, late)| Op::Finished { worker, lease, outcome, late }),
        1 => (worker.clone(), lease).prop_map(|(worker, lease)| Op::Interrupted { worker, lease }),
        1 => (worker.clone(), any::<bool>())
            .prop_map(|(worker, crashed)| Op::Goodbye { worker, crashed }),
        4 => prop_oneof![Just(1), Just(15), Just(35), Just(120), Just(5_000)].prop_map(Op::Pass),
        2 => (0..5_u8, worker).prop_map(|(kind, worker)| Op::Command(kind, worker)),
    ]
}

/// One of the two loops.
struct Side<L> {
    control: Control<L, Plain>,
    wire: mpsc::Receiver<WireCommand>,
}

impl<L: Ledger> Side<L> {
    fn new(store: L) -> Self {
        let (sender, wire) = mpsc::channel(1_024);
        let (composer, memory) = (Plain { next: 0 }, Memory::new(START));
        let control = Control { store, composer, wire: sender, timings: Timings::default(), memory };
        Self { control, wire }
    }

    async fn event(
        &mut self,
        pool: spacelift_worker_core::ids::PoolId,
        from: WorkerId,
        bytes: &[u8],
        now: u64,
    ) {
        let event = WireEvent::Message { pool, worker: from, bytes: Bytes::copy_from_slice(bytes) };
        let done = self.control.handle_event(event, now).await;
        self.schedule(done, now).await;
    }

    async fn schedule(&mut self, done: Result<(), ControlError>, now: u64) {
        done.unwrap();
        self.control.schedule(now).await.unwrap();
    }

    /// What was sent since it was last asked.
    fn sent(&mut self) -> Vec<(WorkerId, Bytes)> {
        let mut sent = Vec::new();
        while let Ok(command) = self.wire.try_recv() {
            if let WireCommand::Publish { worker, bytes, .. } = command {
                sent.push((worker, bytes));
            }
        }
        sent
    }

    /// Every record of the pool, as text.
    async fn records(&self, pool: spacelift_worker_core::ids::PoolId, runs: &[RunId]) -> String {
        let store = &self.control.store;
        let mut text =
            format!("{:?}\n{:?}\n", store.pools().await.unwrap(), store.open_runs(pool).await.unwrap());
        text += &format!("{:?}\n", store.workers(pool).await.unwrap());
        for run in runs {
            text += &format!("{:?}\n", store.run(*run).await.unwrap());
            text += &format!("{:?}\n", store.leases_of_run(*run).await.unwrap());
            text += &format!("{:?}\n", store.open_lease_of_run(*run).await.unwrap());
        }
        for number in 1..4 {
            let worker = worker_id(number);
            text += &format!("{:?}\n", store.worker(worker).await.ok());
            text += &format!("{:?}\n", store.open_commands(worker).await.unwrap());
            text += &format!("{:?}\n", store.open_lease_of_worker(worker).await.unwrap());
        }
        // Two leases may have the same deadline, and then their order means nothing.
        let mut open = store.open_leases().await.unwrap();
        open.sort_by_key(|record| record.lease);
        text + &format!("{open:?}")
    }
}

/// Both loops, and what their workers remember.
struct Both {
    bench: Bench,
    database: Side<Store>,
    memory: Side<Book>,
    runs: Vec<RunId>,
    now: u64,
    said: u128,
    seq: BTreeMap<u64, u64>,
    mail: BTreeMap<WorkerId, Vec<MessageId>>,
}

impl Both {
    async fn new() -> Self {
        let mut bench = Bench::new().await;
        bench.stack("auto", true).await;
        let mut runs = Vec::new();
        for (stack, run_type) in [
            ("net", RunType::Tracked),
            ("auto", RunType::Tracked),
            ("net", RunType::Task),
            ("auto", RunType::Proposed),
        ] {
            runs.push(bench.run_on(stack, run_type).await);
        }
        let mut kept = Vec::new();
        for run in &runs {
            kept.push(bench.store.run(*run).await.unwrap());
        }
        let database = Side::new(bench.store.clone());
        let memory = Side::new(Book::new(bench.pool, kept));
        let (seq, mail) = (BTreeMap::new(), BTreeMap::new());
        Self { bench, database, memory, runs, now: START, said: 0, seq, mail }
    }

    /// The run of a lease, and a run all the same where there is no such lease.
    async fn lease(&self, counter: u64) -> (RunId, Lease, Option<LeaseRecord>) {
        let lease = Lease { generation: 1, counter };
        let record = self.bench.store.lease(self.bench.pool, lease).await.ok();
        (record.as_ref().map_or(self.runs[0], |record| record.run), lease, record)
    }

    async fn body(&mut self, op: &Op) -> Option<(u64, WorkerBody)> {
        let back = |mail: &BTreeMap<WorkerId, Vec<MessageId>>, worker: u64, back: usize| {
            mail.get(&worker_id(worker))?.iter().rev().nth(back).copied()
        };
        Some(match *op {
            Op::Hello(worker) => {
                let status = self.status(worker, true, None, None);
                let hello = Hello {
                    worker: worker_id(worker),
                    versions: vec![1],
                    library: String::new(),
                    metadata: [].into(),
                    capabilities: vec![],
                    status,
                };
                (worker, WorkerBody::Hello(hello))
            }
            Op::Status { worker, idle, lease, holds } => {
                let (run, lease, record) = self.lease(lease).await;
                let phase = record.map_or(Phase::Plan, |record| record.phase);
                let hand = RunInHand { run, lease, phase, state: Some(RunState::Preparing) };
                let status = self.status(worker, idle, Some(lease), holds.then_some(hand));
                (worker, WorkerBody::Status(status))
            }
            Op::Accept { worker, lease } => {
                let (run, lease, record) = self.lease(lease).await;
                let re = record.map_or_else(|| MessageId::from_parts(0, 0), |record| record.offer_message);
                (worker, WorkerBody::Accept(Accept { re, run, lease }))
            }
            Op::Ack { worker, back: at } => {
                (worker, WorkerBody::Ack(Ack { re: back(&self.mail, worker, at)? }))
            }
            Op::Nack { worker, back: at, reason } => {
                let re = back(&self.mail, worker, at)?;
                (worker, WorkerBody::Nack(Nack { re, lease: None, reason, note: None }))
            }
            Op::Progress { worker, lease, version, state } => {
                let (run, lease, _) = self.lease(lease).await;
                let progress = Progress { run, lease, state, state_version: version, note: None };
                (worker, WorkerBody::Progress(progress))
            }
            Op::Finished { worker, lease, outcome, late } => {
                let (run, lease, record) = self.lease(lease).await;
                let name = format!("runs/{run}/{lease}/workspace-2");
                let finished = Finished {
                    run,
                    lease,
                    outcome,
                    cause: (late && outcome == Outcome::Failed).then_some(EndCause::LeaseEnded),
                    exit_code: None,
                    reason: None,
                    state_version: 4,
                    workspace: Some(SealedObject { name, len: 1, sha256: "00".into() }),
                    outputs: record.filter(|record| record.phase == Phase::Apply).map(|_| SealedObject {
                        name: format!("runs/{run}/{lease}/outputs-2"),
                        len: 1,
                        sha256: "00".into(),
                    }),
                };
                (worker, WorkerBody::Finished(finished))
            }
            Op::Interrupted { worker, lease } => {
                let (run, lease, _) = self.lease(lease).await;
                (worker, WorkerBody::Interrupted(Interrupted { worker: worker_id(worker), run, lease }))
            }
            Op::Goodbye { worker, crashed } => (worker, WorkerBody::Goodbye(Goodbye { crashed })),
            Op::Pass(_) | Op::Command(..) => return None,
        })
    }

    fn status(&mut self, worker: u64, idle: bool, seen: Option<Lease>, run: Option<RunInHand>) -> Status {
        let seq = self.seq.entry(worker).or_default();
        *seq += 1;
        let status = if idle { WorkerStatus::Idle } else { WorkerStatus::Busy };
        Status { status, status_seq: *seq, last_lease_seen: seen, run }
    }

    async fn take(&mut self, op: Op) {
        let pool = self.bench.pool;
        if let Some((worker, body)) = self.body(&op).await {
            self.said += 1;
            let id = MessageId::from_parts(9, self.said);
            let bytes = WorkerMessage { id, ts: self.now, body }.encode();
            self.database.event(pool, worker_id(worker), &bytes, self.now).await;
            self.memory.event(pool, worker_id(worker), &bytes, self.now).await;
        }
        match op {
            Op::Pass(secs) => {
                self.now += secs * 1_000;
                let done = self.database.control.handle_tick(self.now).await;
                self.database.schedule(done, self.now).await;
                let done = self.memory.control.handle_tick(self.now).await;
                self.memory.schedule(done, self.now).await;
            }
            Op::Command(kind, worker) => {
                let run = self.runs[worker as usize % self.runs.len()];
                let command = match kind {
                    0 | 1 => Command::Drain { worker: worker_id(worker), drain: kind == 0 },
                    2 => Command::Cycle { pool },
                    3 => Command::Stop { run },
                    _ => Command::Kill { run },
                };
                let done = self.database.control.handle_command(command.clone(), self.now).await;
                self.database.schedule(done, self.now).await;
                let done = self.memory.control.handle_command(command, self.now).await;
                self.memory.schedule(done, self.now).await;
            }
            _ => {}
        }
        let sent = self.database.sent();
        assert_eq!(sent, self.memory.sent());
        for (worker, bytes) in sent {
            self.mail.entry(worker).or_default().push(ControlMessage::decode(&bytes).unwrap().id);
        }
        assert_eq!(
            self.database.records(pool, &self.runs).await,
            self.memory.records(pool, &self.runs).await
        );
        assert_eq!(self.database.control.memory, self.memory.control.memory);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_loop_does_the_same_over_memory_and_over_the_database(ops in proptest::collection::vec(op(), 1..60)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let mut both = Both::new().await;
            for op in ops {
                both.take(op).await;
            }
        });
    }
}
