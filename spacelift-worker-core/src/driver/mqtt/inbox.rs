//! What arrived and waits for the session, bounded. Pure.
//!
//! The socket is read while it waits: what the session wants to say needs room in the window, and only an acknowledgement of the
//! broker, which stands behind other packets, makes room.

use std::collections::VecDeque;

use super::failure::Failure;
use crate::driver::link::LinkEvent;

/// Bytes that may wait. A broker that keeps to AWS's hundred unacknowledged messages of 128 KiB stays below.
const MAX_BYTES: usize = 16 << 20;
/// What a message costs beside its body.
const OVERHEAD: usize = 256;

/// Events in the order of their packets.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    events: VecDeque<LinkEvent>,
    bytes: usize,
}

fn cost(event: &LinkEvent) -> usize {
    match event {
        LinkEvent::Message { bytes, .. } => bytes.len() + OVERHEAD,
        LinkEvent::Up { .. } | LinkEvent::Down(_) => OVERHEAD,
    }
}

impl Inbox {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Adds an event, or says that the broker goes on although nothing is acknowledged.
    pub(super) fn push(&mut self, event: LinkEvent) -> Result<(), Failure> {
        self.bytes += cost(&event);
        self.events.push_back(event);
        if self.bytes > MAX_BYTES {
            return Err(Failure::Broken(
                "the broker sends more than it waits for acknowledgements of".to_owned(),
            ));
        }
        Ok(())
    }

    /// Puts an event before all others.
    pub(super) fn push_first(&mut self, event: LinkEvent) {
        self.bytes += cost(&event);
        self.events.push_front(event);
    }

    /// The oldest event.
    pub(super) fn pop(&mut self) -> Option<LinkEvent> {
        let event = self.events.pop_front()?;
        self.bytes = self.bytes.saturating_sub(cost(&event));
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::driver::link::AckToken;

    fn message(number: u64, len: usize) -> LinkEvent {
        let bytes = Bytes::from(vec![b'x'; len]);
        LinkEvent::Message { bytes, token: AckToken { connection: 1, number } }
    }

    fn number(event: &LinkEvent) -> u64 {
        match event {
            LinkEvent::Message { token, .. } => token.number,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_arrived_first_leaves_first() {
        let mut inbox = Inbox::default();
        for at in 0..500 {
            inbox.push(message(at, 10)).unwrap();
        }
        let order: Vec<_> = std::iter::from_fn(|| inbox.pop()).map(|event| number(&event)).collect();
        assert_eq!(order, (0..500).collect::<Vec<_>>());
        assert!(inbox.is_empty());
    }

    #[test]
    fn a_hundred_of_the_longest_messages_wait_and_a_broker_that_never_stops_is_cut() {
        let mut inbox = Inbox::default();
        for at in 0..100 {
            inbox.push(message(at, 128 * 1024)).unwrap();
        }
        let cut = (0..100).find_map(|at| inbox.push(message(at, 128 * 1024)).err());
        assert!(matches!(cut, Some(Failure::Broken(_))));
    }

    #[test]
    fn the_connection_is_told_before_what_came_with_it() {
        let mut inbox = Inbox::default();
        inbox.push(message(1, 10)).unwrap();
        inbox.push_first(LinkEvent::Up { connection: 1 });
        assert!(matches!(inbox.pop(), Some(LinkEvent::Up { connection: 1 })));
        assert_eq!(inbox.pop().map(|event| number(&event)), Some(1));
        assert!(inbox.is_empty());
    }

    #[test]
    fn room_comes_back() {
        let mut inbox = Inbox::default();
        for at in 0..10_000 {
            inbox.push(message(at, 128 * 1024)).unwrap();
            inbox.pop();
        }
    }
}
