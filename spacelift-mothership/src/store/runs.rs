//! Runs: what was asked for, and how far it is.
//!
//! Source of names: Spacelift, GraphQL `Run`.

use serde::{Deserialize, Serialize};
use spacelift_worker_core::ids::{PoolId, RunId};
use spacelift_worker_core::protocol::message::{
    Commit, OutputVariable, Phase, RunState, RunType, SealedObject,
};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::dependencies::inputs_in;
use super::row::{Columns, int, json, opt_int, word};
use super::stacks::stack_in;
use super::{Source, Store, StoreError, life};

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Its ULID.
    pub id: RunId,
    /// The slug of its stack or module.
    pub stack: String,
    /// Whose workers run it; it stays when the stack moves to another pool.
    pub pool: PoolId,
    /// What was asked for.
    #[serde(flatten)]
    pub spec: RunSpec,
    /// Where it is.
    pub state: RunState,
    /// Rises with each state.
    pub state_version: u64,
    /// Since when its worker has not been heard while it may be changing something, in Unix milliseconds.
    pub unreachable_since: Option<u64>,
    /// Whether it failed because its worker was given up: a late report replaces that verdict.
    pub lost: bool,
    /// The sealed workspace with which it goes on.
    pub workspace: Option<SealedResult>,
    /// The sealed outputs that it handed on.
    pub outputs: Option<SealedResult>,
    /// Unix milliseconds.
    pub created_at: u64,
    /// Unix milliseconds.
    pub updated_at: u64,
}

/// What a run was asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSpec {
    /// Its type.
    #[serde(rename = "type")]
    pub run_type: RunType,
    /// A line for people.
    pub title: String,
    /// Who triggered it.
    pub triggered_by: String,
    /// The command of a task; empty otherwise.
    pub command: String,
    /// The commit that is run.
    pub commit: Commit,
    /// The source code, as it was at the trigger.
    pub source: Source,
    /// Whether it looks for drift.
    pub drift_detection: bool,
    /// Whether its plan waits for a person: tracked runs of stacks without auto-deploy.
    pub needs_approval: bool,
    /// Metadata given by people: at the trigger first, at the confirmation second.
    pub user_provided_metadata: Vec<String>,
    /// Whether it goes ahead of the others.
    pub prioritized: bool,
    /// What it takes of other stacks, as it was at the trigger: the same in all of its phases.
    pub inputs: Vec<RunInput>,
}

/// What a run takes of another stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunInput {
    /// The slug of that stack.
    pub stack: String,
    /// Which outputs become which variables.
    pub variables: Vec<OutputVariable>,
    /// The newest outputs of that stack and the run that made them; none when it had not handed on any.
    pub outputs: Option<(RunId, SealedResult)>,
}

/// What a phase made and sealed: a workspace for the next one, or outputs for other stacks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SealedResult {
    /// Name, length and digest.
    pub object: SealedObject,
    /// The phase that made it.
    pub phase: Phase,
    /// The version of the state in which it was made.
    pub state_version: u64,
}

/// A run to be made; the rest comes from its stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRun {
    /// Made by the caller. Its time decides who was first.
    pub id: RunId,
    /// The slug of its stack or module.
    pub stack: String,
    /// Its type.
    pub run_type: RunType,
    /// A line for people.
    pub title: String,
    /// Who triggers it.
    pub triggered_by: String,
    /// The command of a task; empty otherwise.
    pub command: String,
    /// The commit that is run.
    pub commit: Commit,
    /// Whether it looks for drift.
    pub drift_detection: bool,
    /// Metadata given by people.
    pub metadata: Option<String>,
    /// Whether it goes ahead of the others.
    pub prioritized: bool,
}

const COLUMNS: &str = "SELECT id, stack, pool, type, title, triggered_by, command, commit_details, source,
    drift_detection, needs_approval, metadata, prioritized, state, state_version, unreachable_since, lost, workspace,
    outputs, inputs,    created_at, updated_at FROM runs ";

impl Store {
    /// Adds a run in state QUEUED, with version 1.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the stack is not there.
    pub async fn create_run(&self, new: &NewRun, now: u64) -> Result<Run, StoreError> {
        let mut tx = self.write().await?;
        create_in(&mut tx, new, now).await?;
        tx.commit().await?;
        self.run(new.id).await
    }

