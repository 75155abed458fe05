//! From the store to what the scheduler looks at.

use std::collections::HashSet;

use spacelift_worker_core::ids::{RunId, WorkerId};
use spacelift_worker_core::protocol::message::RunState;

use super::judge::availability;
use super::memory::{Memory, Refusers};
use crate::schedule::{RunningRun, Snapshot, Stage, WaitingRun, WorkerSeat};
use crate::serve::Timings;
use crate::store::{LeaseRecord, Ledger, Run, StoreError, Worker};

/// What the scheduler is told by the control loop.
///
/// All pools at once: a stack may have moved from one to another while a run of it is under way.
pub(super) async fn snapshot(
    store: &impl Ledger,
    leases: &[LeaseRecord],
    memory: &Memory,
    timings: &Timings,
    now: u64,
) -> Result<Snapshot, StoreError> {
    let know = |worker: &Worker, holds_lease| memory.knowledge(worker, holds_lease, timings, now);
    let held_runs: HashSet<RunId> = leases.iter().map(|lease| lease.run).collect();
    let holding: HashSet<WorkerId> = leases.iter().map(|lease| lease.worker).collect();
    let mut snapshot = Snapshot::default();
    for limit in store.pools().await? {
        let pool = limit.pool;
        let seat = |worker: &Worker| WorkerSeat {
            worker: worker.id,
            pool,
            availability: availability(worker, know(worker, holding.contains(&worker.id))),
            created_at: worker.created_at,
        };
        snapshot.workers.extend(store.workers(pool).await?.iter().map(seat));
        snapshot.limits.push(limit);
        for run in store.open_runs(pool).await? {
            // A record that was restored knows nothing of a lease that was given out after the backup.
            let on_worker = held_runs.contains(&run.id) || memory.is_claimed(pool, run.id);
            if run.next_phase().is_some() && !on_worker {
                snapshot.waiting.push(waiting(&run, memory.refusers(run.id, now)));
            } else {
                snapshot.running.push(running(&run, on_worker));
            }
        }
    }
    Ok(snapshot)
}

/// A run that holds its stack, as the scheduler looks at it.
pub(crate) fn running(run: &Run, on_worker: bool) -> RunningRun {
    RunningRun {
        run: run.id,
        pool: run.pool,
        stack: run.stack.clone(),
        run_type: run.spec.run_type,
        drift: run.spec.drift_detection,
        on_worker,
    }
}

/// A run that wants a worker, as the scheduler looks at it.
pub(crate) fn waiting(run: &Run, refusers: Refusers) -> WaitingRun {
    WaitingRun {
        run: run.id,
        pool: run.pool,
        stack: run.stack.clone(),
        run_type: run.spec.run_type,
        drift: run.spec.drift_detection,
        prioritized: run.spec.prioritized,
        created_at: run.created_at,
        stage: if run.state == RunState::Confirmed { Stage::Confirmed } else { Stage::Queued },
        refused_by: refusers.all,
        not_yet: refusers.not_yet,
    }
}
