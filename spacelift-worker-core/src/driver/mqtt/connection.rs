//! One connection to a broker, from its first packet to its end.

use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::io;
use std::time::Duration;

use rumqttc::{
    AckMode, AsyncClient, Broker, Event, EventLoop, LastWill, ManualAck, MqttOptions, NetworkOptions,
    Outgoing, Packet, PublishOptions, QoS, SessionMode, SubscribeReasonCode, TlsConfiguration, Transport,
};
use tokio::sync::mpsc;

use super::failure::{self, Failure};
use super::inbox::Inbox;
use super::{BrokerPlace, MqttEndpoint};
use crate::driver::clock;
use crate::driver::link::{AckToken, LinkCommand, LinkEnd, LinkEvent};
use crate::driver::pace::Pace;
use crate::driver::task::Task;
use crate::protocol::message::MAX_MESSAGE_LEN;

/// The largest packet either way: a payload of 128 KiB, its topic and framing.
const MAX_PACKET_LEN: usize = 140_000;
/// Messages without a PUBACK at a time.
const WINDOW: u16 = 20;
/// A broker that acknowledges nothing for so long has lost the acknowledgement, or itself.
const PUBACK_TIMEOUT_MS: u64 = 30_000;
/// For TLS and CONNACK; the dialer has limits of its own.
const CONNECT_TIMEOUT_SECONDS: u64 = 60;
/// For the answer to the subscription.
const SUBSCRIBE_TIMEOUT_MS: u64 = 20_000;
/// Requests that wait for the event loop: the window, and acknowledgements of what the broker has on its way.
const REQUESTS: usize = 1024;
/// How long a goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Why a connection is over.
pub(super) enum End {
    Failed {
        failure: Failure,
        /// Since when it was up, on the monotonic clock, if it ever was.
        up_since: Option<u64>,
    },
    Closed,
}

/// What the task that polls the event loop tells.
enum Polled {
    Incoming(Packet),
    /// A message is on its way under this packet identifier.
    Published(u16),
    Failed(Failure),
}

/// One connection.
pub(super) struct Connection<'a> {
    endpoint: &'a MqttEndpoint,
    client: AsyncClient,
    polled: mpsc::Receiver<Polled>,
    /// Ends its task when it is dropped.
    _poller: Task<()>,
    number: u64,
    up_since: Option<u64>,
    /// Until when the subscription must be answered.
    subscribe_by: Option<u64>,
    window: Window,
    /// Acknowledgements that are owed to the broker, by packet identifier.
    owed: HashMap<u64, Option<ManualAck>>,
}

impl<'a> Connection<'a> {
    pub(super) fn start(
        endpoint: &'a MqttEndpoint,
        broker: &BrokerPlace,
        number: u64,
    ) -> Result<Self, Failure> {
        let built = AsyncClient::builder(options(endpoint, broker)).capacity(REQUESTS).try_build();
        let (client, event_loop) = built.map_err(|error| Failure::Configuration(error.to_string()))?;
        let (sender, polled) = mpsc::channel(64);
        Ok(Self {
            endpoint,
            client,
            polled,
            _poller: Task::spawn(poll(event_loop, sender)),
            number,
            up_since: None,
            subscribe_by: None,
            window: Window::default(),
            owed: HashMap::new(),
        })
    }

    pub(super) async fn drive(mut self, end: &mut LinkEnd, pace: &mut Pace) -> End {
        // What the broker kept may come before the answer to the subscription; the session hears of the connection first.
        // Packets are taken while events wait for their reader, and commands too: neither side can block the other.
        let mut waiting = Inbox::default();
        loop {
            let now = clock::now().mono_ms;
            if let Some(failure) = self.overdue(now) {
                return self.failed(failure);
            }
            // Without a connection commands are taken and dropped, so that nobody waits for it.
            let ready_at = if self.up_since.is_some() { pace.ready_at() } else { 0 };
            let takes_commands = ready_at <= now && !self.window.is_full();
            let look_again = clock::until(self.next_deadline(ready_at, now));
            tokio::select! {
                permit = end.events.reserve(), if self.up_since.is_some() && !waiting.is_empty() => match (permit, waiting.pop()) {
                    (Ok(permit), Some(event)) => permit.send(event),
                    _ => return End::Closed,
                },
                polled = self.polled.recv() => {
                    let handled = match polled {
                        None => Err(Failure::Broken("the connection ended".to_owned())),
                        Some(Polled::Failed(failure)) => Err(failure),
                        Some(Polled::Published(packet)) => {
                            self.window.published(packet);
                            Ok(None)
                        }
                        Some(Polled::Incoming(packet)) => self.packet(packet, now),
                    };
                    let taken = match handled {
                        Ok(Some(event @ LinkEvent::Up { .. })) => {
                            waiting.push_first(event);
                            Ok(())
                        }
                        Ok(Some(event)) => waiting.push(event),
                        Ok(None) => Ok(()),
                        Err(failure) => Err(failure),
                    };
                    if let Err(failure) = taken {
                        return self.failed(failure);
                    }
                }
                command = end.commands.recv(), if takes_commands => match command {
                    None => return End::Closed,
                    Some(LinkCommand::Close(last)) => {
                        if self.up_since.is_some() {
                            self.close(last).await;
                        }
                        return End::Closed;
                    }
                    Some(command) => {
                        if let Err(failure) = self.command(command, now, pace) {
                            return self.failed(failure);
                        }
                    }
                },
                () = tokio::time::sleep(look_again) => {}
            }
        }
    }

