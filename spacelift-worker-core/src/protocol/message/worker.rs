//! What a worker says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Ack, Body, EndCause, Nack, Outcome, Phase, RunState, WorkerStatus};
use crate::ids::{Lease, MessageId, RunId, WorkerId};

/// The body of a message from a worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum WorkerBody {
    /// An offer is taken, if it is still meant.
    Accept(Accept),
    /// A message arrived and was taken care of.
    Ack(Ack),
    /// A phase ended.
    Finished(Finished),
    /// The worker leaves.
    Goodbye(Goodbye),
    /// First on every connection.
    Hello(Hello),
    /// A phase of an earlier process had started and did not finish.
    Interrupted(Interrupted),
    /// Which log segments there are.
    Logs(LogManifest),
    /// A message was refused.
    Nack(Nack),
    /// A phase moved on.
    Progress(Progress),
    /// The whole status, again and again.
    Status(Status),
}

impl Body for WorkerBody {
    const TYPES: &'static [&'static str] = &[
        "accept",
        "ack",
        "finished",
        "goodbye",
        "hello",
        "interrupted",
        "logs",
        "nack",
        "progress",
        "status",
    ];
}

/// Who connects, and in which condition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Hello {
    /// The worker that speaks, as in the topic.
    pub worker: WorkerId,
    /// Protocol versions that it understands.
    pub versions: Vec<u64>,
    /// Version of the library.
    pub library: String,
    /// Tags from `SPACELIFT_METADATA_*`.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// What it can do beyond the version, such as `process` or `docker`.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Its status.
    pub status: Status,
}

/// The status of a worker, whole each time, so that losing one loses nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Status {
    /// What the worker is up to.
    pub status: WorkerStatus,
    /// Rises with each status of this worker; a lower one came late and is ignored.
    pub status_seq: u64,
    /// The highest lease that the worker has seen, refused ones included.
    ///
    /// An IDLE status sent before an offer and read after it would make the control plane offer the run twice;
    /// with this field it sees that the offer was not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_lease_seen: Option<Lease>,
    /// The run in hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunInHand>,
}

/// The run that a worker holds, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunInHand {
    /// Which run.
    pub run: RunId,
    /// By which lease.
    pub lease: Lease,
    /// For what.
    pub phase: Phase,
    /// The current state; absent before the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<RunState>,
}

/// An offer is taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Accept {
    /// The offer's id.
    pub re: MessageId,
    /// Which run.
    pub run: RunId,
    /// By which lease.
    pub lease: Lease,
}

/// A phase moved on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Progress {
    /// Which run.
    pub run: RunId,
    /// By which lease.
    pub lease: Lease,
    /// The state that was entered.
    pub state: RunState,
    /// Counts the states of the run; it goes on from the version in the offer.
    pub state_version: u64,
    /// A word to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Which log segments of a lease there are; each manifest is whole and replaces the one before.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogManifest {
    /// Which run.
    pub run: RunId,
    /// By which lease.
    pub lease: Lease,
    /// The segments, in order.
    pub segments: Vec<LogSegment>,
    /// Whether no more follow.
    pub complete: bool,
}

/// One uploaded piece of a log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogSegment {
    /// The name of the object, as in the offer.
    pub name: String,
    /// Length in bytes.
    pub len: u64,
    /// SHA-256 of the bytes, in lower-case hex.
    pub sha256: String,
    /// The state of the run in which the first byte was printed.
    pub state: RunState,
    /// The version of that state.
    pub state_version: u64,
}

/// A phase ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finished {
    /// Which run.
    pub run: RunId,
    /// By which lease.
    pub lease: Lease,
    /// How.
    pub outcome: Outcome,
    /// What ended it, when it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<EndCause>,
    /// The code of the command that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// A reason that a person can act on, masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The version of the last state on the worker.
    pub state_version: u64,
    /// The sealed workspace, where the run goes on later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<SealedObject>,
    /// The sealed outputs, where the run handed some on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<SealedObject>,
}

/// An uploaded object, sealed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SealedObject {
    /// Its name, as in the offer.
    pub name: String,
    /// Length of the sealed bytes.
    pub len: u64,
    /// SHA-256 of the sealed bytes, in lower-case hex.
    pub sha256: String,
}

/// A phase of this or an earlier process had started and did not finish.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Interrupted {
    /// The worker that held it.
    pub worker: WorkerId,
    /// Which run.
    pub run: RunId,
    /// By which lease.
    pub lease: Lease,
}

/// The worker leaves.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Goodbye {
    /// True in the last will alone: nobody had time to say more.
    pub crashed: bool,
}
