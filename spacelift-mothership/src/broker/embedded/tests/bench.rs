//! An authority, pools, a running broker and its clients.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rumqttc::{
    AckMode, AsyncClient, Event, LastWill, MqttOptions, NetworkOptions, Packet, PublishOptions, QoS,
    TlsConfiguration, Transport,
};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use spacelift_worker_core::ids::{PoolId, WorkerId};
use spacelift_worker_core::protocol::topic;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::{CertificateLookup, EmbeddedBroker, EmbeddedConfig};
use crate::wire::{Wire, WireCommand, WireEvent};

pub(super) const NAMESPACE: &str = "acme";

/// Long enough for a loaded machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it never came")
}

/// The certificates that are current.
#[derive(Default)]
pub(super) struct Current(Mutex<HashSet<(PoolId, Vec<u8>)>>);

impl CertificateLookup for Current {
    fn is_current<'a>(&'a self, pool: PoolId, certificate: &'a [u8]) -> BoxFuture<'a, bool> {
        let current = self.0.lock().unwrap().contains(&(pool, certificate.to_vec()));
        Box::pin(async move { current })
    }
}

impl Current {
    pub(super) fn set(&self, identity: &Identity) {
        let mut current = self.0.lock().unwrap();
        current.retain(|(pool, _)| *pool != identity.pool);
        current.insert((identity.pool, identity.certificate.to_vec()));
    }
}

/// What a client proves itself with.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) pool: PoolId,
    certificate: CertificateDer<'static>,
    pub(super) tls: Arc<ClientConfig>,
}

pub(super) struct Bench {
    authority: CertifiedIssuer<'static, KeyPair>,
    pub(super) current: Arc<Current>,
    pub(super) broker: EmbeddedBroker,
    pub(super) wire: Wire,
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

pub(super) fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "pools of the test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issue(
    authority: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
    sans: &[&str],
) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let sans: Vec<_> = sans.iter().map(|&san| san.to_owned()).collect();
    let mut params = CertificateParams::new(sans).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
}

/// Client settings with a certificate of `signer` that trust `root`.
fn client_tls(
    root: &CertificateDer<'static>,
    identity: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match identity {
        Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key).unwrap(),
        None => builder.with_no_client_auth(),
    })
}

