//! From a snapshot to a schedule.

use std::collections::{HashMap, HashSet};

use spacelift_worker_core::ids::{PoolId, RunId, WorkerId};

use super::order::{precedence, preference};
use super::snapshot::{Availability, Snapshot, Stage, WaitingRun, WorkerSeat};

/// Every waiting run with its verdict, in the order in which they go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// The queue.
    pub queue: Vec<Entry>,
}

/// A run's place in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which run.
    pub run: RunId,
    /// What becomes of it now.
    pub verdict: Verdict,
}

/// What becomes of a waiting run now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is offered to this worker.
    Assign(WorkerId),
    /// It waits.
    Wait(Reason),
}

/// A run and its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The run.
    pub run: RunId,
    /// The worker.
    pub worker: WorkerId,
}

/// What a run waits for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Another run holds the stack.
    #[error("run {by} has the stack")]
    StackLocked {
        /// The run that holds it.
        by: RunId,
    },
    /// The pool may not look for drift.
    #[error("the pool looks for no drift: its drift limit is 0")]
    DriftDisabled,
    /// The pool looks for drift as often as it may.
    #[error("{limit} drift runs are under way, as many as the pool may have")]
    DriftLimit {
        /// The pool's limit.
        limit: i64,
    },
    /// No worker of the pool is connected.
    #[error("the pool has no worker")]
    NoWorker,
    /// Every worker that could take it is drained.
    #[error("every worker of the pool is drained")]
    AllDrained,
    /// Every worker that is free refused it a moment ago.
    #[error("every free worker of the pool refused the run; it is offered again in a while")]
    AllRefused,
    /// Every worker has a run, or gets one that goes first.
    #[error("every worker of the pool is busy")]
    AllBusy,
}

impl Schedule {
    /// The runs that are offered now.
    pub fn assignments(&self) -> impl Iterator<Item = Assignment> + '_ {
        self.queue.iter().filter_map(|entry| match entry.verdict {
            Verdict::Assign(worker) => Some(Assignment { run: entry.run, worker }),
            Verdict::Wait(_) => None,
        })
    }
}

/// Decides about every waiting run.
pub fn schedule(snapshot: &Snapshot) -> Schedule {
    let mut waiting: Vec<_> = snapshot.waiting.iter().collect();
    waiting.sort_by_key(|run| precedence(run));
    let mut ground = Ground::new(snapshot, &waiting);
    let queue = waiting.iter().map(|run| Entry { run: run.run, verdict: ground.decide(run) }).collect();
    Schedule { queue }
}

/// What is taken so far.
struct Ground<'a> {
    snapshot: &'a Snapshot,
    stacks: HashMap<&'a str, RunId>,
    drifting: HashMap<PoolId, i64>,
    taken: HashSet<WorkerId>,
}

impl<'a> Ground<'a> {
    fn new(snapshot: &'a Snapshot, in_order: &[&'a WaitingRun]) -> Self {
        let mut ground =
            Self { snapshot, stacks: HashMap::new(), drifting: HashMap::new(), taken: HashSet::new() };
        for run in &snapshot.running {
            if run.run_type.changes_state() {
                ground.stacks.entry(&run.stack).or_insert(run.run);
            }
            if run.drift && run.on_worker {
                *ground.drifting.entry(run.pool).or_default() += 1;
            }
        }
        // A confirmed run has held its stack since it began, whatever now stands before it in the queue.
        for run in in_order.iter().filter(|run| run.stage == Stage::Confirmed) {
            ground.stacks.entry(&run.stack).or_insert(run.run);
        }
        ground
    }

    fn decide(&mut self, run: &'a WaitingRun) -> Verdict {
        match self.obstacle(run) {
            Some(reason) => Verdict::Wait(reason),
            None => match self.free_worker(run) {
                Err(reason) => Verdict::Wait(reason),
                Ok(worker) => {
                    self.take(run, worker);
                    Verdict::Assign(worker)
                }
            },
        }
    }

    /// What would hold the run up if every worker were free.
    fn obstacle(&self, run: &WaitingRun) -> Option<Reason> {
        if run.run_type.changes_state()
            && let Some(&by) = self.stacks.get(run.stack.as_str())
            && by != run.run
        {
            return Some(Reason::StackLocked { by });
        }
        if !run.drift || run.stage == Stage::Confirmed {
            return None;
        }
        let of_pool = |limit: &&super::PoolLimit| limit.pool == run.pool;
        match self.snapshot.limits.iter().find(of_pool).map_or(-1, |limit| limit.drift_limit) {
            0 => Some(Reason::DriftDisabled),
            limit if limit > 0 && self.drifting.get(&run.pool).is_some_and(|&count| count >= limit) => {
                Some(Reason::DriftLimit { limit })
            }
            _ => None,
        }
    }

    fn free_worker(&self, run: &WaitingRun) -> Result<WorkerId, Reason> {
        let of_pool = || self.snapshot.workers.iter().filter(|seat| seat.pool == run.pool);
        let is_free = |seat: &&WorkerSeat| {
            seat.availability == Availability::Idle && !self.taken.contains(&seat.worker)
        };
        let free = of_pool()
            .filter(is_free)
            .filter(|seat| !run.not_yet.contains(&seat.worker))
            .min_by_key(|seat| preference(run, seat));
        if let Some(seat) = free {
            return Ok(seat.worker);
        }
        if of_pool().any(|seat| is_free(&seat)) {
            return Err(Reason::AllRefused);
        }
        let has = |wanted| of_pool().any(|seat| seat.availability == wanted);
        Err(match () {
            () if has(Availability::Idle) || has(Availability::Busy) => Reason::AllBusy,
            () if has(Availability::Drained) => Reason::AllDrained,
            () => Reason::NoWorker,
        })
    }

    fn take(&mut self, run: &'a WaitingRun, worker: WorkerId) {
        self.taken.insert(worker);
        if run.run_type.changes_state() {
            self.stacks.insert(&run.stack, run.run);
        }
        if run.drift {
            *self.drifting.entry(run.pool).or_default() += 1;
        }
    }
}
