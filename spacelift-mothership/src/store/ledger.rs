//! What the control loop reads and writes, so that it runs over a database and over memory alike.

use spacelift_worker_core::ids::{Lease, MessageId, PoolId, RunId, WorkerId};
use spacelift_worker_core::protocol::message::{Hello, LogManifest, Status};

use super::{
    Change, CommandKind, LeaseEnd, LeaseError, LeaseRecord, NewLease, Run, SentCommand, Store, StoreError,
    TransitionError, Until, Worker,
};
use crate::schedule::PoolLimit;

/// The records of a control plane. [`Store`] keeps them in a database, and its methods of the same names say what each
/// does and how it fails. Each is one transaction, durable when it returns.
pub(crate) trait Ledger {
    /// Every pool.
    async fn pools(&self) -> Result<Vec<PoolLimit>, StoreError>;

    async fn worker(&self, id: WorkerId) -> Result<Worker, StoreError>;
    async fn workers(&self, pool: PoolId) -> Result<Vec<Worker>, StoreError>;
    async fn worker_hello(&mut self, pool: PoolId, hello: &Hello, now: u64) -> Result<Worker, StoreError>;
    async fn worker_status(
        &mut self,
        worker: WorkerId,
        status: &Status,
        now: u64,
    ) -> Result<bool, StoreError>;
    async fn worker_seen(&mut self, worker: WorkerId, now: u64) -> Result<(), StoreError>;
    async fn worker_gone(&mut self, worker: WorkerId, crashed: bool, now: u64) -> Result<bool, StoreError>;
    async fn set_drained(&mut self, worker: WorkerId, drained: bool) -> Result<Worker, StoreError>;

    async fn run(&self, id: RunId) -> Result<Run, StoreError>;
    async fn open_runs(&self, pool: PoolId) -> Result<Vec<Run>, StoreError>;
    async fn transition(&mut self, change: &Change) -> Result<Run, TransitionError>;
    async fn set_unreachable(&mut self, id: RunId, since: Option<u64>) -> Result<Run, StoreError>;
    async fn trigger_dependents(&mut self, now: u64) -> Result<usize, StoreError>;
    async fn put_log_manifest(&mut self, manifest: &LogManifest) -> Result<bool, StoreError>;

    async fn lease(&self, pool: PoolId, lease: Lease) -> Result<LeaseRecord, LeaseError>;
    async fn open_leases(&self) -> Result<Vec<LeaseRecord>, StoreError>;
    async fn open_lease_of_run(&self, run: RunId) -> Result<Option<LeaseRecord>, StoreError>;
    async fn open_lease_of_worker(&self, worker: WorkerId) -> Result<Option<LeaseRecord>, StoreError>;
    async fn leases_of_run(&self, run: RunId) -> Result<Vec<LeaseRecord>, StoreError>;
    async fn offer_lease(&mut self, new: &NewLease) -> Result<LeaseRecord, LeaseError>;
    async fn start_lease(
        &mut self,
        pool: PoolId,
        lease: Lease,
        worker: WorkerId,
        until: Until,
        now: u64,
        command: impl FnOnce(u64) -> SentCommand,
    ) -> Result<SentCommand, LeaseError>;
    async fn extend_lease(
        &mut self,
        pool: PoolId,
        lease: Lease,
        expires_at: Option<u64>,
        deadline: u64,
    ) -> Result<LeaseRecord, LeaseError>;
    async fn halt_lease(&mut self, pool: PoolId, lease: Lease) -> Result<LeaseRecord, LeaseError>;
    async fn end_lease(&mut self, end: &LeaseEnd) -> Result<Run, LeaseError>;
    async fn replace_verdict(&mut self, end: &LeaseEnd) -> Result<Run, LeaseError>;

    async fn next_cmd_seq(&mut self, pool: PoolId) -> Result<u64, StoreError>;
    async fn record_command(&mut self, command: &SentCommand) -> Result<(), StoreError>;
    async fn open_commands(&self, worker: WorkerId) -> Result<Vec<SentCommand>, StoreError>;
    async fn ack_command(
        &mut self,
        worker: WorkerId,
        message: MessageId,
        now: u64,
    ) -> Result<bool, StoreError>;
    async fn forget_commands(
        &mut self,
        worker: WorkerId,
        kind: CommandKind,
        up_to: u64,
    ) -> Result<(), StoreError>;
    async fn forget_all_commands(&mut self, worker: WorkerId) -> Result<(), StoreError>;
}

impl Ledger for Store {
    async fn pools(&self) -> Result<Vec<PoolLimit>, StoreError> {
        let limit = |limit: Option<u32>| limit.map_or(-1, i64::from);
        let pools = Self::pools(self).await?;
        let line = |pool: super::Pool| PoolLimit {
            pool: pool.id,
            drift_limit: limit(pool.drift_detection_run_limit),
        };
        Ok(pools.into_iter().map(line).collect())
    }

