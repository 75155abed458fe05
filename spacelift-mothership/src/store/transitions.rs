//! Changes of a run's state: compared and set in one transaction, and written down for ever.
//!
//! Source of names: Spacelift, GraphQL `RunStateTransition`.

use serde::{Deserialize, Serialize};
use spacelift_worker_core::ids::RunId;
use spacelift_worker_core::protocol::message::{RunState, RunType};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::row::{Columns, int, json, opt_int, word};
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

    /// The run after this change, and the state that it entered. Pure.
    ///
    /// # Errors
    /// [`TransitionError`] says why there is none.
    pub(super) fn of(&self, run: &Run) -> Result<(Run, Entered), TransitionError> {
        if run.state != self.from {
            return Err(TransitionError::Moved { expected: self.from, actual: run.state });
        }
        let version = self.version.unwrap_or(run.state_version + 1);
        if version <= run.state_version {
            return Err(TransitionError::Late { version, current: run.state_version });
        }
        if !life::is_allowed(run.spec.run_type, run.state, self.to) {
            return Err(TransitionError::NotAllowed { from: run.state, to: self.to });
        }
        Ok(self.forced(run, version))
    }

    /// As [`of`](Self::of), without asking whether it is allowed. Pure.
    pub(super) fn forced(&self, run: &Run, version: u64) -> (Run, Entered) {
        let mut after = Run {
            state: self.to,
            state_version: version,
            unreachable_since: None,
            updated_at: self.now,
            ..run.clone()
        };
        after.spec.user_provided_metadata.extend(self.metadata.clone());
        let entered = Entered {
            state: self.to,
            version,
            note: self.note.clone(),
            username: self.username.clone(),
            at: self.now,
        };
        (after, entered)
    }
}

/// A state that a run entered, to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entered {
    pub(super) state: RunState,
    pub(super) version: u64,
    pub(super) note: Option<String>,
    pub(super) username: Option<String>,
    pub(super) at: u64,
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
        let (run, entered) = change.of(&run_in(&mut tx, change.run).await?)?;
        save(&mut tx, &run, &[entered]).await?;
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

/// Writes a run down as it is after a move, and the states that it entered.
pub(super) async fn save(
    connection: &mut SqliteConnection,
    run: &Run,
    entered: &[Entered],
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE runs SET state = $2, state_version = $3, terminal = $4, metadata = $5, unreachable_since = $6,
             lost = $7, workspace = $8, updated_at = $9, outputs = $10, dependents_due = dependents_due OR $11
         WHERE id = $1",
    )
    .bind(run.id.to_string())
    .bind(word(&run.state))
    .bind(int(run.state_version))
    .bind(run.state.is_terminal())
    .bind(json(&run.spec.user_provided_metadata))
    .bind(opt_int(run.unreachable_since))
    .bind(run.lost)
    .bind(run.workspace.as_ref().map(json))
    .bind(int(run.updated_at))
    .bind(run.outputs.as_ref().map(json))
    // Written together with the end, so that no crash lies between the two.
    .bind(run.spec.run_type == RunType::Tracked && entered.iter().any(|entered| entered.state == RunState::Finished))
    .execute(&mut *connection)
    .await?;
    for entered in entered {
        sqlx::query(
            "INSERT INTO run_transitions (run, state_version, state, note, username, has_logs, timestamp)
             VALUES ($1, $2, $3, $4, $5,
                 EXISTS (SELECT 1 FROM log_segments WHERE run = $1 AND state_version = $2), $6)",
        )
        .bind(run.id.to_string())
        .bind(int(entered.version))
        .bind(word(&entered.state))
        .bind(&entered.note)
        .bind(&entered.username)
        .bind(int(entered.at))
        .execute(&mut *connection)
        .await?;
    }
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