    /// One run.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn run(&self, id: RunId) -> Result<Run, StoreError> {
        let mut connection = self.pool.acquire().await?;
        run_in(&mut connection, id).await
    }

    /// The runs of a stack or module, newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn runs_of_stack(&self, slug: &str) -> Result<Vec<Run>, StoreError> {
        let sql = format!("{COLUMNS} WHERE stack = $1 ORDER BY id DESC");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(slug).fetch_all(&self.pool).await?;
        rows.iter().map(read).collect()
    }

    /// The runs of a pool that have not ended, oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open_runs(&self, pool: PoolId) -> Result<Vec<Run>, StoreError> {
        let sql = format!("{COLUMNS} WHERE pool = $1 AND NOT terminal ORDER BY id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(pool.to_string()).fetch_all(&self.pool).await?;
        rows.iter().map(read).collect()
    }

    /// Puts a run ahead of the others, or back among them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn set_prioritized(&self, id: RunId, prioritized: bool, now: u64) -> Result<Run, StoreError> {
        sqlx::query("UPDATE runs SET prioritized = $2, updated_at = $3 WHERE id = $1")
            .bind(id.to_string())
            .bind(prioritized)
            .bind(int(now))
            .execute(&self.pool)
            .await?;
        self.run(id).await
    }

    /// Notes since when the worker of a run has not been heard, or that it is back.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn set_unreachable(&self, id: RunId, since: Option<u64>) -> Result<Run, StoreError> {
        sqlx::query("UPDATE runs SET unreachable_since = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(opt_int(since))
            .execute(&self.pool)
            .await?;
        self.run(id).await
    }
}

impl Run {
    /// What it waits to have done by a worker; none when it does not wait for one.
    pub fn next_phase(&self) -> Option<Phase> {
        life::next_phase(self.spec.run_type, self.state)
    }
}

/// Adds a run, within a transaction.
pub(super) async fn create_in(
    connection: &mut SqliteConnection,
    new: &NewRun,
    now: u64,
) -> Result<(), StoreError> {
    let stack = stack_in(connection, &new.stack).await?;
    let inputs = inputs_in(connection, &new.stack).await?;
    let needs_approval = new.run_type == RunType::Tracked && !stack.auto_deploy;
    let metadata: Vec<&String> = new.metadata.iter().collect();
    sqlx::query(
        "INSERT INTO runs (id, stack, pool, type, title, triggered_by, command, commit_details, source,
             drift_detection, needs_approval, metadata, prioritized, state, state_version, terminal,
             created_at, updated_at, inputs)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1, FALSE, $15, $15, $16)",
    )
    .bind(new.id.to_string())
    .bind(&new.stack)
    .bind(stack.pool.to_string())
    .bind(word(&new.run_type))
    .bind(&new.title)
    .bind(&new.triggered_by)
    .bind(&new.command)
    .bind(json(&new.commit))
    .bind(json(&stack.code.source))
    .bind(new.drift_detection)
    .bind(needs_approval)
    .bind(json(&metadata))
    .bind(new.prioritized)
    .bind(word(&RunState::Queued))
    .bind(int(now))
    .bind(json(&inputs))
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO run_transitions (run, state_version, state, username, has_logs, timestamp)
         VALUES ($1, 1, $2, $3, FALSE, $4)",
    )
    .bind(new.id.to_string())
    .bind(word(&RunState::Queued))
    .bind(&new.triggered_by)
    .bind(int(now))
    .execute(connection)
    .await?;
    Ok(())
}

/// One run, within a transaction.
pub(super) async fn run_in(connection: &mut SqliteConnection, id: RunId) -> Result<Run, StoreError> {
    let sql = format!("{COLUMNS} WHERE id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.to_string()).fetch_optional(connection).await?;
    row.map_or_else(|| Err(StoreError::NotFound { kind: "run", name: id.to_string() }), |row| read(&row))
}

fn read(row: &SqliteRow) -> Result<Run, StoreError> {
    Ok(Run {
        id: row.parsed("id")?,
        stack: row.text("stack")?,
        pool: row.parsed("pool")?,
        spec: RunSpec {
            run_type: row.named("type")?,
            title: row.text("title")?,
            triggered_by: row.text("triggered_by")?,
            command: row.text("command")?,
            commit: row.record("commit_details")?,
            source: row.record("source")?,
            drift_detection: row.flag("drift_detection")?,
            needs_approval: row.flag("needs_approval")?,
            user_provided_metadata: row.record("metadata")?,
            prioritized: row.flag("prioritized")?,
            inputs: row.record("inputs")?,
        },
        state: row.named("state")?,
        state_version: row.number("state_version")?,
        unreachable_since: row.opt_number("unreachable_since")?,
        lost: row.flag("lost")?,
        workspace: row.opt_record("workspace")?,
        outputs: row.opt_record("outputs")?,
        created_at: row.number("created_at")?,
        updated_at: row.number("updated_at")?,
    })
}
