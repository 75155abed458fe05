//! What the scheduler looks at.

use spacelift_worker_core::ids::{PoolId, RunId, WorkerId};
use spacelift_worker_core::protocol::message::RunType;

/// Everything that a decision depends on, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Runs that could start or go on if a worker took them.
    pub waiting: Vec<WaitingRun>,
    /// Runs that have started and not ended, and do not wait for a worker: those on a worker, and the unconfirmed.
    pub running: Vec<RunningRun>,
    /// Every worker that is not gone.
    pub workers: Vec<WorkerSeat>,
    /// Drift limits; a pool without one here has none.
    pub limits: Vec<PoolLimit>,
}

/// A run that waits for a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingRun {
    /// Which.
    pub run: RunId,
    /// The pool whose workers may take it.
    pub pool: PoolId,
    /// Its stack or module.
    pub stack: String,
    /// Its type.
    pub run_type: RunType,
    /// Whether it looks for drift.
    pub drift: bool,
    /// Whether a person put it ahead of all.
    pub prioritized: bool,
    /// When it was triggered, in one unit of time for all.
    pub created_at: u64,
    /// Whether it begins or goes on.
    pub stage: Stage,
    /// Workers that refused it. Another one is asked first, if there is one.
    pub refused_by: Vec<WorkerId>,
    /// Workers that refused it a moment ago, and are not asked again yet.
    pub not_yet: Vec<WorkerId>,
}

/// What a waiting run waits to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// To go on with its confirmed plan.
    Confirmed,
    /// To begin.
    Queued,
}

/// A run that has started, or holds its stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningRun {
    /// Which.
    pub run: RunId,
    /// The pool of its worker.
    pub pool: PoolId,
    /// Its stack or module.
    pub stack: String,
    /// Its type.
    pub run_type: RunType,
    /// Whether it looks for drift.
    pub drift: bool,
    /// Whether a worker has it now; an unconfirmed one has none.
    pub on_worker: bool,
}

/// A worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerSeat {
    /// Which.
    pub worker: WorkerId,
    /// Its pool.
    pub pool: PoolId,
    /// Whether it takes work.
    pub availability: Availability,
    /// When it was first heard of, in Unix milliseconds.
    pub created_at: u64,
}

/// Whether a worker takes work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It does.
    Idle,
    /// It has a run, or an offer it has not answered.
    Busy,
    /// It takes no new work.
    Drained,
    /// Nothing was heard from it for too long.
    Lost,
}

/// How many drift runs a pool may have at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimit {
    /// The pool.
    pub pool: PoolId,
    /// -1 for no limit, 0 for none at all.
    pub drift_limit: i64,
}
