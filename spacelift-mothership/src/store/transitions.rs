//! Changes of a run's state: compared and set in one transaction, and written down for ever.
//!
//! Source of names: Spacelift, GraphQL `RunStateTransition`.

use serde::{Deserialize, Serialize};
use spacelift_worker_core::ids::RunId;
use spacelift_worker_core::protocol::message::RunState;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::row::{Columns, int, json, word};
use super::runs::run_in;
use super::{Run, Store, StoreError, life};

/// A state that a run entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    /// Which state.
    pub state: RunState,
    /// The number of this state of the run.
    pub state_version: u64,
    /// A word to people.
    pub note: Option<String>,
    /// Who asked for it, where a person did.
    pub username: Option<String>,
    /// Whether there are logs of it.
    pub has_logs: bool,
    /// Whether nothing follows.
    pub terminal: bool,
    /// Unix milliseconds.
    pub timestamp: u64,
}

/// A change that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Of which run.
    pub run: RunId,
    /// The state in which the caller believes it is.
    pub from: RunState,
    /// The state to be entered.
    pub to: RunState,
    /// The version of the new state as a worker counts it; it must be higher than the current one. None: the next.
    pub version: Option<u64>,
    /// A word to people. Carries no secret.
    pub note: Option<String>,
    /// Who asks, where a person does.
    pub username: Option<String>,
    /// Metadata that a person gives with it, kept after the earlier ones.
    pub metadata: Option<String>,
    /// Unix milliseconds.
    pub now: u64,
}

impl Change {
    /// A change without a note, by nobody in particular.
    pub fn new(run: RunId, from: RunState, to: RunState, now: u64) -> Self {
        Self { run, from, to, version: None, note: None, username: None, metadata: None, now }
    }
}

/// Why a change did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransitionError {
    /// The run is not where the caller believed it to be.
    #[error("the run is {}, no longer {}; look at it again", word(actual), word(expected))]
    Moved {
        /// What the caller believed.
        expected: RunState,
        /// What is.
        actual: RunState,
    },
    /// A worker's report about a state that was left already.
    #[error("version {version} is not above the current {current}: the report came late")]
    Late {
        /// The version reported.
        version: u64,
        /// The version of the current state.
        current: u64,
    },
    /// There is no way from the one state to the other.
    #[error("a run in state {} cannot become {}", word(from), word(to))]
    NotAllowed {
        /// Where it is.
        from: RunState,
        /// Where it should go.
        to: RunState,
    },
    /// The store failed, or the run is not there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for TransitionError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Changes the state of a run, if it is where the caller believes it to be and may go there.
    ///
    /// # Errors
    /// [`TransitionError`] says why not; nothing changed then.
    pub async fn transition(&self, change: &Change) -> Result<Run, TransitionError> {
        let mut tx = self.write().await?;
        change_in(&mut tx, change).await?;
        let run = run_in(&mut tx, change.run).await?;
        tx.commit().await?;
        Ok(run)
    }

    /// Every state that a run was in, in order.
    ///
    /// # Errors
    /// The database failed.
    pub async fn transitions(&self, run: RunId) -> Result<Vec<Transition>, StoreError> {
        let rows = sqlx::query(
            "SELECT state, state_version, note, username, has_logs, timestamp FROM run_transitions
             WHERE run = $1 ORDER BY state_version",
        )
        .bind(run.to_string())
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(read).collect()
    }
}

/// Checks and makes a change, within a transaction.
pub(super) async fn change_in(
    connection: &mut SqliteConnection,
    change: &Change,
) -> Result<(), TransitionError> {
    let run = run_in(connection, change.run).await?;
    if run.state != change.from {
        return Err(TransitionError::Moved { expected: change.from, actual: run.state });
    }
    let version = change.version.unwrap_or(run.state_version + 1);
    if version <= run.state_version {
        return Err(TransitionError::Late { version, current: run.state_version });
    }
    if !life::is_allowed(run.spec.run_type, run.state, change.to) {
        return Err(TransitionError::NotAllowed { from: run.state, to: change.to });
    }
    Ok(enter(connection, &run, change, version).await?)
}

/// Writes a change down without asking whether it is allowed.
pub(super) async fn enter(
    connection: &mut SqliteConnection,
    run: &Run,
    change: &Change,
    version: u64,
) -> Result<(), StoreError> {
    let mut metadata = run.spec.user_provided_metadata.clone();
    metadata.extend(change.metadata.clone());
    sqlx::query(
        "UPDATE runs SET state = $2, state_version = $3, terminal = $4, metadata = $5, unreachable_since = NULL,
             updated_at = $6 WHERE id = $1",
    )
    .bind(run.id.to_string())
    .bind(word(&change.to))
    .bind(int(version))
    .bind(change.to.is_terminal())
    .bind(json(&metadata))
    .bind(int(change.now))
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO run_transitions (run, state_version, state, note, username, has_logs, timestamp)
         VALUES ($1, $2, $3, $4, $5,
             EXISTS (SELECT 1 FROM log_segments WHERE run = $1 AND state_version = $2), $6)",
    )
    .bind(run.id.to_string())
    .bind(int(version))
    .bind(word(&change.to))
    .bind(&change.note)
    .bind(&change.username)
    .bind(int(change.now))
    .execute(&mut *connection)
    .await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<Transition, StoreError> {
    let state: RunState = row.named("state")?;
    Ok(Transition {
        state,
        state_version: row.number("state_version")?,
        note: row.opt_text("note")?,
        username: row.opt_text("username")?,
        has_logs: row.flag("has_logs")?,
        terminal: state.is_terminal(),
        timestamp: row.number("timestamp")?,
    })
}
