//! The control loop's records in memory: plain data, cloned, compared and hashed, so that a model checker can walk it.
//!
//! One pool. What a move does is decided by the same code as in the database, `moves` and `transitions`; a test of the
//! control loop runs both side by side. It keeps no logs and no history of a run's states.

use std::sync::Arc;

use spacelift_worker_core::ids::{Lease, MessageId, PoolId, RunId, WorkerId};
use spacelift_worker_core::protocol::message::{ControlMessage, Hello, LogManifest, Status};

use super::moves::{self, Moved};
use super::{
    Change, CommandKind, LeaseEnd, LeaseError, LeaseRecord, LeaseState, LeaseTimes, Ledger, NewLease, Run,
    SentCommand, StoreError, TransitionError, Until, Worker,
};
use crate::schedule::PoolLimit;

/// Records of one pool. Clones share what neither has changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Book {
    pool: PoolId,
    last_lease: u64,
    cmd_seq: u64,
    workers: Vec<Arc<Worker>>,
    runs: Vec<Arc<Run>>,
    leases: Vec<Arc<LeaseRecord>>,
    /// Those that were not answered, in the order of `cmd_seq`.
    commands: Vec<Arc<SentCommand>>,
    /// How many writes still succeed; none for all.
    writes_left: Option<u32>,
}

impl Book {
    /// Records of a pool with these runs, and nothing else.
    pub fn new(pool: PoolId, runs: Vec<Run>) -> Self {
        Self {
            pool,
            last_lease: 0,
            cmd_seq: 0,
            workers: Vec::new(),
            runs: runs.into_iter().map(Arc::new).collect(),
            leases: Vec::new(),
            commands: Vec::new(),
            writes_left: None,
        }
    }

    /// The pool.
    pub fn pool(&self) -> PoolId {
        self.pool
    }

    /// Adds a run.
    pub fn add_run(&mut self, run: Run) {
        self.runs.push(Arc::new(run));
    }

