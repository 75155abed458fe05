//! What a broker remembers of one client, connected or not: its subscription, what it has not acknowledged, what waits.
//! Pure: no I/O, no clock.

use std::collections::VecDeque;

use bytes::Bytes;
use rumqttc::{Publish, QoS};

/// Messages that may be unacknowledged at a time. Source: AWS IoT Core, "in-flight".
const WINDOW: usize = 100;

/// Messages that may wait. What comes above is dropped: the control plane asks again for what was not acknowledged.
const MAX_QUEUED: usize = 1_000;

/// A sent message without its acknowledgement.
#[derive(Debug)]
struct Unacknowledged {
    packet_id: u16,
    payload: Bytes,
    /// Whether this connection has sent it.
    sent: bool,
    /// Whether an earlier connection has sent it.
    dup: bool,
}

/// The session of one client.
#[derive(Debug)]
pub(super) struct Session {
    topic: String,
    granted: Option<QoS>,
    unacknowledged: VecDeque<Unacknowledged>,
    queue: VecDeque<Bytes>,
    last_packet_id: u16,
}

impl Session {
    /// A new session for a client that listens on `topic`.
    pub(super) fn new(topic: String) -> Self {
        Self {
            topic,
            granted: None,
            unacknowledged: VecDeque::new(),
            queue: VecDeque::new(),
            last_packet_id: 0,
        }
    }

    /// Grants at most QoS 1.
    pub(super) fn subscribe(&mut self, wanted: QoS) -> QoS {
        let granted = if wanted == QoS::AtMostOnce { QoS::AtMostOnce } else { QoS::AtLeastOnce };
        self.granted = Some(granted);
        granted
    }

    pub(super) fn unsubscribe(&mut self) {
        self.granted = None;
    }

    /// Takes a message to deliver. False when it was dropped: no subscription, an unreachable QoS 0 one, or a full queue.
    pub(super) fn push(&mut self, payload: Bytes, connected: bool) -> bool {
        let wanted = match self.granted {
            None => false,
            Some(QoS::AtMostOnce) => connected,
            Some(_) => true,
        };
        let taken = wanted && self.queue.len() < MAX_QUEUED;
        if taken {
            self.queue.push_back(payload);
        }
        taken
    }

    /// A new connection goes on with this session.
    ///
    /// [MQTT-4.4.0-1]: "the Server MUST re-send any unacknowledged PUBLISH Packets (where QoS > 0) using their
    /// original Packet Identifiers"; [MQTT-3.3.1-1]: with DUP set.
    pub(super) fn resume(&mut self) {
        for message in &mut self.unacknowledged {
            message.dup |= message.sent;
            message.sent = false;
        }
    }

    /// The next packet to write, while the window is open.
    pub(super) fn next(&mut self) -> Option<Publish> {
        if let Some(message) = self.unacknowledged.iter_mut().find(|message| !message.sent) {
            message.sent = true;
            let mut packet =
                Publish::from_bytes(self.topic.as_str(), QoS::AtLeastOnce, message.payload.clone());
            packet.pkid = message.packet_id;
            packet.dup = message.dup;
            return Some(packet);
        }
        if self.unacknowledged.len() >= WINDOW {
            return None;
        }
        let payload = self.queue.pop_front()?;
        if self.granted == Some(QoS::AtMostOnce) {
            return Some(Publish::from_bytes(self.topic.as_str(), QoS::AtMostOnce, payload));
        }
        let packet_id = self.free_packet_id();
        self.unacknowledged.push_back(Unacknowledged { packet_id, payload, sent: false, dup: false });
        self.next()
    }

    /// The client has a message. An identifier that is not open says nothing.
    pub(super) fn acknowledged(&mut self, packet_id: u16) {
        self.unacknowledged.retain(|message| message.packet_id != packet_id || !message.sent);
    }

    /// [MQTT-2.3.1-1]: non-zero, and not in use. The window is far smaller than the range, so one is free.
    fn free_packet_id(&mut self) -> u16 {
        loop {
            self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
            if !self.unacknowledged.iter().any(|message| message.packet_id == self.last_packet_id) {
                return self.last_packet_id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscribed() -> Session {
        let mut session = Session::new("ns/readonly/p/w".into());
        assert_eq!(session.subscribe(QoS::ExactlyOnce), QoS::AtLeastOnce);
        session
    }

    #[test]
    fn without_a_subscription_nothing_waits() {
        let mut session = Session::new("t".into());
        assert!(!session.push(Bytes::from_static(b"a"), true));
        assert_eq!(session.next(), None);
    }

    #[test]
    fn what_was_not_acknowledged_comes_again_with_its_id_and_dup() {
        let mut session = subscribed();
        for payload in ["a", "b", "c"] {
            assert!(session.push(Bytes::from(payload), true));
        }
        let first = session.next().unwrap();
        let second = session.next().unwrap();
        assert!(!first.dup && !second.dup);
        session.acknowledged(first.pkid);
        session.resume();
        let again = session.next().unwrap();
        assert_eq!((again.pkid, again.payload, again.dup), (second.pkid, Bytes::from_static(b"b"), true));
        let fresh = session.next().unwrap();
        assert_eq!((fresh.payload, fresh.dup), (Bytes::from_static(b"c"), false));
        assert_eq!(session.next(), None);
    }

    #[test]
    fn the_window_and_the_queue_are_bounded() {
        let mut session = subscribed();
        for _ in 0..MAX_QUEUED {
            assert!(session.push(Bytes::from_static(b"x"), false));
        }
        assert!(!session.push(Bytes::from_static(b"x"), false));
        let sent: Vec<_> = std::iter::from_fn(|| session.next()).collect();
        assert_eq!(sent.len(), WINDOW);
        session.acknowledged(sent[7].pkid);
        assert!(session.next().is_some());
        assert_eq!(session.next(), None);
    }

    #[test]
    fn packet_ids_wrap_around_zero_and_skip_open_ones() {
        let mut session = subscribed();
        session.last_packet_id = u16::MAX - 1;
        for _ in 0..3 {
            session.push(Bytes::from_static(b"x"), true);
        }
        let ids: Vec<_> = std::iter::from_fn(|| session.next()).map(|packet| packet.pkid).collect();
        assert_eq!(ids, [u16::MAX, 1, 2]);
        session.last_packet_id = 0;
        session.push(Bytes::from_static(b"x"), true);
        assert_eq!(session.next().unwrap().pkid, 3);
    }

    #[test]
    fn a_subscription_at_qos_0_keeps_nothing_for_later() {
        let mut session = Session::new("t".into());
        assert_eq!(session.subscribe(QoS::AtMostOnce), QoS::AtMostOnce);
        assert!(!session.push(Bytes::from_static(b"a"), false));
        assert!(session.push(Bytes::from_static(b"b"), true));
        assert_eq!(session.next().unwrap().qos, QoS::AtMostOnce);
        session.resume();
        assert_eq!(session.next(), None);
    }
}
