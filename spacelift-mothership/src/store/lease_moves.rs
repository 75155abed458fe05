//! The moves of a lease, each one transaction with what it does to its run. What a move does is decided in `moves`.

use spacelift_worker_core::ids::{Lease, MessageId, PoolId, RunId, WorkerId};
use spacelift_worker_core::protocol::message::{Phase, RunState};
use sqlx::SqliteConnection;

use super::commands::record_in;
use super::counters::{next_cmd_seq, next_lease};
use super::leases::{lease_in, open_where};
use super::moves::{self, Moved};
use super::row::{Columns, int, opt_int, word};
use super::runs::run_in;
use super::transitions::save;
use super::{LeaseRecord, LeaseState, Run, SealedResult, SentCommand, Store, StoreError, TransitionError};

/// A lease to be given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLease {
    /// Of which run.
    pub run: RunId,
    /// For what.
    pub phase: Phase,
    /// To whom.
    pub worker: WorkerId,
    /// The id that the offer's message will have.
    pub offer_message: MessageId,
    /// When the control plane gives up waiting for an answer, in Unix milliseconds.
    pub deadline: u64,
    /// Unix milliseconds.
    pub now: u64,
}

/// How long a lease holds, in Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Until {
    /// Until when the worker may believe that it holds it.
    pub expires_at: u64,
    /// When the control plane does something about it.
    pub deadline: u64,
}

/// The end of a lease, and what it does to its run, in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseEnd {
    /// In which pool.
    pub pool: PoolId,
    /// Which.
    pub lease: Lease,
    /// Why, for the record.
    pub reason: String,
    /// The state that the run enters; none when it stays where it is (a refused offer).
    pub to: Option<RunState>,
    /// The version of the last state on the worker, where the worker told it. The new state comes after it.
    pub worker_version: Option<u64>,
    /// A word to people on the run. Carries no secret.
    pub note: Option<String>,
    /// The sealed workspace with which the run goes on.
    pub workspace: Option<SealedResult>,
    /// The sealed outputs that the run handed on.
    pub outputs: Option<SealedResult>,
    /// Whether this is a verdict of loss, which a late report may replace.
    pub lost: bool,
    /// Unix milliseconds.
    pub now: u64,
}

