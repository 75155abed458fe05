//! When recent messages were sent, so that a lease can be counted from the one that was answered.

use std::collections::VecDeque;

use crate::ids::{Lease, MessageId};

/// A lease lasts 90 s and a status goes every 15 s and at each change; older ones are never answered in time.
const KEPT: usize = 64;

/// What a grant may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Answerable {
    /// An `accept` of this lease.
    Accept(Lease),
    /// A `status`, or the one in a `hello`.
    Status,
}

/// The last messages that a grant may answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct SentTimes(VecDeque<(MessageId, Answerable, u64)>);

impl SentTimes {
    /// Notes a message at its first sending. A later one does not count, since nobody can tell which was answered.
    pub(super) fn note(&mut self, id: MessageId, what: Answerable, mono_ms: u64) {
        if self.0.iter().any(|(known, ..)| *known == id) {
            return;
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back((id, what, mono_ms));
    }

    /// When the accept of `lease` with this id was sent.
    pub(super) fn accept(&self, id: MessageId, lease: Lease) -> Option<u64> {
        self.find(id, |what| what == Answerable::Accept(lease))
    }

    /// When the status, or the accept of `lease`, with this id was sent.
    pub(super) fn status(&self, id: MessageId, lease: Lease) -> Option<u64> {
        self.find(id, |what| what == Answerable::Status || what == Answerable::Accept(lease))
    }

    /// The messages that are remembered.
    #[cfg(feature = "model")]
    pub(super) fn ids(&self) -> impl Iterator<Item = MessageId> {
        self.0.iter().map(|(id, ..)| *id)
    }

    /// Gives every message another identifier.
    #[cfg(feature = "model")]
    pub(super) fn rename(&mut self, new: &dyn Fn(MessageId) -> MessageId) {
        for (id, ..) in &mut self.0 {
            *id = new(*id);
        }
    }

    fn find(&self, id: MessageId, matches: impl Fn(Answerable) -> bool) -> Option<u64> {
        self.0.iter().find(|(known, what, _)| *known == id && matches(*what)).map(|(.., at)| *at)
    }
}
