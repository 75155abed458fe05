//! Bodies on the wire: every message either way, as one JSON object each.
//!
//! Every message has `v` (the version, 1), `type`, `id` (a ULID) and `ts` (Unix milliseconds, advice only).
//! Unknown fields are ignored. What cannot be understood comes back as [`Malformed`], which says whether an
//! answer is possible at all: without a valid `id` there is nothing to answer.
//!
//! This module alone knows the bodies; an adapter for another control plane replaces it.

mod control;
mod payload;
mod run;
mod worker;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use control::{ControlBody, Cycle, Drain, Grant, Halt, Offer, SealedPart};
pub use payload::{
    Commit, Download, EnvironmentVariable, Hooks, LogUploads, OfferPayload, OutputVariable, RunDetails,
    SealedDownload, StackDetails, StackInputs, Upload, Uploads, Workflow,
};
pub use run::{EndCause, Outcome, Phase, RunState, RunType, WorkerStatus};
pub use worker::{
    Accept, Finished, Goodbye, Hello, Interrupted, LogManifest, LogSegment, Progress, RunInHand,
    SealedObject, Status, WorkerBody,
};

use crate::ids::{Lease, MessageId};

/// The version of the protocol that this library speaks.
pub const VERSION: u64 = 1;

/// The longest message that goes through a broker, in bytes. Above it, the sealed part goes by reference.
///
/// AWS IoT Core refuses payloads over 128 KiB; the margin is for the topic and for a broker's own framing.
pub const MAX_MESSAGE_LEN: usize = 120 * 1024;

/// A message with its identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message<B> {
    /// Unique for ever; the same when a message is sent again.
    pub id: MessageId,
    /// When it was made, in Unix milliseconds. Never compared with another machine's clock.
    pub ts: u64,
    /// What it says.
    pub body: B,
}

/// A message from a worker.
pub type WorkerMessage = Message<WorkerBody>;

/// A message to a worker.
pub type ControlMessage = Message<ControlBody>;

/// The answer that a message arrived and was taken care of. Never answered itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ack {
    /// The message that is answered.
    pub re: MessageId,
}

/// The answer that a message was refused. Never answered itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Nack {
    /// The message that is answered.
    pub re: MessageId,
    /// The lease of a refused offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// Why, for a program.
    pub reason: NackReason,
    /// Why, for a person. Carries no secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Why a message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NackReason {
    /// A run is in hand already.
    Busy,
    /// The sealed part could not be opened: wrong key, wrong context, missing or foreign signature.
    CannotOpen,
    /// The worker is drained.
    Drained,
    /// The offer or grant came too late.
    Expired,
    /// The body has not the form of its type.
    Malformed,
    /// The run initialization policy refuses the run.
    PolicyDenied,
    /// The lease is at or below one that was seen before, or the command is about something else than what is in hand.
    Stale,
    /// The type is not known.
    UnknownType,
    /// The version, or something that the message asks for, is not supported.
    Unsupported,
    /// A reason that this version does not know.
    #[serde(other)]
    Other,
}

/// A message that could not be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message could not be understood: {reason:?}")]
pub struct Malformed {
    /// Its id, when it had a valid one. Without it there is no answer: the message is counted and dropped.
    pub id: Option<MessageId>,
    /// What to answer.
    pub reason: NackReason,
}

/// What every message has, read first so that a refusal can name the message it refuses.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    v: serde_json::Value,
    #[serde(default)]
    id: serde_json::Value,
    #[serde(default, rename = "type")]
    kind: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
struct Wire<B> {
    v: u64,
    id: MessageId,
    ts: u64,
    #[serde(flatten)]
    body: B,
}

/// The types of one direction, so that an unknown type is told from a malformed body.
pub trait Body: Serialize + DeserializeOwned {
    /// Every `type` of this direction.
    const TYPES: &'static [&'static str];
}

impl<B: Body> Message<B> {
    /// Reads one message.
    ///
    /// # Errors
    /// [`Malformed`] says what to answer, and to which id.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let unanswerable = Malformed { id: None, reason: NackReason::Malformed };
        let head: Head = serde_json::from_slice(bytes).map_err(|_| unanswerable)?;
        let id = head.id.as_str().and_then(|text| text.parse().ok()).ok_or(unanswerable)?;
        let refuse = |reason| Malformed { id: Some(id), reason };
        if head.v.as_u64() != Some(VERSION) {
            return Err(refuse(NackReason::Unsupported));
        }
        let kind = head.kind.as_str().ok_or_else(|| refuse(NackReason::Malformed))?;
        if !B::TYPES.contains(&kind) {
            return Err(refuse(NackReason::UnknownType));
        }
        let wire: Wire<B> = serde_json::from_slice(bytes).map_err(|_| refuse(NackReason::Malformed))?;
        Ok(Self { id: wire.id, ts: wire.ts, body: wire.body })
    }
}

impl<B: Body + Clone> Message<B> {
    /// Writes one message. The same message gives the same bytes each time.
    pub fn encode(&self) -> Vec<u8> {
        let wire = Wire { v: VERSION, id: self.id, ts: self.ts, body: self.body.clone() };
        // Serialization fails for maps with keys that are no strings and for failing writers; there is neither.
        serde_json::to_vec(&wire).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
