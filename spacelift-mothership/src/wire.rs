//! What the control plane sees of a broker: messages in, messages out, connections cut.

use bytes::Bytes;
use spacelift_worker_core::ids::{PoolId, WorkerId};
use tokio::sync::mpsc;

/// What comes from a broker.
#[derive(Clone, Debug)]
pub enum WireEvent {
    /// A worker spoke; its last will looks the same.
    Message {
        /// From the topic, which the broker's access control ties to the certificate.
        pool: PoolId,
        /// From the topic, likewise.
        worker: WorkerId,
        /// The body.
        bytes: Bytes,
    },
    /// The connection to the broker is up (again): what was published before may be lost.
    Connected,
}

/// What goes to a broker.
#[derive(Clone, Debug)]
pub enum WireCommand {
    /// Publish to one worker.
    Publish {
        /// Its pool.
        pool: PoolId,
        /// The worker.
        worker: WorkerId,
        /// The body.
        bytes: Bytes,
    },
    /// The certificate of a pool was revoked: cut every connection that was made with it.
    Revoked {
        /// The pool.
        pool: PoolId,
    },
}

/// A running broker, embedded or outside.
#[derive(Debug)]
pub struct Wire {
    /// What comes in.
    pub events: mpsc::Receiver<WireEvent>,
    /// What goes out.
    pub commands: mpsc::Sender<WireCommand>,
}