/// Why a lease was not given out or did not move.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// There is no such lease in the pool, or it is another worker's.
    #[error("there is no lease {lease} of that worker")]
    NotFound {
        /// Which.
        lease: Lease,
    },
    /// The lease is in a state in which that does not happen: a repeated or late message.
    #[error("lease {lease} is {}", word(actual))]
    State {
        /// Which.
        lease: Lease,
        /// Where it is.
        actual: LeaseState,
    },
    /// The run does not wait for that phase, or another worker has it.
    #[error("run {run} does not wait for a worker")]
    RunNotWaiting {
        /// Which.
        run: RunId,
    },
    /// The worker holds a lease, is drained, is gone, or belongs to another pool.
    #[error("worker {worker} cannot take a run")]
    WorkerNotFree {
        /// Which.
        worker: WorkerId,
    },
    /// The run cannot change as asked.
    #[error(transparent)]
    Transition(#[from] TransitionError),
    /// The store failed, or the run is not there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for LeaseError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Gives out the next lease of the run's pool, with the next `cmd_seq`, before the offer is sent.
    ///
    /// # Errors
    /// The run does not wait for that phase, or the worker is not free; nothing changed then.
    pub async fn offer_lease(&self, new: &NewLease) -> Result<LeaseRecord, LeaseError> {
        let mut tx = self.write().await?;
        let run = run_in(&mut tx, new.run).await?;
        let held = open_where(&mut tx, "run", &new.run.to_string()).await?;
        let free = sqlx::query(
            "SELECT 1 FROM workers WHERE id = $1 AND pool = $2 AND gone_at IS NULL AND NOT drained
                 AND NOT EXISTS (SELECT 1 FROM leases WHERE worker = $1 AND ended_at IS NULL)",
        )
        .bind(new.worker.to_string())
        .bind(run.pool.to_string())
        .fetch_optional(&mut *tx)
        .await?;
        moves::may_offer(new, &run, held.is_some(), free.is_some())?;
        let lease = next_lease(&mut tx, run.pool).await?;
        let cmd_seq = next_cmd_seq(&mut tx, run.pool).await?;
        let record = moves::offered(new, run.pool, lease, cmd_seq);
        sqlx::query(
            "INSERT INTO leases (pool, generation, counter, run, phase, worker, state, offer_message, cmd_seq,
                 offered_at, deadline) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(record.pool.to_string())
        .bind(int(lease.generation))
        .bind(int(lease.counter))
        .bind(record.run.to_string())
        .bind(word(&record.phase))
        .bind(record.worker.to_string())
        .bind(word(&record.state))
        .bind(record.offer_message.to_string())
        .bind(int(record.cmd_seq))
        .bind(int(record.times.offered_at))
        .bind(int(record.times.deadline))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(record)
    }

    /// The worker said yes to an offer. A repeat is an error of kind [`LeaseError::State`] and changes nothing.
    ///
    /// # Errors
    /// The lease is not offered, or not to this worker.
    pub async fn accept_lease(
        &self,
        pool: PoolId,
        lease: Lease,
        worker: WorkerId,
    ) -> Result<LeaseRecord, LeaseError> {
        let mut tx = self.write().await?;
        let record = moves::accept(lease_in(&mut tx, pool, lease).await?, worker)?;
        save_lease(&mut tx, &record).await?;
        tx.commit().await?;
        Ok(record)
    }

    /// The worker may begin: the lease is STARTED, the run in the phase's first state and the command to start stored, before
    /// it is sent. `command` makes it from its `cmd_seq`.
    ///
    /// # Errors
    /// The lease is not open and waiting, or the run has moved; nothing changed then.
    pub async fn start_lease(
        &self,
        pool: PoolId,
        lease: Lease,
        worker: WorkerId,
        until: Until,
        now: u64,
        command: impl FnOnce(u64) -> SentCommand,
    ) -> Result<SentCommand, LeaseError> {
        let mut tx = self.write().await?;
        let record = lease_in(&mut tx, pool, lease).await?;
        let run = run_in(&mut tx, record.run).await?;
        save_moved(&mut tx, moves::start(record, run, worker, until, now)?).await?;
        let command = command(next_cmd_seq(&mut tx, pool).await?);
        record_in(&mut tx, &command).await?;
        tx.commit().await?;
        Ok(command)
    }

    /// Moves the times of an open lease: a renewal, or another deadline of the control plane's own.
    ///
    /// # Errors
    /// The lease has ended or is not there.
    pub async fn extend_lease(
        &self,
        pool: PoolId,
        lease: Lease,
        expires_at: Option<u64>,
        deadline: u64,
    ) -> Result<LeaseRecord, LeaseError> {
        let mut tx = self.write().await?;
        let record = moves::extend(lease_in(&mut tx, pool, lease).await?, expires_at, deadline)?;
        save_lease(&mut tx, &record).await?;
        tx.commit().await?;
        Ok(record)
    }

    /// Remembers that a person asked for the end of a started lease, before its worker is asked.
    ///
    /// # Errors
    /// The lease has not started, has ended or is not there.
    pub async fn halt_lease(&self, pool: PoolId, lease: Lease) -> Result<LeaseRecord, LeaseError> {
        let mut tx = self.write().await?;
        let record = moves::halt(lease_in(&mut tx, pool, lease).await?)?;
        save_lease(&mut tx, &record).await?;
        tx.commit().await?;
        Ok(record)
    }

    /// Ends a lease and moves its run. The first end wins: a second is an error of kind [`LeaseError::State`].
    ///
    /// # Errors
    /// The lease has ended, or the run cannot go there; nothing changed then.
    pub async fn end_lease(&self, end: &LeaseEnd) -> Result<Run, LeaseError> {
        let mut tx = self.write().await?;
        let record = lease_in(&mut tx, end.pool, end.lease).await?;
        let run = run_in(&mut tx, record.run).await?;
        let moved = save_moved(&mut tx, moves::end(record, run, end)?).await?;
        tx.commit().await?;
        Ok(moved.run)
    }

    /// A late report about a run that failed because its worker was given up: what the worker says replaces that
    /// verdict, once (guarantee 3). For the latest lease of the run alone.
    ///
    /// # Errors
    /// [`LeaseError::State`] when there is no such verdict to replace.
    pub async fn replace_verdict(&self, end: &LeaseEnd) -> Result<Run, LeaseError> {
        let mut tx = self.write().await?;
        let record = lease_in(&mut tx, end.pool, end.lease).await?;
        let run = run_in(&mut tx, record.run).await?;
        let latest = latest_of(&mut tx, run.id).await?;
        let moved = save_moved(&mut tx, moves::replace(record, run, latest, end)?).await?;
        tx.commit().await?;
        Ok(moved.run)
    }
}

async fn latest_of(connection: &mut SqliteConnection, run: RunId) -> Result<Option<Lease>, StoreError> {
    let row = sqlx::query(
        "SELECT generation, counter FROM leases WHERE run = $1 ORDER BY generation DESC, counter DESC LIMIT 1",
    )
    .bind(run.to_string())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(Columns::lease).transpose()
}

async fn save_moved(connection: &mut SqliteConnection, moved: Moved) -> Result<Moved, StoreError> {
    save_lease(connection, &moved.lease).await?;
    save(connection, &moved.run, &moved.entered).await?;
    Ok(moved)
}

async fn save_lease(connection: &mut SqliteConnection, record: &LeaseRecord) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE leases SET state = $4, started_at = $5, expires_at = $6, deadline = $7, ended_at = $8,
             end_reason = $9, halted = $10 WHERE pool = $1 AND generation = $2 AND counter = $3",
    )
    .bind(record.pool.to_string())
    .bind(int(record.lease.generation))
    .bind(int(record.lease.counter))
    .bind(word(&record.state))
    .bind(opt_int(record.times.started_at))
    .bind(opt_int(record.times.expires_at))
    .bind(int(record.times.deadline))
    .bind(opt_int(record.times.ended_at))
    .bind(&record.end_reason)
    .bind(record.halted)
    .execute(connection)
    .await?;
    Ok(())
}
