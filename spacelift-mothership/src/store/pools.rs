//! Worker pools and their certificates.
//!
//! Source of names: Spacelift, GraphQL `WorkerPool`.

use serde::{Deserialize, Serialize};
use spacelift_worker_core::ids::PoolId;
use sqlx::sqlite::SqliteRow;

use super::database::taken;
use super::row::{Columns, int, json};
use super::{Store, StoreError};

/// A worker pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pool {
    /// Its ULID.
    pub id: PoolId,
    /// Unique among the pools that are not deleted.
    pub name: String,
    /// For people.
    pub description: String,
    /// For people and policies.
    pub labels: Vec<String>,
    /// The space it lives in.
    pub space: String,
    /// How many drift detection runs may be in progress at once; none when there is no limit, 0 when there are none to be.
    pub drift_detection_run_limit: Option<u32>,
    /// What its workers connect with.
    pub certificate: PoolCertificate,
    /// Unix milliseconds.
    pub created_at: u64,
    /// Unix milliseconds.
    pub updated_at: u64,
    /// Whether it was deleted.
    pub deleted: bool,
}

/// A pool's certificate and the request that it was made from. Public data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolCertificate {
    /// The certificate signing request (PEM).
    pub csr: String,
    /// The certificate (PEM).
    pub pem: String,
    /// Its serial number in lower-case hex.
    pub serial: String,
    /// SHA-256 of its DER form in lower-case hex.
    pub fingerprint: String,
}

/// A pool to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPool {
    /// Made by the caller, since the certificate carries it.
    pub id: PoolId,
    /// Unique among the pools that are not deleted.
    pub name: String,
    /// For people.
    pub description: String,
    /// For people and policies.
    pub labels: Vec<String>,
    /// The space it lives in.
    pub space: String,
    /// None for no limit.
    pub drift_detection_run_limit: Option<u32>,
    /// What its workers connect with.
    pub certificate: PoolCertificate,
}

/// A certificate with which nobody may connect any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Its serial number in lower-case hex.
    pub serial: String,
    /// SHA-256 of its DER form in lower-case hex.
    pub fingerprint: String,
    /// Whose it was.
    pub pool: PoolId,
    /// Unix milliseconds.
    pub revoked_at: u64,
}

const COLUMNS: &str =
    "SELECT id, name, description, labels, space, drift_detection_run_limit, csr, certificate,
    certificate_serial, certificate_fingerprint, created_at, updated_at, deleted_at FROM pools ";

