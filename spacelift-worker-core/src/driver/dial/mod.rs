//! TCP to a host, directly or through the operator's proxy: the one way out for the broker, for polls and for storage.
//!
//! For storage, whose addresses a control plane chooses, what is connected to is what was checked: a name is resolved
//! once, and a proxy is asked for the address. A name that the operator lists is trusted as it is, and a proxy is asked
//! for the name.

mod access;
mod probe;
mod proxies;
mod tunnel;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

pub(crate) use access::Access;
pub use access::AllowedHost;
pub(crate) use probe::Found as ProbeFound;
pub(crate) use proxies::Proxies;
pub use proxies::ProxyUrlError;
pub(crate) use tunnel::TunnelError;

use proxies::ProxyServer;

/// For one address. Several are tried in turn, and one that answers nothing must not use up the time of all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// For a name.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);

/// For a proxy to open a tunnel, which may resolve and connect itself.
const TUNNEL_TIMEOUT: Duration = Duration::from_secs(15);

/// A stream of bytes, whatever it goes through.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DialError {
    /// The name has no address here.
    #[error("the name {host} cannot be resolved")]
    Resolve {
        /// Which.
        host: String,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// Its addresses are not public, and it is not listed.
    #[error(
        "the host has no public address; list it in SPACELIFT_WORKER_ALLOWED_STORAGE_HOSTS if it is yours"
    )]
    Forbidden,
    /// Nobody answers.
    #[error("{at} does not answer")]
    Connect {
        /// Where.
        at: String,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The proxy opens no tunnel.
    #[error("no tunnel through the proxy {proxy}")]
    Tunnel {
        /// Its host and port.
        proxy: String,
        /// Why.
        #[source]
        source: TunnelError,
    },
}

/// Opens connections.
#[derive(Clone, Debug)]
pub(crate) struct Dialer {
    proxies: Arc<Proxies>,
    /// For a proxy that is reached by TLS.
    tls: Arc<ClientConfig>,
    /// Absent: the operator chose the hosts.
    access: Option<Arc<Access>>,
    resolver: Resolver,
}

impl Dialer {
    /// For hosts that the operator chose. `tls` is for a proxy that is reached by TLS.
    pub(crate) fn new(proxies: Proxies, tls: Arc<ClientConfig>) -> Self {
        Self { proxies: Arc::new(proxies), tls, access: None, resolver: Resolver::System }
    }

    /// For hosts that somebody else chose.
    pub(crate) fn guarded(&self, access: Access) -> Self {
        Self { access: Some(Arc::new(access)), ..self.clone() }
    }

    /// Connects to a host: a name, or an address without brackets.
    ///
    /// # Errors
    /// [`DialError`]
    pub(crate) async fn connect(&self, host: &str, port: u16) -> Result<Box<dyn Stream>, DialError> {
        let Some(proxy) = self.proxies.route(host, port) else {
            let addresses = self.addresses(host, port).await?;
            return Ok(Box::new(first_that_answers(host, &addresses).await?));
        };
        let is_trusted = self.access.as_ref().is_none_or(|access| access.name(host));
        if is_trusted {
            return self.tunnel(proxy, &authority(host, port)).await;
        }
        let mut last = DialError::Forbidden;
        for address in self.addresses(host, port).await? {
            match self.tunnel(proxy, &address.to_string()).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The addresses that may be connected to; at least one.
    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
        let mut addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => self.resolver.resolve(host, port).await.map_err(|source| {
                let host = host.to_owned();
                DialError::Resolve { host, source }
            })?,
        };
        if let Some(access) = &self.access
            && !access.name(host)
        {
            addresses.retain(|address| access.address(address.ip()));
            if addresses.is_empty() {
                return Err(DialError::Forbidden);
            }
        }
        Ok(addresses)
    }

    async fn tunnel(&self, proxy: &ProxyServer, authority: &str) -> Result<Box<dyn Stream>, DialError> {
        let fail = |source| DialError::Tunnel { proxy: proxy.to_string(), source };
        let at = Resolver::System.resolve(&proxy.host, proxy.port).await.map_err(|source| {
            let host = proxy.host.clone();
            DialError::Resolve { host, source }
        })?;
        let stream = first_that_answers(&proxy.host, &at).await?;
        let opened = timeout(TUNNEL_TIMEOUT, self.ask(stream, proxy, authority)).await;
        opened.map_err(|_| fail(TunnelError::Io(io::ErrorKind::TimedOut.into())))?.map_err(fail)
    }

    async fn ask(
        &self,
        mut stream: TcpStream,
        proxy: &ProxyServer,
        authority: &str,
    ) -> Result<Box<dyn Stream>, TunnelError> {
        if !proxy.tls {
            tunnel::open(&mut stream, proxy, authority).await?;
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(proxy.host.clone()).map_err(io::Error::other)?;
        let mut stream = TlsConnector::from(self.tls.clone()).connect(name, stream).await?;
        tunnel::open(&mut stream, proxy, authority).await?;
        Ok(Box::new(stream))
    }
}

/// `host:port`, with an IPv6 address in brackets (RFC 3986, 3.2.2).
pub(crate) fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Tries addresses in turn.
async fn first_that_answers(host: &str, addresses: &[SocketAddr]) -> Result<TcpStream, DialError> {
    let mut last = None;
    for address in addresses {
        let answer = timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await;
        match answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => {
                // Small messages answer each other; Nagle's algorithm would hold them back.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(source) => last = Some(DialError::Connect { at: address.to_string(), source }),
        }
    }
    Err(last.unwrap_or_else(|| DialError::Resolve {
        host: host.to_owned(),
        source: io::Error::new(io::ErrorKind::NotFound, "the name has no address"),
    }))
}

#[cfg(test)]
type Script = Arc<dyn Fn(&str) -> Vec<IpAddr> + Send + Sync>;

/// From names to addresses.
#[derive(Clone)]
enum Resolver {
    System,
    #[cfg(test)]
    Scripted(Script),
}

impl Resolver {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::System => {
                let found = timeout(RESOLVE_TIMEOUT, tokio::net::lookup_host((host, port))).await;
                Ok(found.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?.collect())
            }
            #[cfg(test)]
            Self::Scripted(script) => {
                Ok(script(host).into_iter().map(|address| SocketAddr::new(address, port)).collect())
            }
        }
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

#[cfg(test)]
mod tests;
