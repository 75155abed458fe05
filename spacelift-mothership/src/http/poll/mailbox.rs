//! What waits for one worker. Pure: no clock, no socket.
//!
//! Reading takes nothing out. A command goes when its id is answered; an answer of the control plane, which is never
//! answered itself, goes when the worker says that it has seen it.

use std::collections::VecDeque;

use bytes::Bytes;
use spacelift_worker_core::ids::MessageId;
use spacelift_worker_core::protocol::message::{ControlBody, ControlMessage};

/// Messages that may wait.
const MAX_MESSAGES: usize = 1_000;

/// Their bytes in all.
const MAX_BYTES: usize = 4 << 20;

/// Bytes of messages in one batch; one message goes in any case.
const BATCH_BYTES: usize = 1 << 20;

#[derive(Debug)]
struct Entry {
    number: u64,
    id: MessageId,
    is_answer: bool,
    bytes: Bytes,
}

/// What waits for one worker, oldest first. Numbers rise by one with each message that is put in.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    entries: VecDeque<Entry>,
    last: u64,
}

/// Messages in order, and the number of the last one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) last: u64,
    pub(super) messages: Vec<Bytes>,
}

impl Mailbox {
    /// Puts a message in, in place of an earlier copy of the same. False when it is none, or there is no room: the
    /// control plane says again what is not answered.
    pub(super) fn put(&mut self, bytes: Bytes) -> bool {
        let Ok(message) = ControlMessage::decode(&bytes) else { return false };
        self.settle(message.id);
        while self.is_full(bytes.len()) {
            let Some(answer) = self.entries.iter().position(|entry| entry.is_answer) else { return false };
            self.entries.remove(answer);
        }
        self.last += 1;
        let is_answer = matches!(message.body, ControlBody::Ack(_) | ControlBody::Nack(_));
        self.entries.push_back(Entry { number: self.last, id: message.id, is_answer, bytes });
        true
    }

    /// The worker answered this message.
    pub(super) fn settle(&mut self, id: MessageId) {
        self.entries.retain(|entry| entry.id != id);
    }

    /// What came after the message with this number, which the worker has seen with everything before it; nothing when
    /// there is nothing.
    pub(super) fn after(&mut self, seen: u64) -> Option<Batch> {
        self.entries.retain(|entry| !entry.is_answer || entry.number > seen);
        let mut room = BATCH_BYTES;
        let mut batch = Batch { last: seen, messages: Vec::new() };
        for entry in self.entries.iter().filter(|entry| entry.number > seen) {
            if entry.bytes.len() > room && !batch.messages.is_empty() {
                break;
            }
            room = room.saturating_sub(entry.bytes.len());
            batch.last = entry.number;
            batch.messages.push(entry.bytes.clone());
        }
        (!batch.messages.is_empty()).then_some(batch)
    }

    fn is_full(&self, more: usize) -> bool {
        let bytes: usize = self.entries.iter().map(|entry| entry.bytes.len()).sum();
        self.entries.len() >= MAX_MESSAGES || bytes + more > MAX_BYTES
    }
}

#[cfg(test)]
mod tests {
    use spacelift_worker_core::protocol::message::{Ack, Cycle, Message};

    use super::*;

    fn id(number: u64) -> MessageId {
        MessageId::from_parts(number, 0)
    }

    fn command(number: u64) -> Bytes {
        Message { id: id(number), ts: 0, body: ControlBody::Cycle(Cycle { cmd_seq: number }) }.encode().into()
    }

    fn answer(number: u64) -> Bytes {
        Message { id: id(number), ts: 0, body: ControlBody::Ack(Ack { re: id(0) }) }.encode().into()
    }

    fn messages(mailbox: &mut Mailbox, seen: u64) -> Vec<Bytes> {
        mailbox.after(seen).map(|batch| batch.messages).unwrap_or_default()
    }

    #[test]
    fn reading_takes_nothing_out_and_an_answer_to_its_id_does() {
        let mut mailbox = Mailbox::default();
        assert!(mailbox.put(command(1)) && mailbox.put(command(2)));
        for _ in 0..3 {
            assert_eq!(mailbox.after(0), Some(Batch { last: 2, messages: vec![command(1), command(2)] }));
        }
        // Seen and not answered: not told again, and not gone either.
        assert_eq!(mailbox.after(2), None);
        assert_eq!(messages(&mut mailbox, 0).len(), 2);
        mailbox.settle(id(1));
        assert_eq!(messages(&mut mailbox, 0), [command(2)]);
        mailbox.settle(id(2));
        assert_eq!(mailbox.after(0), None);
    }

    #[test]
    fn an_answer_goes_when_it_was_seen() {
        let mut mailbox = Mailbox::default();
        mailbox.put(answer(1));
        mailbox.put(command(2));
        mailbox.put(answer(3));
        assert_eq!(messages(&mut mailbox, 0).len(), 3);
        assert_eq!(messages(&mut mailbox, 2), [answer(3)]);
        assert_eq!(messages(&mut mailbox, 0), [command(2), answer(3)]);
    }

    #[test]
    fn a_command_that_is_said_again_stands_there_once_and_is_told_again() {
        let mut mailbox = Mailbox::default();
        mailbox.put(command(1));
        mailbox.put(command(1));
        assert_eq!(mailbox.after(1), Some(Batch { last: 2, messages: vec![command(1)] }));
    }

    #[test]
    fn a_full_mailbox_gives_up_answers_and_then_takes_no_more() {
        let mut mailbox = Mailbox::default();
        assert!(mailbox.put(answer(1)));
        for number in 2..2 + MAX_MESSAGES as u64 {
            assert!(mailbox.put(command(number)));
        }
        assert!(!mailbox.put(command(9_999)));
        assert!(!mailbox.entries.iter().any(|entry| entry.is_answer));
        assert_eq!(mailbox.entries.len(), MAX_MESSAGES);
    }

    #[test]
    fn a_batch_is_bounded_and_one_message_always_fits() {
        let mut mailbox = Mailbox { entries: VecDeque::new(), last: 0 };
        for number in 1..=3 {
            let bytes = Bytes::from(vec![b' '; 700_000]);
            mailbox.entries.push_back(Entry { number, id: id(number), is_answer: false, bytes });
        }
        assert_eq!(mailbox.after(0).map(|batch| (batch.last, batch.messages.len())), Some((1, 1)));
        assert_eq!(mailbox.after(2).map(|batch| (batch.last, batch.messages.len())), Some((3, 1)));
    }

    #[test]
    fn what_is_no_message_is_not_taken() {
        assert!(!Mailbox::default().put(Bytes::from_static(b"hello")));
    }
}
