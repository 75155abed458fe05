//! Pools: made, reset, cycled, shown.

use axum::Json;
use axum::extract::{Path, State};
use spacelift_worker_core::ids::PoolId;
use spacelift_worker_core::pool::{PoolToken, TokenParts};
use spacelift_worker_core::protocol::message::WorkerStatus;
use spacelift_worker_core::secret::SecretText;

use super::refusal::{Refusal, ask};
use crate::api::{CreatePool, PoolCredentials, PoolView, ResetPool};
use crate::ca::{Revoked, Validity};
use crate::control::Command;
use crate::fresh;
use crate::http::AppState;
use crate::store::{NewPool, Pool, PoolCertificate};

pub(super) async fn list(State(state): State<AppState>) -> Result<Json<Vec<PoolView>>, Refusal> {
    let mut views = Vec::new();
    for pool in state.store.pools().await? {
        views.push(view(&state, pool).await?);
    }
    Ok(Json(views))
}

pub(super) async fn show(
    State(state): State<AppState>,
    Path(pool): Path<String>,
) -> Result<Json<PoolView>, Refusal> {
    let pool = state.store.find_pool(&pool).await?;
    Ok(Json(view(&state, pool).await?))
}

pub(super) async fn create(
    State(state): State<AppState>,
    Json(request): Json<CreatePool>,
) -> Result<Json<PoolCredentials>, Refusal> {
    if request.name.trim().is_empty() {
        return Err(Refusal::bad("a pool needs a name"));
    }
    let limit = match request.drift_detection_run_limit {
        -1 => None,
        limit => Some(
            u32::try_from(limit)
                .map_err(|_| Refusal::bad("the drift limit is a number of runs, or -1 for no limit"))?,
        ),
    };
    let now = fresh::now_ms();
    let id = fresh::pool_id(now)?;
    let csr = request.certificate_signing_request;
    let certificate = issue(&state, id, csr, request.certificate_seconds, now)?;
    let new = NewPool {
        id,
        name: request.name,
        description: request.description,
        labels: request.labels,
        space: request.space,
        drift_detection_run_limit: limit,
        certificate,
    };
    let token = token(&state, id, &new.certificate)?;
    let pool = state.store.create_pool(&new, now).await?;
    Ok(Json(credentials(&state, pool, &token).await?))
}

pub(super) async fn reset(
    State(state): State<AppState>,
    Path(pool): Path<String>,
    Json(request): Json<ResetPool>,
) -> Result<Json<PoolCredentials>, Refusal> {
    let pool = state.store.find_pool(&pool).await?;
    let now = fresh::now_ms();
    let csr = request.certificate_signing_request.unwrap_or(pool.certificate.csr);
    let certificate = issue(&state, pool.id, csr, request.certificate_seconds, now)?;
    let token = token(&state, pool.id, &certificate)?;
    let pool = state.store.replace_certificate(pool.id, &certificate, now).await?;
    let revoked = state.store.revoked_certificates().await?;
    let revoked: Vec<_> = revoked
        .into_iter()
        .map(|each| Revoked { serial: each.serial, revoked_at: each.revoked_at })
        .collect();
    state.authority.write_revocation_list(&revoked, now)?;
    ask(&state.control, Command::Reset { pool: pool.id }).await?;
    Ok(Json(credentials(&state, pool, &token).await?))
}

pub(super) async fn cycle(
    State(state): State<AppState>,
    Path(pool): Path<String>,
) -> Result<Json<PoolView>, Refusal> {
    let pool = state.store.find_pool(&pool).await?;
    ask(&state.control, Command::Cycle { pool: pool.id }).await?;
    Ok(Json(view(&state, pool).await?))
}

fn issue(
    state: &AppState,
    pool: PoolId,
    csr: String,
    seconds: Option<i64>,
    now: u64,
) -> Result<PoolCertificate, Refusal> {
    let validity =
        seconds.map_or_else(|| Validity::ten_years(now), |seconds| Validity::seconds(now, seconds));
    let issued = state.authority.pool(&csr, pool, validity)?;
    Ok(PoolCertificate { csr, pem: issued.pem, serial: issued.serial, fingerprint: issued.fingerprint })
}

fn token(state: &AppState, pool: PoolId, certificate: &PoolCertificate) -> Result<SecretText, Refusal> {
    let parts = TokenParts {
        broker_endpoint: state.terms.broker.clone(),
        certificate_pem: certificate.pem.clone(),
        pool_id: pool,
        namespace: state.terms.namespace.clone(),
        ca_pem: state.terms.ca_pem.clone(),
        signing_key: Some(state.terms.signing_key.clone()),
    };
    let token = PoolToken::new(parts).map_err(|error| Refusal::bad(error.to_string()))?;
    Ok(token.encode())
}

async fn credentials(state: &AppState, pool: Pool, token: &SecretText) -> Result<PoolCredentials, Refusal> {
    Ok(PoolCredentials { pool: view(state, pool).await?, token: token.expose().to_owned() })
}

async fn view(state: &AppState, pool: Pool) -> Result<PoolView, Refusal> {
    let workers = super::workers::views(state, pool.id).await?;
    let runs = state.store.open_runs(pool.id).await?;
    let mut pending = 0;
    for run in runs.iter().filter(|run| run.next_phase().is_some()) {
        pending += usize::from(state.store.open_lease_of_run(run.id).await?.is_none());
    }
    Ok(PoolView {
        id: pool.id,
        name: pool.name,
        description: pool.description,
        labels: pool.labels,
        space: pool.space,
        drift_detection_run_limit: pool.drift_detection_run_limit.map_or(-1, i64::from),
        workers_count: workers.len(),
        busy_workers: workers
            .iter()
            .filter(|worker| worker.busy || worker.status == WorkerStatus::Busy)
            .count(),
        pending_runs: pending,
        users_count: state.store.used_by(pool.id).await?.len(),
        created_at: pool.created_at / 1000,
        updated_at: pool.updated_at / 1000,
    })
}
