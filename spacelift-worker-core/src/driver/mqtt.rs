//! The MQTT transport: rumqttc over rustls with the pool's certificate, MQTT 3.1.1, QoS 1 both ways.
//!
//! Every connection has an event loop of its own, polled by a task of its own. After the first error all of it is
//! dropped and made anew: nothing of an old connection is delivered after a new one is up. The topic is subscribed to
//! on every connection, since a session that the broker kept does not prove that its subscription was.

mod failure;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{
    AckMode, AsyncClient, Broker, Event, EventLoop, LastWill, MqttOptions, NetworkOptions, Packet, Publish,
    PublishOptions, QoS, SessionMode, SubscribeReasonCode, TlsConfiguration, Transport,
};
use rustls::ClientConfig;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::clock;
use super::link::{AckToken, Link, LinkCommand, LinkEvent, LinkFailure};
use super::random;
use crate::protocol::Backoff;

/// The largest packet either way: a message of 120 KiB, its topic and framing, and a broker's larger limit.
const MAX_PACKET_LEN: usize = 140_000;
/// Messages without a PUBACK at a time.
const WINDOW: u16 = 20;
/// AWS IoT Core allows 30 s at least.
const KEEP_ALIVE_SECONDS: u16 = 30;
/// For name resolution, TCP, TLS and CONNACK together.
const CONNECT_TIMEOUT_SECONDS: u64 = 20;
/// Requests that wait for the event loop. What does not fit is sent again by the session.
const REQUESTS: usize = 1024;
/// How long a goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// The protocol name that AWS IoT Core asks for on port 443.
pub(crate) const ALPN_ON_443: &[u8] = b"x-amzn-mqtt-ca";

/// Where to connect, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct MqttEndpoint {
    /// Host name or address.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: u16,
    /// The worker's ULID.
    pub(crate) client_id: String,
    /// Where the worker listens.
    pub(crate) listen: String,
    /// Where it speaks.
    pub(crate) speak: String,
    /// What the broker says when the worker vanishes.
    pub(crate) last_will: Vec<u8>,
    /// One configuration for all connections, so that TLS sessions are resumed.
    pub(crate) tls: Arc<ClientConfig>,
}

/// Starts the transport on the current runtime.
pub(crate) fn connect(endpoint: MqttEndpoint) -> Link {
    let (event_sender, events) = mpsc::channel(64);
    let (commands, command_receiver) = mpsc::channel(256);
    let driver = MqttDriver { endpoint, events: event_sender, commands: command_receiver, connection: 0 };
    tokio::spawn(driver.run());
    Link { events, commands }
}

struct MqttDriver {
    endpoint: MqttEndpoint,
    events: mpsc::Sender<LinkEvent>,
    commands: mpsc::Receiver<LinkCommand>,
    connection: u64,
}

/// Why a connection is over.
enum End {
    Failed(LinkFailure),
    Closed,
}

impl MqttDriver {
    async fn run(mut self) {
        let mut backoff = Backoff::new();
        loop {
            self.connection += 1;
            backoff.connected(clock::now().mono_ms);
            match self.one_connection().await {
                End::Closed => return,
                End::Failed(failure) => {
                    if self.events.send(LinkEvent::Down(failure)).await.is_err() {
                        return;
                    }
                }
            }
            let pause = backoff.failed(clock::now().mono_ms, random::jitter());
            if self.pause(Duration::from_millis(pause)).await.is_break() {
                return;
            }
        }
    }

    /// Waits; what is asked for meanwhile has no connection to go to.
    async fn pause(&mut self, pause: Duration) -> std::ops::ControlFlow<()> {
        let end = tokio::time::sleep(pause);
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return std::ops::ControlFlow::Continue(()),
                command = self.commands.recv() => match command {
                    None | Some(LinkCommand::Close(_)) => return std::ops::ControlFlow::Break(()),
                    Some(LinkCommand::Send(_) | LinkCommand::Acknowledge(_)) => {}
                },
            }
        }
    }

    async fn one_connection(&mut self) -> End {
        let (client, event_loop) =
            match AsyncClient::builder(options(&self.endpoint)).capacity(REQUESTS).try_build() {
                Ok(built) => built,
                Err(error) => {
                    return End::Failed(LinkFailure { reason: error.to_string(), misconfigured: true });
                }
            };
        let (packet_sender, packets) = mpsc::channel(64);
        let poller = Poller(tokio::spawn(poll(event_loop, packet_sender)));
        let end = self.drive(&client, packets).await;
        drop(poller);
        end
    }

    async fn drive(
        &mut self,
        client: &AsyncClient,
        mut packets: mpsc::Receiver<Result<Packet, LinkFailure>>,
    ) -> End {
        let mut connection =
            Connection { client, number: self.connection, up: false, received: HashMap::new() };
        // While an event waits for its reader no packet is taken, and commands still are: neither side can block
        // the other.
        let mut waiting: Option<LinkEvent> = None;
        loop {
            tokio::select! {
                permit = self.events.reserve(), if waiting.is_some() => match (permit, waiting.take()) {
                    (Ok(permit), Some(event)) => permit.send(event),
                    _ => return End::Closed,
                },
                packet = packets.recv(), if waiting.is_none() => {
                    let packet = match packet {
                        None => return failed("the connection ended"),
                        Some(Err(failure)) => return End::Failed(failure),
                        Some(Ok(packet)) => packet,
                    };
                    match connection.packet(packet, &self.endpoint.listen) {
                        Ok(event) => waiting = event,
                        Err(failure) => return End::Failed(failure),
                    }
                }
                command = self.commands.recv() => match command {
                    None => return End::Closed,
                    Some(LinkCommand::Close(last)) => {
                        if connection.up {
                            self.close(client, last, packets).await;
                        }
                        return End::Closed;
                    }
                    Some(command) => {
                        if let Err(failure) = connection.command(command, &self.endpoint.speak) {
                            return End::Failed(failure);
                        }
                    }
                },
            }
        }
    }

    /// Sends the last message, waits until the broker has it, disconnects. What arrives meanwhile is left to the
    /// broker's session: nobody acknowledges it.
    async fn close(
        &self,
        client: &AsyncClient,
        last: Vec<u8>,
        mut packets: mpsc::Receiver<Result<Packet, LinkFailure>>,
    ) {
        let speak = self.endpoint.speak.clone();
        let goodbye = async {
            if let Ok(notice) = client.publish_tracked(speak, last, PublishOptions::at_least_once()).await {
                let _ = notice.wait_async().await;
            }
            let _ = client.disconnect_now().await;
            std::future::pending::<()>().await;
        };
        let drained = async { while let Some(Ok(_)) = packets.recv().await {} };
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

/// One connection, from its CONNACK to its end.
struct Connection<'a> {
    client: &'a AsyncClient,
    number: u64,
    up: bool,
    /// Messages whose acknowledgement is still owed to the broker.
    received: HashMap<u16, Publish>,
}

