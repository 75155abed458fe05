//! How a launcher reaches its control plane and storage: roots, proxies, the transport.

use std::sync::Arc;

use url::Url;

use super::setup::Problems;
use crate::config::{CommsProtocol, LauncherConfig, StorageHost};
use crate::crypto::CryptoError;
use crate::driver::{
    self, ALPN_ON_443, AllowedHost, BlobClient, BrokerPlace, Dialer, Link, MqttEndpoint, PollEndpoint,
    Proxies, Roots, TlsClient,
};
use crate::ids::WorkerId;
use crate::pool::{BrokerEndpoint, EndpointError, PoolCredentials};
use crate::protocol::topic;

/// The way to the control plane.
#[derive(Clone, Debug)]
pub(super) enum Transport {
    Mqtt(MqttEndpoint),
    Poll(PollEndpoint),
}

impl Transport {
    /// The same way for another worker.
    pub(super) fn of(&self, credentials: &PoolCredentials, worker: WorkerId) -> Result<Self, CryptoError> {
        Ok(match self {
            Self::Mqtt(endpoint) => {
                let token = credentials.token().parts();
                Self::Mqtt(MqttEndpoint {
                    client_id: worker.to_string(),
                    listen: topic::to_worker(&token.namespace, token.pool_id, worker),
                    speak: topic::from_worker(&token.namespace, token.pool_id, worker),
                    ..endpoint.clone()
                })
            }
            Self::Poll(endpoint) => Self::Poll(endpoint.of(worker)?),
        })
    }

    /// Starts it. `last_will` is what a broker says when the worker vanishes.
    pub(super) fn connect(self, last_will: Vec<u8>) -> Link {
        match self {
            Self::Mqtt(endpoint) => driver::connect_mqtt(MqttEndpoint { last_will, ..endpoint }),
            Self::Poll(endpoint) => driver::connect_poll(endpoint),
        }
    }

    /// The hosts that it leads to; of several brokers one is enough, and the token's is the one to count on.
    pub(super) fn places(&self, config: &LauncherConfig, https: Arc<TlsClient>) -> Vec<Place> {
        match self {
            Self::Mqtt(endpoint) => {
                let place = |(number, broker): (usize, &BrokerPlace)| Place {
                    host: broker.host.clone(),
                    port: broker.port,
                    purpose: "the broker",
                    tls: Some(broker.tls.clone()),
                    needed: number == 0,
                };
                endpoint.brokers.iter().enumerate().map(place).collect()
            }
            Self::Poll(_) => {
                let url = config.comms.url.as_deref().and_then(|url| Url::parse(url).ok());
                let place = url.and_then(|url| {
                    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
                    let tls = (url.scheme() == "https").then_some(https);
                    let port = url.port_or_known_default()?;
                    Some(Place { host, port, purpose: "the control plane", tls, needed: true })
                });
                place.into_iter().collect()
            }
        }
    }

    /// Where it leads, for the log.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Mqtt(endpoint) => {
                let places = endpoint.brokers.iter().map(|place| format!("{}:{}", place.host, place.port));
                places.collect::<Vec<_>>().join(", ")
            }
            Self::Poll(endpoint) => endpoint.audience().to_owned(),
        }
    }
}

/// Everything that leads out of this machine.
pub(super) struct Ways {
    pub(super) transport: Transport,
    pub(super) blobs: BlobClient,
    pub(super) dialer: Dialer,
    /// For all but the broker.
    pub(super) https: Arc<TlsClient>,
}

/// An endpoint to try.
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
    /// What for.
    pub(super) purpose: &'static str,
    /// Absent: without TLS.
    pub(super) tls: Option<Arc<TlsClient>>,
    /// Whether there is no worker without it.
    pub(super) needed: bool,
}