    fn failed(&self, failure: Failure) -> End {
        End::Failed { failure, up_since: self.up_since }
    }

    /// When to look at the clock again.
    fn next_deadline(&self, ready_at: u64, now: u64) -> u64 {
        let pace = (ready_at > now).then_some(ready_at);
        let late = self.subscribe_by.or_else(|| self.window.late_at());
        pace.into_iter().chain(late).min().unwrap_or(u64::MAX)
    }

    fn overdue(&self, now: u64) -> Option<Failure> {
        let is_late = |at: Option<u64>| at.is_some_and(|at| at <= now);
        if is_late(self.subscribe_by) {
            Some(Failure::Broken("the broker does not answer the subscription".to_owned()))
        } else if is_late(self.window.late_at()) {
            Some(Failure::Broken("the broker does not acknowledge messages".to_owned()))
        } else {
            None
        }
    }

    fn packet(&mut self, packet: Packet, now: u64) -> Result<Option<LinkEvent>, Failure> {
        let listen = &self.endpoint.listen;
        match packet {
            Packet::ConnAck(_) => {
                self.subscribe_by = Some(now + SUBSCRIBE_TIMEOUT_MS);
                let queued = self.client.try_subscribe(listen, QoS::AtLeastOnce);
                queued
                    .map(|_| None)
                    .map_err(|_| Failure::Broken("the subscription could not be queued".to_owned()))
            }
            Packet::SubAck(answer) => {
                let refused = |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Failure);
                if answer.return_codes.is_empty() || answer.return_codes.iter().any(refused) {
                    let reason =
                        format!("the broker refuses the subscription to {listen}: see its access rules");
                    return Err(Failure::Configuration(reason));
                }
                self.subscribe_by = None;
                self.up_since = Some(now);
                Ok(Some(LinkEvent::Up { connection: self.number }))
            }
            Packet::PubAck(ack) => {
                self.window.acknowledged(ack.pkid);
                Ok(None)
            }
            Packet::Publish(publish) => {
                let number = u64::from(publish.pkid);
                self.owed.insert(number, self.client.prepare_ack(&publish));
                let token = AckToken { connection: self.number, number };
                Ok(Some(LinkEvent::Message { bytes: publish.payload, token }))
            }
            _ => Ok(None),
        }
    }

    fn command(&mut self, command: LinkCommand, now: u64, pace: &mut Pace) -> Result<(), Failure> {
        match command {
            LinkCommand::Send { connection, bytes }
                if connection == self.number && self.up_since.is_some() =>
            {
                let len = bytes.len();
                if len > MAX_MESSAGE_LEN {
                    // A broker would close the connection, or drop the message without a word.
                    tracing::error!(len, max = MAX_MESSAGE_LEN, "a message is too long to be sent");
                    return Ok(());
                }
                let speak = self.endpoint.speak.as_str();
                if self.client.try_publish(speak, bytes, PublishOptions::at_least_once()).is_err() {
                    return Err(Failure::Broken("a message could not be queued".to_owned()));
                }
                self.window.queued(now);
                pace.sent(now);
            }
            LinkCommand::Acknowledge(token) if token.connection == self.number => {
                if let Some(Some(ack)) = self.owed.remove(&token.number)
                    && self.client.try_manual_ack(ack).is_err()
                {
                    return Err(Failure::Broken("an acknowledgement could not be queued".to_owned()));
                }
            }
            LinkCommand::Send { .. } | LinkCommand::Acknowledge(_) | LinkCommand::Close(_) => {}
        }
        Ok(())
    }

    /// Sends the last message, waits until the broker has it, disconnects. What arrives meanwhile is left to the
    /// broker's session: nobody acknowledges it.
    async fn close(mut self, last: Option<Vec<u8>>) {
        let client = self.client.clone();
        let speak = self.endpoint.speak.clone();
        let goodbye = async {
            if let Some(last) = last
                && let Ok(notice) = client.publish_tracked(speak, last, PublishOptions::at_least_once()).await
            {
                let _ = notice.wait_async().await;
            }
            let _ = client.disconnect_now().await;
            pending::<()>().await;
        };
        let drained = async {
            while let Some(Polled::Incoming(_) | Polled::Published(_)) = self.polled.recv().await {}
        };
        let both = async {
            tokio::select! {
                () = goodbye => {}
                () = drained => {}
            }
        };
        if tokio::time::timeout(CLOSE_TIMEOUT, both).await.is_err() {
            tracing::debug!("the broker did not take the goodbye in time");
        }
    }
}

