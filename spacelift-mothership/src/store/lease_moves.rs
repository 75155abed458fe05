//! The moves of a lease, each one transaction with what it does to its run.

use spacelift_worker_core::ids::{Lease, MessageId, PoolId, RunId, WorkerId};
use spacelift_worker_core::protocol::message::{Phase, RunState};
use sqlx::SqliteConnection;

use super::counters::{next_cmd_seq, next_lease};
use super::leases::{lease_in, open_where};
use super::row::{Columns, int, json, opt_int, word};
use super::runs::run_in;
use super::transitions::{change_in, enter};
use super::{Change, LeaseRecord, LeaseState, Run, Store, StoreError, TransitionError, Workspace, life};

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
    pub workspace: Option<Workspace>,
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
        if run.next_phase() != Some(new.phase) || held.is_some() {
            return Err(LeaseError::RunNotWaiting { run: new.run });
        }
        let free = sqlx::query(
            "SELECT 1 FROM workers WHERE id = $1 AND pool = $2 AND gone_at IS NULL AND NOT drained
                 AND NOT EXISTS (SELECT 1 FROM leases WHERE worker = $1 AND ended_at IS NULL)",
        )
        .bind(new.worker.to_string())
        .bind(run.pool.to_string())
        .fetch_optional(&mut *tx)
        .await?;
        if free.is_none() {
            return Err(LeaseError::WorkerNotFree { worker: new.worker });
        }
        let lease = next_lease(&mut tx, run.pool).await?;
        let cmd_seq = next_cmd_seq(&mut tx, run.pool).await?;
        sqlx::query(
            "INSERT INTO leases (pool, generation, counter, run, phase, worker, state, offer_message, cmd_seq,
                 offered_at, deadline) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(run.pool.to_string())
        .bind(int(lease.generation))
        .bind(int(lease.counter))
        .bind(new.run.to_string())
        .bind(word(&new.phase))
        .bind(new.worker.to_string())
        .bind(word(&LeaseState::Offered))
        .bind(new.offer_message.to_string())
        .bind(int(cmd_seq))
        .bind(int(new.now))
        .bind(int(new.deadline))
        .execute(&mut *tx)
        .await?;
        let record = lease_in(&mut tx, run.pool, lease).await?;
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
        let record = held_by(&mut tx, pool, lease, worker).await?;
        if record.state != LeaseState::Offered {
            return Err(LeaseError::State { lease, actual: record.state });
        }
        set_state(&mut tx, &record, LeaseState::Accepted).await?;
        let record = lease_in(&mut tx, pool, lease).await?;
        tx.commit().await?;
        Ok(record)
    }

    /// The worker may begin: the lease is STARTED and the run in the phase's first state, before the start is sent.
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
    ) -> Result<(LeaseRecord, Run), LeaseError> {
        let mut tx = self.write().await?;
        let record = held_by(&mut tx, pool, lease, worker).await?;
        if !matches!(record.state, LeaseState::Offered | LeaseState::Accepted) {
            return Err(LeaseError::State { lease, actual: record.state });
        }
        let run = run_in(&mut tx, record.run).await?;
        let change = Change::new(run.id, run.state, life::started_state(record.phase), now);
        change_in(&mut tx, &change).await?;
        set_state(&mut tx, &record, LeaseState::Started).await?;
        sqlx::query("UPDATE leases SET started_at = $4 WHERE pool = $1 AND generation = $2 AND counter = $3")
            .bind(pool.to_string())
            .bind(int(lease.generation))
            .bind(int(lease.counter))
            .bind(int(now))
            .execute(&mut *tx)
            .await?;
        set_times(&mut tx, &record, Some(until.expires_at), until.deadline).await?;
        let (record, run) = (lease_in(&mut tx, pool, lease).await?, run_in(&mut tx, run.id).await?);
        tx.commit().await?;
        Ok((record, run))
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
        let record = lease_in(&mut tx, pool, lease).await?;
        if record.state == LeaseState::Ended {
            return Err(LeaseError::State { lease, actual: record.state });
        }
        set_times(&mut tx, &record, expires_at, deadline).await?;
        let record = lease_in(&mut tx, pool, lease).await?;
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
        if record.state == LeaseState::Ended {
            return Err(LeaseError::State { lease: end.lease, actual: record.state });
        }
        set_state(&mut tx, &record, LeaseState::Ended).await?;
        sqlx::query(
            "UPDATE leases SET ended_at = $4, end_reason = $5 WHERE pool = $1 AND generation = $2 AND counter = $3",
        )
        .bind(end.pool.to_string())
        .bind(int(end.lease.generation))
        .bind(int(end.lease.counter))
        .bind(int(end.now))
        .bind(&end.reason)
        .execute(&mut *tx)
        .await?;
        let mut run = run_in(&mut tx, record.run).await?;
        if let Some(to) = end.to {
            if let Some(last) = skipped(&run, record.phase, to) {
                let version = end.worker_version.filter(|&version| version > run.state_version);
                let change = Change { version, ..Change::new(run.id, run.state, last, end.now) };
                change_in(&mut tx, &change).await?;
                run = run_in(&mut tx, run.id).await?;
            }
            change_in(&mut tx, &end.change(&run, to)).await?;
        }
        keep_result(&mut tx, &run, end).await?;
        let run = run_in(&mut tx, run.id).await?;
        tx.commit().await?;
        Ok(run)
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
        if !run.lost || latest != Some(end.lease) {
            return Err(LeaseError::State { lease: end.lease, actual: record.state });
        }
        if let Some(to) = end.to {
            let change = end.change(&run, to);
            enter(&mut tx, &run, &change, change.version.unwrap_or(run.state_version + 1)).await?;
        }
        keep_result(&mut tx, &run, &LeaseEnd { lost: false, ..end.clone() }).await?;
        let run = run_in(&mut tx, run.id).await?;
        tx.commit().await?;
        Ok(run)
    }
}

