//! What a control plane says.

use serde::{Deserialize, Serialize};

use super::{Ack, Body, Nack, Phase};
use crate::ids::{Lease, MessageId, RunId};

/// The body of a message to a worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ControlBody {
    /// A message arrived and was taken care of.
    Ack(Ack),
    /// Self-destruct: within 20 seconds this worker is gone.
    Cycle(Cycle),
    /// Take no new work, or take it again.
    Drain(Drain),
    /// End the run now.
    Kill(Halt),
    /// A message was refused.
    Nack(Nack),
    /// A phase of a run to take or to refuse.
    Offer(Offer),
    /// Go on.
    Renew(Grant),
    /// Begin.
    Start(Grant),
    /// Ask the run to end.
    Stop(Halt),
}

impl Body for ControlBody {
    const TYPES: &'static [&'static str] =
        &["ack", "cycle", "drain", "kill", "nack", "offer", "renew", "start", "stop"];
}

/// A phase of a run. Nothing starts before its `accept` is answered with `start`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Offer {
    /// Rises with every command in the pool.
    pub cmd_seq: u64,
    /// Unix milliseconds after which the control plane no longer means it. Advice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// Which run: a hint that must equal what the sealed part says.
    pub run: RunId,
    /// For what.
    pub phase: Phase,
    /// By which lease: a hint that must equal what the sealed part says.
    pub lease: Lease,
    /// An [`OfferPayload`](super::OfferPayload), sealed to the pool.
    pub sealed: SealedPart,
    /// RSASSA-PSS by the control plane's key over `spacelift-worker/offer/v1`, a line feed, and the SHA-256 of the sealed
    /// bytes; base64url without padding. The `pool` room makes and verifies it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sig: Option<String>,
}

/// Sealed bytes in a message, or where to find them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SealedPart {
    /// The bytes in standard base64.
    Inline(String),
    /// Elsewhere, since the message would be too long.
    Reference {
        /// Where: HTTPS, expiring.
        url: String,
        /// Length in bytes.
        len: u64,
        /// SHA-256 in lower-case hex.
        sha256: String,
    },
}

/// The lease is the worker's for `ttl_ms`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Grant {
    /// Rises with every command in the pool.
    pub cmd_seq: u64,
    /// Which run.
    pub run: RunId,
    /// By which lease.
    pub lease: Lease,
    /// The worker's message that this answers: `accept` for a start, `status` for a renewal. The worker counts the
    /// time from when it sent that message, so a slow network shortens a lease and never lengthens it.
    pub re: MessageId,
    /// For how long, in milliseconds.
    pub ttl_ms: u64,
    /// More places for logs, as [`LogUploads`](super::LogUploads), sealed to the pool like an offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<SealedPart>,
    /// Signature over `sealed`, as in an offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sig: Option<String>,
}

/// End a run, valid before its start, too.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Halt {
    /// Rises with every command in the pool.
    pub cmd_seq: u64,
    /// Which run.
    pub run: RunId,
    /// By which lease.
    pub lease: Lease,
}

/// Take no new work, or take it again. Of several, the one with the highest `cmd_seq` holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Drain {
    /// Rises with every command in the pool.
    pub cmd_seq: u64,
    /// On or off.
    pub drain: bool,
}

/// Self-destruct.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cycle {
    /// Rises with every command in the pool.
    pub cmd_seq: u64,
}
