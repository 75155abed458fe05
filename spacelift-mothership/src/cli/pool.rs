//! `mothership pool …`

use std::io;
use std::path::{Path, PathBuf};

use super::args::{CredentialArgs, PoolArgs};
use super::ask::{Person, consent};
use super::client::Client;
use super::main::CommandError;
use super::output::{Output, table, time};
use crate::api::{CreatePool, PoolCredentials, PoolView, ResetPool};
use crate::store::private_file;

/// Why a pool's files could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolFileError {
    /// The request cannot be read.
    #[error("cannot read the certificate signing request {}", path.display())]
    Csr {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The token cannot be written, and nothing was changed.
    #[error("cannot write the token to {}; nothing was changed", path.display())]
    Place {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The token was made and cannot be written.
    #[error("cannot write the token to {}; get another one with: mothership pool reset", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

pub(super) async fn run(
    client: &Client,
    args: PoolArgs,
    person: &mut (dyn Person + Send),
    output: &mut Output<'_>,
) -> Result<(), CommandError> {
    match args {
        PoolArgs::Create { name, csr, description, space, labels, drift_limit, credentials } => {
            let request = CreatePool {
                name,
                certificate_signing_request: read_csr(&csr)?,
                description,
                labels,
                space,
                drift_detection_run_limit: drift_limit,
                certificate_seconds: credentials.certificate_seconds,
            };
            check_place(&credentials.token_out)?;
            let made: PoolCredentials = client.post("/pools", &request).await?;
            deliver(&made, &credentials, output)
        }
        PoolArgs::List => {
            let pools: Vec<PoolView> = client.get("/pools").await?;
            Ok(output.show(&pools, |pools| list(pools))?)
        }
        PoolArgs::Reset { pool, csr, yes, credentials } => {
            let known: PoolView = client.get(&format!("/pools/{pool}")).await?;
            check_place(&credentials.token_out)?;
            let request = ResetPool {
                certificate_signing_request: csr.map(|csr| read_csr(&csr)).transpose()?,
                certificate_seconds: credentials.certificate_seconds,
            };
            let question = format!(
                "Reset pool {} ({})? Its {} workers are cut off, and need the new token.",
                known.name, known.id, known.workers_count
            );
            consent(person, &question, yes)?;
            let made: PoolCredentials = client.post(&format!("/pools/{}/reset", known.id), &request).await?;
            deliver(&made, &credentials, output)
        }
        PoolArgs::Cycle { pool, yes } => {
            let known: PoolView = client.get(&format!("/pools/{pool}")).await?;
            let question = format!(
                "Cycle pool {} ({})? Its {} workers end within 20 seconds, and {} runs with them.",
                known.name, known.id, known.workers_count, known.busy_workers
            );
            consent(person, &question, yes)?;
            let empty = serde_json::json!({});
            let cycled: PoolView = client.post(&format!("/pools/{}/cycle", known.id), &empty).await?;
            let text = |pool: &PoolView| {
                format!("{} workers of pool {} were told to end\n", pool.workers_count, pool.name)
            };
            Ok(output.show(&cycled, text)?)
        }
    }
}

fn list(pools: &[PoolView]) -> String {
    let row = |pool: &PoolView| {
        [
            pool.id.to_string(),
            pool.name.clone(),
            pool.space.clone(),
            format!("{} ({} busy)", pool.workers_count, pool.busy_workers),
            pool.pending_runs.to_string(),
            pool.users_count.to_string(),
            match pool.drift_detection_run_limit {
                -1 => "none".to_owned(),
                limit => limit.to_string(),
            },
            time(pool.created_at),
        ]
    };
    let headings = ["ID", "NAME", "SPACE", "WORKERS", "PENDING", "USED BY", "DRIFT LIMIT", "CREATED"];
    table(headings, pools.iter().map(row))
}

fn read_csr(path: &Path) -> Result<String, PoolFileError> {
    std::fs::read_to_string(path).map_err(|source| PoolFileError::Csr { path: path.to_owned(), source })
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Finds out before anything is changed whether the token can be written: it is shown once.
fn check_place(path: &Path) -> Result<(), PoolFileError> {
    if is_stdout(path) {
        return Ok(());
    }
    let place = |source| PoolFileError::Place { path: path.to_owned(), source };
    if path.is_dir() {
        return Err(place(io::ErrorKind::IsADirectory.into()));
    }
    private_file::check_folder(path).map_err(place)
}

fn deliver(
    made: &PoolCredentials,
    args: &CredentialArgs,
    output: &mut Output<'_>,
) -> Result<(), CommandError> {
    if is_stdout(&args.token_out) {
        return Ok(output.show(made, |made| format!("{}\n", made.token))?);
    }
    private_file::replace(&args.token_out, made.token.as_bytes())
        .map_err(|source| PoolFileError::Token { path: args.token_out.clone(), source })?;
    let text = |pool: &PoolView| {
        format!("pool {} ({}); its token is in {}\n", pool.name, pool.id, args.token_out.display())
    };
    Ok(output.show(&made.pool, text)?)
}
