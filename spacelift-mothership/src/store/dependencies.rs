//! Which stack takes outputs of which other one, and the runs that follow from it.

use spacelift_worker_core::protocol::message::{Commit, OutputVariable, RunState, RunType};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::row::{Columns, json, word};
use super::runs::{create_in, run_in};
use super::stacks::stack_in;
use super::{NewRun, RunInput, Store, StoreError};
use crate::fresh;

/// A stack that depends on another one: whenever a tracked run of that one is finished, a run of this one is triggered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The slug of the stack that depends.
    pub stack: String,
    /// The slug of the stack on which it depends.
    pub upstream: String,
    /// Which outputs become which variables.
    pub variables: Vec<OutputVariable>,
}

/// Why a stack cannot depend on another one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DependencyError {
    /// Directly or through others, the one depends on the other already.
    #[error("the stack {upstream} depends on {stack} already: their runs would trigger each other for ever")]
    Circle {
        /// The one that was to depend.
        stack: String,
        /// On which.
        upstream: String,
    },
    /// One of them is a module.
    #[error("{0} is a module: only stacks depend on each other")]
    Module(String),
    /// They are run by workers of different pools.
    #[error(
        "the stacks {stack} and {upstream} use different worker pools: outputs are sealed to the key of a pool, so both must use the same one"
    )]
    Pools {
        /// The one that was to depend.
        stack: String,
        /// On which.
        upstream: String,
    },
    /// The store failed, or a stack is not there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for DependencyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Makes a stack depend on another one, or changes what it takes of it.
    ///
    /// # Errors
    /// [`DependencyError`]; nothing changed then.
    pub async fn put_dependency(&self, new: &Dependency) -> Result<(), DependencyError> {
        let Dependency { stack, upstream, variables } = new;
        let mut tx = self.write().await?;
        let (this, other) = (stack_in(&mut tx, stack).await?, stack_in(&mut tx, upstream).await?);
        if let Some(module) = [&this, &other].into_iter().find(|stack| stack.is_module) {
            return Err(DependencyError::Module(module.slug.clone()));
        }
        if this.pool != other.pool {
            return Err(DependencyError::Pools { stack: stack.clone(), upstream: upstream.clone() });
        }
        // `UNION` drops repeats, so that the walk ends.
        let circle = sqlx::query(
            "WITH RECURSIVE above (slug) AS (
                 SELECT $1 UNION SELECT upstream FROM stack_dependencies JOIN above ON stack = slug
             ) SELECT 1 FROM above WHERE slug = $2",
        )
        .bind(upstream)
        .bind(stack)
        .fetch_optional(&mut *tx)
        .await?;
        if circle.is_some() {
            return Err(DependencyError::Circle { stack: stack.clone(), upstream: upstream.clone() });
        }
        sqlx::query(
            "INSERT INTO stack_dependencies (stack, upstream, variables) VALUES ($1, $2, $3)
             ON CONFLICT (stack, upstream) DO UPDATE SET variables = $3",
        )
        .bind(stack)
        .bind(upstream)
        .bind(json(variables))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Makes a stack independent of another one. Runs that were triggered already keep what they take.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it does not depend on it.
    pub async fn remove_dependency(&self, stack: &str, upstream: &str) -> Result<(), StoreError> {
        let removed = sqlx::query("DELETE FROM stack_dependencies WHERE stack = $1 AND upstream = $2")
            .bind(stack)
            .bind(upstream)
            .execute(&self.pool)
            .await?;
        if removed.rows_affected() == 0 {
            let name = format!("of the stack {stack} on {upstream}");
            return Err(StoreError::NotFound { kind: "dependency", name });
        }
        Ok(())
    }

    /// On what a stack depends, by slug.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn dependencies(&self, stack: &str) -> Result<Vec<Dependency>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        stack_in(&mut connection, stack).await?;
        dependencies_in(&mut connection, stack).await
    }

    /// Triggers the runs that follow from runs which are finished, each once. How many there were.
    ///
    /// # Errors
    /// The database failed; what was not triggered is at the next call.
    pub async fn trigger_dependents(&self, now: u64) -> Result<usize, StoreError> {
        let mut triggered = 0;
        loop {
            let mut tx = self.write().await?;
            let due = sqlx::query("SELECT id FROM runs WHERE dependents_due ORDER BY id LIMIT 1")
                .fetch_optional(&mut *tx)
                .await?;
            let Some(due) = due else { return Ok(triggered) };
            let cause = run_in(&mut tx, due.parsed("id")?).await?;
            let dependents =
                sqlx::query("SELECT stack FROM stack_dependencies WHERE upstream = $1 ORDER BY stack")
                    .bind(&cause.stack)
                    .fetch_all(&mut *tx)
                    .await?;
            for dependent in &dependents {
                let new = NewRun {
                    id: fresh::run_id(now)?,
                    stack: dependent.text("stack")?,
                    run_type: RunType::Tracked,
                    title: format!("Triggered by the stack {}, run {}", cause.stack, cause.id),
                    triggered_by: format!("stack/{}", cause.stack),
                    command: String::new(),
                    commit: Commit::default(),
                    drift_detection: false,
                    metadata: None,
                    prioritized: false,
                };
                create_in(&mut tx, &new, now).await?;
            }
            sqlx::query("UPDATE runs SET dependents_due = FALSE WHERE id = $1")
                .bind(cause.id.to_string())
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            triggered += dependents.len();
        }
    }
}

/// What a run of this stack takes that is triggered now.
pub(super) async fn inputs_in(
    connection: &mut SqliteConnection,
    stack: &str,
) -> Result<Vec<RunInput>, StoreError> {
    let mut inputs = Vec::new();
    for dependency in dependencies_in(connection, stack).await? {
        // Without variables the one just follows the other.
        if dependency.variables.is_empty() {
            continue;
        }
        let newest = sqlx::query(
            "SELECT id, outputs FROM runs WHERE stack = $1 AND outputs IS NOT NULL AND state = $2
             ORDER BY updated_at DESC, id DESC LIMIT 1",
        )
        .bind(&dependency.upstream)
        .bind(word(&RunState::Finished))
        .fetch_optional(&mut *connection)
        .await?;
        let outputs = match newest {
            Some(row) => Some((row.parsed("id")?, row.record("outputs")?)),
            None => None,
        };
        inputs.push(RunInput { stack: dependency.upstream, variables: dependency.variables, outputs });
    }
    Ok(inputs)
}

async fn dependencies_in(
    connection: &mut SqliteConnection,
    stack: &str,
) -> Result<Vec<Dependency>, StoreError> {
    let rows = sqlx::query(
        "SELECT stack, upstream, variables FROM stack_dependencies WHERE stack = $1 ORDER BY upstream",
    )
    .bind(stack)
    .fetch_all(connection)
    .await?;
    rows.iter().map(read).collect()
}

fn read(row: &SqliteRow) -> Result<Dependency, StoreError> {
    Ok(Dependency {
        stack: row.text("stack")?,
        upstream: row.text("upstream")?,
        variables: row.record("variables")?,
    })
}
