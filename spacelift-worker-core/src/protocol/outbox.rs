//! Messages that wait for an acknowledgement of the control plane itself; a broker's proves nothing.
//!
//! Keeps the latest progress alone, one log manifest a lease, and every terminal report. Bounded. Sends nothing
//! itself: it says which messages are due.

use super::settings::OutboxLimits;
use crate::ids::{Lease, MessageId};

/// What a message is, as far as keeping it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// The answer to an offer; kept until it is answered or given up.
    Accept(Lease),
    /// The manifest of a lease's log; a later one replaces it.
    Logs(Lease),
    /// Progress; a later one replaces it, whatever its lease.
    Progress,
    /// `finished` or `interrupted`; kept until it is acknowledged.
    Terminal,
}

/// A kept message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Entry {
    id: MessageId,
    kind: Kind,
    bytes: Vec<u8>,
    /// When it is sent again; absent while it was never sent, or waits to be.
    due: Option<u64>,
}

/// The kept messages, in the order in which they were made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Outbox {
    entries: Vec<Entry>,
    limits: OutboxLimits,
}

impl Outbox {
    /// An empty one.
    pub(super) fn new(limits: OutboxLimits) -> Self {
        Self { entries: Vec::new(), limits }
    }

    /// Keeps a message, in place of the one it outdates; drops what the limits no longer allow.
    pub(super) fn keep(&mut self, id: MessageId, kind: Kind, bytes: Vec<u8>) {
        if kind != Kind::Terminal {
            self.entries.retain(|entry| entry.kind != kind);
        }
        self.entries.push(Entry { id, kind, bytes, due: None });
        while self.entries.len() > self.limits.messages || self.len_bytes() > self.limits.bytes {
            // The oldest manifest first, then progress: the terminal report says the state once more.
            let victim = self
                .position(|entry| matches!(entry.kind, Kind::Logs(_)) && entry.id != id)
                .or_else(|| self.position(|entry| entry.kind == Kind::Progress && entry.id != id))
                .or_else(|| self.position(|entry| matches!(entry.kind, Kind::Logs(_) | Kind::Progress)));
            match victim {
                Some(at) => drop(self.entries.remove(at)),
                None => return,
            }
        }
    }

    /// Removes a message and says what it was.
    pub(super) fn remove(&mut self, id: MessageId) -> Option<Kind> {
        let at = self.position(|entry| entry.id == id)?;
        Some(self.entries.remove(at).kind)
    }

    /// Removes all messages of a kind.
    pub(super) fn remove_kind(&mut self, kind: Kind) {
        self.entries.retain(|entry| entry.kind != kind);
    }

    /// What a message is.
    pub(super) fn kind(&self, id: MessageId) -> Option<Kind> {
        self.entries.iter().find(|entry| entry.id == id).map(|entry| entry.kind)
    }

    /// The bytes of a message, to be sent now.
    pub(super) fn bytes(&self, id: MessageId) -> Option<&[u8]> {
        self.entries.iter().find(|entry| entry.id == id).map(|entry| entry.bytes.as_slice())
    }

    /// All messages with their kinds, in order.
    pub(super) fn all(&self) -> Vec<(MessageId, Kind)> {
        self.entries.iter().map(|entry| (entry.id, entry.kind)).collect()
    }

    /// Notes when a message is sent again unless it is acknowledged.
    pub(super) fn sent(&mut self, id: MessageId, due: u64) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            entry.due = Some(due);
        }
    }

    /// The messages that are due, in order.
    pub(super) fn due(&self, now: u64) -> Vec<MessageId> {
        self.entries
            .iter()
            .filter(|entry| entry.due.is_some_and(|at| at <= now))
            .map(|entry| entry.id)
            .collect()
    }

    /// When the next message is due.
    pub(super) fn next_due(&self) -> Option<u64> {
        self.entries.iter().filter_map(|entry| entry.due).min()
    }

    /// Gives every message another identifier.
    #[cfg(feature = "model")]
    pub(super) fn rename(&mut self, new: &dyn Fn(MessageId) -> MessageId) {
        for entry in &mut self.entries {
            entry.id = new(entry.id);
            entry.bytes = super::session::renamed(&entry.bytes, new);
        }
    }

    /// How many messages wait.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many bytes wait.
    pub(super) fn len_bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.bytes.len()).sum()
    }

    fn position(&self, matches: impl Fn(&Entry) -> bool) -> Option<usize> {
        self.entries.iter().position(matches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> MessageId {
        MessageId::from_parts(0, number)
    }

    fn lease(counter: u64) -> Lease {
        Lease { generation: 1, counter }
    }

    #[test]
    fn progress_and_a_leases_manifest_are_replaced_and_go_to_the_end() {
        let mut outbox = Outbox::new(OutboxLimits::default());
        outbox.keep(id(1), Kind::Progress, vec![1]);
        outbox.keep(id(2), Kind::Logs(lease(1)), vec![2]);
        outbox.keep(id(3), Kind::Logs(lease(2)), vec![3]);
        outbox.keep(id(4), Kind::Progress, vec![4]);
        outbox.keep(id(5), Kind::Logs(lease(1)), vec![5]);
        assert_eq!(outbox.all().iter().map(|(id, _)| *id).collect::<Vec<_>>(), [id(3), id(4), id(5)]);
    }

    #[test]
    fn the_limits_take_manifests_then_progress_and_never_a_terminal_report() {
        let mut outbox = Outbox::new(OutboxLimits { messages: 3, bytes: 100 });
        outbox.keep(id(1), Kind::Terminal, vec![0; 60]);
        outbox.keep(id(2), Kind::Progress, vec![0; 10]);
        for number in 3..1_000 {
            outbox.keep(id(number), Kind::Logs(lease(number as u64)), vec![0; 10]);
            assert_eq!(outbox.len(), 3);
        }
        outbox.keep(id(2_000), Kind::Terminal, vec![0; 60]);
        assert_eq!(outbox.all(), [(id(1), Kind::Terminal), (id(2_000), Kind::Terminal)]);
    }
}
