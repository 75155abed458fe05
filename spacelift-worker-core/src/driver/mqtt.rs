//! The MQTT transport: rumqttc over rustls with the pool's certificate, MQTT 3.1.1, QoS 1 both ways.
//!
//! Every connection has an event loop of its own, polled by a task of its own. After the first error all of it is
//! dropped and made anew: nothing of an old connection is delivered after a new one is up. The topic is subscribed to
//! on every connection, since a session that the broker kept does not prove that its subscription was.

mod connection;
mod failure;
mod inbox;
mod takeover;

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use super::clock;
use super::dial::Dialer;
use super::link::{Link, LinkEnd, link};
use super::pace::Pace;
use super::random;
use crate::protocol::Backoff;
use connection::{Connection, End};
use takeover::Takeovers;

/// The protocol name that AWS IoT Core asks for on port 443.
///
/// Source: AWS IoT Core, developer guide, "Protocols, port mappings, and authentication".
pub(crate) const ALPN_ON_443: &[u8] = b"x-amzn-mqtt-ca";

/// A broker to connect to. Several of them stand for the same control plane.
#[derive(Clone, Debug)]
pub(crate) struct BrokerPlace {
    /// Host name or address.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: u16,
    /// One configuration for all connections, so that TLS sessions are resumed.
    pub(crate) tls: Arc<ClientConfig>,
}

/// Where to connect, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct MqttEndpoint {
    /// Tried in turn; at least one.
    pub(crate) brokers: Vec<BrokerPlace>,
    /// The way there.
    pub(crate) dialer: Dialer,
    /// The worker's ULID.
    pub(crate) client_id: String,
    /// Where the worker listens.
    pub(crate) listen: String,
    /// Where it speaks.
    pub(crate) speak: String,
    /// What the broker says when the worker vanishes.
    pub(crate) last_will: Vec<u8>,
    /// Seconds between two signs of life: 30 to 1,200, as AWS IoT Core takes them.
    pub(crate) keep_alive: u16,
}

/// Starts the transport on the current runtime.
pub(crate) fn connect(endpoint: MqttEndpoint) -> Link {
    let (link, end) = link(endpoint.brokers.len());
    tokio::spawn(MqttDriver { endpoint, end, pace: Pace::default(), connection: 0 }.run());
    link
}

struct MqttDriver {
    endpoint: MqttEndpoint,
    end: LinkEnd,
    /// Kept over connections, so that reconnecting lets nobody speak faster.
    pace: Pace,
    connection: u64,
}

impl MqttDriver {
    async fn run(mut self) {
        let mut backoff = Backoff::new();
        let mut takeovers = Takeovers::default();
        let places = self.endpoint.brokers.len().max(1);
        // Whose turn it is, and how many could not be reached since one could.
        let (mut turn, mut unreached) = (0, 0);
        loop {
            self.connection += 1;
            let Some(broker) = self.endpoint.brokers.get(turn % places).cloned() else { return };
            let (failure, up_since) = match self.one_connection(&broker).await {
                End::Closed => return,
                End::Failed { failure, up_since } => (failure, up_since),
            };
            match up_since {
                Some(since) => {
                    backoff.connected(since);
                    unreached = 0;
                }
                None => {
                    turn += 1;
                    unreached += 1;
                }
            }
            let now = clock::now().mono_ms;
            let failure = takeovers.judge(failure, up_since, now);
            if self.end.down(failure.into_link(&broker)).await.is_break() {
                return;
            }
            let pause = if unreached % places == 0 {
                backoff.failed(now, random::jitter())
            } else {
                Backoff::elsewhere(random::jitter())
            };
            if self.end.pause(Duration::from_millis(pause)).await.is_break() {
                return;
            }
        }
    }

    async fn one_connection(&mut self, broker: &BrokerPlace) -> End {
        match Connection::start(&self.endpoint, broker, self.connection) {
            Ok(connection) => connection.drive(&mut self.end, &mut self.pace).await,
            Err(failure) => End::Failed { failure, up_since: None },
        }
    }
}
