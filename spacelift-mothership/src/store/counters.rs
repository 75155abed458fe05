//! The counters of a pool: durable and strictly rising, whatever happens in between.

use spacelift_worker_core::ids::{Lease, PoolId};
use sqlx::SqliteConnection;

use super::row::Columns;
use super::{Store, StoreError};

/// By how much the command counter jumps when a backup was restored: more commands than were ever sent since.
const RESTORE_JUMP: i64 = 1 << 32;

/// Takes the next lease of a pool, within a transaction.
pub(super) async fn next_lease(connection: &mut SqliteConnection, pool: PoolId) -> Result<Lease, StoreError> {
    let row = sqlx::query(
        "UPDATE pools SET lease_counter = lease_counter + 1 WHERE id = $1
         RETURNING lease_generation AS generation, lease_counter AS counter",
    )
    .bind(pool.to_string())
    .fetch_optional(connection)
    .await?;
    row.ok_or_else(|| StoreError::NotFound { kind: "pool", name: pool.to_string() })?.lease()
}

/// Takes the next command number of a pool, within a transaction.
pub(super) async fn next_cmd_seq(connection: &mut SqliteConnection, pool: PoolId) -> Result<u64, StoreError> {
    let row = sqlx::query("UPDATE pools SET cmd_seq = cmd_seq + 1 WHERE id = $1 RETURNING cmd_seq")
        .bind(pool.to_string())
        .fetch_optional(connection)
        .await?;
    row.ok_or_else(|| StoreError::NotFound { kind: "pool", name: pool.to_string() })?.number("cmd_seq")
}

impl Store {
    /// The next `cmd_seq` of a pool: higher than every one before, also when nothing is ever sent with it.
    ///
    /// # Errors
    /// The pool is not there, or the database failed.
    pub async fn next_cmd_seq(&self, pool: PoolId) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let seq = next_cmd_seq(&mut tx, pool).await?;
        tx.commit().await?;
        Ok(seq)
    }

    /// To be called once after a backup was restored: from here on, no lease equals one that was given out after the
    /// backup was taken, and every command is newer than those sent since.
    ///
    /// # Errors
    /// The database failed.
    pub async fn raise_generation(&self) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sqlx::query("UPDATE pools SET lease_generation = lease_generation + 1, cmd_seq = cmd_seq + $1")
            .bind(RESTORE_JUMP)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}
