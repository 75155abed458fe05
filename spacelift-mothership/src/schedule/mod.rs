//! Which run goes to which worker next, and what every other one waits for: pure.
//!
//! A [`Snapshot`] goes in, a [`Schedule`] comes out; the same snapshot gives the same schedule. Reads no clock and no
//! database, and changes nothing.
//!
//! The rules (Spacelift, worker pools, "Scheduling", and concepts, run, "Prioritization"):
//!
//! 1. One run a worker; the newest available worker first.
//! 2. Prioritised runs ahead of all; then tracked runs, destructions and tasks; then proposed runs and module tests; then
//!    whatever looks for drift.
//! 3. Within a class, a confirmed run goes on before a new one begins, since its stack waits for it; then the oldest first.
//! 4. A stack has one state-changing run at a time, from its start to its end; previews are not held up by it.
//! 5. A pool's drift limit holds. A confirmed run is past it: it could only keep its stack locked.
//!
//! A run that waits never holds up another one behind it.

mod order;
mod plan;
mod snapshot;

#[cfg(test)]
mod tests;

pub use plan::{Assignment, Entry, Reason, Schedule, Verdict, schedule};
pub use snapshot::{Availability, PoolLimit, RunningRun, Snapshot, Stage, WaitingRun, WorkerSeat};
