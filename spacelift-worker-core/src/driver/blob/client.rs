//! The HTTP client for objects.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use reqwest::{Client, StatusCode, redirect};
use rustls::ClientConfig;
use tokio::fs::File;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio_util::io::ReaderStream;
use url::Url;

use super::access::{Access, AllowedHost, Forbidden};
use crate::crypto::{Sha256, hex};

/// Tries of one transfer; the pauses between them double from one second.
const TRIES: u32 = 4;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Without a byte for this long, a transfer has failed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Why an object could not be fetched or put. Never names the URL, which is a bearer secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The URL is none, or not HTTPS.
    #[error("the control plane gave an address that is no https URL")]
    NotHttps,
    /// The host has no public address and is not listed.
    #[error("{Forbidden}")]
    Forbidden,
    /// The object is not what was announced.
    #[error("the object is not the announced one: {0}")]
    Mismatch(&'static str),
    /// More bytes are announced than are taken.
    #[error("the object has {len} bytes, {limit} are taken at most")]
    TooLarge {
        /// What was announced.
        len: u64,
        /// What is taken.
        limit: u64,
    },
    /// The store answered with a refusal.
    #[error("the store answered {status}")]
    Status {
        /// The status of HTTP.
        status: u16,
    },
    /// The store could not be reached, or the connection was lost.
    #[error("the store could not be reached")]
    Network(#[source] reqwest::Error),
    /// The file at this end.
    #[error("cannot read or write the file {file}", file = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The client could not be made.
    #[error("no HTTP client could be made")]
    Client(#[source] reqwest::Error),
}

impl BlobError {
    fn is_transient(&self) -> bool {
        match self {
            Self::Network(_) => true,
            Self::Status { status } => *status >= 500 || *status == 408 || *status == 429,
            _ => false,
        }
    }
}

/// What to put.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A whole file.
    File(PathBuf),
}

/// What to fetch, as it was announced.
struct Wanted<'a> {
    url: Url,
    len: u64,
    sha256: &'a str,
}

/// Fetches and puts objects.
#[derive(Clone, Debug)]
pub struct BlobClient {
    http: Client,
    access: Arc<Access>,
}

impl BlobClient {
    /// A client with this TLS configuration. `allowed` lists what is reachable although its address is not public.
    ///
    /// # Errors
    /// [`BlobError::Client`] when the TLS configuration cannot be used.
    pub fn new(tls: ClientConfig, allowed: Vec<AllowedHost>) -> Result<Self, BlobError> {
        let access = Arc::new(Access::new(allowed));
        let http = Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(IDLE_TIMEOUT)
            .dns_resolver(access.clone())
            .build()
            .map_err(BlobError::Client)?;
        Ok(Self { http, access })
    }

    /// Fetches an object into a new file, and keeps it only when length and digest are the announced ones.
    ///
    /// # Errors
    /// [`BlobError`]; no file is left behind then.
    pub async fn get_file(
        &self,
        url: &str,
        len: u64,
        sha256: &str,
        limit: u64,
        path: &Path,
    ) -> Result<(), BlobError> {
        let wanted = self.wanted(url, len, sha256, limit)?;
        let result = retried(|_| async {
            let fail = |source| BlobError::File { path: path.to_owned(), source };
            let mut file = File::create(path).await.map_err(fail)?;
            self.receive(&wanted, &mut file, fail).await
        })
        .await;
        if result.is_err() {
            let _ = tokio::fs::remove_file(path).await;
        }
        result
    }

    /// Fetches a small object into memory, under the same conditions.
    ///
    /// # Errors
    /// [`BlobError`].
    pub async fn get_bytes(
        &self,
        url: &str,
        len: u64,
        sha256: &str,
        limit: u64,
    ) -> Result<Vec<u8>, BlobError> {
        let wanted = self.wanted(url, len, sha256, limit)?;
        retried(|_| async {
            let mut bytes = Vec::new();
            // Writing to memory does not fail.
            let fail = |source| BlobError::File { path: PathBuf::new(), source };
            self.receive(&wanted, &mut bytes, fail).await?;
            Ok(bytes)
        })
        .await
    }

