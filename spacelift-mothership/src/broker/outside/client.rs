//! The connection to an outside broker: one event loop a connection, polled in a task of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rumqttc::{
    AckMode, AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, NetworkOptions, Packet, Publish,
    PublishOptions, QoS, SubscribeReasonCode, TlsConfiguration, Transport,
};
use rustls::ClientConfig;
use spacelift_worker_core::pool::BrokerEndpoint;
use spacelift_worker_core::protocol::topic;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::backoff::Backoff;
use crate::fresh;
use crate::wire::{Wire, WireCommand, WireEvent};

/// The longest packet either way, in bytes.
const MAX_PACKET: usize = 140_000;

const KEEP_ALIVE_SECS: u16 = 30;

/// Unacknowledged messages at a time. Source: AWS IoT Core, "in-flight".
const INFLIGHT: u16 = 100;

/// Messages that wait between two tasks.
const CHANNEL: usize = 1_024;

const CONNECT_TIMEOUT_SECS: u64 = 20;

/// What a connection to an outside broker takes.
#[derive(Clone, Debug)]
pub struct OutsideConfig {
    /// Where it is.
    pub endpoint: BrokerEndpoint,
    /// The first part of every topic, such as `spacelift`.
    pub namespace: String,
    /// Whom to trust, and as whom to come.
    pub tls: Arc<ClientConfig>,
    /// The same at each start of the same control plane, and no other's.
    pub client_id: String,
    /// The shortest wait between two connections. AWS IoT Core allows one a second and client.
    pub shortest_wait: Duration,
    /// The longest.
    pub longest_wait: Duration,
}

/// A connection to an outside broker, made again for ever. Dropping it ends it.
#[derive(Debug)]
pub struct OutsideBroker {
    stop: DropGuard,
    running: JoinHandle<()>,
}

/// The client of the connection that is up and subscribed, if any.
type Current = Arc<Mutex<Option<AsyncClient>>>;

impl OutsideBroker {
    /// Begins to connect, and gives the wire to the control loop.
    pub fn start(config: OutsideConfig) -> (Self, Wire) {
        let (event_sender, events) = mpsc::channel(CHANNEL);
        let (commands, command_receiver) = mpsc::channel(CHANNEL);
        let stop = CancellationToken::new();
        let current = Current::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(speak(config.namespace.clone(), command_receiver, Arc::clone(&current)));
        tasks.spawn(stay_connected(config, event_sender, current));
        let ended = stop.clone();
        let running = tokio::spawn(async move {
            ended.cancelled().await;
            tasks.shutdown().await;
        });
        (Self { stop: stop.drop_guard(), running }, Wire { events, commands })
    }

    /// Ends the connection, and waits until it is gone.
    pub async fn shutdown(self) {
        drop(self.stop);
        let _ = self.running.await;
    }
}

/// Publishes what the control loop says. Never waits for the network: while there is no connection, or too much waits,
/// what is said is dropped, and the control loop says it again.
async fn speak(namespace: String, mut commands: mpsc::Receiver<WireCommand>, current: Current) {
    while let Some(command) = commands.recv().await {
        match command {
            WireCommand::Publish { pool, worker, bytes } => {
                let client = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let Some(client) = client else { continue };
                let topic = topic::to_worker(&namespace, pool, worker);
                if let Err(error) = client.try_publish(topic, bytes, PublishOptions::at_least_once()) {
                    tracing::debug!(%pool, %worker, %error, "a message was not sent");
                }
            }
            // The broker reads the revocation list when it is told to; it is not ours to tell.
            WireCommand::Revoked { pool } => {
                tracing::warn!(%pool, "reload the outside broker's listener, so that it reads the revocation list");
            }
        }
    }
}

async fn stay_connected(config: OutsideConfig, events: mpsc::Sender<WireEvent>, current: Current) {
    let mut backoff = Backoff::new(config.shortest_wait, config.longest_wait);
    loop {
        let began = Instant::now();
        // A fresh event loop for each connection: one that goes on after an error mixes the old connection with the new.
        let why = connection(&config, &events, &current).await;
        *current.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let why = match why {
            Broken::Unheard => return,
            other => other,
        };
        let draw = fresh::random().map_or(u64::MAX, u64::from_le_bytes);
        let wait = backoff.next(began.elapsed(), draw);
        tracing::warn!(broker = %config.endpoint, error = %why, cause = %root_cause(&why), ?wait, "not connected");
        tokio::time::sleep(wait).await;
    }
}