    /// Every run, in the order in which they were given.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().map(Arc::as_ref)
    }

    /// Every lease, in order.
    pub fn leases(&self) -> impl Iterator<Item = &LeaseRecord> {
        self.leases.iter().map(Arc::as_ref)
    }

    /// Every worker that was ever heard of.
    pub fn known_workers(&self) -> impl Iterator<Item = &Worker> {
        self.workers.iter().map(Arc::as_ref)
    }

    /// The number of the last command.
    pub fn cmd_seq(&self) -> u64 {
        self.cmd_seq
    }

    /// From now on so many writes succeed, and the one after them fails; with none, all succeed.
    pub fn fail_after(&mut self, writes: Option<u32>) {
        self.writes_left = writes;
    }

    /// Whether a write has failed since [`fail_after`](Self::fail_after).
    pub fn has_failed(&self) -> bool {
        self.writes_left == Some(0)
    }

    /// Forgets what nothing depends on: hours that are there for people, and all hours of what has ended. So that records
    /// which mean the same are equal.
    pub fn forget_the_unread(&mut self) {
        for record in &mut self.leases {
            let ended = record.state == LeaseState::Ended;
            let times = LeaseTimes {
                offered_at: 0,
                started_at: record.times.started_at.map(|at| if ended { 0 } else { at }),
                expires_at: None,
                deadline: if ended { 0 } else { record.times.deadline },
                ended_at: record.times.ended_at.map(|_| 0),
            };
            if record.times != times {
                let record = Arc::make_mut(record);
                record.times = times;
                if ended {
                    (record.offer_message, record.cmd_seq) = (MessageId::from_parts(0, 0), 0);
                }
            }
        }
        for run in self.runs.iter_mut().filter(|run| run.updated_at != 0) {
            Arc::make_mut(run).updated_at = 0;
        }
        for command in &mut self.commands {
            if let Ok(message) = ControlMessage::decode(&command.body)
                && message.ts != 0
            {
                Arc::make_mut(command).body = ControlMessage { ts: 0, ..message }.encode();
            }
        }
    }

    /// Forgets the commands to these workers and returns their identifiers, and when the workers were heard.
    pub fn forget_the_dead(&mut self, dead: &[WorkerId]) -> Vec<MessageId> {
        let is_theirs = |command: &&Arc<SentCommand>| dead.contains(&command.worker);
        let messages = self.commands.iter().filter(is_theirs).map(|command| command.message).collect();
        self.commands.retain(|command| !dead.contains(&command.worker));
        for worker in self.workers.iter_mut().filter(|worker| dead.contains(&worker.id)) {
            if worker.gone_at != Some(0) {
                let worker = Arc::make_mut(worker);
                (worker.gone_at, worker.last_seen) = (Some(0), 0);
            }
        }
        messages
    }

    /// Before each write. The write that is one too many leaves 0, and so does every one after it.
    fn write(&mut self) -> Result<(), StoreError> {
        match &mut self.writes_left {
            None => Ok(()),
            Some(left) => {
                *left = left.saturating_sub(1);
                if *left > 0 { Ok(()) } else { Err(StoreError::Database(sqlx::Error::PoolClosed)) }
            }
        }
    }

    fn worker_at(&mut self, id: WorkerId) -> Option<&mut Worker> {
        self.workers.iter_mut().find(|worker| worker.id == id).map(Arc::make_mut)
    }

    fn run_at(&mut self, id: RunId) -> Result<&mut Run, StoreError> {
        let found = self.runs.iter_mut().find(|run| run.id == id).map(Arc::make_mut);
        found.ok_or_else(|| not_found("run", id))
    }

    fn find_run(&self, id: RunId) -> Result<Run, StoreError> {
        self.runs().find(|run| run.id == id).cloned().ok_or_else(|| not_found("run", id))
    }

    fn find_lease(&self, pool: PoolId, lease: Lease) -> Result<LeaseRecord, LeaseError> {
        let found = self.leases().find(|record| record.pool == pool && record.lease == lease);
        found.cloned().ok_or(LeaseError::NotFound { lease })
    }

    fn open(&self) -> impl Iterator<Item = &LeaseRecord> {
        self.leases().filter(|record| record.state != LeaseState::Ended)
    }

    fn keep_lease(&mut self, after: &LeaseRecord) {
        if let Some(record) = self.leases.iter_mut().find(|record| record.lease == after.lease)
            && **record != *after
        {
            *record = Arc::new(after.clone());
        }
    }

    fn keep_command(&mut self, command: &SentCommand) {
        self.commands.push(Arc::new(command.clone()));
        self.commands.sort_by_key(|command| command.cmd_seq);
    }

    fn keep(&mut self, moved: &Moved) -> Result<(), StoreError> {
        self.keep_lease(&moved.lease);
        *self.run_at(moved.run.id)? = moved.run.clone();
        Ok(())
    }
}

fn not_found(kind: &'static str, id: impl ToString) -> StoreError {
    StoreError::NotFound { kind, name: id.to_string() }
}

impl Ledger for Book {
    async fn pools(&self) -> Result<Vec<PoolLimit>, StoreError> {
        Ok(vec![PoolLimit { pool: self.pool, drift_limit: -1 }])
    }

    async fn worker(&self, id: WorkerId) -> Result<Worker, StoreError> {
        self.known_workers().find(|worker| worker.id == id).cloned().ok_or_else(|| not_found("worker", id))
    }

    async fn workers(&self, pool: PoolId) -> Result<Vec<Worker>, StoreError> {
        let there = |worker: &&Worker| worker.pool == pool && worker.gone_at.is_none();
        let mut workers: Vec<_> = self.known_workers().filter(there).cloned().collect();
        workers.sort_by_key(|worker| std::cmp::Reverse((worker.created_at, worker.id)));
        Ok(workers)
    }

    async fn worker_hello(&mut self, pool: PoolId, hello: &Hello, now: u64) -> Result<Worker, StoreError> {
        if pool != self.pool {
            return Err(not_found("pool", pool));
        }
        self.write()?;
        match self.worker_at(hello.worker) {
            Some(known) => {
                known.metadata.clone_from(&hello.metadata);
                known.library.clone_from(&hello.library);
                (known.last_seen, known.gone_at, known.crashed) = (now, None, false);
            }
            None => self.workers.push(Arc::new(Worker {
                id: hello.worker,
                pool,
                metadata: hello.metadata.clone(),
                library: hello.library.clone(),
                status: hello.status.status,
                drained: false,
                status_seq: 0,
                last_lease_seen: None,
                created_at: now,
                last_seen: now,
                gone_at: None,
                crashed: false,
            })),
        }
        self.worker_status(hello.worker, &hello.status, now).await?;
        self.worker(hello.worker).await
    }

