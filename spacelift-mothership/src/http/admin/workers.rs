//! Workers: shown, drained, taken back.

use axum::Json;
use axum::extract::{Path, State};
use spacelift_worker_core::ids::{PoolId, WorkerId};
use spacelift_worker_core::protocol::message::WorkerStatus;

use super::refusal::{Refusal, ask};
use crate::api::{DrainWorker, WorkerView};
use crate::control::Command;
use crate::http::AppState;
use crate::store::Worker;

pub(super) async fn list(
    State(state): State<AppState>,
    Path(pool): Path<String>,
) -> Result<Json<Vec<WorkerView>>, Refusal> {
    let pool = state.store.find_pool(&pool).await?;
    Ok(Json(views(&state, pool.id).await?))
}

/// From when this is written down, the worker gets no new run; so `busy` in the answer is the last word on what it holds.
pub(super) async fn drain(
    State(state): State<AppState>,
    Path(worker): Path<String>,
    Json(request): Json<DrainWorker>,
) -> Result<Json<WorkerView>, Refusal> {
    let worker: WorkerId = worker.parse().map_err(|error| Refusal::bad(format!("{worker}: {error}")))?;
    if state.store.worker(worker).await?.gone_at.is_some() {
        return Err(Refusal::conflict(format!("worker {worker} has left")));
    }
    let known = state.store.set_drained(worker, request.drain).await?;
    ask(&state.control, Command::Drain { worker, drain: request.drain }).await?;
    Ok(Json(view(&state, known).await?))
}

pub(super) async fn views(state: &AppState, pool: PoolId) -> Result<Vec<WorkerView>, Refusal> {
    let mut views = Vec::new();
    for worker in state.store.workers(pool).await? {
        views.push(view(state, worker).await?);
    }
    Ok(views)
}

async fn view(state: &AppState, worker: Worker) -> Result<WorkerView, Refusal> {
    let lease = state.store.open_lease_of_worker(worker.id).await?;
    let busy = lease.is_some() || worker.status == WorkerStatus::Busy;
    let drained = worker.drained || worker.status == WorkerStatus::Drained;
    Ok(WorkerView {
        id: worker.id,
        worker_pool: worker.pool,
        status: match (drained, busy) {
            (true, _) => WorkerStatus::Drained,
            (false, true) => WorkerStatus::Busy,
            (false, false) => WorkerStatus::Idle,
        },
        busy,
        drained,
        run: lease.map(|lease| lease.run),
        metadata: worker.metadata,
        version: worker.library,
        created_at: worker.created_at / 1000,
        last_seen_at: worker.last_seen / 1000,
    })
}
