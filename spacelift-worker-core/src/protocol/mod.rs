//! The worker's side of the protocol: messages, topics, and a session without I/O.
//!
//! ```text
//!            offer            opened()            start, journalled        finished(), journalled
//!   Idle ───────────> Opening ────────> Accepted ─────────────────> Running ──────────────────> Reporting
//!    ^                  │ refuse()        │ stop, kill, nack,                                       │
//!    │                  │ stop, kill      │ no start in time                                        │ ack
//!    └──────────────────┴─────────────────┴─────────────────────────────────────────────────────────┘
//!
//!   a journal with an unfinished run: Inherited ── first connection ──> Reporting
//!   a journal that cannot be written: every state ──> Dead, and it stays
//! ```
//!
//! [`Session`] is a state machine: bytes, time and commands go in, bytes, events and the next deadline come out. It
//! opens no sealed part, starts no process and writes no file: what must be durable goes through [`Journal`].
//!
//! The time rule: every call takes [`Now`], whose monotonic part never goes back between calls.

mod backoff;
mod event;
mod journal;
pub mod message;
mod message_ids;
mod now;
mod outbox;
mod sent;
mod session;
mod settings;
mod state;
mod timer;
pub mod topic;

pub use backoff::Backoff;
pub use event::{CommandError, Event, FatalReason, Transmit};
pub use journal::{Begun, Journal, JournalFailure, JournalRecord, StoredOutcome};
pub use now::Now;
pub use session::Session;
pub use settings::{OutboxLimits, SessionConfig};
