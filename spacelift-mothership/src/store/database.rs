//! The database: connection, migrations, and the one way to write.

use std::sync::Arc;
use std::time::Duration;

use spacelift_worker_core::crypto::CryptoError;
use spacelift_worker_core::secret::SecretBytes;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{SqlSafeStr, Sqlite, Transaction};

use super::{DataDir, SecretsKey, SecretsKeyError};

/// Why the store could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database failed: disk full, file damaged, locked by another program.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The database could not be brought to this version's form.
    #[error(
        "the database cannot be brought to this version's form; restore a backup or use the version that wrote it"
    )]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The key of the secrets cannot be used.
    #[error("secrets in the database cannot be read or written")]
    Secrets(#[from] SecretsKeyError),
    /// A column holds what this program never writes.
    #[error("the database is damaged: column {column} holds what was never written; restore a backup")]
    Damaged {
        /// Which column.
        column: &'static str,
    },
    /// There is no randomness for an identifier.
    #[error("something could not be given an identifier")]
    Randomness(#[from] CryptoError),
    /// There is no such thing.
    #[error("there is no {kind} {name}")]
    NotFound {
        /// `pool`, `stack`, `run` or `worker`.
        kind: &'static str,
        /// What was asked for.
        name: String,
    },
    /// The name is taken.
    #[error("there is a {kind} {name} already; choose another name")]
    Taken {
        /// `pool` or `stack`.
        kind: &'static str,
        /// The name.
        name: String,
    },
}

/// The control plane's memory. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) pool: SqlitePool,
    pub(super) secrets: Arc<SecretsKey>,
}

impl Store {
    /// Opens the database of a data folder, and makes or upgrades it where needed.
    ///
    /// # Errors
    /// The database or the key of its secrets cannot be opened.
    pub async fn open(dir: &DataDir) -> Result<Self, StoreError> {
        let secrets = Arc::new(SecretsKey::load_or_create(&dir.secrets_key())?);
        let options = SqliteConnectOptions::new()
            .filename(dir.database())
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10));
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
        migrations().run(&pool).await?;
        Ok(Self { pool, secrets })
    }

    /// The key with which URLs of blobs are signed: the same for the life of the data folder, so that a restart keeps every
    /// URL that was given out.
    ///
    /// # Errors
    /// [`StoreError::Secrets`].
    pub fn url_key(&self) -> Result<SecretBytes, StoreError> {
        Ok(self.secrets.derive("blob urls")?)
    }

    /// Closes the database in an orderly way; what was written is durable without it, too.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A transaction that writes. It takes the write lock at once: one that reads first and writes later would fail
    /// when another wrote meanwhile (SQLite, "Isolation", `SQLITE_BUSY_SNAPSHOT`).
    pub(super) async fn write(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }
}

/// The error of an `INSERT` that may meet a taken name.
pub(super) fn taken(error: sqlx::Error, kind: &'static str, name: &str) -> StoreError {
    match error {
        sqlx::Error::Database(inner) if inner.is_unique_violation() => {
            StoreError::Taken { kind, name: name.to_owned() }
        }
        other => StoreError::Database(other),
    }
}

fn migrations() -> Migrator {
    let files = [
        (1, "first", include_str!("migrations/0001_first.sql")),
        (2, "outputs", include_str!("migrations/0002_outputs.sql")),
        (3, "halted", include_str!("migrations/0003_halted.sql")),
    ];
    let migration = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(files.into_iter().map(migration).collect())
}
