//! Stacks and modules: what runs are made of.

use serde::{Deserialize, Serialize};
use spacelift_worker_core::ids::PoolId;
use spacelift_worker_core::protocol::message::{EnvironmentVariable, Hooks, Workflow};
use spacelift_worker_core::secret::SecretText;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::database::taken;
use super::row::{Columns, int, json};
use super::{Store, StoreError};

/// A stack or a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stack {
    /// Its identifier in the account, made from the name.
    pub slug: String,
    /// For people.
    pub name: String,
    /// The space it lives in.
    pub space: String,
    /// For people and policies.
    pub labels: Vec<String>,
    /// Whose workers run it.
    pub pool: PoolId,
    /// Whether it is a module: its runs are tests.
    pub is_module: bool,
    /// Whether plans are applied without a confirmation.
    pub auto_deploy: bool,
    /// What is run.
    pub code: StackCode,
    /// Unix milliseconds.
    pub created_at: u64,
    /// Unix milliseconds.
    pub updated_at: u64,
}

/// What a stack runs, and in what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackCode {
    /// The tracked branch.
    pub branch: String,
    /// The folder in the source in which commands run; empty for its root.
    pub project_root: String,
    /// The image that a container executor runs; empty for its default.
    pub runner_image: String,
    /// The commands.
    pub workflow: Workflow,
    /// Commands around the commands.
    pub hooks: Hooks,
    /// The source code.
    pub source: Source,
}

/// Source code in the blob folder, as tar compressed with zstd.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// The blob's name.
    pub blob: String,
    /// Its length in bytes.
    pub len: u64,
    /// Its SHA-256 in lower-case hex.
    pub sha256: String,
}

/// A stack or module to be made.
#[derive(Clone, Debug)]
pub struct NewStack {
    /// Unique in the account.
    pub slug: String,
    /// For people.
    pub name: String,
    /// The space it lives in.
    pub space: String,
    /// For people and policies.
    pub labels: Vec<String>,
    /// Whose workers run it.
    pub pool: PoolId,
    /// Whether it is a module.
    pub is_module: bool,
    /// Whether plans are applied without a confirmation.
    pub auto_deploy: bool,
    /// What is run.
    pub code: StackCode,
    /// Its environment; the values of secret variables are encrypted before they are written.
    pub environment: Vec<EnvironmentVariable>,
}

const COLUMNS: &str =
    "SELECT slug, name, space, labels, pool, is_module, auto_deploy, branch, project_root, runner_image,
    workflow, hooks, source, created_at, updated_at FROM stacks ";

impl Store {
    /// Adds a stack or module.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when the slug is in use.
    pub async fn create_stack(&self, new: &NewStack, now: u64) -> Result<Stack, StoreError> {
        let mut tx = self.write().await?;
        sqlx::query(
            "INSERT INTO stacks (slug, name, space, labels, pool, is_module, auto_deploy, branch, project_root,
                 runner_image, workflow, hooks, source, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)",
        )
        .bind(&new.slug)
        .bind(&new.name)
        .bind(&new.space)
        .bind(json(&new.labels))
        .bind(new.pool.to_string())
        .bind(new.is_module)
        .bind(new.auto_deploy)
        .bind(&new.code.branch)
        .bind(&new.code.project_root)
        .bind(&new.code.runner_image)
        .bind(json(&new.code.workflow))
        .bind(json(&new.code.hooks))
        .bind(json(&new.code.source))
        .bind(int(now))
        .execute(&mut *tx)
        .await
        .map_err(|error| taken(error, if new.is_module { "module" } else { "stack" }, &new.slug))?;
        for variable in &new.environment {
            let sealed = variable
                .secret
                .then(|| self.secrets.seal(&place(&new.slug, &variable.name), &variable.value));
            sqlx::query("INSERT INTO stack_environment (stack, name, value, sealed) VALUES ($1, $2, $3, $4)")
                .bind(&new.slug)
                .bind(&variable.name)
                .bind((!variable.secret).then_some(&variable.value))
                .bind(sealed.transpose()?)
                .execute(&mut *tx)
                .await
                .map_err(|error| taken(error, "variable", &variable.name))?;
        }
        tx.commit().await?;
        self.stack(&new.slug).await
    }

    /// One stack or module.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn stack(&self, slug: &str) -> Result<Stack, StoreError> {
        let mut connection = self.pool.acquire().await?;
        stack_in(&mut connection, slug).await
    }

    /// Every stack and module, by slug.
    ///
    /// # Errors
    /// The database failed.
    pub async fn stacks(&self) -> Result<Vec<Stack>, StoreError> {
        let sql = format!("{COLUMNS} ORDER BY slug");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        rows.iter().map(read).collect()
    }

    /// Every stack and module that uses a pool, by slug.
    ///
    /// # Errors
    /// The database failed.
    pub async fn used_by(&self, pool: PoolId) -> Result<Vec<Stack>, StoreError> {
        let sql = format!("{COLUMNS} WHERE pool = $1 ORDER BY slug");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(pool.to_string()).fetch_all(&self.pool).await?;
        rows.iter().map(read).collect()
    }

    /// The environment of a stack, secrets decrypted: for the sealed part of an offer, and nowhere else.
    ///
    /// # Errors
    /// A value cannot be decrypted with `secrets.key`, or the database failed.
    pub async fn stack_environment(&self, slug: &str) -> Result<Vec<EnvironmentVariable>, StoreError> {
        let rows =
            sqlx::query("SELECT name, value, sealed FROM stack_environment WHERE stack = $1 ORDER BY name")
                .bind(slug)
                .fetch_all(&self.pool)
                .await?;
        let mut environment = Vec::with_capacity(rows.len());
        for row in &rows {
            let name = row.text("name")?;
            let sealed: Option<Vec<u8>> = row.try_get("sealed")?;
            let secret = sealed.is_some();
            let value = match sealed {
                Some(sealed) => {
                    SecretText::expose(&self.secrets.open(&place(slug, &name), &sealed)?).to_owned()
                }
                None => row.text("value")?,
            };
            environment.push(EnvironmentVariable { name, value, secret });
        }
        Ok(environment)
    }
}

/// One stack or module, within a transaction.
pub(super) async fn stack_in(connection: &mut SqliteConnection, slug: &str) -> Result<Stack, StoreError> {
    let sql = format!("{COLUMNS} WHERE slug = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(slug).fetch_optional(connection).await?;
    row.map_or_else(|| Err(StoreError::NotFound { kind: "stack", name: slug.to_owned() }), |row| read(&row))
}

/// What a sealed value is bound to, so that it cannot be moved to another stack or variable.
fn place(slug: &str, name: &str) -> String {
    format!("stack_environment/{slug}/{name}")
}

fn read(row: &SqliteRow) -> Result<Stack, StoreError> {
    Ok(Stack {
        slug: row.text("slug")?,
        name: row.text("name")?,
        space: row.text("space")?,
        labels: row.record("labels")?,
        pool: row.parsed("pool")?,
        is_module: row.flag("is_module")?,
        auto_deploy: row.flag("auto_deploy")?,
        code: StackCode {
            branch: row.text("branch")?,
            project_root: row.text("project_root")?,
            runner_image: row.text("runner_image")?,
            workflow: row.record("workflow")?,
            hooks: row.record("hooks")?,
            source: row.record("source")?,
        },
        created_at: row.number("created_at")?,
        updated_at: row.number("updated_at")?,
    })
}
