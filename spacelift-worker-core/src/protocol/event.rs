//! What a session tells its driver, and why it may refuse a command.

use super::journal::JournalFailure;
use super::message::{Grant, Offer, Phase};
use crate::ids::{Lease, MessageId, RunId};

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transmit {
    /// Its id.
    pub id: MessageId,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What happened, for the driver to act on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// This process is to be gone within 20 seconds; its acknowledgement stands before it among the transmissions.
    /// Told once.
    Cycle,
    /// Whether new work is refused changed.
    Drained(bool),
    /// Nothing will be started any more; the process should end. Told once.
    Fatal(FatalReason),
    /// End the run at once, and forget it when it was not started. After that, nothing of a lease that was not
    /// started follows, and a report of one that was is still expected.
    Kill {
        /// Which run.
        run: RunId,
        /// By which lease.
        lease: Lease,
    },
    /// The lease ended: the phase may be given to somebody else, so it has to end here. Told at most once a lease, and
    /// never when a state that changes something had begun.
    LeaseEnded {
        /// Which run.
        run: RunId,
        /// The lease that ended.
        lease: Lease,
    },
    /// Verify and open an offer, then call [`opened`](super::Session::opened) or [`refuse`](super::Session::refuse).
    Open(Offer),
    /// The lease goes on; the grant may carry more places for logs, sealed.
    Renewed(Grant),
    /// The report of this lease was taken. Unless drained, the worker is idle again.
    Reported {
        /// Which run.
        run: RunId,
        /// By which lease.
        lease: Lease,
    },
    /// Begin. It stands in the journal.
    Start {
        /// For what.
        phase: Phase,
        /// Run and lease, and perhaps more places for logs, sealed.
        grant: Grant,
    },
    /// Ask the run to end, with its grace. Told only of a run that was started; before the start, a stop is a
    /// [`Kill`](Self::Kill).
    Stop {
        /// Which run.
        run: RunId,
        /// By which lease.
        lease: Lease,
    },
}

/// Why a session ended for good.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FatalReason {
    /// What happened could not be written down, so nothing more may be started.
    #[error("nothing more is started: {0}; check the disk under the launcher's folder")]
    Journal(JournalFailure),
    /// The control plane does not speak this version of the protocol.
    #[error(
        "the control plane does not understand version 1 of the worker protocol; update the older of the two"
    )]
    VersionRefused,
}

/// Why a command was refused. The session is unchanged then.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The session had ended before.
    #[error("the session has ended: {0}")]
    Dead(FatalReason),
    /// A state that changes something may not begin without a lease.
    #[error("the lease has ended, so nothing that changes something may begin")]
    LeaseEnded,
    /// The command is about something else than what is in hand.
    #[error("this run and lease are not in hand in a state that allows it")]
    NotInHand,
    /// The message would be longer than a broker takes.
    #[error("the message would have {len} bytes, and at most {max} go through a broker")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The longest that goes.
        max: usize,
    },
}
