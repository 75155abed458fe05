//! What a host may show of its workers: whether they are well, and how much they did. Carries no secret: numbers alone.

mod meter;
#[cfg(feature = "metrics")]
mod text;

/// The snippets of the page for users compile.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/observing.md")]
mod page {}

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::protocol::message::{Outcome, Phase};

pub(crate) use meter::Meter;

/// Upper bounds of the durations that are counted, in seconds: a phase takes seconds to the run timeout of 70 minutes.
pub(super) const BOUNDS: [u64; 9] = [1, 5, 15, 60, 300, 600, 1_200, 2_400, 4_200];

pub(super) const PHASES: [Phase; 5] = [Phase::Apply, Phase::Destroy, Phase::Plan, Phase::Task, Phase::Test];
pub(super) const OUTCOMES: [(Outcome, &str); 3] =
    [(Outcome::Failed, "failed"), (Outcome::Stopped, "stopped"), (Outcome::Succeeded, "succeeded")];

/// Numbers of one phase.
#[derive(Debug, Default)]
pub(super) struct OfPhase {
    /// In the order of [`OUTCOMES`].
    pub(super) ended: [AtomicU64; OUTCOMES.len()],
    /// How many took at most so long, each in the first bound that it fits.
    pub(super) within: [AtomicU64; BOUNDS.len()],
    pub(super) took_ms: AtomicU64,
}

#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) workers: AtomicU64,
    pub(super) connected: AtomicU64,
    pub(super) busy: AtomicU64,
    pub(super) unacknowledged: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) offers: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) masked: AtomicU64,
    /// In the order of [`PHASES`].
    pub(super) phases: [OfPhase; PHASES.len()],
}

/// What the workers of one launcher did and do. Clones are handles to the same numbers; workers that were built together share them.
#[derive(Clone, Debug, Default)]
pub struct Metrics(pub(super) Arc<Numbers>);

/// How the workers are at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Workers that run.
    pub workers: u64,
    /// Of these, how many are connected to the control plane.
    pub connected: u64,
    /// Of these, how many have an offer, a run or a report in hand.
    pub busy: u64,
    /// Messages that wait for an acknowledgement of the control plane.
    pub unacknowledged: u64,
}

impl Health {
    /// For a liveness probe: the workers run. One without a connection looks for it again for ever, and a run in hand goes on
    /// meanwhile, so that a restart would do harm.
    pub fn is_alive(&self) -> bool {
        self.workers > 0
    }

    /// For a readiness probe: every worker can take work or has some.
    pub fn is_ready(&self) -> bool {
        self.workers > 0 && self.connected == self.workers
    }
}

impl Metrics {
    /// How the workers are at the moment.
    pub fn health(&self) -> Health {
        let of = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let numbers = &*self.0;
        Health {
            workers: of(&numbers.workers),
            connected: of(&numbers.connected),
            busy: of(&numbers.busy),
            unacknowledged: of(&numbers.unacknowledged),
        }
    }
}
