//! Commands to workers: what was sent and not yet acknowledged, so that a restart sends the same bytes again.

use serde::{Deserialize, Serialize};
use spacelift_worker_core::ids::{MessageId, PoolId, WorkerId};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::row::{Columns, int, word};
use super::{Store, StoreError};

/// What a command asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CommandKind {
    /// Self-destruct.
    Cycle,
    /// Take no new work, or take it again.
    Drain,
    /// End a run now.
    Kill,
    /// A phase of a run.
    Offer,
    /// Go on.
    Renew,
    /// Begin.
    Start,
    /// Ask a run to end.
    Stop,
}

/// A command that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SentCommand {
    /// The pool in which `cmd_seq` counts.
    pub pool: PoolId,
    /// Taken by [`Store::next_cmd_seq`].
    pub cmd_seq: u64,
    /// To whom.
    pub worker: WorkerId,
    /// What.
    pub kind: CommandKind,
    /// The id of its message, by which it is acknowledged.
    pub message: MessageId,
    /// The whole message as sent. Sealed parts are sealed here, too.
    pub body: Vec<u8>,
    /// Unix milliseconds.
    pub sent_at: u64,
}

#[cfg(test)]
impl SentCommand {
    /// A start without a body, for a worker.
    pub(crate) fn bare_start(pool: PoolId, worker: WorkerId, now: u64) -> impl Fn(u64) -> Self {
        move |cmd_seq| Self {
            pool,
            cmd_seq,
            worker,
            kind: CommandKind::Start,
            message: MessageId::from_parts(now, cmd_seq.into()),
            body: Vec::new(),
            sent_at: now,
        }
    }
}

impl Store {
    /// Remembers a command, before it is sent.
    ///
    /// # Errors
    /// The database failed; also when the number or the message was used before.
    pub async fn record_command(&self, command: &SentCommand) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await?;
        record_in(&mut connection, command).await
    }

    /// A worker answered a command. False when it was answered before, or is another worker's, or is not known.
    ///
    /// # Errors
    /// The database failed.
    pub async fn ack_command(
        &self,
        worker: WorkerId,
        message: MessageId,
        now: u64,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE commands SET acked_at = $3, body = $4 WHERE message = $1 AND worker = $2 AND acked_at IS NULL",
        )
        .bind(message.to_string())
        .bind(worker.to_string())
        .bind(int(now))
        .bind(Vec::new())
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// What a worker has not answered yet, in the order of `cmd_seq`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open_commands(&self, worker: WorkerId) -> Result<Vec<SentCommand>, StoreError> {
        let rows = sqlx::query(
            "SELECT pool, cmd_seq, worker, kind, message, body, sent_at FROM commands
             WHERE worker = $1 AND acked_at IS NULL ORDER BY cmd_seq",
        )
        .bind(worker.to_string())
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Forgets commands that no longer matter: all to this worker up to and with `cmd_seq` of this kind, such as the
    /// drains that a newer one overrules.
    ///
    /// # Errors
    /// The database failed.
    pub async fn forget_commands(
        &self,
        worker: WorkerId,
        kind: CommandKind,
        up_to: u64,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM commands WHERE worker = $1 AND kind = $2 AND cmd_seq <= $3")
            .bind(worker.to_string())
            .bind(word(&kind))
            .bind(int(up_to))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Forgets every command to a worker that will not come back.
    ///
    /// # Errors
    /// The database failed.
    pub async fn forget_all_commands(&self, worker: WorkerId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM commands WHERE worker = $1")
            .bind(worker.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// Remembers a command, within a transaction.
pub(super) async fn record_in(
    connection: &mut SqliteConnection,
    command: &SentCommand,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO commands (pool, cmd_seq, worker, kind, message, body, sent_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(command.pool.to_string())
    .bind(int(command.cmd_seq))
    .bind(command.worker.to_string())
    .bind(word(&command.kind))
    .bind(command.message.to_string())
    .bind(&command.body)
    .bind(int(command.sent_at))
    .execute(connection)
    .await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<SentCommand, StoreError> {
    Ok(SentCommand {
        pool: row.parsed("pool")?,
        cmd_seq: row.number("cmd_seq")?,
        worker: row.parsed("worker")?,
        kind: row.named("kind")?,
        message: row.parsed("message")?,
        body: row.try_get("body")?,
        sent_at: row.number("sent_at")?,
    })
}
