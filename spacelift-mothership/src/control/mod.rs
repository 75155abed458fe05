//! The worker protocol from the control plane's side: offers, leases, heartbeats, commands.
//!
//! ```text
//! task      the loop: wire events, commands, ticks, one at a time      handle    the door for HTTP handlers
//! inbound   a message: decoded, handed on, answered                    presence  hello, status, goodbye: who is there
//! bargain   accept, refusal, acknowledgement                           reports   progress, logs, how a phase ended
//! orders    what people ask for: drain, cycle, stop, kill, reset       timers    what is late
//! queue     store -> schedule::Snapshot                                offering  an assignment -> an offer
//! outgoing  commands: numbered, stored, sent, sent again               composer  identifiers, sealed messages
//! sealing   payload -> sealed and signed part
//! desk      the loop over records in memory, one input at a time (feature `model`)
//! judge, verdict, naming: pure decisions                               memory    what a restart may forget
//! ```
//!
//! What must outlive a restart is in the store before anything is sent; what a restart forgets makes the control plane
//! ask again, and never start twice. Time comes in as Unix milliseconds: only `task` reads the clock. It never opens what
//! is sealed to a pool, and never reads a log.

mod bargain;
mod composer;
#[cfg(feature = "model")]
mod desk;
mod handle;
mod inbound;
mod judge;
mod memory;
mod naming;
mod offering;
mod orders;
mod outgoing;
mod presence;
mod queue;
mod reports;
mod sealing;
mod task;
mod timers;
mod verdict;

#[cfg(test)]
mod tests;

pub use composer::ComposeError;
#[cfg(feature = "model")]
pub use desk::{Desk, DeskFault, DeskInput};
pub use handle::{Command, ControlHandle};
pub(crate) use memory::Refusers;
pub(crate) use queue::{running, waiting};
pub use sealing::{BlobLinks, SealError};
pub(crate) use task::Control;
pub use task::{ControlError, ControlParts};
