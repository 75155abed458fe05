//! Identifiers of a worker's messages, on the wire and within its session.
//!
//! A session counts its messages, so one that said a word more than another differs from it for ever. Here an identifier
//! on the wire follows from what the message says, and within the session only those that an answer may still name count,
//! in order. What sessions do with identifiers is to compare them for equality, so nothing else changes.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use spacelift_worker_core::ids::MessageId;
use spacelift_worker_core::protocol::message::{ControlBody, ControlMessage, WorkerMessage};
use spacelift_worker_core::protocol::{JournalRecord, Session};

/// Identifiers that an answer may still name: on the wire, and within the session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Names {
    pairs: Vec<(MessageId, MessageId)>,
    last: u128,
}

/// The time in identifiers on the wire; those within a session have none.
const WIRE: u64 = 10;

impl Names {
    /// The last identifier within the session.
    pub fn last(&self) -> u128 {
        self.last
    }

    /// A message of the control plane, with the identifier that the session knows in place of the one on the wire.
    pub fn to_session(&self, bytes: &[u8]) -> Vec<u8> {
        let Ok(mut message) = ControlMessage::decode(bytes) else { return bytes.to_vec() };
        let re = match &mut message.body {
            ControlBody::Ack(ack) => &mut ack.re,
            ControlBody::Nack(nack) => &mut nack.re,
            ControlBody::Start(grant) | ControlBody::Renew(grant) => &mut grant.re,
            _ => return bytes.to_vec(),
        };
        if let Some((_, within)) = self.pairs.iter().find(|(wire, _)| wire == re) {
            *re = *within;
        }
        message.encode()
    }

    /// A message of the session with its identifier on the wire. `place` tells the process from every other.
    pub fn to_wire(&mut self, place: (u8, u8), bytes: &[u8]) -> Vec<u8> {
        let Ok(message) = WorkerMessage::decode(bytes) else { return bytes.to_vec() };
        let known = self.pairs.iter().find(|(_, within)| *within == message.id).map(|(wire, _)| *wire);
        let id = known.unwrap_or_else(|| self.fresh(place, &message));
        WorkerMessage { id, ..message }.encode()
    }

    fn fresh(&mut self, place: (u8, u8), message: &WorkerMessage) -> MessageId {
        // The same words again are another message.
        let candidates = (0_u8..).map(|again| {
            let mut hasher = DefaultHasher::new();
            (place, &message.body, again).hash(&mut hasher);
            MessageId::from_parts(WIRE + u64::from(place.0), u128::from(hasher.finish()))
        });
        let is_taken = |id: &MessageId| self.pairs.iter().any(|(wire, _)| wire == id);
        let id = candidates.into_iter().find(|id| !is_taken(id)).unwrap_or(message.id);
        self.pairs.push((id, message.id));
        id
    }

    /// Forgets what no answer can name any more, and counts the rest anew.
    pub fn tidy(&mut self, session: Option<&mut Session>, record: Option<&mut JournalRecord>) {
        let outcome =
            record.as_ref().and_then(|record| record.outcome.as_ref()).map(|outcome| outcome.message);
        let mut known: Vec<MessageId> =
            session.as_ref().map(|session| session.known_ids()).unwrap_or_default();
        known.extend(outcome);
        let mut names = Vec::new();
        let mut renamed: Vec<(MessageId, MessageId)> = Vec::new();
        for old in known {
            if renamed.iter().any(|(before, _)| *before == old) {
                continue;
            }
            let new = MessageId::from_parts(0, renamed.len() as u128 + 1);
            renamed.push((old, new));
            // What was not sent yet gets its name on the wire when it is.
            let wire = self.pairs.iter().find(|(_, within)| *within == old).map(|(wire, _)| *wire);
            names.extend(wire.map(|wire| (wire, new)));
        }
        let new = |old: MessageId| {
            renamed.iter().find(|(before, _)| *before == old).map_or(old, |(_, after)| *after)
        };
        if let Some(session) = session {
            session.rename(&new, renamed.len() as u128);
        }
        if let Some(outcome) = record.and_then(|record| record.outcome.as_mut()) {
            outcome.rename(&new);
        }
        *self = Self { pairs: names, last: renamed.len() as u128 };
    }
}
