//! Leases: who may work on what, from the offer to the first terminal report.
//!
//! ```text
//! offer ──> OFFERED ──accept──> ACCEPTED ──start──> STARTED (renewed) ──> ENDED
//!              └───────────────── refused, expired, lost ─────────────────┘
//! ```
//! Two unique indexes keep one open lease a worker and one a run, whatever the caller believes.

use serde::{Deserialize, Serialize};
use spacelift_worker_core::ids::{Lease, MessageId, PoolId, RunId, WorkerId};
use spacelift_worker_core::protocol::message::Phase;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::row::{Columns, int};
use super::{LeaseError, Store, StoreError};

/// How far a lease is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum LeaseState {
    /// The worker said yes.
    Accepted,
    /// Nothing follows, but for a late report about a state-changing phase.
    Ended,
    /// The worker was asked.
    Offered,
    /// The worker may begin, or has begun.
    Started,
}

/// A lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaseRecord {
    /// In which pool.
    pub pool: PoolId,
    /// Its number.
    pub lease: Lease,
    /// Of which run.
    pub run: RunId,
    /// For what.
    pub phase: Phase,
    /// Whose.
    pub worker: WorkerId,
    /// How far.
    pub state: LeaseState,
    /// The id of the offer's message.
    pub offer_message: MessageId,
    /// The `cmd_seq` of the offer.
    pub cmd_seq: u64,
    /// Its times.
    pub times: LeaseTimes,
    /// Why it ended.
    pub end_reason: Option<String>,
    /// Whether its last log segment is known.
    pub logs_complete: bool,
    /// Whether a person asked for its end after it had started.
    pub halted: bool,
}

/// The times of a lease, in Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseTimes {
    /// When it was offered.
    pub offered_at: u64,
    /// When the start was sent.
    pub started_at: Option<u64>,
    /// Until when the worker may believe that it holds it.
    pub expires_at: Option<u64>,
    /// When the control plane does something about it.
    pub deadline: u64,
    /// When it ended.
    pub ended_at: Option<u64>,
}

const COLUMNS: &str =
    "SELECT pool, generation, counter, run, phase, worker, state, offer_message, cmd_seq, offered_at,
    started_at, expires_at, deadline, ended_at, end_reason, logs_complete, halted FROM leases ";

impl Store {
    /// One lease; ended ones, too.
    ///
    /// # Errors
    /// [`LeaseError::NotFound`].
    pub async fn lease(&self, pool: PoolId, lease: Lease) -> Result<LeaseRecord, LeaseError> {
        let mut connection = self.pool.acquire().await?;
        lease_in(&mut connection, pool, lease).await
    }

    /// Every lease of every pool that has not ended, the earliest deadline first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open_leases(&self) -> Result<Vec<LeaseRecord>, StoreError> {
        let sql = format!("{COLUMNS} WHERE ended_at IS NULL ORDER BY deadline, pool, generation, counter");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        rows.iter().map(read).collect()
    }

    /// The lease under which a run is being worked on, if any.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open_lease_of_run(&self, run: RunId) -> Result<Option<LeaseRecord>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        open_where(&mut connection, "run", &run.to_string()).await
    }

    /// The lease that a worker holds, if any.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open_lease_of_worker(&self, worker: WorkerId) -> Result<Option<LeaseRecord>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        open_where(&mut connection, "worker", &worker.to_string()).await
    }

    /// Every lease of a run, in order.
    ///
    /// # Errors
    /// The database failed.
    pub async fn leases_of_run(&self, run: RunId) -> Result<Vec<LeaseRecord>, StoreError> {
        let sql = format!("{COLUMNS} WHERE run = $1 ORDER BY generation, counter");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(run.to_string()).fetch_all(&self.pool).await?;
        rows.iter().map(read).collect()
    }
}

pub(super) async fn lease_in(
    connection: &mut SqliteConnection,
    pool: PoolId,
    lease: Lease,
) -> Result<LeaseRecord, LeaseError> {
    let sql = format!("{COLUMNS} WHERE pool = $1 AND generation = $2 AND counter = $3");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(pool.to_string())
        .bind(int(lease.generation))
        .bind(int(lease.counter))
        .fetch_optional(connection)
        .await?;
    Ok(read(&row.ok_or(LeaseError::NotFound { lease })?)?)
}

/// `column` is `run` or `worker`, never foreign text.
pub(super) async fn open_where(
    connection: &mut SqliteConnection,
    column: &'static str,
    value: &str,
) -> Result<Option<LeaseRecord>, StoreError> {
    let sql = format!("{COLUMNS} WHERE {column} = $1 AND ended_at IS NULL");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(value).fetch_optional(connection).await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &SqliteRow) -> Result<LeaseRecord, StoreError> {
    Ok(LeaseRecord {
        pool: row.parsed("pool")?,
        lease: row.lease()?,
        run: row.parsed("run")?,
        phase: row.named("phase")?,
        worker: row.parsed("worker")?,
        state: row.named("state")?,
        offer_message: row.parsed("offer_message")?,
        cmd_seq: row.number("cmd_seq")?,
        times: LeaseTimes {
            offered_at: row.number("offered_at")?,
            started_at: row.opt_number("started_at")?,
            expires_at: row.opt_number("expires_at")?,
            deadline: row.number("deadline")?,
            ended_at: row.opt_number("ended_at")?,
        },
        end_reason: row.opt_text("end_reason")?,
        logs_complete: row.flag("logs_complete")?,
        halted: row.flag("halted")?,
    })
}
