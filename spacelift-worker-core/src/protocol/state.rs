//! What a session holds: one struct per state, and moves that take it, so that a state that was left cannot be used.

use super::event::FatalReason;
use super::journal::Begun;
use super::message::{Offer, Phase, RunInHand, RunState};
use crate::ids::{Lease, MessageId, RunId};

/// The states. See the picture in [`protocol`](super).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum State {
    /// Nothing in hand.
    #[default]
    Idle,
    /// An offer is being verified and opened.
    Opening(Opening),
    /// The offer was accepted; its start is awaited.
    Accepted(Accepted),
    /// Begun.
    Running(Running),
    /// Ended; the acknowledgement of the report is awaited.
    Reporting(Reporting),
    /// An earlier process had begun a phase; its report is to be made at the first connection.
    Inherited(Begun),
    /// Nothing will be done any more.
    Dead(FatalReason),
}

/// An offer, as far as its hints go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Opening {
    /// The id of the message that offered.
    pub(super) offer: MessageId,
    /// Run, lease and phase.
    pub(super) what: Begun,
}

impl Opening {
    /// What an offer says of itself.
    pub(super) fn new(message: MessageId, offer: &Offer) -> Self {
        Self { offer: message, what: Begun { run: offer.run, lease: offer.lease, phase: offer.phase } }
    }

    /// The offer was found good.
    pub(super) fn accept(self, accept: MessageId) -> Accepted {
        Accepted { accept, what: self.what }
    }
}

/// An accepted offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Accepted {
    /// The id of the `accept`.
    pub(super) accept: MessageId,
    /// Run, lease and phase.
    pub(super) what: Begun,
}

impl Accepted {
    /// It was started, until `fence`.
    pub(super) fn start(self, fence: u64) -> Running {
        // "Absent before the start": from here on a status without a state would ask for the start once more.
        let step = match self.what.phase {
            Phase::Apply => RunState::PreparingApply,
            Phase::Destroy | Phase::Plan | Phase::Task | Phase::Test => RunState::Preparing,
        };
        Running { what: self.what, step, halt: Halted::No, tenure: Tenure::Until(fence) }
    }
}

/// A phase that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Running {
    /// Run, lease and phase.
    pub(super) what: Begun,
    /// The state of the run.
    pub(super) step: RunState,
    /// What was asked of it.
    pub(super) halt: Halted,
    /// How long the worker may go on.
    pub(super) tenure: Tenure,
}

impl Running {
    /// It ended, and the report about it is in the outbox.
    pub(super) fn report(self) -> Reporting {
        Reporting { what: self.what, step: Some(self.step) }
    }
}

/// How far a run was asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Halted {
    /// Not at all.
    No,
    /// With its grace.
    Stop,
    /// At once.
    Kill,
}

/// How long a worker may go on with a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Tenure {
    /// Until this time, unless it is renewed.
    Until(u64),
    /// The lease ended before something was changed.
    Ended,
    /// To its own end: a state that changes something began.
    ToTheEnd,
}

impl Tenure {
    /// Whether the worker may go on.
    pub(super) fn holds(self, now: u64) -> bool {
        match self {
            Self::Until(fence) => now < fence,
            Self::Ended => false,
            Self::ToTheEnd => true,
        }
    }
}

/// A phase that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Reporting {
    /// Run, lease and phase.
    pub(super) what: Begun,
    /// The last state of the run on this worker; absent when an earlier process had begun it.
    pub(super) step: Option<RunState>,
}

impl State {
    /// Run, lease and phase in hand, those of an earlier process not counted.
    pub(super) fn in_hand(&self) -> Option<RunInHand> {
        let (what, state) = match self {
            Self::Opening(Opening { what, .. }) | Self::Accepted(Accepted { what, .. }) => (what, None),
            Self::Running(running) => (&running.what, Some(running.step)),
            Self::Reporting(reporting) if reporting.step.is_some() => (&reporting.what, reporting.step),
            _ => return None,
        };
        Some(RunInHand { run: what.run, lease: what.lease, phase: what.phase, state })
    }

    /// Whether an offer is refused for what is in hand.
    pub(super) fn is_busy(&self) -> bool {
        !matches!(self, Self::Idle)
    }

    /// Whether this run and lease are in hand, for this phase where one is named.
    pub(super) fn is_about(&self, run: RunId, lease: Lease, phase: Option<Phase>) -> bool {
        self.in_hand().is_some_and(|hand| {
            hand.run == run && hand.lease == lease && phase.is_none_or(|phase| phase == hand.phase)
        })
    }
}
