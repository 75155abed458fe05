//! The client against a broker that follows a script, over real TLS on loopback.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rumqttc::{ConnAck, ConnectReturnCode, Packet, PubAck, Publish, QoS, SubAck, SubscribeReasonCode};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use spacelift_worker_core::ids::{PoolId, WorkerId};
use spacelift_worker_core::pool::BrokerEndpoint;
use spacelift_worker_core::protocol::topic;
use tokio::io::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{OutsideBroker, OutsideConfig};
use crate::broker::embedded::frames::{self, Frames};
use crate::ca::{Authority, Identity};
use crate::wire::{Wire, WireCommand, WireEvent};

const NOW: u64 = 1_700_000_000_000;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it never came")
}

fn roots(authority: &Authority) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.certificate_pem().as_bytes()).unwrap()).unwrap();
    roots
}

fn pair(identity: &Identity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let certificate = CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.expose().as_bytes()).unwrap();
    (vec![certificate], key)
}

struct Script {
    listener: TcpListener,
    tls: TlsAcceptor,
    client: Option<OutsideBroker>,
    wire: Wire,
    _folder: tempfile::TempDir,
}

/// The broker's end of one connection.
struct End {
    frames: Frames<ReadHalf<TlsStream<TcpStream>>>,
    writer: WriteHalf<TlsStream<TcpStream>>,
}

impl Script {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::load_or_create(folder.path(), NOW).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots(&authority)), Arc::clone(&provider));
        let (chain, key) = pair(&authority.server(&[], NOW).unwrap());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(chain, key)
            .unwrap();
        let (chain, key) = pair(&authority.control_plane(NOW).unwrap());
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots(&authority))
            .with_client_auth_cert(chain, key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (client, wire) = OutsideBroker::start(OutsideConfig {
            endpoint: BrokerEndpoint { host: "localhost".into(), port },
            namespace: "acme".into(),
            tls: Arc::new(client),
            client_id: "mothership-1".into(),
            shortest_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(2),
        });
        let tls = TlsAcceptor::from(Arc::new(server));
        Self { listener, tls, client: Some(client), wire, _folder: folder }
    }

    /// The next connection, up to its CONNECT.
    async fn connected(&self) -> End {
        let (stream, _) = soon(self.listener.accept()).await.unwrap();
        let stream = soon(self.tls.accept(stream)).await.unwrap();
        let (reader, writer) = tokio::io::split(stream);
        let mut end = End { frames: Frames::new(reader), writer };
        let Packet::Connect(connect) = end.next().await else { panic!("no CONNECT") };
        assert_eq!((connect.client_id.as_str(), connect.clean_session), ("mothership-1", false));
        end
    }

    /// The next connection, up to its subscription.
    async fn subscribed(&mut self) -> End {
        let mut end = self.connected().await;
        // A session that is present does not spare the subscription.
        end.send(Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, true))).await;
        let Packet::Subscribe(subscribe) = end.next().await else { panic!("no SUBSCRIBE") };
        assert_eq!(subscribe.filters[0].path, "acme/writeonly/+/+");
        let codes = vec![SubscribeReasonCode::Success(QoS::AtLeastOnce)];
        end.send(Packet::SubAck(SubAck::new(subscribe.pkid, codes))).await;
        assert!(matches!(soon(self.wire.events.recv()).await, Some(WireEvent::Connected)));
        end
    }
}

impl End {
    async fn next(&mut self) -> Packet {
        soon(self.frames.next()).await.unwrap()
    }

    async fn send(&mut self, packet: Packet) {
        soon(frames::write(&mut self.writer, &[packet])).await.unwrap();
    }

    async fn publish(&mut self, topic: String, id: u16) {
        let mut publish = Publish::new(topic, QoS::AtLeastOnce, "hello");
        publish.pkid = id;
        self.send(Packet::Publish(publish)).await;
    }
}

fn somebody() -> (PoolId, WorkerId) {
    (PoolId::from_parts(1, 2), WorkerId::from_parts(3, 4))
}

#[tokio::test]
async fn a_worker_is_heard_and_acknowledged_and_spoken_to_on_its_own_topic() {
    let mut script = Script::new().await;
    let mut end = script.subscribed().await;
    let (pool, worker) = somebody();
    end.publish(topic::from_worker("acme", pool, worker), 7).await;
    let Some(WireEvent::Message { pool: from, worker: who, bytes }) = soon(script.wire.events.recv()).await
    else {
        panic!("no message")
    };
    assert_eq!((from, who, bytes), (pool, worker, Bytes::from_static(b"hello")));
    assert_eq!(end.next().await, Packet::PubAck(PubAck::new(7)));
    let bytes = Bytes::from_static(b"offer");
    script.wire.commands.send(WireCommand::Publish { pool, worker, bytes }).await.unwrap();
    let Packet::Publish(publish) = end.next().await else { panic!("no PUBLISH") };
    assert_eq!(publish.topic, topic::to_worker("acme", pool, worker));
    assert_eq!((publish.payload, publish.qos), (Bytes::from_static(b"offer"), QoS::AtLeastOnce));
}

#[tokio::test]
async fn a_message_is_acknowledged_only_when_it_was_handed_over() {
    let mut script = Script::new().await;
    let mut end = script.subscribed().await;
    let (pool, worker) = somebody();
    // A topic of nobody is acknowledged, too: it would come back for ever.
    end.publish("acme/writeonly/what".into(), 1).await;
    assert_eq!(end.next().await, Packet::PubAck(PubAck::new(1)));
    script.wire.events.close();
    end.publish(topic::from_worker("acme", pool, worker), 2).await;
    soon(end.frames.next()).await.expect_err("nobody took it, so nobody says so");
}

#[tokio::test]
async fn every_connection_is_new_and_subscribes_anew() {
    let mut script = Script::new().await;
    for _ in 0..3 {
        drop(script.subscribed().await);
    }
    let mut end = script.subscribed().await;
    let (pool, worker) = somebody();
    let bytes = Bytes::from_static(b"still here");
    script.wire.commands.send(WireCommand::Publish { pool, worker, bytes }).await.unwrap();
    assert!(matches!(end.next().await, Packet::Publish(publish) if publish.payload == "still here"));
}

#[tokio::test]
async fn a_refused_subscription_is_no_connection() {
    let mut script = Script::new().await;
    let mut end = script.connected().await;
    end.send(Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, false))).await;
    let Packet::Subscribe(subscribe) = end.next().await else { panic!("no SUBSCRIBE") };
    end.send(Packet::SubAck(SubAck::new(subscribe.pkid, vec![SubscribeReasonCode::Failure]))).await;
    // It comes again, and only then says that it is connected.
    script.subscribed().await;
}

#[tokio::test]
async fn what_is_said_without_a_connection_holds_nobody_up() {
    let mut script = Script::new().await;
    let (pool, worker) = somebody();
    for _ in 0..3_000 {
        let bytes = Bytes::from_static(b"lost");
        soon(script.wire.commands.send(WireCommand::Publish { pool, worker, bytes })).await.unwrap();
    }
    let _end = script.subscribed().await;
}

#[tokio::test]
async fn a_client_that_stops_ends_its_connection() {
    let mut script = Script::new().await;
    let mut end = script.subscribed().await;
    soon(script.client.take().unwrap().shutdown()).await;
    while soon(end.frames.next()).await.is_ok() {}
}
