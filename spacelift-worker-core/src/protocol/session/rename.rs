//! A session under other message identifiers, so that a model checker sees that two sessions differ in nothing else.
//! Identifiers are compared for equality alone, so a session that was renamed throughout behaves like the one before.

use super::super::message::WorkerMessage;
use super::{Link, MessageId, MessageIds, Session, State};

impl Session {
    /// Every identifier of an own message that an answer could still name, in an order that follows from the rest of the
    /// session; some come twice.
    pub fn known_ids(&self) -> Vec<MessageId> {
        let mut ids = Vec::new();
        if let Link::Up { hello, .. } = self.link {
            ids.push(hello);
        }
        if let State::Accepted(accepted) = &self.state {
            ids.push(accepted.accept);
        }
        ids.extend(self.outbox.all().into_iter().map(|(id, _)| id));
        ids.extend(self.sent.ids());
        ids.extend(self.record.outcome.as_ref().map(|outcome| outcome.message));
        ids
    }

    /// Gives every known identifier another one; those of later messages count from `last` on.
    pub fn rename(&mut self, new: &dyn Fn(MessageId) -> MessageId, last: u128) {
        if let Link::Up { hello, .. } = &mut self.link {
            *hello = new(*hello);
        }
        if let State::Accepted(accepted) = &mut self.state {
            accepted.accept = new(accepted.accept);
        }
        self.outbox.rename(new);
        self.sent.rename(new);
        if let Some(outcome) = &mut self.record.outcome {
            outcome.rename(new);
        }
        self.ids = MessageIds::new(last);
    }
}

/// A message under another identifier.
pub(in crate::protocol) fn renamed(bytes: &[u8], new: &dyn Fn(MessageId) -> MessageId) -> Vec<u8> {
    match WorkerMessage::decode(bytes) {
        Ok(message) => WorkerMessage { id: new(message.id), ..message }.encode(),
        Err(_) => bytes.to_vec(),
    }
}
