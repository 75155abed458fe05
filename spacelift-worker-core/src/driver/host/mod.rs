//! A worker in the hands of a host that is not written with tokio: events that it pulls, commands that it queues.
//!
//! One ordered queue of [`HostEvent`]s, and one thing to wait on: [`HostSession::next`] blocks, [`HostSession::wake_fd`] is
//! for `poll`, `epoll`, asyncio or Go's netpoller, [`HostSession::set_wake`] is for everything else. No code of the host
//! runs on a thread of the library but that callback. A command never blocks: it gets an [`OperationId`], and its end is an
//! event in the same queue.
//!
//! What the host has to answer or has asked for is never lost, and is little: one worker has one run in hand. Everything
//! else is dropped while the queue is full, and [`HostEvent::Lagged`] says how much.

mod desk;
mod event;
mod queue;
mod session;
mod steps;
mod wake;

pub use event::{HostEvent, HostEventKind};
pub use queue::Next;
pub use session::{HostError, HostOptions, HostSession, Offers, OperationId, Steps};
pub use steps::StepId;
pub use wake::Wake;

pub(crate) use desk::{Desk, Wish};
pub(crate) use session::Counter;

/// The snippets of the pages for users compile.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../../../docs/embedding.md")]
    mod embedding {}

    #[doc = include_str!("../../../../docs/spot.md")]
    mod spot {}
}