    async fn worker_status(
        &mut self,
        worker: WorkerId,
        status: &Status,
        now: u64,
    ) -> Result<bool, StoreError> {
        self.write()?;
        let Some(known) = self.worker_at(worker) else { return Ok(false) };
        known.last_seen = known.last_seen.max(now);
        let is_news = known.status_seq < status.status_seq;
        if is_news {
            known.status = status.status;
            known.status_seq = status.status_seq;
            known.last_lease_seen = status.last_lease_seen;
        }
        Ok(is_news)
    }

    async fn worker_seen(&mut self, worker: WorkerId, now: u64) -> Result<(), StoreError> {
        self.write()?;
        if let Some(known) = self.worker_at(worker) {
            known.last_seen = known.last_seen.max(now);
        }
        Ok(())
    }

    async fn worker_gone(&mut self, worker: WorkerId, crashed: bool, now: u64) -> Result<bool, StoreError> {
        self.write()?;
        match self.worker_at(worker) {
            Some(known) if known.gone_at.is_none() => {
                (known.gone_at, known.crashed) = (Some(now), crashed);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn set_drained(&mut self, worker: WorkerId, drained: bool) -> Result<Worker, StoreError> {
        self.write()?;
        if let Some(known) = self.worker_at(worker) {
            known.drained = drained;
        }
        self.worker(worker).await
    }

    async fn run(&self, id: RunId) -> Result<Run, StoreError> {
        self.find_run(id)
    }

    async fn open_runs(&self, pool: PoolId) -> Result<Vec<Run>, StoreError> {
        let open = |run: &&Run| run.pool == pool && !run.state.is_terminal();
        let mut runs: Vec<_> = self.runs().filter(open).cloned().collect();
        runs.sort_by_key(|run| run.id);
        Ok(runs)
    }

    async fn transition(&mut self, change: &Change) -> Result<Run, TransitionError> {
        self.write()?;
        let (after, _) = change.of(&self.find_run(change.run)?)?;
        *self.run_at(change.run)? = after.clone();
        Ok(after)
    }

    async fn set_unreachable(&mut self, id: RunId, since: Option<u64>) -> Result<Run, StoreError> {
        self.write()?;
        self.run_at(id)?.unreachable_since = since;
        self.find_run(id)
    }

    /// No stack of a book depends on another one.
    async fn trigger_dependents(&mut self, _now: u64) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn put_log_manifest(&mut self, manifest: &LogManifest) -> Result<bool, StoreError> {
        self.write()?;
        let found = self.leases.iter_mut().find(|record| record.lease == manifest.lease);
        match found.map(Arc::make_mut) {
            Some(record) if record.run == manifest.run && !record.logs_complete => {
                record.logs_complete = manifest.complete;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn lease(&self, pool: PoolId, lease: Lease) -> Result<LeaseRecord, LeaseError> {
        self.find_lease(pool, lease)
    }

    async fn open_leases(&self) -> Result<Vec<LeaseRecord>, StoreError> {
        let mut open: Vec<_> = self.open().cloned().collect();
        open.sort_by_key(|record| (record.times.deadline, record.lease));
        Ok(open)
    }

    async fn open_lease_of_run(&self, run: RunId) -> Result<Option<LeaseRecord>, StoreError> {
        Ok(self.open().find(|record| record.run == run).cloned())
    }

    async fn open_lease_of_worker(&self, worker: WorkerId) -> Result<Option<LeaseRecord>, StoreError> {
        Ok(self.open().find(|record| record.worker == worker).cloned())
    }

    async fn leases_of_run(&self, run: RunId) -> Result<Vec<LeaseRecord>, StoreError> {
        Ok(self.leases().filter(|record| record.run == run).cloned().collect())
    }

    async fn offer_lease(&mut self, new: &NewLease) -> Result<LeaseRecord, LeaseError> {
        self.write()?;
        let run = self.find_run(new.run)?;
        let is_held = self.open().any(|record| record.run == new.run);
        let has_lease = self.open().any(|record| record.worker == new.worker);
        let is_there = self.known_workers().any(|worker| {
            worker.id == new.worker && worker.pool == run.pool && worker.gone_at.is_none() && !worker.drained
        });
        moves::may_offer(new, &run, is_held, is_there && !has_lease)?;
        self.last_lease += 1;
        self.cmd_seq += 1;
        let lease = Lease { generation: 1, counter: self.last_lease };
        let record = moves::offered(new, run.pool, lease, self.cmd_seq);
        self.leases.push(Arc::new(record.clone()));
        Ok(record)
    }

    async fn start_lease(
        &mut self,
        pool: PoolId,
        lease: Lease,
        worker: WorkerId,
        until: Until,
        now: u64,
        command: impl FnOnce(u64) -> SentCommand,
    ) -> Result<SentCommand, LeaseError> {
        self.write()?;
        let record = self.find_lease(pool, lease)?;
        let run = self.find_run(record.run)?;
        self.keep(&moves::start(record, run, worker, until, now)?)?;
        self.cmd_seq += 1;
        let command = command(self.cmd_seq);
        self.keep_command(&command);
        Ok(command)
    }

    async fn extend_lease(
        &mut self,
        pool: PoolId,
        lease: Lease,
        expires_at: Option<u64>,
        deadline: u64,
    ) -> Result<LeaseRecord, LeaseError> {
        self.write()?;
        let record = moves::extend(self.find_lease(pool, lease)?, expires_at, deadline)?;
        self.keep_lease(&record);
        Ok(record)
    }

    async fn halt_lease(&mut self, pool: PoolId, lease: Lease) -> Result<LeaseRecord, LeaseError> {
        self.write()?;
        let record = moves::halt(self.find_lease(pool, lease)?)?;
        self.keep_lease(&record);
        Ok(record)
    }

    async fn end_lease(&mut self, end: &LeaseEnd) -> Result<Run, LeaseError> {
        self.write()?;
        let record = self.find_lease(end.pool, end.lease)?;
        let run = self.find_run(record.run)?;
        let moved = moves::end(record, run, end)?;
        self.keep(&moved)?;
        Ok(moved.run)
    }

    async fn replace_verdict(&mut self, end: &LeaseEnd) -> Result<Run, LeaseError> {
        self.write()?;
        let record = self.find_lease(end.pool, end.lease)?;
        let run = self.find_run(record.run)?;
        let latest = self.leases().filter(|record| record.run == run.id).map(|record| record.lease).max();
        let moved = moves::replace(record, run, latest, end)?;
        self.keep(&moved)?;
        Ok(moved.run)
    }

    async fn next_cmd_seq(&mut self, pool: PoolId) -> Result<u64, StoreError> {
        if pool != self.pool {
            return Err(not_found("pool", pool));
        }
        self.write()?;
        self.cmd_seq += 1;
        Ok(self.cmd_seq)
    }

    async fn record_command(&mut self, command: &SentCommand) -> Result<(), StoreError> {
        self.write()?;
        self.keep_command(command);
        Ok(())
    }

    async fn open_commands(&self, worker: WorkerId) -> Result<Vec<SentCommand>, StoreError> {
        let of_worker = |command: &&Arc<SentCommand>| command.worker == worker;
        Ok(self.commands.iter().filter(of_worker).map(|command| SentCommand::clone(command)).collect())
    }

    async fn ack_command(
        &mut self,
        worker: WorkerId,
        message: MessageId,
        _now: u64,
    ) -> Result<bool, StoreError> {
        self.write()?;
        let before = self.commands.len();
        self.commands.retain(|command| command.message != message || command.worker != worker);
        Ok(self.commands.len() < before)
    }

    async fn forget_commands(
        &mut self,
        worker: WorkerId,
        kind: CommandKind,
        up_to: u64,
    ) -> Result<(), StoreError> {
        self.write()?;
        let is_of = |command: &SentCommand| {
            command.worker == worker && command.kind == kind && command.cmd_seq <= up_to
        };
        self.commands.retain(|command| !is_of(command));
        Ok(())
    }

    async fn forget_all_commands(&mut self, worker: WorkerId) -> Result<(), StoreError> {
        self.write()?;
        self.commands.retain(|command| command.worker != worker);
        Ok(())
    }
}
