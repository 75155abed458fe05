//! What must survive a crash: one record of constant size. Writing it is the driver's part.

use serde::{Deserialize, Serialize};

use super::message::Phase;
use crate::ids::{Lease, MessageId, RunId, WorkerId};

/// Durable storage of one [`JournalRecord`].
pub trait Journal {
    /// Replaces the stored record by this one, atomically, and returns when it would survive a loss of power.
    ///
    /// # Errors
    /// [`JournalFailure`] when that is not certain. The session never asks twice: what a failed sync left on the disk
    /// is unknown, so it starts nothing any more.
    fn save(&mut self, record: &JournalRecord) -> Result<(), JournalFailure>;
}

/// Why a record could not be stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("cannot write the journal: {reason}")]
#[non_exhaustive]
pub struct JournalFailure {
    /// What the system said.
    pub reason: String,
}

impl JournalFailure {
    /// A failure with what the system said.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// What a later process needs to know. It belongs to one pool: leases of different pools do not compare.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JournalRecord {
    /// The process that wrote it.
    pub worker: WorkerId,
    /// The highest lease that was ever started. Nothing at or below it is started.
    pub floor: Lease,
    /// A phase that was begun and whose end is not acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<Begun>,
    /// The report about it, when it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<StoredOutcome>,
}

/// A phase that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Begun {
    /// Which run.
    pub run: RunId,
    /// By which lease.
    pub lease: Lease,
    /// For what.
    pub phase: Phase,
}

/// A report, exactly as it was or would have been sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StoredOutcome {
    /// The id that its acknowledgement will name.
    pub message: MessageId,
    /// The whole message, as JSON.
    pub body: String,
}

impl StoredOutcome {
    /// Gives the report another identifier.
    #[cfg(feature = "model")]
    pub fn rename(&mut self, new: &dyn Fn(MessageId) -> MessageId) {
        self.message = new(self.message);
        let bytes = super::session::renamed(self.body.as_bytes(), new);
        self.body = String::from_utf8_lossy(&bytes).into_owned();
    }
}

impl JournalRecord {
    /// A record of a worker that holds nothing.
    pub fn new(worker: WorkerId) -> Self {
        Self { worker, floor: Lease::default(), begun: None, outcome: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_its_form_on_disk() {
        let empty = JournalRecord::new(WorkerId::from_parts(1, 2));
        let full = JournalRecord {
            floor: "1.7".parse().unwrap(),
            begun: Some(Begun {
                run: RunId::from_parts(3, 4),
                lease: "1.7".parse().unwrap(),
                phase: Phase::Apply,
            }),
            outcome: Some(StoredOutcome { message: MessageId::from_parts(5, 6), body: r#"{"v":1}"#.into() }),
            ..empty.clone()
        };
        for record in [empty, full] {
            let json = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<JournalRecord>(&json).unwrap(), record);
        }
    }
}
