//! The seam between the session and a transport: what goes in, what comes out.
//!
//! A transport reconnects by itself, for ever. It promises nothing about delivery, since the session sends again what is
//! not acknowledged by the control plane; but what it takes on one connection it sends in that order, or it gives that
//! connection up. Both channels are bounded, and neither side may wait for the other while it holds back what the other
//! waits for: a transport takes commands while its events wait for their reader.

use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

/// What a transport tells.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// Connected and listening.
    Up {
        /// Counts connections.
        connection: u64,
    },
    /// Not connected; another attempt follows after a pause, unless it would be of no use at all.
    Down(LinkFailure),
    /// A message. It is acknowledged to the transport once the session has taken care of it.
    Message {
        /// The body.
        bytes: Bytes,
        /// Which one to acknowledge.
        token: AckToken,
    },
}

/// Names a received message on one connection. On a later connection it means nothing and is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AckToken {
    /// Counts connections.
    pub(crate) connection: u64,
    /// The transport's own number for it.
    pub(crate) number: u64,
}

/// What a transport is asked for.
#[derive(Debug)]
pub(crate) enum LinkCommand {
    /// Send a message on this connection; dropped when there is another one by now, or none.
    Send {
        /// The connection that it is meant for.
        connection: u64,
        /// The body.
        bytes: Vec<u8>,
    },
    /// Tell the transport that a message was taken care of.
    Acknowledge(AckToken),
    /// Send this last message, when there is one, and disconnect.
    Close(Option<Vec<u8>>),
}

/// Whose fault it is that there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The network's: trying again may help.
    Network,
    /// The configuration's: trying again is unlikely to help. A certificate that is refused, a name that does not match.
    Configuration,
    /// Another process speaks for this worker: trying again would do harm.
    Duplicate,
}

/// Why there is no connection.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct LinkFailure {
    /// What happened, for a person.
    pub(crate) reason: String,
    /// Whose fault it is.
    pub(crate) fault: Fault,
}

impl LinkFailure {
    /// The network's fault.
    pub(crate) fn network(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), fault: Fault::Network }
    }

    /// The configuration's fault.
    pub(crate) fn configuration(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), fault: Fault::Configuration }
    }
}

/// A running transport.
#[derive(Debug)]
pub(crate) struct Link {
    /// What it tells; `None` after a close.
    pub(crate) events: mpsc::Receiver<LinkEvent>,
    /// What it is asked for.
    pub(crate) commands: mpsc::Sender<LinkCommand>,
    /// How many places it tries in turn, at least one: so many failures make one failed attempt.
    pub(crate) places: u32,
}

/// A transport's end of a link.
#[derive(Debug)]
pub(crate) struct LinkEnd {
    pub(crate) events: mpsc::Sender<LinkEvent>,
    pub(crate) commands: mpsc::Receiver<LinkCommand>,
}

impl LinkEnd {
    /// Waits before the next connection; breaks when the link is closed.
    pub(crate) async fn pause(&mut self, pause: Duration) -> ControlFlow<()> {
        tokio::select! {
            () = tokio::time::sleep(pause) => ControlFlow::Continue(()),
            () = self.closed() => ControlFlow::Break(()),
        }
    }

    /// Tells that there is no connection; breaks when the link is closed. Commands are taken and dropped meanwhile: the
    /// session may wait for that before it listens.
    pub(crate) async fn down(&mut self, failure: LinkFailure) -> ControlFlow<()> {
        let events = self.events.clone();
        tokio::select! {
            told = events.send(LinkEvent::Down(failure)) => match told {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            },
            () = self.closed() => ControlFlow::Break(()),
        }
    }

    /// Returns when the link is closed; what is asked for meanwhile has no connection to go to, and is dropped.
    pub(crate) async fn closed(&mut self) {
        loop {
            match self.commands.recv().await {
                None | Some(LinkCommand::Close(_)) => return,
                Some(LinkCommand::Send { .. } | LinkCommand::Acknowledge(_)) => {}
            }
        }
    }
}

/// Messages that wait for the session.
const EVENTS: usize = 64;

/// Messages that wait for the transport; more wait in the session, where a later status takes the place of an earlier one.
const COMMANDS: usize = 16;

/// Both ends of a link to one of `places` places.
pub(crate) fn link(places: usize) -> (Link, LinkEnd) {
    let (event_sender, events) = mpsc::channel(EVENTS);
    let (commands, command_receiver) = mpsc::channel(COMMANDS);
    let places = u32::try_from(places).unwrap_or(u32::MAX).max(1);
    (Link { events, commands, places }, LinkEnd { events: event_sender, commands: command_receiver })
}
