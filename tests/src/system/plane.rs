//! A scripted control plane in the test's own process: an embedded broker with faults on demand, and what workers say.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use spacelift_mothership::broker::{CertificateLookup, EmbeddedBroker, EmbeddedConfig};
use spacelift_mothership::ca::{Authority, Validity};
use spacelift_mothership::fresh;
use spacelift_mothership::wire::{Wire, WireCommand, WireEvent};
use spacelift_worker_core::driver::HostCommand;
use spacelift_worker_core::ids::{MessageId, PoolId, WorkerId};
use spacelift_worker_core::launcher::{Launcher, LauncherEnd};
use spacelift_worker_core::pool::{ControlKey, PoolKey, PoolToken, TokenParts};
use spacelift_worker_core::protocol::message::{Ack, ControlBody, Message, WorkerBody, WorkerMessage};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Folder, LauncherSetup, Pool};

/// For something that comes at once when all is well.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the broker saw in a TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenHello {
    /// The name that was asked for.
    pub server_name: Option<String>,
    /// The protocols that were offered.
    pub alpn: Vec<Vec<u8>>,
}

/// A control plane that says what the test says.
pub struct Plane {
    /// The broker, with its faults.
    pub broker: EmbeddedBroker,
    /// The only pool.
    pub pool: PoolId,
    /// Its key.
    pub key: PoolKey,
    /// The key that its token names for offers.
    pub signing_key: ControlKey,
    /// Who signed the broker's certificate and the pool's.
    pub authority: Authority,
    parts: TokenParts,
    wire: Wire,
    hellos: Arc<Mutex<Vec<SeenHello>>>,
    _folder: Folder,
}

impl std::fmt::Debug for Plane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plane").field("pool", &self.pool).finish_non_exhaustive()
    }
}

/// Every certificate of the authority is current.
struct Everybody;

impl CertificateLookup for Everybody {
    fn is_current<'a>(
        &'a self,
        _: PoolId,
        _: &'a [u8],
    ) -> std::pin::Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(async { true })
    }
}

/// Shows one certificate, and notes what was asked for.
#[derive(Debug)]
struct Noting {
    key: Arc<CertifiedKey>,
    hellos: Arc<Mutex<Vec<SeenHello>>>,
}

impl ResolvesServerCert for Noting {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let seen = SeenHello {
            server_name: hello.server_name().map(str::to_owned),
            alpn: hello.alpn().into_iter().flatten().map(<[u8]>::to_vec).collect(),
        };
        self.hellos.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        Some(Arc::clone(&self.key))
    }
}

impl Plane {
    /// A fresh one on loopback.
    pub async fn start() -> Self {
        Self::start_as(&[]).await
    }

    /// A fresh one, whose certificate has these names beside loopback's.
    ///
    /// # Panics
    /// When it cannot be set up.
    pub async fn start_as(names: &[&str]) -> Self {
        let folder = Folder::new();
        let now = fresh::now_ms();
        let authority = Authority::load_or_create(folder.path(), now).expect("an authority");
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let identity = authority.server(&names, now).expect("a certificate for the server");
        let hellos = Arc::new(Mutex::new(Vec::new()));
        let tls = server_tls(
            authority.certificate_pem(),
            &identity.certificate_pem,
            identity.key_pem.expose(),
            Arc::clone(&hellos),
        );
        let config = EmbeddedConfig {
            listen: "127.0.0.1:0".parse().expect("an address"),
            namespace: "spacelift".into(),
            tls: Arc::new(tls),
            certificates: Arc::new(Everybody),
        };
        let (broker, wire) = EmbeddedBroker::start(config).await.expect("a broker");
        let pool = fresh::pool_id(now).expect("randomness");
        let key = PoolKey::generate(2048).expect("a key");
        let csr = key.csr("workers").expect("a request");
        let certificate = authority.pool(&csr, pool, Validity::ten_years(now)).expect("a certificate");
        let signing_key = ControlKey::generate(2048).expect("a key");
        let port = broker.local_addr().port();
        let parts = TokenParts {
            broker_endpoint: format!("127.0.0.1:{port}").parse().expect("an endpoint"),
            certificate_pem: certificate.pem,
            pool_id: pool,
            namespace: "spacelift".into(),
            ca_pem: Some(authority.certificate_pem().to_owned()),
            signing_key: Some(signing_key.public_key()),
        };
        Self { broker, pool, key, signing_key, authority, parts, wire, hellos, _folder: folder }
    }

    /// The port of the broker.
    pub fn port(&self) -> u16 {
        self.broker.local_addr().port()
    }