/// Messages that the broker has not acknowledged. One more than [`WINDOW`] would wait inside the event loop.
#[derive(Debug, Default)]
struct Window {
    /// Given to the event loop, without a packet identifier yet; since when, oldest first.
    queued: VecDeque<u64>,
    /// By packet identifier, since when.
    published: HashMap<u16, u64>,
}

impl Window {
    fn is_full(&self) -> bool {
        self.queued.len() + self.published.len() >= usize::from(WINDOW)
    }

    fn queued(&mut self, now: u64) {
        self.queued.push_back(now);
    }

    fn published(&mut self, packet: u16) {
        let since = self.queued.pop_front();
        self.published.extend(since.map(|since| (packet, since)));
    }

    fn acknowledged(&mut self, packet: u16) {
        self.published.remove(&packet);
    }

    /// When the broker is late with the oldest.
    fn late_at(&self) -> Option<u64> {
        let oldest = self.published.values().chain(self.queued.front()).min();
        oldest.map(|since| since + PUBACK_TIMEOUT_MS)
    }
}

fn options(endpoint: &MqttEndpoint, broker: &BrokerPlace) -> MqttOptions {
    let (host, port) = (broker.host.clone(), broker.port);
    let mut options = MqttOptions::new(endpoint.client_id.clone(), Broker::tcp(host.clone(), port));
    let dialer = endpoint.dialer.clone();
    options
        .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(broker.tls.clone())))
        .set_socket_connector(move |_, _| {
            let (dialer, host) = (dialer.clone(), host.clone());
            async move { dialer.connect(&host, port).await.map_err(io::Error::other) }
        })
        .set_max_packet_size(MAX_PACKET_LEN, MAX_PACKET_LEN)
        .set_inflight(WINDOW)
        .set_session_mode(SessionMode::Persistent)
        .set_ack_mode(AckMode::Manual)
        .set_keep_alive(endpoint.keep_alive)
        .set_last_will(LastWill::new(
            endpoint.speak.clone(),
            endpoint.last_will.clone(),
            QoS::AtLeastOnce,
            false,
        ));
    options
}

/// Polls, and does nothing else: an event loop whose `poll` is cancelled while it connects never connects.
async fn poll(mut event_loop: EventLoop, polled: mpsc::Sender<Polled>) {
    let mut network = NetworkOptions::new();
    network.set_connection_timeout(CONNECT_TIMEOUT_SECONDS);
    event_loop.set_network_options(network);
    loop {
        let (tell, is_last) = match event_loop.poll().await {
            Ok(Event::Incoming(packet)) => (Polled::Incoming(packet), false),
            Ok(Event::Outgoing(Outgoing::Publish(packet))) => (Polled::Published(packet), false),
            Ok(Event::Outgoing(_)) => continue,
            Err(error) => (Polled::Failed(failure::classify(&error)), true),
        };
        if polled.send(tell).await.is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_counts_what_waits_and_what_is_on_its_way() {
        let mut window = Window::default();
        for packet in 1..=WINDOW {
            assert!(!window.is_full());
            window.queued(0);
            if packet % 2 == 0 {
                window.published(packet);
            }
        }
        assert!(window.is_full());
        window.acknowledged(2);
        assert!(!window.is_full());
    }

    #[test]
    fn a_broker_is_late_by_its_oldest_debt() {
        let mut window = Window::default();
        assert_eq!(window.late_at(), None);
        window.queued(5);
        window.queued(10);
        window.published(1);
        assert_eq!(window.late_at(), Some(PUBACK_TIMEOUT_MS + 5));
        window.acknowledged(1);
        assert_eq!(window.late_at(), Some(PUBACK_TIMEOUT_MS + 10), "what does not even leave is late, too");
        window.published(2);
        window.acknowledged(2);
        assert_eq!(window.late_at(), None);
    }
}
