//! Accepts connections, does their TLS handshake, and carries out what the control loop commands.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use spacelift_worker_core::ids::PoolId;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::access::{CertificateLookup, Peer};
use super::connection::{self, Surroundings};
use super::faults::{Fault, Faults};
use super::hub::{ClientKey, Hub};
use crate::wire::{Wire, WireCommand, WireEvent};

/// From accepting to the end of the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections at a time; further ones wait in the operating system's queue.
const MAX_CONNECTIONS: usize = 10_000;

/// Messages between broker and control loop before one waits for the other.
const CHANNEL: usize = 1_024;

/// A pause after a failed `accept`, which fails again at once while descriptors are scarce.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What an embedded broker is made of.
#[derive(Clone)]
pub struct EmbeddedConfig {
    /// Where to listen; port 0 for one that is free.
    pub listen: SocketAddr,
    /// The first part of every topic, such as `spacelift`.
    pub namespace: String,
    /// The server's identity. It must demand a client certificate signed by the pools' authority.
    pub tls: Arc<ServerConfig>,
    /// Whether a certificate is still good.
    pub certificates: Arc<dyn CertificateLookup>,
}

impl fmt::Debug for EmbeddedConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("EmbeddedConfig");
        shown.field("listen", &self.listen).field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

/// Why a broker could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen for workers on {listen}: choose another address or port")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system answered.
        #[source]
        source: std::io::Error,
    },
}

/// A running embedded broker. Dropping it ends it.
#[derive(Debug)]
pub struct EmbeddedBroker {
    local_addr: SocketAddr,
    shared: Arc<Shared>,
    stop: DropGuard,
    accepting: JoinHandle<()>,
}

impl EmbeddedBroker {
    /// Listens, and gives the wire to the control loop.
    ///
    /// # Errors
    /// [`StartError::Listen`] when the address is taken or not ours.
    pub async fn start(config: EmbeddedConfig) -> Result<(Self, Wire), StartError> {
        let failed = |source| StartError::Listen { listen: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        let (event_sender, events) = mpsc::channel(CHANNEL);
        let (commands, command_receiver) = mpsc::channel(CHANNEL);
        // There is room: the channel is new.
        let _ = event_sender.try_send(WireEvent::Connected);
        let shared = Arc::new(Shared {
            hub: Hub::new(config.namespace),
            events: event_sender,
            certificates: config.certificates,
            faults: Faults::default(),
        });
        let stop = CancellationToken::new();
        let accepting =
            tokio::spawn(accept(listener, TlsAcceptor::from(config.tls), Arc::clone(&shared), stop.clone()));
        tokio::spawn(obey(command_receiver, Arc::clone(&shared), stop.clone()));
        Ok((Self { local_addr, shared, stop: stop.drop_guard(), accepting }, Wire { events, commands }))
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What it can be asked to do wrong.
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }

    /// Cuts every connection that is up, as if another one had taken it over.
    pub fn kick_all(&self) {
        self.shared.hub.kick_all();
    }

    /// Cuts every connection without its will, and waits until they are gone.
    pub async fn shutdown(self) {
        drop(self.stop);
        let _ = self.accepting.await;
    }
}

struct Shared {
    hub: Hub,
    events: mpsc::Sender<WireEvent>,
    certificates: Arc<dyn CertificateLookup>,
    faults: Faults,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, shared: Arc<Shared>, stop: CancellationToken) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (listener.accept().await, permit)
        };
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            (accepted, permit) = next => match accepted {
                Ok((stream, _)) if shared.faults.take(Fault::RefuseConnection) => drop(stream),
                Ok((stream, _)) => {
                    let (tls, shared) = (tls.clone(), Arc::clone(&shared));
                    connections.spawn(async move {
                        let _permit = permit;
                        welcome(stream, tls, &shared).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    connections.shutdown().await;
}

/// From a TCP connection to a client of a known pool, and on.
async fn welcome(stream: TcpStream, tls: TlsAcceptor, shared: &Shared) {
    // Small packets answer each other; Nagle's algorithm would hold them back.
    let _ = stream.set_nodelay(true);
    let stream = match timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            return;
        }
        Err(_) => return,
    };
    let leaf = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let Some(peer) = leaf.and_then(Peer::from_certificate) else {
        tracing::debug!("a client certificate names no pool");
        return;
    };
    let around = Surroundings {
        hub: &shared.hub,
        events: &shared.events,
        certificates: shared.certificates.as_ref(),
        faults: &shared.faults,
    };
    connection::serve(stream, peer, around).await;
}

/// Carries out commands. Never waits for a client, so that the control loop never waits for one.
async fn obey(mut commands: mpsc::Receiver<WireCommand>, shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        let command = tokio::select! {
            () = stop.cancelled() => return,
            command = commands.recv() => command,
        };
        match command {
            None => return,
            Some(WireCommand::Publish { pool, worker, bytes }) => {
                if !shared.hub.publish(ClientKey { pool, worker }, bytes) {
                    tracing::debug!(%pool, %worker, "a message found nobody who listens");
                }
            }
            Some(WireCommand::Revoked { pool }) => revoke(&shared, pool).await,
        }
    }
}

async fn revoke(shared: &Shared, pool: PoolId) {
    for (key, peer) in shared.hub.peers(pool) {
        if !shared.certificates.is_current(pool, &peer.certificate).await {
            shared.hub.revoke(key, &peer.certificate);
        }
    }
    shared.hub.forget_absent(pool);
}