    /// Every TLS handshake so far.
    pub fn hellos(&self) -> Vec<SeenHello> {
        self.hellos.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A token of the pool, changed.
    ///
    /// # Panics
    /// When the change makes no token.
    pub fn token(&self, change: impl FnOnce(&mut TokenParts)) -> String {
        let mut parts = self.parts.clone();
        change(&mut parts);
        PoolToken::new(parts).expect("a token").encode().expose().to_owned()
    }

    /// A worker of the pool in this process, with more variables.
    ///
    /// # Panics
    /// When it cannot be set up.
    pub fn worker(&self, more: &[(&str, &str)]) -> Worker {
        Worker::start(self.variables(more)).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// The variables of a launcher of the pool, with more of them.
    ///
    /// # Panics
    /// When the key cannot be written down.
    pub fn variables(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let key = self.key.to_pem().expect("PEM");
        let own = [
            ("SPACELIFT_TOKEN".to_owned(), self.token(|_| {})),
            ("SPACELIFT_POOL_PRIVATE_KEY".to_owned(), STANDARD.encode(key.expose())),
        ];
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        own.into_iter().chain(more).collect()
    }

    /// The next message of any worker.
    ///
    /// # Panics
    /// When none comes, or the broker has ended.
    pub async fn heard(&mut self) -> (WorkerId, WorkerMessage) {
        loop {
            let event = tokio::time::timeout(PATIENCE, self.wire.events.recv()).await;
            match event.expect("a message in time").expect("a broker") {
                WireEvent::Message { worker, bytes, .. } => {
                    let message = WorkerMessage::decode(&bytes)
                        .unwrap_or_else(|_| panic!("no message: {}", String::from_utf8_lossy(&bytes)));
                    return (worker, message);
                }
                WireEvent::Connected => {}
            }
        }
    }

    /// What a worker said, if it says something now.
    pub fn heard_already(&mut self) -> Option<(WorkerId, WorkerMessage)> {
        loop {
            match self.wire.events.try_recv().ok()? {
                WireEvent::Message { worker, bytes, .. } => {
                    return Some((worker, WorkerMessage::decode(&bytes).ok()?));
                }
                WireEvent::Connected => {}
            }
        }
    }

    /// Waits for a message that gives something; those before it are passed over.
    pub async fn until<T>(&mut self, mut wanted: impl FnMut(WorkerId, &WorkerMessage) -> Option<T>) -> T {
        loop {
            let (worker, message) = self.heard().await;
            if let Some(found) = wanted(worker, &message) {
                return found;
            }
        }
    }

    /// Waits for a greeting, and acknowledges it.
    pub async fn greeted(&mut self) -> WorkerId {
        let (worker, hello) = self
            .until(|worker, message| {
                matches!(message.body, WorkerBody::Hello(_)).then_some((worker, message.id))
            })
            .await;
        self.say(worker, ControlBody::Ack(Ack { re: hello })).await;
        worker
    }

    /// Says something to a worker, under a fresh identifier, which is returned.
    pub async fn say(&self, worker: WorkerId, body: ControlBody) -> MessageId {
        let now = fresh::now_ms();
        let id = fresh::message_id(now).expect("randomness");
        self.say_as(id, worker, body).await;
        id
    }

    /// Says something to a worker under a given identifier.
    ///
    /// # Panics
    /// When the broker has ended.
    pub async fn say_as(&self, id: MessageId, worker: WorkerId, body: ControlBody) {
        self.say_bytes(worker, Message { id, ts: fresh::now_ms(), body }.encode()).await;
    }

    /// Says anything at all to a worker.
    ///
    /// # Panics
    /// When the broker has ended.
    pub async fn say_bytes(&self, worker: WorkerId, bytes: Vec<u8>) {
        let command = WireCommand::Publish { pool: self.pool, worker, bytes: bytes.into() };
        self.wire.commands.send(command).await.expect("a broker");
    }

    /// A launcher of the pool as a process, which may fetch from loopback.
    ///
    /// # Panics
    /// When the key cannot be written down.
    pub fn launcher(&self) -> LauncherSetup {
        let key_pem = self.key.to_pem().expect("PEM").expose().to_owned();
        LauncherSetup::new(&Pool { name: "pool".to_owned(), token: self.token(|_| {}), key_pem })
    }
}

fn server_tls(
    authority_pem: &str,
    certificate_pem: &str,
    key_pem: &str,
    hellos: Arc<Mutex<Vec<SeenHello>>>,
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority_pem.as_bytes()) {
        roots.add(certificate.expect("PEM")).expect("a root");
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .expect("a verifier");
    let chain = CertificateDer::pem_slice_iter(certificate_pem.as_bytes()).map(|each| each.expect("PEM"));
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).expect("a key");
    let key = CertifiedKey::from_der(chain.collect(), key, &provider).expect("a pair");
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(Noting { key: Arc::new(key), hellos }));
    config.alpn_protocols = vec![b"x-amzn-mqtt-ca".to_vec()];
    config
}

/// A worker in this process.
#[derive(Debug)]
pub struct Worker {
    commands: mpsc::Sender<HostCommand>,
    task: JoinHandle<LauncherEnd>,
    _state: Folder,
}

impl Worker {
    /// Starts a launcher of these variables, with a state folder of its own unless they name one.
    ///
    /// # Errors
    /// What is wrong with the variables, a line each.
    pub fn start(mut variables: Vec<(String, String)>) -> Result<Self, String> {
        let state = Folder::new();
        let name = "SPACELIFT_WORKER_STATE_DIR";
        if !variables.iter().any(|(known, _)| known == name) {
            variables.push((name.to_owned(), state.path().display().to_string()));
        }
        let launcher = Launcher::from_pairs(variables).build().map_err(|problems| problems.to_string())?;
        let (commands, receiver) = mpsc::channel(4);
        let task = tokio::spawn(launcher.run_until(receiver));
        Ok(Self { commands, task, _state: state })
    }

    /// Ends without a word, as a process that is killed.
    pub async fn crash(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// Asks it to end, and waits.
    pub async fn shutdown(self) -> LauncherEnd {
        let _ = self.commands.send(HostCommand::Shutdown).await;
        self.end().await
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in two minutes.
    pub async fn end(self) -> LauncherEnd {
        let ended = tokio::time::timeout(PATIENCE * 2, self.task).await;
        ended.expect("the worker ends").expect("the worker's task")
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }
}

/// Writes the journal of an earlier process of a launcher into its state folder.
///
/// # Panics
/// When that fails.
pub fn write_journal(folder: &Path, record: &spacelift_worker_core::protocol::JournalRecord) {
    let bytes = serde_json::to_vec(record).expect("JSON");
    std::fs::write(folder.join("journal.json"), bytes).expect("writing the journal");
}