impl Bench {
    pub(super) async fn start() -> Self {
        let authority = authority();
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build().unwrap();
        let (certificate, key) = issue(&authority, "broker", &["localhost", "127.0.0.1"]);
        let tls = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let current = Arc::new(Current::default());
        let config = EmbeddedConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            namespace: NAMESPACE.into(),
            tls: Arc::new(tls),
            certificates: Arc::clone(&current) as Arc<dyn CertificateLookup>,
        };
        let (broker, mut wire) = EmbeddedBroker::start(config).await.unwrap();
        assert!(matches!(wire.events.recv().await, Some(WireEvent::Connected)));
        Self { authority, current, broker, wire }
    }

    /// A certificate for a pool; not current until somebody says so.
    pub(super) fn certificate(&self, pool: PoolId) -> Identity {
        self.certificate_from(&self.authority, &pool.to_string(), pool)
    }

    pub(super) fn certificate_from(
        &self,
        signer: &CertifiedIssuer<'static, KeyPair>,
        name: &str,
        pool: PoolId,
    ) -> Identity {
        let (certificate, key) = issue(signer, name, &[]);
        let tls = client_tls(self.authority.der(), Some((certificate.clone(), key)));
        Identity { pool, certificate, tls }
    }

    /// The authority of the pools.
    pub(super) fn issuer(&self) -> &CertifiedIssuer<'static, KeyPair> {
        &self.authority
    }

    /// A pool with a current certificate.
    pub(super) fn pool(&self, number: u64) -> Identity {
        let identity = self.certificate(PoolId::from_parts(number, 7));
        self.current.set(&identity);
        identity
    }

    pub(super) fn without_certificate(&self) -> Arc<ClientConfig> {
        client_tls(self.authority.der(), None)
    }

    pub(super) fn port(&self) -> u16 {
        self.broker.local_addr().port()
    }

    pub(super) fn options(&self, identity: &Identity, client_id: &str) -> MqttOptions {
        let mut options = MqttOptions::new(client_id, ("localhost", self.port()));
        options
            .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(&identity.tls))))
            .set_max_packet_size(140_000, 140_000)
            .set_clean_session(false)
            .set_ack_mode(AckMode::Manual)
            .set_keep_alive(30);
        options
    }

    /// A worker that listens on its topic and has a last will.
    pub(super) async fn worker(&self, identity: &Identity, worker: WorkerId) -> Client {
        let mut options = self.options(identity, &worker.to_string());
        let will = LastWill::new(
            topic::from_worker(NAMESPACE, identity.pool, worker),
            "gone",
            QoS::AtLeastOnce,
            false,
        );
        options.set_last_will(will);
        let mut client = Client::connect(options);
        client.connected().await.expect("connected");
        client.subscribe(&topic::to_worker(NAMESPACE, identity.pool, worker)).await.expect("subscribed");
        client
    }

    /// A TLS connection without any MQTT on it.
    pub(super) async fn raw(&self, tls: &Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(self.broker.local_addr()).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::clone(tls)).connect(name, tcp).await
    }

    pub(super) async fn publish(&self, identity: &Identity, worker: WorkerId, payload: &str) {
        let bytes = Bytes::copy_from_slice(payload.as_bytes());
        let command = WireCommand::Publish { pool: identity.pool, worker, bytes };
        self.wire.commands.send(command).await.unwrap();
    }

    /// The next message that the control loop sees.
    pub(super) async fn heard(&mut self) -> (PoolId, WorkerId, String) {
        match soon(self.wire.events.recv()).await {
            Some(WireEvent::Message { pool, worker, bytes }) => {
                (pool, worker, String::from_utf8(bytes.to_vec()).unwrap())
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A client whose loop runs in a task of its own, until it fails once.
pub(super) struct Client {
    pub(super) client: AsyncClient,
    packets: mpsc::Receiver<Result<Packet, String>>,
    task: tokio::task::JoinHandle<()>,
}

impl Client {
    pub(super) fn connect(options: MqttOptions) -> Self {
        let (client, mut eventloop) = AsyncClient::builder(options).build();
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(20);
        network.set_tcp_nodelay(true);
        eventloop.set_network_options(network);
        let (sender, packets) = mpsc::channel(256);
        let task = tokio::spawn(async move {
            loop {
                match eventloop.poll().await {
                    Ok(Event::Incoming(packet)) => {
                        let _ = sender.send(Ok(packet)).await;
                    }
                    Ok(Event::Outgoing(_)) => {}
                    Err(error) => {
                        let _ = sender.send(Err(format!("{error:?}"))).await;
                        return;
                    }
                }
            }
        });
        Self { client, packets, task }
    }

    /// Cuts the connection without a DISCONNECT.
    pub(super) async fn crash(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    pub(super) async fn connected(&mut self) -> Result<bool, String> {
        match soon(self.packets.recv()).await.unwrap()? {
            Packet::ConnAck(ack) => Ok(ack.session_present),
            other => panic!("{other:?}"),
        }
    }

    /// What the broker granted; `Err` when it refused with 0x80.
    pub(super) async fn subscribe(&mut self, filter: &str) -> Result<(), String> {
        self.client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        loop {
            match soon(self.packets.recv()).await.unwrap()? {
                Packet::SubAck(ack) => {
                    return match ack.return_codes.as_slice() {
                        [rumqttc::SubscribeReasonCode::Success(_)] => Ok(()),
                        codes => Err(format!("{codes:?}")),
                    };
                }
                Packet::Publish(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub(super) async fn say(&self, identity: &Identity, worker: WorkerId, payload: &str) {
        self.say_on(&topic::from_worker(NAMESPACE, identity.pool, worker), payload).await;
    }

    pub(super) async fn say_on(&self, topic: &str, payload: &str) {
        let options = PublishOptions::at_least_once();
        self.client.publish(topic, payload.as_bytes().to_vec(), options).await.unwrap();
    }

    /// The next message, unacknowledged.
    pub(super) async fn message(&mut self) -> rumqttc::Publish {
        loop {
            match soon(self.packets.recv()).await.unwrap() {
                Ok(Packet::Publish(publish)) => return publish,
                Ok(_) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Waits until the broker ends the connection.
    pub(super) async fn ended(&mut self) -> String {
        loop {
            if let Err(error) = soon(self.packets.recv()).await.unwrap() {
                return error;
            }
        }
    }

    /// Waits for the acknowledgement of what was said.
    pub(super) async fn acknowledged(&mut self) {
        loop {
            match soon(self.packets.recv()).await.unwrap() {
                Ok(Packet::PubAck(_)) => return,
                Ok(_) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}
