//! The seam between the session and a transport: what goes in, what comes out.
//!
//! A transport reconnects by itself, for ever. It promises nothing about delivery: the session sends again what is
//! not acknowledged by the control plane.

use bytes::Bytes;
use tokio::sync::mpsc;

/// What a transport tells.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// Connected and subscribed.
    Up,
    /// Not connected; another attempt follows after a pause.
    Down(LinkFailure),
    /// A message. It is acknowledged to the broker once the session has taken care of it.
    Message {
        /// The body.
        bytes: Bytes,
        /// Which one to acknowledge.
        token: AckToken,
    },
}

/// Names a received message on one connection. On a later connection it means nothing and is dropped.
#[derive(Clone, Debug)]
pub(crate) struct AckToken {
    /// Counts connections.
    pub(crate) connection: u64,
    /// The packet id, as the broker gave it.
    pub(crate) packet: u16,
}

/// What a transport is asked for.
#[derive(Debug)]
pub(crate) enum LinkCommand {
    /// Send a message; dropped while there is no connection.
    Send(Vec<u8>),
    /// Tell the broker that a message was taken care of.
    Acknowledge(AckToken),
    /// Send this last message and disconnect.
    Close(Vec<u8>),
}

/// Why there is no connection.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct LinkFailure {
    /// What happened, for a person.
    pub(crate) reason: String,
    /// Whether trying again is unlikely to help: a certificate that is refused, a name that does not match.
    pub(crate) misconfigured: bool,
}

/// A running transport.
#[derive(Debug)]
pub(crate) struct Link {
    /// What it tells; `None` after a close.
    pub(crate) events: mpsc::Receiver<LinkEvent>,
    /// What it is asked for.
    pub(crate) commands: mpsc::Sender<LinkCommand>,
}