impl Store {
    /// Adds a pool.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when the name is in use.
    pub async fn create_pool(&self, new: &NewPool, now: u64) -> Result<Pool, StoreError> {
        let mut tx = self.write().await?;
        let limit = new.drift_detection_run_limit.map_or(-1, i64::from);
        sqlx::query(
            "INSERT INTO pools (id, name, description, labels, space, drift_detection_run_limit, csr, certificate,
                 certificate_serial, certificate_fingerprint, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)",
        )
        .bind(new.id.to_string())
        .bind(&new.name)
        .bind(&new.description)
        .bind(json(&new.labels))
        .bind(&new.space)
        .bind(limit)
        .bind(&new.certificate.csr)
        .bind(&new.certificate.pem)
        .bind(&new.certificate.serial)
        .bind(&new.certificate.fingerprint)
        .bind(int(now))
        .execute(&mut *tx)
        .await
        .map_err(|error| taken(error, "pool", &new.name))?;
        tx.commit().await?;
        self.pool(new.id).await
    }

    /// One pool; deleted ones, too.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn pool(&self, id: PoolId) -> Result<Pool, StoreError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE id = $1")))
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await?;
        row.map_or_else(|| Err(StoreError::NotFound { kind: "pool", name: id.to_string() }), |row| read(&row))
    }

    /// A pool that is not deleted, by its id or its name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find_pool(&self, id_or_name: &str) -> Result<Pool, StoreError> {
        // An id wins over a name that looks like another pool's id.
        let sql = format!("{COLUMNS} WHERE deleted_at IS NULL AND (id = $1 OR name = $1) ORDER BY id <> $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id_or_name).fetch_optional(&self.pool).await?;
        row.map_or_else(
            || Err(StoreError::NotFound { kind: "pool", name: id_or_name.to_owned() }),
            |row| read(&row),
        )
    }

    /// Every pool that is not deleted, oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn pools(&self) -> Result<Vec<Pool>, StoreError> {
        let sql = format!("{COLUMNS} WHERE deleted_at IS NULL ORDER BY id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        rows.iter().map(read).collect()
    }

    /// Resets a pool: the new certificate counts, the old one is revoked.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn replace_certificate(
        &self,
        id: PoolId,
        certificate: &PoolCertificate,
        now: u64,
    ) -> Result<Pool, StoreError> {
        let mut tx = self.write().await?;
        sqlx::query(
            "INSERT INTO revoked_certificates (serial, fingerprint, pool, revoked_at)
             SELECT certificate_serial, certificate_fingerprint, id, $2 FROM pools WHERE id = $1",
        )
        .bind(id.to_string())
        .bind(int(now))
        .execute(&mut *tx)
        .await?;
        let done = sqlx::query(
            "UPDATE pools SET csr = $2, certificate = $3, certificate_serial = $4, certificate_fingerprint = $5,
                 updated_at = $6 WHERE id = $1",
        )
        .bind(id.to_string())
        .bind(&certificate.csr)
        .bind(&certificate.pem)
        .bind(&certificate.serial)
        .bind(&certificate.fingerprint)
        .bind(int(now))
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::NotFound { kind: "pool", name: id.to_string() });
        }
        tx.commit().await?;
        self.pool(id).await
    }

    /// Every certificate that was revoked, oldest first: what a revocation list is made of.
    ///
    /// # Errors
    /// The database failed.
    pub async fn revoked_certificates(&self) -> Result<Vec<RevokedCertificate>, StoreError> {
        let rows = sqlx::query(
            "SELECT serial, fingerprint, pool, revoked_at FROM revoked_certificates ORDER BY revoked_at, serial",
        )
        .fetch_all(&self.pool)
        .await?;
        let read = |row: &SqliteRow| {
            Ok(RevokedCertificate {
                serial: row.text("serial")?,
                fingerprint: row.text("fingerprint")?,
                pool: row.parsed("pool")?,
                revoked_at: row.number("revoked_at")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Whether a client may connect with this certificate (SHA-256 of its DER form, lower-case hex): it is the current
    /// one of that pool, and the pool is not deleted. Says no to everything it does not know.
    ///
    /// # Errors
    /// The database failed.
    pub async fn may_connect(&self, pool: PoolId, fingerprint: &str) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT 1 FROM pools WHERE id = $1 AND certificate_fingerprint = $2 AND deleted_at IS NULL",
        )
        .bind(pool.to_string())
        .bind(fingerprint)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.is_some())
    }
}

fn read(row: &SqliteRow) -> Result<Pool, StoreError> {
    let column = "drift_detection_run_limit";
    let limit: i64 = sqlx::Row::try_get(row, column)?;
    Ok(Pool {
        id: row.parsed("id")?,
        name: row.text("name")?,
        description: row.text("description")?,
        labels: row.record("labels")?,
        space: row.text("space")?,
        drift_detection_run_limit: u32::try_from(limit).ok(),
        certificate: PoolCertificate {
            csr: row.text("csr")?,
            pem: row.text("certificate")?,
            serial: row.text("certificate_serial")?,
            fingerprint: row.text("certificate_fingerprint")?,
        },
        created_at: row.number("created_at")?,
        updated_at: row.number("updated_at")?,
        deleted: row.opt_number("deleted_at")?.is_some(),
    })
}
