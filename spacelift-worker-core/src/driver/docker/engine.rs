//! The Engine and the way to it: a socket, TCP, or TLS. One connection for a request, as an attached stream needs one anyway.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bollard::models::SystemInfo;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Url;

use super::failure::Failure;
use super::image::ImageName;
use crate::driver::tls::{Roots, TlsClient, pool_client};
use crate::secret::SecretText;

/// Where an Engine listens when nothing else is said.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// For a connection, its handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Until the head of an answer. A pull is answered when the registry did.
const ANSWER_TIMEOUT_S: u64 = 120;

/// Where an Engine is.
#[derive(Clone)]
pub struct EngineAddress {
    /// As it was written.
    shown: String,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Socket(PathBuf),
    Tcp { host: String, port: u16, tls: Option<Arc<TlsClient>> },
}

/// Why an address cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineAddressError {
    /// It is none.
    #[error("DOCKER_HOST: write unix:///path/to/docker.sock or tcp://host:port")]
    Form,
    /// There is no certificate for TLS.
    #[error("DOCKER_CERT_PATH: {path} cannot be read; put ca.pem, cert.pem and key.pem there", path = .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The certificates cannot be used.
    #[error("DOCKER_CERT_PATH: ca.pem, cert.pem and key.pem in {path} cannot be used for TLS", path = .path.display())]
    Tls {
        /// The folder.
        path: PathBuf,
    },
}

impl EngineAddress {
    /// Parses what stands in `DOCKER_HOST`, or takes the usual socket. With `certificates`, a folder with `ca.pem`, `cert.pem` and
    /// `key.pem`, TCP is TLS, and that authority alone is trusted.
    ///
    /// # Errors
    /// [`EngineAddressError`] for another form, and for certificates that cannot be used.
    pub fn new(host: Option<&str>, certificates: Option<&Path>) -> Result<Self, EngineAddressError> {
        let shown = host.map_or_else(|| format!("unix://{DEFAULT_SOCKET}"), str::to_owned);
        if let Some(path) = shown.strip_prefix("unix://") {
            let way = Way::Socket(PathBuf::from(path));
            return if path.starts_with('/') {
                Ok(Self { shown, way })
            } else {
                Err(EngineAddressError::Form)
            };
        }
        let url = Url::parse(&shown).map_err(|_| EngineAddressError::Form)?;
        let secure = match url.scheme() {
            "tcp" => certificates.is_some(),
            "http" => false,
            "https" => true,
            _ => return Err(EngineAddressError::Form),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(EngineAddressError::Form)?.to_owned();
        let port = url.port_or_known_default().unwrap_or(if secure { 2376 } else { 2375 });
        let tls = match (secure, certificates) {
            (false, _) => None,
            (true, Some(folder)) => Some(Arc::new(tls(folder)?)),
            (true, None) => return Err(EngineAddressError::Form),
        };
        Ok(Self { shown, way: Way::Tcp { host, port, tls } })
    }

    async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        match &self.way {
            Way::Socket(path) => Ok(Box::new(UnixStream::connect(path).await?)),
            Way::Tcp { host, port, tls } => {
                let stream = TcpStream::connect((host.trim_matches(['[', ']']), *port)).await?;
                stream.set_nodelay(true)?;
                let Some(tls) = tls else { return Ok(Box::new(stream)) };
                let name = host.trim_matches(['[', ']']).to_owned().try_into().map_err(io::Error::other)?;
                Ok(Box::new(TlsConnector::from(tls.clone()).connect(name, stream).await?))
            }
        }
    }
}

/// The address without its certificates.
impl std::fmt::Debug for EngineAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("EngineAddress").field(&self.shown).finish()
    }
}

fn tls(folder: &Path) -> Result<TlsClient, EngineAddressError> {
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path).map_err(|source| EngineAddressError::Certificate { path, source })
    };
    let (authority, certificate, key) =
        (read("ca.pem")?, read("cert.pem")?, SecretText::from(read("key.pem")?));
    let unusable = |_| EngineAddressError::Tls { path: folder.to_owned() };
    let mut roots = Roots::empty();
    roots.add_pem(&authority, "DOCKER_CERT_PATH").map_err(unusable)?;
    pool_client(roots, &certificate, &key, None).map_err(unusable)
}

/// Bytes both ways.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An Engine, asked in the version of its API that it speaks.
pub(super) struct Engine {
    address: EngineAddress,
    client: OnceCell<Docker>,
}

impl Engine {
    pub(super) fn new(address: EngineAddress) -> Self {
        Self { address, client: OnceCell::new() }
    }

    /// Where it is, for messages.
    pub(super) fn shown(&self) -> &str {
        &self.address.shown
    }

    /// The client, once the Engine has told its version.
    pub(super) async fn client(&self) -> Result<&Docker, Failure> {
        let connect = async || {
            let address = Arc::new(self.address.clone());
            let transport = move |request: BollardRequest| ask(address.clone(), request);
            let base = Some("http://docker".to_owned());
            Docker::connect_with_custom_transport(transport, base, ANSWER_TIMEOUT_S, API_DEFAULT_VERSION)?
                .negotiate_version()
                .await
        };
        self.client.get_or_try_init(connect).await.map_err(|error| Failure::engine(self.shown(), error))
    }

    /// What it tells of itself and its machine.
    pub(super) async fn info(&self) -> Result<SystemInfo, Failure> {
        self.client().await?.info().await.map_err(|error| Failure::engine(self.shown(), error))
    }

    /// Whether it has an image of this name.
    pub(super) async fn has_image(&self, image: &ImageName) -> Result<bool, Failure> {
        match self.client().await?.inspect_image(image.as_str()).await {
            Ok(_) => Ok(true),
            Err(error) if Failure::is_missing(&error) => Ok(false),
            Err(error) => Err(Failure::engine(self.shown(), error)),
        }
    }
}

async fn ask(
    address: Arc<EngineAddress>,
    mut request: BollardRequest,
) -> Result<Response<Incoming>, bollard::errors::Error> {
    // The origin form (RFC 9112, 3.2.1): the Engine is no proxy.
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse::<Uri>()?;
    request.headers_mut().insert(HOST, HeaderValue::from_static("docker"));
    let dialled = async {
        let stream = timeout(CONNECT_TIMEOUT, address.dial()).await.map_err(io::Error::from)??;
        Ok::<_, io::Error>(stream)
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(dialled.await?)).await?;
    // It ends with its answer, or with the stream that the answer becomes.
    tokio::spawn(connection.with_upgrades());
    Ok(sender.send_request(request).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_socket_or_a_host_with_a_port() {
        let address = |host| EngineAddress::new(host, None).map(|address| address.shown);
        assert_eq!(address(None).unwrap(), "unix:///var/run/docker.sock");
        for good in ["unix:///run/user/1000/docker.sock", "tcp://127.0.0.1:2375", "http://[::1]:2375"] {
            assert_eq!(address(Some(good)).unwrap(), good);
        }
        for bad in ["docker.sock", "unix://docker.sock", "ssh://host", "https://host:2376", "tcp://"] {
            assert!(matches!(address(Some(bad)), Err(EngineAddressError::Form)), "{bad}");
        }
    }

    #[test]
    fn certificates_that_are_not_there_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = EngineAddress::new(Some("tcp://host:2376"), Some(folder.path())).unwrap_err();
        assert!(error.to_string().contains("ca.pem"), "{error}");
        assert!(error.to_string().starts_with("DOCKER_CERT_PATH"), "{error}");
    }
}
