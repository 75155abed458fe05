//! Who goes first.

use std::cmp::Reverse;

use spacelift_worker_core::ids::{RunId, WorkerId};
use spacelift_worker_core::protocol::message::RunType;

use super::snapshot::{Stage, WaitingRun, WorkerSeat};

/// What class a run is scheduled in: lower goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Tracked runs, destructions, tasks.
    Changing,
    /// Proposed runs, module tests, parsing.
    Preview,
    /// Whatever looks for drift.
    Drift,
}

pub(super) fn class(run_type: RunType, drift: bool) -> Class {
    match run_type {
        _ if drift => Class::Drift,
        run_type if run_type.changes_state() => Class::Changing,
        _ => Class::Preview,
    }
}

/// The sort key of a waiting run; the smallest goes first. The identifier makes it total.
pub(super) fn precedence(run: &WaitingRun) -> (bool, Class, Stage, u64, RunId) {
    (!run.prioritized, class(run.run_type, run.drift), run.stage, run.created_at, run.run)
}

/// The sort key of a worker for a run; the smallest is asked first: no refusal before, then the newest.
///
/// Source: Spacelift's EC2 autoscaler, README: "Spacelift schedules jobs on the newest available workers".
pub(super) fn preference(run: &WaitingRun, seat: &WorkerSeat) -> (bool, Reverse<(u64, WorkerId)>) {
    (run.refused_by.contains(&seat.worker), Reverse((seat.created_at, seat.worker)))
}
