//! What a session needs to know from the start, with the defaults of the protocol. Reads nothing itself.

use std::collections::BTreeMap;

use crate::ids::WorkerId;

/// Settings of a [`Session`](super::Session).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SessionConfig {
    /// This process.
    pub worker: WorkerId,
    /// Tags from `SPACELIFT_METADATA_*`. Default: none.
    pub metadata: BTreeMap<String, String>,
    /// What the worker can do beyond the protocol's version, such as `process` or `docker`. Default: none.
    pub capabilities: Vec<String>,
    /// Version of the library. Default: this one's.
    pub library: String,
    /// Milliseconds between two statuses. Default: 15,000. A control plane that hears nothing for 60,000 takes the
    /// worker for lost, and it renews a lease by answering a status, so longer ones cost safety.
    pub heartbeat_ms: u64,
    /// How many milliseconds before its end a lease is treated as ended. Default: 10,000, so 80 s of 90. Longer is
    /// safer against slow stops and wastes more of a lease; it is at most half of the lease.
    pub fence_margin_ms: u64,
    /// Milliseconds without an acknowledgement after which a message is sent again. Default: 10,000.
    pub resend_ms: u64,
    /// Milliseconds for which an accepted offer waits for its start. Default: 90,000. Afterwards it is given up.
    pub start_wait_ms: u64,
    /// How much may wait for acknowledgement.
    pub outbox: OutboxLimits,
}

impl SessionConfig {
    /// Defaults for a worker.
    pub fn new(worker: WorkerId) -> Self {
        Self {
            worker,
            metadata: BTreeMap::new(),
            capabilities: Vec::new(),
            library: env!("CARGO_PKG_VERSION").to_owned(),
            heartbeat_ms: 15_000,
            fence_margin_ms: 10_000,
            resend_ms: 10_000,
            start_wait_ms: 90_000,
            outbox: OutboxLimits::default(),
        }
    }
}

/// How much may wait for acknowledgement. Beyond it the oldest log manifests go, then progress; a terminal report
/// never goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OutboxLimits {
    /// Messages. Default: 1,000.
    pub messages: usize,
    /// Bytes of all of them. Default: 4 MiB.
    pub bytes: usize,
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self { messages: 1_000, bytes: 4 << 20 }
    }
}