impl LeaseEnd {
    fn change(&self, run: &Run, to: RunState) -> Change {
        let version = self.worker_version.map(|version| version.max(run.state_version) + 1);
        Change { version, note: self.note.clone(), ..Change::new(run.id, run.state, to, self.now) }
    }
}

/// The last state of the phase, where the report of its end came before the report that it was entered.
fn skipped(run: &Run, phase: Phase, to: RunState) -> Option<RunState> {
    let last = life::last_state(phase)?;
    let allowed = |from, to| life::is_allowed(run.spec.run_type, from, to);
    (!allowed(run.state, to) && allowed(run.state, last) && allowed(last, to)).then_some(last)
}

async fn keep_result(connection: &mut SqliteConnection, run: &Run, end: &LeaseEnd) -> Result<(), StoreError> {
    // A workspace of an earlier phase stays where there is no newer one.
    let workspace = end.workspace.as_ref().map(json);
    sqlx::query("UPDATE runs SET lost = $2, workspace = COALESCE($3, workspace) WHERE id = $1")
        .bind(run.id.to_string())
        .bind(end.lost)
        .bind(workspace)
        .execute(connection)
        .await?;
    Ok(())
}

async fn held_by(
    connection: &mut SqliteConnection,
    pool: PoolId,
    lease: Lease,
    worker: WorkerId,
) -> Result<LeaseRecord, LeaseError> {
    let record = lease_in(connection, pool, lease).await?;
    if record.worker == worker { Ok(record) } else { Err(LeaseError::NotFound { lease }) }
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

async fn set_state(
    connection: &mut SqliteConnection,
    record: &LeaseRecord,
    state: LeaseState,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE leases SET state = $4 WHERE pool = $1 AND generation = $2 AND counter = $3")
        .bind(record.pool.to_string())
        .bind(int(record.lease.generation))
        .bind(int(record.lease.counter))
        .bind(word(&state))
        .execute(connection)
        .await?;
    Ok(())
}

async fn set_times(
    connection: &mut SqliteConnection,
    record: &LeaseRecord,
    expires_at: Option<u64>,
    deadline: u64,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE leases SET expires_at = $4, deadline = $5 WHERE pool = $1 AND generation = $2 AND counter = $3",
    )
    .bind(record.pool.to_string())
    .bind(int(record.lease.generation))
    .bind(int(record.lease.counter))
    .bind(opt_int(expires_at))
    .bind(int(deadline))
    .execute(connection)
    .await?;
    Ok(())
}
