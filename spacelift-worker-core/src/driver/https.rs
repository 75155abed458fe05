//! HTTP/1.1 over TLS: one connection, one request after another. It follows no redirect and keeps no cookie.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::dial::{DialError, Dialer, Stream, authority};

/// For a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);

const AGENT: &str = concat!("spacelift-worker/", env!("CARGO_PKG_VERSION"));

/// What a request carries.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Bytes in memory as a body.
pub(super) fn body(bytes: Bytes) -> Body {
    if bytes.is_empty() {
        Empty::new().map_err(|never| match never {}).boxed_unsync()
    } else {
        Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
    }
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum HttpError {
    /// There is no connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// TLS failed.
    #[error("TLS with {host} failed")]
    Tls {
        /// With whom.
        host: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The connection broke, or the other end speaks no HTTP/1.1.
    #[error("the connection was lost")]
    Lost(#[source] Box<dyn Error + Send + Sync>),
    /// More came than is read.
    #[error("the answer is too long")]
    TooLong,
    /// Nothing came for too long.
    #[error("no answer in time")]
    Late,
}

impl HttpError {
    fn lost(error: hyper::Error) -> Self {
        Self::Lost(Box::new(error))
    }
}

/// Scheme, host and port: with whom a connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    host: String,
    port: u16,
    secure: bool,
}

impl Origin {
    /// Of a URL; `None` without a host, or with a scheme that is neither `https` nor `http`.
    pub(super) fn of(url: &Url) -> Option<Self> {
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let host = match url.host()? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        Some(Self { host, port: url.port_or_known_default()?, secure })
    }

    pub(super) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether it can only be this machine.
    pub(super) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    /// The value of `Host` (RFC 9110, 7.2): without the port where it is the scheme's own.
    fn header(&self) -> String {
        let authority = authority(&self.host, self.port);
        let own = if self.secure { ":443" } else { ":80" };
        authority.strip_suffix(own).map(str::to_owned).unwrap_or(authority)
    }
}

/// Opens connections for requests.
#[derive(Clone, Debug)]
pub(super) struct Https {
    dialer: Dialer,
    tls: Arc<ClientConfig>,
}

impl Https {
    pub(super) fn new(dialer: Dialer, tls: Arc<ClientConfig>) -> Self {
        Self { dialer, tls }
    }

    /// Connects. The connection ends when the lane is dropped.
    pub(super) async fn connect(&self, origin: &Origin) -> Result<Lane, HttpError> {
        let stream = self.dialer.connect(&origin.host, origin.port).await?;
        let stream: Box<dyn Stream> = if origin.secure {
            let failed = |source| HttpError::Tls { host: origin.host.clone(), source };
            let name = ServerName::try_from(origin.host.clone())
                .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
            let shaken = TlsConnector::from(self.tls.clone()).connect(name, stream);
            let shaken = timeout(HANDSHAKE_TIMEOUT, shaken).await.map_err(|_| HttpError::Late)?;
            Box::new(shaken.map_err(failed)?)
        } else {
            stream
        };
        Lane::over(stream, &origin.header()).await
    }
}

/// A connection: one request after another.
#[derive(Debug)]
pub(super) struct Lane {
    sender: SendRequest<Body>,
    host: HeaderValue,
}

impl Lane {
    /// A connection without TLS, to an address and through no proxy: for a service of this machine's own surroundings.
    #[cfg(feature = "spot")]
    pub(super) async fn plain(address: std::net::SocketAddr) -> Result<Self, HttpError> {
        let stream = tokio::net::TcpStream::connect(address).await;
        let stream = stream.map_err(|error| HttpError::Lost(Box::new(error)))?;
        Self::over(stream, &address.to_string()).await
    }

    async fn over(stream: impl Stream + 'static, host: &str) -> Result<Self, HttpError> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(HttpError::lost)?;
        // It ends with its sender, and what it finds out the sender is told.
        tokio::spawn(connection);
        let host = HeaderValue::try_from(host).map_err(|error| HttpError::Lost(Box::new(error)))?;
        Ok(Self { sender, host })
    }

    /// Whether another request can be sent: the answer before was read to its end, and the connection stands.
    pub(super) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Sends a request, whose URI is path and query, and waits for the head of the answer.
    pub(super) async fn send(&mut self, mut request: Request<Body>) -> Result<Response<Incoming>, HttpError> {
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        self.sender.ready().await.map_err(HttpError::lost)?;
        self.sender.send_request(request).await.map_err(HttpError::lost)
    }
}

/// The next bytes of an answer; `None` at its end.
pub(super) async fn next_bytes(answer: &mut Incoming) -> Option<Result<Bytes, HttpError>> {
    loop {
        match answer.frame().await? {
            // Trailers say nothing that is asked for here.
            Ok(frame) => match frame.into_data() {
                Ok(bytes) => return Some(Ok(bytes)),
                Err(_) => continue,
            },
            Err(error) => return Some(Err(HttpError::lost(error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_shows_the_port_only_where_it_is_not_the_schemes_own() {
        for (url, header) in [
            ("https://app.example/x", "app.example"),
            ("https://app.example:443/x", "app.example"),
            ("https://app.example:80/x", "app.example:80"),
            ("http://127.0.0.1:80", "127.0.0.1"),
            ("https://[::1]:8443/", "[::1]:8443"),
        ] {
            assert_eq!(Origin::of(&Url::parse(url).unwrap()).unwrap().header(), header, "{url}");
        }
        assert!(Origin::of(&Url::parse("ftp://a.example/").unwrap()).is_none());
        assert!(Origin::of(&Url::parse("data:x").unwrap()).is_none());
    }
}
