//! Starting, being ready, and ending.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use spacelift_worker_core::crypto::{CryptoError, sha256};
use spacelift_worker_core::pool::{BrokerEndpoint, ControlKey};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::bridges::CurrentCertificates;
use super::config::{BrokerConfig, ServeConfig};
use super::tls::{self, TlsError};
use super::wires;
use crate::api::{Endpoint, EndpointError};
use crate::broker::{EmbeddedBroker, EmbeddedConfig, OutsideBroker, OutsideConfig, StartError};
use crate::ca::{Authority, CaError, Identity, Revoked, SigningKeyError, load_or_create_signing_key};
use crate::control::{Command, Control, ControlHandle, ControlParts};
use crate::fresh;
use crate::http::{
    AdminToken, AdminTokenError, AppState, BlobUrls, HttpListener, ListenError, PollDesk, TokenTerms,
};
use crate::store::{Blobs, DataDir, DataDirError, DataDirLock, Store, StoreError};
use crate::wire::Wire;

/// Waits between two connections to an outside broker.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Why a control plane does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The data folder cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The certificate authority cannot be used.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// The signing key cannot be used.
    #[error(transparent)]
    SigningKey(#[from] SigningKeyError),
    /// The admin token cannot be used.
    #[error(transparent)]
    AdminToken(#[from] AdminTokenError),
    /// HTTPS cannot listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The embedded broker cannot listen.
    #[error(transparent)]
    Broker(#[from] StartError),
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    Randomness(#[from] CryptoError),
    /// The outside broker's address is none.
    #[error("--broker-url is not understood")]
    BrokerUrl(#[source] spacelift_worker_core::pool::EndpointError),
    /// The addresses cannot be written down.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Signals or standard output are out of reach.
    #[error("the system refused a signal handler or standard output")]
    System(#[from] io::Error),
    /// A part ended by itself.
    #[error("a part of the control plane ended by itself; the log says why")]
    Ended,
}

/// A broker of either kind.
enum Broker {
    Embedded(EmbeddedBroker),
    Outside(OutsideBroker),
}

/// A running control plane.
pub struct Serving {
    endpoint: Endpoint,
    store: Store,
    broker: Broker,
    poll: PollDesk,
    http_stop: watch::Sender<bool>,
    control_stop: CancellationToken,
    http: JoinHandle<()>,
    control: JoinHandle<()>,
    _lock: DataDirLock,
}

impl std::fmt::Debug for Serving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serving").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Serves until SIGTERM or SIGINT. When it is ready, one line on standard output says where it listens: the content of
/// `endpoint.json`.
///
/// # Errors
/// [`ServeError`] says what is missing, or that a part ended by itself.
pub async fn serve(config: ServeConfig) -> Result<(), ServeError> {
    // Before anything starts, so that a signal that comes early ends it in an orderly way, too.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut serving = Serving::start(config).await?;
    serving.announce(&mut io::stdout())?;
    let ended = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        () = serving.ended() => Err(ServeError::Ended),
    };
    tracing::info!("ending");
    serving.shutdown().await;
    ended
}

impl Serving {
    /// Starts everything; when this returns, everything listens.
    ///
    /// # Errors
    /// [`ServeError`]
    pub async fn start(config: ServeConfig) -> Result<Self, ServeError> {
        let now = fresh::now_ms();
        let dir = DataDir::create(&config.data)?;
        let lock = dir.lock()?;
        let store = Store::open(&dir).await?;
        if config.restored {
            store.raise_generation().await?;
        }
        let authority = Arc::new(Authority::load_or_create(&dir.ca(), now)?);
        write_revocation_list(&authority, &store, now).await?;
        let signing_key = Arc::new(load_or_create_signing_key(&dir.signing_key())?);
        let identity = authority.server(&config.hostnames, now)?;
        let listener = HttpListener::bind(config.listen, &identity).await?;
        let base = format!("https://{}", reachable(&config, listener.address()));
        let reach = Reach::start(&config, &authority, &identity, &store, &signing_key, now).await?;
        let urls = BlobUrls::new(&base, store.url_key()?);
        let blobs = Blobs::new(dir.blobs());
        let (handle, commands) = ControlHandle::channel();
        let (wire, poll) = wires::join(reach.wire, audiences(&config, listener.address()))?;
        let parts = ControlParts {
            restored: config.restored,
            store: store.clone(),
            blobs: blobs.clone(),
            links: Arc::new(urls.clone()),
            signing_key: Arc::clone(&signing_key),
            account_name: config.account_name.clone(),
            timings: config.timings,
        };
        let endpoint = Endpoint {
            url: base,
            listen: Some(listener.address()),
            broker: reach.endpoint.to_string(),
            pid: std::process::id(),
        };
        let state = AppState {
            store: store.clone(),
            blobs,
            urls,
            control: handle,
            poll: poll.clone(),
            admin: AdminToken::load_or_create(&dir.admin_token())?,
            authority,
            terms: Arc::new(TokenTerms {
                broker: reach.endpoint,
                namespace: config.namespace,
                ca_pem: Some(reach.ca_pem),
                signing_key: signing_key.public_key(),
            }),
            timings: config.timings,
        };
        let control_stop = CancellationToken::new();
        let control = spawn_control(parts, wire, commands, &control_stop);
        let (http_stop, told) = watch::channel(false);
        let http = tokio::spawn(listener.serve(state, told));
        endpoint.write(&dir)?;
        Ok(Self {
            endpoint,
            store,
            broker: reach.broker,
            poll,
            http_stop,
            control_stop,
            http,
            control,
            _lock: lock,
        })
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn announce(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, &self.endpoint)?;
        out.write_all(b"\n")?;
        out.flush()
    }

    /// Returns when a part ended by itself.
    async fn ended(&mut self) {
        tokio::select! {
            _ = &mut self.http => {}
            _ = &mut self.control => {}
        }
    }

    /// Ends everything: no new requests, then no new messages, then the database.
    pub async fn shutdown(self) {
        let Self { store, broker, poll, http_stop, control_stop, http, control, .. } = self;
        poll.stop();
        // It is told also when nobody listens any more.
        http_stop.send_replace(true);
        if !http.is_finished() {
            let _ = http.await;
        }
        control_stop.cancel();
        if !control.is_finished() {
            let _ = control.await;
        }
        match broker {
            Broker::Embedded(broker) => broker.shutdown().await,
            Broker::Outside(broker) => broker.shutdown().await,
        }
        store.close().await;
    }
}

fn spawn_control(
    parts: ControlParts,
    wire: Wire,
    commands: mpsc::Receiver<Command>,
    stop: &CancellationToken,
) -> JoinHandle<()> {
    tokio::spawn(Control::run(parts, wire, commands, stop.clone()))
}

/// How workers are reached.
struct Reach {
    broker: Broker,
    wire: Wire,
    endpoint: BrokerEndpoint,
    ca_pem: String,
}

impl Reach {
    async fn start(
        config: &ServeConfig,
        authority: &Authority,
        identity: &Identity,
        store: &Store,
        signing_key: &ControlKey,
        now: u64,
    ) -> Result<Self, ServeError> {
        match &config.broker {
            BrokerConfig::Embedded { listen } => {
                let embedded = EmbeddedConfig {
                    listen: *listen,
                    namespace: config.namespace.clone(),
                    tls: tls::server(identity, authority.certificate_pem())?,
                    certificates: Arc::new(CurrentCertificates(store.clone())),
                };
                let (broker, wire) = EmbeddedBroker::start(embedded).await?;
                let (host, port) = host_and_port(config, broker.local_addr());
                let endpoint = BrokerEndpoint { host, port };
                let ca_pem = authority.certificate_pem().to_owned();
                Ok(Self { broker: Broker::Embedded(broker), wire, endpoint, ca_pem })
            }
            BrokerConfig::Outside { endpoint, ca, client } => {
                let endpoint: BrokerEndpoint = endpoint.parse().map_err(ServeError::BrokerUrl)?;
                let ca_pem = match ca {
                    Some(path) => tls::read_text(path)?,
                    None => authority.certificate_pem().to_owned(),
                };
                let (certificate, key) = match client {
                    Some(files) => tls::read(files)?,
                    None => {
                        let own = authority.control_plane(now)?;
                        (own.certificate_pem, own.key_pem.expose().to_owned())
                    }
                };
                let tls = tls::client(&ca_pem, &certificate, &key, endpoint.port)?;
                let (broker, wire) = OutsideBroker::start(OutsideConfig {
                    endpoint: endpoint.clone(),
                    namespace: config.namespace.clone(),
                    tls,
                    client_id: client_id(signing_key),
                    shortest_wait: WAITS.0,
                    longest_wait: WAITS.1,
                });
                Ok(Self { broker: Broker::Outside(broker), wire, endpoint, ca_pem })
            }
        }
    }
}

/// The same for the life of a data folder, and no other's: two control planes on one broker must not take over from each
/// other.
fn client_id(key: &ControlKey) -> String {
    let digest = sha256(key.public_key().kid().as_bytes());
    let digest: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("mothership-{digest}")
}

async fn write_revocation_list(authority: &Authority, store: &Store, now: u64) -> Result<(), ServeError> {
    let revoked: Vec<_> = store
        .revoked_certificates()
        .await?
        .into_iter()
        .map(|each| Revoked { serial: each.serial, revoked_at: each.revoked_at })
        .collect();
    authority.write_revocation_list(&revoked, now)?;
    Ok(())
}

/// The origins under which workers may poll: every name in the server's certificate, and those of proxies.
fn audiences(config: &ServeConfig, bound: SocketAddr) -> Vec<String> {
    let always = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let own = config.hostnames.iter().cloned().chain(always).map(|host| {
        let origin = format!("https://{}", BrokerEndpoint { host, port: bound.port() });
        // An origin leaves out the scheme's own port (RFC 6454, 6.2).
        origin.strip_suffix(":443").unwrap_or(&origin).to_ascii_lowercase()
    });
    own.chain(config.public_urls.iter().cloned()).collect()
}

/// Under which name others reach a bound address: the preferred one; else the address itself, unless it is every one.
fn host_and_port(config: &ServeConfig, bound: SocketAddr) -> (String, u16) {
    let host = match (config.hostnames.first(), bound.ip()) {
        (Some(name), _) => name.clone(),
        (None, ip) if ip.is_unspecified() => "localhost".to_owned(),
        (None, IpAddr::V4(ip)) => ip.to_string(),
        (None, IpAddr::V6(ip)) => ip.to_string(),
    };
    (host, bound.port())
}

fn reachable(config: &ServeConfig, bound: SocketAddr) -> BrokerEndpoint {
    let (host, port) = host_and_port(config, bound);
    BrokerEndpoint { host, port }
}
