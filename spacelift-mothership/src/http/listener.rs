//! The listener: TCP, TLS, HTTP/1.1, and an orderly end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use super::{AppState, admin, blobs, poll};
use crate::ca::Identity;

/// Connections at once, of which a worker that polls needs two; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 10_000;

/// For a TLS handshake, and for the head of each request.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long open requests are given at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// Why nothing listens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}; choose another address with --listen")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The server's certificate cannot be used.
    #[error("the server's certificate cannot be used; remove server.pem and server.key from the ca folder")]
    Tls(#[from] rustls::Error),
    /// The server's certificate or key is no PEM.
    #[error("the server's certificate cannot be read; remove server.pem and server.key from the ca folder")]
    Pem(#[from] rustls_pki_types::pem::Error),
}

/// A bound address, before anything is served: URLs need its port.
#[derive(Debug)]
pub struct HttpListener {
    listener: TcpListener,
    address: SocketAddr,
    tls: Arc<ServerConfig>,
}

impl HttpListener {
    /// Binds an address; port 0 takes a free one.
    ///
    /// # Errors
    /// [`ListenError`]
    pub async fn bind(address: SocketAddr, identity: &Identity) -> Result<Self, ListenError> {
        let tls = Arc::new(tls(identity)?);
        let bind = |source| ListenError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        Ok(Self { listener, address, tls })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` becomes true or its sender is gone; then open requests are given five seconds.
    pub async fn serve(self, state: AppState, mut shutdown: watch::Receiver<bool>) {
        let acceptor = TlsAcceptor::from(self.tls);
        let router = router(state);
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = tokio::task::JoinSet::new();
        let ended = shutdown.clone();
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { break };
            let stream = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = told(&mut shutdown) => break,
                Some(_) = connections.join_next() => continue,
            };
            match stream {
                Ok((stream, _)) => {
                    let serving = connection(stream, acceptor.clone(), router.clone(), ended.clone());
                    connections.spawn(async move {
                        serving.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // Out of file descriptors, or the peer left already: the next one may succeed.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, all).await.is_err() {
            tracing::warn!("requests were cut off at the end");
        }
    }
}

async fn connection(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    router: Router,
    mut shutdown: watch::Receiver<bool>,
) {
    let peer = stream.peer_addr().ok();
    // Answers are short and wanted at once. Without it they only come later.
    stream.set_nodelay(true).ok();
    let stream = match tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(?peer, %error, "a TLS handshake failed"),
        Err(_) => return tracing::debug!(?peer, "a TLS handshake took too long"),
    };
    let service = TowerToHyperService::new(router);
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    let result = tokio::select! {
        result = serving.as_mut() => result,
        () = told(&mut shutdown) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(?peer, %error, "a connection ended early");
    }
}

/// Returns when the end was asked for, or nobody is left to ask for it.
async fn told(shutdown: &mut watch::Receiver<bool>) {
    shutdown.wait_for(|end| *end).await.ok();
}

fn router(state: AppState) -> Router {
    Router::new()
        .route("/healthz", axum::routing::get(|| async { "ok" }))
        .merge(blobs::routes())
        .merge(poll::routes())
        .nest("/api/v1", admin::routes(state.clone()))
        .with_state(state)
}

fn tls(identity: &Identity) -> Result<ServerConfig, ListenError> {
    let chain =
        CertificateDer::pem_slice_iter(identity.certificate_pem.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.expose().as_bytes())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