    fn wanted<'a>(&self, url: &str, len: u64, sha256: &'a str, limit: u64) -> Result<Wanted<'a>, BlobError> {
        let url = self.check(url)?;
        if len > limit { Err(BlobError::TooLarge { len, limit }) } else { Ok(Wanted { url, len, sha256 }) }
    }

    /// One try: passes the body on, and fails unless length and digest are the announced ones.
    async fn receive(
        &self,
        wanted: &Wanted<'_>,
        to: &mut (impl AsyncWrite + Unpin),
        fail: impl Fn(io::Error) -> BlobError,
    ) -> Result<(), BlobError> {
        let mut hash = Sha256::new();
        let mut received = 0_u64;
        let response = self.http.get(wanted.url.clone()).send().await.map_err(network)?;
        success(response.status())?;
        let mut body = response.bytes_stream();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(network)?;
            received += chunk.len() as u64;
            if received > wanted.len {
                return Err(BlobError::Mismatch("it is longer"));
            }
            hash.update(&chunk);
            to.write_all(&chunk).await.map_err(&fail)?;
        }
        if received < wanted.len {
            return Err(BlobError::Mismatch("it is shorter"));
        }
        if hex(&hash.finish()) != wanted.sha256 {
            return Err(BlobError::Mismatch("its digest is another"));
        }
        to.flush().await.map_err(&fail)
    }

    /// Puts an object. A repeat after a lost answer sends the identical bytes.
    ///
    /// # Errors
    /// [`BlobError`].
    pub(crate) async fn put(&self, url: &str, source: &Source) -> Result<(), BlobError> {
        let url = self.check(url)?;
        retried(|attempt| self.put_once(&url, source, attempt)).await
    }

    async fn put_once(&self, url: &Url, source: &Source, attempt: u32) -> Result<(), BlobError> {
        let request = self.http.put(url.clone());
        let request = match source {
            Source::Bytes(bytes) => request.body(bytes.clone()),
            Source::File(path) => {
                let fail = |source| BlobError::File { path: path.clone(), source };
                let file = File::open(path).await.map_err(fail)?;
                let len = file.metadata().await.map_err(fail)?.len();
                request
                    .header(reqwest::header::CONTENT_LENGTH, len)
                    .body(reqwest::Body::wrap_stream(ReaderStream::with_capacity(file, 256 * 1024)))
            }
        };
        let status = request.send().await.map_err(network)?.status();
        // A store that does not overwrite answers so when the answer to the first try was lost. Should the bytes
        // there be somebody else's, the reader's digest refuses them.
        if attempt > 1 && status == StatusCode::PRECONDITION_FAILED {
            return Ok(());
        }
        success(status)
    }

    fn check(&self, url: &str) -> Result<Url, BlobError> {
        let url = Url::parse(url).map_err(|_| BlobError::NotHttps)?;
        let host = url.host().filter(|_| url.scheme() == "https").ok_or(BlobError::NotHttps)?;
        if self.access.host(&host) { Ok(url) } else { Err(BlobError::Forbidden) }
    }
}

fn network(error: reqwest::Error) -> BlobError {
    let mut next = error.source();
    while let Some(current) = next {
        if current.is::<Forbidden>() {
            return BlobError::Forbidden;
        }
        next = current.source();
    }
    BlobError::Network(error.without_url())
}

fn success(status: StatusCode) -> Result<(), BlobError> {
    // A redirect is a refusal here: its target was not signed.
    if status.is_success() { Ok(()) } else { Err(BlobError::Status { status: status.as_u16() }) }
}

async fn retried<T, F: Future<Output = Result<T, BlobError>>>(
    transfer: impl Fn(u32) -> F,
) -> Result<T, BlobError> {
    let mut pause = Duration::from_secs(1);
    let mut attempt = 1;
    loop {
        match transfer(attempt).await {
            Err(error) if error.is_transient() && attempt < TRIES => {
                tracing::debug!(attempt, %error, "a transfer failed and is tried again");
            }
            result => return result,
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
        attempt += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> BlobClient {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        BlobClient::new(tls, Vec::new()).unwrap()
    }

    async fn refusal(url: &str) -> String {
        client().get_bytes(url, 1, "", 10).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn plain_http_and_private_addresses_are_refused_without_a_connection() {
        assert!(refusal("http://example.com/x").await.contains("https"));
        assert!(refusal("not a url").await.contains("https"));
        assert!(refusal("https://127.0.0.1:1/x").await.contains("no public address"));
        assert!(refusal("https://[::1]:1/x").await.contains("no public address"));
        assert!(refusal("https://169.254.169.254/latest").await.contains("no public address"));
        assert!(refusal("https://0x7f.1/x").await.contains("no public address"));
        assert!(refusal("https://localhost:1/x").await.contains("no public address"));
    }

    #[tokio::test]
    async fn an_announced_length_over_the_limit_is_refused_without_a_connection() {
        let error = client().get_bytes("https://example.com/x", 11, "", 10).await.unwrap_err();
        assert!(matches!(error, BlobError::TooLarge { len: 11, limit: 10 }));
    }
}