    async fn worker(&self, id: WorkerId) -> Result<Worker, StoreError> {
        Self::worker(self, id).await
    }

    async fn workers(&self, pool: PoolId) -> Result<Vec<Worker>, StoreError> {
        Self::workers(self, pool).await
    }

    async fn worker_hello(&mut self, pool: PoolId, hello: &Hello, now: u64) -> Result<Worker, StoreError> {
        Self::worker_hello(self, pool, hello, now).await
    }

    async fn worker_status(
        &mut self,
        worker: WorkerId,
        status: &Status,
        now: u64,
    ) -> Result<bool, StoreError> {
        Self::worker_status(self, worker, status, now).await
    }

    async fn worker_seen(&mut self, worker: WorkerId, now: u64) -> Result<(), StoreError> {
        Self::worker_seen(self, worker, now).await
    }

    async fn worker_gone(&mut self, worker: WorkerId, crashed: bool, now: u64) -> Result<bool, StoreError> {
        Self::worker_gone(self, worker, crashed, now).await
    }

    async fn set_drained(&mut self, worker: WorkerId, drained: bool) -> Result<Worker, StoreError> {
        Self::set_drained(self, worker, drained).await
    }

    async fn run(&self, id: RunId) -> Result<Run, StoreError> {
        Self::run(self, id).await
    }

    async fn open_runs(&self, pool: PoolId) -> Result<Vec<Run>, StoreError> {
        Self::open_runs(self, pool).await
    }

    async fn transition(&mut self, change: &Change) -> Result<Run, TransitionError> {
        Self::transition(self, change).await
    }

    async fn set_unreachable(&mut self, id: RunId, since: Option<u64>) -> Result<Run, StoreError> {
        Self::set_unreachable(self, id, since).await
    }

    async fn trigger_dependents(&mut self, now: u64) -> Result<usize, StoreError> {
        Self::trigger_dependents(self, now).await
    }

    async fn put_log_manifest(&mut self, manifest: &LogManifest) -> Result<bool, StoreError> {
        Self::put_log_manifest(self, manifest).await
    }

    async fn lease(&self, pool: PoolId, lease: Lease) -> Result<LeaseRecord, LeaseError> {
        Self::lease(self, pool, lease).await
    }

    async fn open_leases(&self) -> Result<Vec<LeaseRecord>, StoreError> {
        Self::open_leases(self).await
    }

    async fn open_lease_of_run(&self, run: RunId) -> Result<Option<LeaseRecord>, StoreError> {
        Self::open_lease_of_run(self, run).await
    }

    async fn open_lease_of_worker(&self, worker: WorkerId) -> Result<Option<LeaseRecord>, StoreError> {
        Self::open_lease_of_worker(self, worker).await
    }

    async fn leases_of_run(&self, run: RunId) -> Result<Vec<LeaseRecord>, StoreError> {
        Self::leases_of_run(self, run).await
    }

    async fn offer_lease(&mut self, new: &NewLease) -> Result<LeaseRecord, LeaseError> {
        Self::offer_lease(self, new).await
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
        Self::start_lease(self, pool, lease, worker, until, now, command).await
    }

    async fn extend_lease(
        &mut self,
        pool: PoolId,
        lease: Lease,
        expires_at: Option<u64>,
        deadline: u64,
    ) -> Result<LeaseRecord, LeaseError> {
        Self::extend_lease(self, pool, lease, expires_at, deadline).await
    }

    async fn halt_lease(&mut self, pool: PoolId, lease: Lease) -> Result<LeaseRecord, LeaseError> {
        Self::halt_lease(self, pool, lease).await
    }

    async fn end_lease(&mut self, end: &LeaseEnd) -> Result<Run, LeaseError> {
        Self::end_lease(self, end).await
    }

    async fn replace_verdict(&mut self, end: &LeaseEnd) -> Result<Run, LeaseError> {
        Self::replace_verdict(self, end).await
    }

    async fn next_cmd_seq(&mut self, pool: PoolId) -> Result<u64, StoreError> {
        Self::next_cmd_seq(self, pool).await
    }

    async fn record_command(&mut self, command: &SentCommand) -> Result<(), StoreError> {
        Self::record_command(self, command).await
    }

    async fn open_commands(&self, worker: WorkerId) -> Result<Vec<SentCommand>, StoreError> {
        Self::open_commands(self, worker).await
    }

    async fn ack_command(
        &mut self,
        worker: WorkerId,
        message: MessageId,
        now: u64,
    ) -> Result<bool, StoreError> {
        Self::ack_command(self, worker, message, now).await
    }

    async fn forget_commands(
        &mut self,
        worker: WorkerId,
        kind: CommandKind,
        up_to: u64,
    ) -> Result<(), StoreError> {
        Self::forget_commands(self, worker, kind, up_to).await
    }

    async fn forget_all_commands(&mut self, worker: WorkerId) -> Result<(), StoreError> {
        Self::forget_all_commands(self, worker).await
    }
}