/// The innermost cause: the client library repeats it at every level above.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    innermost.to_string()
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(
        "the connection to the broker broke, or it refused the certificate; check its log, --broker-ca and --broker-cert"
    )]
    Connection(#[source] Box<ConnectionError>),
    #[error("the broker does not let the control plane subscribe; check its access control list")]
    Refused,
    #[error("the MQTT client cannot be set up")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("nobody listens any more")]
    Unheard,
}

async fn connection(config: &OutsideConfig, events: &mpsc::Sender<WireEvent>, current: &Current) -> Broken {
    let (client, mut eventloop) = match AsyncClient::builder(options(config)).try_build() {
        Ok(pair) => pair,
        Err(error) => return Broken::Client(error.into()),
    };
    let mut network = NetworkOptions::new();
    network.set_connection_timeout(CONNECT_TIMEOUT_SECS);
    network.set_tcp_nodelay(true);
    eventloop.set_network_options(network);
    let (sender, mut packets) = mpsc::channel(CHANNEL);
    let mut polling = JoinSet::new();
    polling.spawn(poll(eventloop, sender));
    loop {
        let done = match packets.recv().await {
            Some(Ok(Packet::ConnAck(_))) => {
                // At every connection: a session that is present may still lack its subscription.
                let filter = topic::from_all_workers(&config.namespace);
                client.subscribe(filter, QoS::AtLeastOnce).await.map_err(|error| Broken::Client(error.into()))
            }
            Some(Ok(Packet::SubAck(ack))) => {
                if ack.return_codes.contains(&SubscribeReasonCode::Failure) {
                    return Broken::Refused;
                }
                *current.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
                tracing::info!(broker = %config.endpoint, "connected");
                events.send(WireEvent::Connected).await.map_err(|_| Broken::Unheard)
            }
            Some(Ok(Packet::Publish(publish))) => hear(config, events, &client, publish).await,
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => return Broken::Connection(error),
            None => return Broken::Unheard,
        };
        if let Err(why) = done {
            return why;
        }
    }
}

/// Hands a message over, and acknowledges it afterwards.
async fn hear(
    config: &OutsideConfig,
    events: &mpsc::Sender<WireEvent>,
    client: &AsyncClient,
    publish: Publish,
) -> Result<(), Broken> {
    let name = std::str::from_utf8(&publish.topic).unwrap_or_default();
    match topic::parse_from_worker(&config.namespace, name) {
        Some((pool, worker)) => {
            let event = WireEvent::Message { pool, worker, bytes: publish.payload.clone() };
            events.send(event).await.map_err(|_| Broken::Unheard)?;
        }
        None => tracing::debug!(topic = name, "a message on no worker's topic"),
    }
    client.ack(&publish).await.map_err(|error| Broken::Client(error.into()))
}

/// Polls until the first error. In a task of its own, and never within a `select!`: an event loop that is dropped while
/// it connects never connects.
async fn poll(mut eventloop: EventLoop, packets: mpsc::Sender<Result<Packet, Box<ConnectionError>>>) {
    loop {
        let (packet, is_last) = match eventloop.poll().await {
            Ok(Event::Incoming(packet)) => (Ok(packet), false),
            Ok(Event::Outgoing(_)) => continue,
            Err(error) => (Err(Box::new(error)), true),
        };
        let wanted = match &packet {
            Ok(packet) => {
                matches!(packet, Packet::ConnAck(_) | Packet::SubAck(_) | Packet::Publish(_))
            }
            Err(_) => true,
        };
        if (wanted && packets.send(packet).await.is_err()) || is_last {
            return;
        }
    }
}

fn options(config: &OutsideConfig) -> MqttOptions {
    let BrokerEndpoint { host, port } = &config.endpoint;
    let mut options = MqttOptions::new(config.client_id.as_str(), (host.as_str(), *port));
    let tls = TlsConfiguration::Rustls(Arc::clone(&config.tls));
    options
        .set_transport(Transport::tls_with_config(tls))
        .set_max_packet_size(MAX_PACKET, MAX_PACKET)
        .set_clean_session(false)
        .set_ack_mode(AckMode::Manual)
        .set_inflight(INFLIGHT)
        .set_request_channel_capacity(CHANNEL)
        .set_keep_alive(KEEP_ALIVE_SECS);
    options
}
