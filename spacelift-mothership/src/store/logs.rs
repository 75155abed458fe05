//! Log segments: which objects, in which order, make up the log of a run.

use serde::{Deserialize, Serialize};
use spacelift_worker_core::ids::{Lease, RunId};
use spacelift_worker_core::protocol::message::{LogManifest, LogSegment};
use sqlx::sqlite::SqliteRow;

use super::row::{Columns, int, word};
use super::{Store, StoreError};

/// A log segment and the lease under which it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSegment {
    /// By which lease.
    pub lease: Lease,
    /// Name, length, digest, and the state it belongs to.
    #[serde(flatten)]
    pub segment: LogSegment,
}

impl Store {
    /// Takes a manifest. Each is whole and replaces the one before; one that is shorter came late and is left, and so is
    /// everything after a complete one. False when it was left.
    ///
    /// # Errors
    /// The database failed, or the run is not there.
    pub async fn put_log_manifest(&self, manifest: &LogManifest) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let (generation, counter) = (int(manifest.lease.generation), int(manifest.lease.counter));
        let run = manifest.run.to_string();
        let known = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM log_segments WHERE run = $1 AND generation = $2 AND counter = $3) AS number,
                 logs_complete FROM leases WHERE run = $1 AND generation = $2 AND counter = $3",
        )
        .bind(&run)
        .bind(generation)
        .bind(counter)
        .fetch_optional(&mut *tx)
        .await?;
        // A lease that was never given out for this run has no log.
        let Some(known) = known else { return Ok(false) };
        let number = usize::try_from(known.number("number")?).unwrap_or(usize::MAX);
        if known.flag("logs_complete")? || manifest.segments.len() < number {
            return Ok(false);
        }
        for (position, segment) in (0_i64..).zip(&manifest.segments).skip(number) {
            sqlx::query(
                "INSERT INTO log_segments (run, generation, counter, position, name, len, sha256, state, state_version)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(&run)
            .bind(generation)
            .bind(counter)
            .bind(position)
            .bind(&segment.name)
            .bind(int(segment.len))
            .bind(&segment.sha256)
            .bind(word(&segment.state))
            .bind(int(segment.state_version))
            .execute(&mut *tx)
            .await?;
        }
        sqlx::query(
            "UPDATE run_transitions SET has_logs = TRUE WHERE run = $1 AND state_version IN
                 (SELECT state_version FROM log_segments WHERE run = $1)",
        )
        .bind(&run)
        .execute(&mut *tx)
        .await?;
        if manifest.complete {
            sqlx::query(
                "UPDATE leases SET logs_complete = TRUE WHERE run = $1 AND generation = $2 AND counter = $3",
            )
            .bind(&run)
            .bind(generation)
            .bind(counter)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// The log of a run, in the order in which it was printed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn log_segments(&self, run: RunId) -> Result<Vec<StoredSegment>, StoreError> {
        let rows = sqlx::query(
            "SELECT generation, counter, name, len, sha256, state, state_version FROM log_segments
             WHERE run = $1 ORDER BY generation, counter, position",
        )
        .bind(run.to_string())
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<StoredSegment, StoreError> {
    Ok(StoredSegment {
        lease: row.lease()?,
        segment: LogSegment {
            name: row.text("name")?,
            len: row.number("len")?,
            sha256: row.text("sha256")?,
            state: row.named("state")?,
            state_version: row.number("state_version")?,
        },
    })
}
