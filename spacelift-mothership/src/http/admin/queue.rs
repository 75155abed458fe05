//! The queue of a pool: what is under way, then what waits, in the scheduler's own order and words.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use spacelift_worker_core::ids::RunId;
use spacelift_worker_core::protocol::message::WorkerStatus;

use super::refusal::Refusal;
use crate::api::{QueueView, QueuedView, RunningView};
use crate::control;
use crate::fresh;
use crate::http::AppState;
use crate::schedule::{Availability, PoolLimit, Snapshot, Verdict, WorkerSeat, schedule};
use crate::store::{LeaseRecord, Pool, Run, Worker};

pub(super) async fn show(
    State(state): State<AppState>,
    Path(pool): Path<String>,
) -> Result<Json<QueueView>, Refusal> {
    let pool = state.store.find_pool(&pool).await?;
    let runs = state.store.open_runs(pool.id).await?;
    let workers = state.store.workers(pool.id).await?;
    let leases = state.store.open_leases().await?;
    let leases: HashMap<RunId, LeaseRecord> = leases.into_iter().map(|lease| (lease.run, lease)).collect();
    let lost_before = fresh::now_ms().saturating_sub(millis(state.timings.lost_after));
    let snapshot = snapshot(&pool, &runs, &workers, &leases, lost_before);
    let by_id: HashMap<RunId, &Run> = runs.iter().map(|run| (run.id, run)).collect();
    let waiting = schedule(&snapshot).queue.into_iter().enumerate().filter_map(|(index, entry)| {
        let run = by_id.get(&entry.run)?;
        Some(QueuedView {
            position: index + 1,
            run: run.id,
            stack: run.stack.clone(),
            run_type: run.spec.run_type,
            state: run.state,
            prioritized: run.spec.prioritized,
            drift_detection: run.spec.drift_detection,
            created_at: run.created_at / 1000,
            waits_for: match entry.verdict {
                Verdict::Assign(_) => None,
                Verdict::Wait(reason) => Some(reason.to_string()),
            },
        })
    });
    let running = runs.iter().filter(|run| !waits(run, &leases)).map(|run| RunningView {
        run: run.id,
        stack: run.stack.clone(),
        run_type: run.spec.run_type,
        state: run.state,
        worker: leases.get(&run.id).map(|lease| lease.worker),
        unreachable_since: run.unreachable_since.map(|ms| ms / 1000),
    });
    Ok(Json(QueueView { running: running.collect(), waiting: waiting.collect() }))
}

fn waits(run: &Run, leases: &HashMap<RunId, LeaseRecord>) -> bool {
    run.next_phase().is_some() && !leases.contains_key(&run.id)
}

fn snapshot(
    pool: &Pool,
    runs: &[Run],
    workers: &[Worker],
    leases: &HashMap<RunId, LeaseRecord>,
    lost_before: u64,
) -> Snapshot {
    let is_waiting = |run: &&Run| waits(run, leases);
    let waiting =
        runs.iter().filter(is_waiting).map(|run| control::waiting(run, control::Refusers::default()));
    let running = runs.iter().filter(|run| !is_waiting(run));
    let running = running.map(|run| control::running(run, leases.contains_key(&run.id)));
    let seat = |worker: &Worker| WorkerSeat {
        worker: worker.id,
        pool: worker.pool,
        availability: if worker.last_seen < lost_before {
            Availability::Lost
        } else if worker.drained || worker.status == WorkerStatus::Drained {
            Availability::Drained
        } else if worker.status == WorkerStatus::Busy
            || leases.values().any(|lease| lease.worker == worker.id)
        {
            Availability::Busy
        } else {
            Availability::Idle
        },
        created_at: worker.created_at,
    };
    let drift_limit = pool.drift_detection_run_limit.map_or(-1, i64::from);
    Snapshot {
        waiting: waiting.collect(),
        running: running.collect(),
        workers: workers.iter().map(seat).collect(),
        limits: vec![PoolLimit { pool: pool.id, drift_limit }],
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