impl Connection<'_> {
    fn packet(&mut self, packet: Packet, listen: &str) -> Result<Option<LinkEvent>, LinkFailure> {
        match packet {
            Packet::ConnAck(_) => self
                .client
                .try_subscribe(listen, QoS::AtLeastOnce)
                .map(|()| None)
                .map_err(|_| network("the subscription could not be queued")),
            Packet::SubAck(answer) => {
                if answer.return_codes.iter().any(|code| matches!(code, SubscribeReasonCode::Failure)) {
                    let reason = format!("the broker refuses the subscription to {listen}");
                    return Err(LinkFailure { reason, misconfigured: true });
                }
                self.up = true;
                Ok(Some(LinkEvent::Up))
            }
            Packet::Publish(publish) => {
                let token = AckToken { connection: self.number, packet: publish.pkid };
                let bytes = publish.payload.clone();
                self.received.insert(publish.pkid, publish);
                Ok(Some(LinkEvent::Message { bytes, token }))
            }
            _ => Ok(None),
        }
    }

    fn command(&mut self, command: LinkCommand, speak: &str) -> Result<(), LinkFailure> {
        match command {
            LinkCommand::Send(bytes) if self.up => {
                if self.client.try_publish(speak, bytes, PublishOptions::at_least_once()).is_err() {
                    tracing::debug!("the transport is behind; a message will be sent again");
                }
            }
            LinkCommand::Acknowledge(token) if token.connection == self.number => {
                if let Some(publish) = self.received.remove(&token.packet) {
                    self.client
                        .try_ack(&publish)
                        .map_err(|_| network("an acknowledgement could not be queued"))?;
                }
            }
            LinkCommand::Send(_) | LinkCommand::Acknowledge(_) | LinkCommand::Close(_) => {}
        }
        Ok(())
    }
}

fn network(reason: &str) -> LinkFailure {
    LinkFailure { reason: reason.to_owned(), misconfigured: false }
}

fn failed(reason: &str) -> End {
    End::Failed(network(reason))
}

fn options(endpoint: &MqttEndpoint) -> MqttOptions {
    let mut options =
        MqttOptions::new(endpoint.client_id.clone(), Broker::tcp(endpoint.host.clone(), endpoint.port));
    options
        .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(endpoint.tls.clone())))
        .set_max_packet_size(MAX_PACKET_LEN, MAX_PACKET_LEN)
        .set_inflight(WINDOW)
        .set_session_mode(SessionMode::Persistent)
        .set_ack_mode(AckMode::Manual)
        .set_keep_alive(KEEP_ALIVE_SECONDS)
        .set_last_will(LastWill::new(
            endpoint.speak.clone(),
            endpoint.last_will.clone(),
            QoS::AtLeastOnce,
            false,
        ));
    options
}

/// The task that polls an event loop; it ends with its connection.
struct Poller(JoinHandle<()>);

impl Drop for Poller {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Polls, and does nothing else: an event loop whose `poll` is cancelled while it connects never connects.
async fn poll(mut event_loop: EventLoop, packets: mpsc::Sender<Result<Packet, LinkFailure>>) {
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_TIMEOUT_SECONDS);
    event_loop.set_network_options(network);
    loop {
        match event_loop.poll().await {
            Ok(Event::Incoming(packet)) => {
                if packets.send(Ok(packet)).await.is_err() {
                    return;
                }
            }
            Ok(Event::Outgoing(_)) => {}
            Err(error) => {
                let _ = packets.send(Err(failure::classify(&error))).await;
                return;
            }
        }
    }
}
