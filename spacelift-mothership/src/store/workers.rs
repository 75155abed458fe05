//! Workers: who they are, what they last said, and when.
//!
//! Source of names: Spacelift, GraphQL `Worker`; worker pools, "Status".

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use spacelift_worker_core::ids::{Lease, PoolId, WorkerId};
use spacelift_worker_core::protocol::message::{Hello, Status, WorkerStatus};
use sqlx::sqlite::SqliteRow;

use super::row::{Columns, int, json, opt_int, word};
use super::{Store, StoreError};

/// A worker: one process of a launcher, from its start to its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Worker {
    /// Its ULID.
    pub id: WorkerId,
    /// Its pool.
    pub pool: PoolId,
    /// Tags from `SPACELIFT_METADATA_*`.
    pub metadata: BTreeMap<String, String>,
    /// Version of its library.
    pub library: String,
    /// What it said last.
    pub status: WorkerStatus,
    /// Whether a person wants it drained. The worker's own word on that is in `status`.
    pub drained: bool,
    /// The number of the status; a lower one came late.
    pub status_seq: u64,
    /// The highest lease that it had seen when it said so.
    pub last_lease_seen: Option<Lease>,
    /// Unix milliseconds.
    pub created_at: u64,
    /// When it was last heard, in Unix milliseconds.
    pub last_seen: u64,
    /// When it left or was given up, in Unix milliseconds; none while it counts as there.
    pub gone_at: Option<u64>,
    /// Whether it left without a word.
    pub crashed: bool,
}

const COLUMNS: &str =
    "SELECT id, pool, metadata, library, status, drained, status_seq, last_lease_generation,
    last_lease_counter, created_at, last_seen, gone_at, crashed FROM workers ";

impl Store {
    /// A worker said hello: it is made, or brought up to date. One that had been given up is back.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the pool is not there; the worker keeps the pool of its first hello.
    pub async fn worker_hello(&self, pool: PoolId, hello: &Hello, now: u64) -> Result<Worker, StoreError> {
        self.pool(pool).await?;
        let mut tx = self.write().await?;
        sqlx::query(
            "INSERT INTO workers (id, pool, metadata, library, capabilities, status, drained, status_seq,
                 created_at, last_seen, crashed)
             VALUES ($1, $2, $3, $4, $5, $6, FALSE, 0, $7, $7, FALSE)
             ON CONFLICT (id) DO UPDATE SET metadata = excluded.metadata, library = excluded.library,
                 capabilities = excluded.capabilities, last_seen = excluded.last_seen, gone_at = NULL,
                 crashed = FALSE
             WHERE workers.pool = excluded.pool",
        )
        .bind(hello.worker.to_string())
        .bind(pool.to_string())
        .bind(json(&hello.metadata))
        .bind(&hello.library)
        .bind(json(&hello.capabilities))
        .bind(word(&hello.status.status))
        .bind(int(now))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        self.worker_status(hello.worker, &hello.status, now).await?;
        self.worker(hello.worker).await
    }

    /// A worker said its status. False when it came late (a status with the same or a higher number was there), or
    /// the worker is not known; the time at which it was heard counts all the same.
    ///
    /// # Errors
    /// The database failed.
    pub async fn worker_status(
        &self,
        worker: WorkerId,
        status: &Status,
        now: u64,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        sqlx::query("UPDATE workers SET last_seen = $2 WHERE id = $1 AND last_seen < $2")
            .bind(worker.to_string())
            .bind(int(now))
            .execute(&mut *tx)
            .await?;
        let done = sqlx::query(
            "UPDATE workers SET status = $2, status_seq = $3, last_lease_generation = $4, last_lease_counter = $5
             WHERE id = $1 AND status_seq < $3",
        )
        .bind(worker.to_string())
        .bind(word(&status.status))
        .bind(int(status.status_seq))
        .bind(opt_int(status.last_lease_seen.map(|lease| lease.generation)))
        .bind(opt_int(status.last_lease_seen.map(|lease| lease.counter)))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// A worker was heard, whatever it said.
    ///
    /// # Errors
    /// The database failed.
    pub async fn worker_seen(&self, worker: WorkerId, now: u64) -> Result<(), StoreError> {
        sqlx::query("UPDATE workers SET last_seen = $2 WHERE id = $1 AND last_seen < $2")
            .bind(worker.to_string())
            .bind(int(now))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// A person drains a worker, or takes it back.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn set_drained(&self, worker: WorkerId, drained: bool) -> Result<Worker, StoreError> {
        sqlx::query("UPDATE workers SET drained = $2 WHERE id = $1")
            .bind(worker.to_string())
            .bind(drained)
            .execute(&self.pool)
            .await?;
        self.worker(worker).await
    }

    /// A worker left, or was given up. The first word on it stays. False when it was gone already.
    ///
    /// # Errors
    /// The database failed.
    pub async fn worker_gone(&self, worker: WorkerId, crashed: bool, now: u64) -> Result<bool, StoreError> {
        let done =
            sqlx::query("UPDATE workers SET gone_at = $2, crashed = $3 WHERE id = $1 AND gone_at IS NULL")
                .bind(worker.to_string())
                .bind(int(now))
                .bind(crashed)
                .execute(&self.pool)
                .await?;
        Ok(done.rows_affected() > 0)
    }

    /// One worker; gone ones, too.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn worker(&self, id: WorkerId) -> Result<Worker, StoreError> {
        let sql = format!("{COLUMNS} WHERE id = $1");
        let row =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.to_string()).fetch_optional(&self.pool).await?;
        row.map_or_else(
            || Err(StoreError::NotFound { kind: "worker", name: id.to_string() }),
            |row| read(&row),
        )
    }

    /// The workers of a pool that are there, newest first: runs are scheduled on the newest.
    ///
    /// # Errors
    /// The database failed.
    pub async fn workers(&self, pool: PoolId) -> Result<Vec<Worker>, StoreError> {
        let sql = format!("{COLUMNS} WHERE pool = $1 AND gone_at IS NULL ORDER BY created_at DESC, id DESC");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(pool.to_string()).fetch_all(&self.pool).await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<Worker, StoreError> {
    let generation = row.opt_number("last_lease_generation")?;
    let counter = row.opt_number("last_lease_counter")?;
    Ok(Worker {
        id: row.parsed("id")?,
        pool: row.parsed("pool")?,
        metadata: row.record("metadata")?,
        library: row.text("library")?,
        status: row.named("status")?,
        drained: row.flag("drained")?,
        status_seq: row.number("status_seq")?,
        last_lease_seen: generation.zip(counter).map(|(generation, counter)| Lease { generation, counter }),
        created_at: row.number("created_at")?,
        last_seen: row.number("last_seen")?,
        gone_at: row.opt_number("gone_at")?,
        crashed: row.flag("crashed")?,
    })
}