/// Prepares all ways, or adds what is wrong with them to the problems.
pub(super) fn ways(
    config: &LauncherConfig,
    credentials: &Arc<PoolCredentials>,
    worker: WorkerId,
    problems: &mut Problems,
) -> Option<Ways> {
    let proxies = Proxies::new(config.proxy.https.as_ref(), &config.proxy.exceptions)
        .map_err(|error| Named { variable: "HTTPS_PROXY", error });
    let proxies = problems.take(proxies);
    let roots = problems.take(broker_roots(config, credentials));
    let (proxies, roots) = (proxies?, roots?);
    // A broker is the token's business alone. Storage and polls are reached under names that the token does not vouch for.
    let https = Arc::new(problems.take(driver::anonymous_client(roots.clone().and_system()))?);
    let dialer = Dialer::new(proxies, https.clone());
    let allowed = config.storage.allowed_hosts.iter().map(allowed_host).collect();
    let blobs = BlobClient::new(https.clone(), &dialer, allowed);
    let transport = match config.comms.protocol {
        CommsProtocol::Poll => {
            let url = config.comms.url.as_deref().unwrap_or_default();
            let endpoint = PollEndpoint::new(url, credentials.clone(), worker, &dialer, https.clone());
            Transport::Poll(problems.take(endpoint)?)
        }
        CommsProtocol::Mqtt => {
            Transport::Mqtt(problems.take(mqtt(config, credentials, &roots, worker, dialer.clone()))?)
        }
    };
    Some(Ways { transport, blobs, dialer, https })
}

/// An error that belongs to a variable.
#[derive(Debug, thiserror::Error)]
#[error("{variable}")]
pub(super) struct Named<E: std::error::Error + 'static> {
    pub(super) variable: &'static str,
    #[source]
    pub(super) error: E,
}

/// The token's authority, or the system's; those of `ADDITIONAL_ROOT_CAS` in any case.
fn broker_roots(config: &LauncherConfig, credentials: &PoolCredentials) -> Result<Roots, driver::TlsError> {
    let mut roots = match &credentials.token().parts().ca_pem {
        Some(pem) => {
            let mut roots = Roots::empty();
            roots.add_pem(pem, "SPACELIFT_TOKEN")?;
            roots
        }
        None => Roots::from_system(),
    };
    for pem in &config.comms.additional_root_cas {
        roots.add_pem(pem, "ADDITIONAL_ROOT_CAS")?;
    }
    Ok(roots)
}

fn mqtt(
    config: &LauncherConfig,
    credentials: &PoolCredentials,
    roots: &Roots,
    worker: WorkerId,
    dialer: Dialer,
) -> Result<MqttEndpoint, MqttError> {
    let token = credentials.token().parts();
    let key = credentials.key().to_pem()?;
    let tls = |alpn| driver::pool_client(roots.clone(), &token.certificate_pem, &key, alpn).map(Arc::new);
    let (plain, on_443) = (tls(None)?, tls(Some(ALPN_ON_443))?);
    let mut endpoints = vec![token.broker_endpoint.clone()];
    for text in &config.comms.brokers {
        endpoints.push(text.parse().map_err(MqttError::Place)?);
    }
    let brokers = endpoints.into_iter().map(|BrokerEndpoint { host, port }| {
        let tls = if port == 443 { on_443.clone() } else { plain.clone() };
        BrokerPlace { host, port, tls }
    });
    Ok(MqttEndpoint {
        brokers: brokers.collect(),
        dialer,
        client_id: worker.to_string(),
        listen: topic::to_worker(&token.namespace, token.pool_id, worker),
        speak: topic::from_worker(&token.namespace, token.pool_id, worker),
        last_will: Vec::new(),
        keep_alive: u16::try_from(config.comms.keep_alive.as_secs()).unwrap_or(u16::MAX),
    })
}

/// Why there is no way to the broker.
#[derive(Debug, thiserror::Error)]
enum MqttError {
    #[error("SPACELIFT_TOKEN and SPACELIFT_POOL_PRIVATE_KEY make no identity for TLS")]
    Key(#[from] CryptoError),
    #[error("SPACELIFT_TOKEN and SPACELIFT_POOL_PRIVATE_KEY make no identity for TLS")]
    Tls(#[from] driver::TlsError),
    #[error("SPACELIFT_WORKER_BROKER_ENDPOINTS")]
    Place(#[source] EndpointError),
}

fn allowed_host(host: &StorageHost) -> AllowedHost {
    match host {
        StorageHost::Name(name) => AllowedHost::Name(name.clone()),
        StorageHost::Network { address, prefix } => {
            AllowedHost::Network { address: *address, prefix: *prefix }
        }
    }
}
