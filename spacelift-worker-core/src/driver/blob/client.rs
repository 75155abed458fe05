//! The HTTP client for objects.

use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::CONTENT_LENGTH;
use hyper::{Method, Request};
use rustls::ClientConfig;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use tokio_util::io::ReaderStream;
use url::Url;

use crate::crypto::{Sha256, hex};
use crate::driver::dial::{Access, AllowedHost, DialError, Dialer, Proxies};
use crate::driver::https::{Body, HttpError, Https, Lane, Origin, body, next_bytes};
use crate::driver::tls::{Roots, TlsError, anonymous_client};

/// How often and how long transfers are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobLimits {
    /// Tries of one transfer; the pauses between them double from one second. Default: 4.
    pub tries: u32,
    /// Without a byte for this long, a try has failed. Default: 30 s.
    pub idle: Duration,
    /// One try takes this long at most, and a second more for each `slowest` bytes. Default: 120 s.
    pub total: Duration,
    /// Bytes a second, below which a long try fails. Default: 64 KiB.
    pub slowest: u64,
}

impl Default for BlobLimits {
    fn default() -> Self {
        Self { tries: 4, idle: Duration::from_secs(30), total: Duration::from_secs(120), slowest: 64 * 1024 }
    }
}

impl BlobLimits {
    fn limit(&self, len: u64) -> Limit {
        let more = Duration::from_secs(len / self.slowest.max(1));
        Limit { idle: self.idle, end: Instant::now() + self.total + more }
    }
}

/// When a try has failed.
#[derive(Clone, Copy, Debug)]
struct Limit {
    idle: Duration,
    end: Instant,
}

impl Limit {
    async fn hold<T>(&self, future: impl Future<Output = T>) -> Result<T, HttpError> {
        timeout_at(self.end, future).await.map_err(|_| HttpError::Late)
    }
}

/// Why an object could not be fetched or put. Never names the URL, which is a bearer secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The URL is none, or not HTTPS.
    #[error("the control plane gave an address that is no https URL")]
    NotHttps,
    /// The host has no public address and is not listed.
    #[error(
        "the host has no public address; list it in SPACELIFT_WORKER_ALLOWED_STORAGE_HOSTS if it is yours"
    )]
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
    Network(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The file at this end.
    #[error("cannot read or write the file {file}", file = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
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

impl From<HttpError> for BlobError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Dial(DialError::Forbidden) => Self::Forbidden,
            error => Self::Network(Box::new(error)),
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
    /// So many bytes of a file, from an offset on.
    Part { path: PathBuf, offset: u64, len: u64 },
}

/// Where an object is: nothing of it is shown.
struct Place {
    origin: Origin,
    /// Path and query.
    target: String,
}

/// What to fetch, as it was announced.
struct Wanted<'a> {
    place: Place,
    len: u64,
    sha256: &'a str,
}

/// Fetches and puts objects: one connection each, so that nothing of one transfer reaches into another.
#[derive(Clone, Debug)]
pub struct BlobClient {
    https: Https,
    limits: BlobLimits,
}

impl BlobClient {
    /// A client that trusts `roots` and reaches hosts without a proxy. `allowed` lists what is reachable although its
    /// address is not public.
    ///
    /// # Errors
    /// [`TlsError`] when there are no roots.
    pub fn direct(roots: Roots, allowed: Vec<AllowedHost>) -> Result<Self, TlsError> {
        let tls = Arc::new(anonymous_client(roots)?);
        Ok(Self::new(tls.clone(), &Dialer::new(Proxies::default(), tls), allowed))
    }

    /// A client with this TLS configuration, which reaches hosts as the dialer does.
    pub(crate) fn new(tls: Arc<ClientConfig>, dialer: &Dialer, allowed: Vec<AllowedHost>) -> Self {
        let https = Https::new(dialer.guarded(Access::new(allowed)), tls);
        Self { https, limits: BlobLimits::default() }
    }

    /// With other limits.
    #[must_use]
    pub fn with_limits(self, limits: BlobLimits) -> Self {
        Self { limits, ..self }
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
        let wanted = wanted(url, len, sha256, limit)?;
        let result = retried(self.limits.tries, |_| async {
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
        let wanted = wanted(url, len, sha256, limit)?;
        retried(self.limits.tries, |_| async {
            let mut bytes = Vec::new();
            // Writing to memory does not fail.
            let fail = |source| BlobError::File { path: PathBuf::new(), source };
            self.receive(&wanted, &mut bytes, fail).await?;
            Ok(bytes)
        })
        .await
    }

    /// One try: passes the body on, and fails unless length and digest are the announced ones.
    async fn receive(
        &self,
        wanted: &Wanted<'_>,
        to: &mut (impl AsyncWrite + Unpin),
        fail: impl Fn(io::Error) -> BlobError,
    ) -> Result<(), BlobError> {
        let limit = self.limits.limit(wanted.len);
        let mut hash = Sha256::new();
        let mut received = 0_u64;
        let mut answer = self.ask(Method::GET, &wanted.place, None, body(Bytes::new()), limit).await?;
        while let Some(bytes) = answer.next(limit).await? {
            received += bytes.len() as u64;
            if received > wanted.len {
                return Err(BlobError::Mismatch("it is longer"));
            }
            hash.update(&bytes);
            to.write_all(&bytes).await.map_err(&fail)?;
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
        let place = place(url)?;
        retried(self.limits.tries, |attempt| self.put_once(&place, source, attempt)).await
    }

    async fn put_once(&self, place: &Place, source: &Source, attempt: u32) -> Result<(), BlobError> {
        let (len, body) = match source {
            Source::Bytes(bytes) => (bytes.len() as u64, body(bytes.clone())),
            Source::File(path) => {
                let fail = |source| BlobError::File { path: path.clone(), source };
                let file = File::open(path).await.map_err(fail)?;
                let len = file.metadata().await.map_err(fail)?.len();
                let pieces = ReaderStream::with_capacity(file, 256 * 1024).map_ok(Frame::data);
                (len, StreamBody::new(pieces).boxed_unsync())
            }
            Source::Part { path, offset, len } => {
                let fail = |source| BlobError::File { path: path.clone(), source };
                let mut file = File::open(path).await.map_err(fail)?;
                file.seek(SeekFrom::Start(*offset)).await.map_err(fail)?;
                let pieces = ReaderStream::with_capacity(file.take(*len), 256 * 1024).map_ok(Frame::data);
                (*len, StreamBody::new(pieces).boxed_unsync())
            }
        };
        match self.ask(Method::PUT, place, Some(len), body, self.limits.limit(len)).await {
            // A store that does not overwrite answers so when the answer to the first try was lost. Should the bytes
            // there be somebody else's, the reader's digest refuses them.
            Err(BlobError::Status { status: 412 }) if attempt > 1 => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    async fn ask(
        &self,
        method: Method,
        place: &Place,
        len: Option<u64>,
        body: Body,
        limit: Limit,
    ) -> Result<Answer, BlobError> {
        let mut request = Request::builder().method(method).uri(place.target.as_str());
        if let Some(len) = len {
            request = request.header(CONTENT_LENGTH, len);
        }
        let request = request.body(body).map_err(|_| BlobError::NotHttps)?;
        let answered = async {
            let mut lane = self.https.connect(&place.origin).await?;
            let response = lane.send(request).await?;
            Ok::<_, HttpError>((response, lane))
        };
        let (response, lane) = limit.hold(answered).await??;
        match response.status() {
            // A redirect is a refusal here: its target was not signed.
            status if status.is_success() => Ok(Answer { body: response.into_body(), _lane: lane }),
            status => Err(BlobError::Status { status: status.as_u16() }),
        }
    }
}

/// A good answer, on its connection.
struct Answer {
    body: Incoming,
    _lane: Lane,
}

impl Answer {
    /// The next bytes; `None` at the end.
    async fn next(&mut self, limit: Limit) -> Result<Option<Bytes>, HttpError> {
        let limit = Limit { end: limit.end.min(Instant::now() + limit.idle), ..limit };
        limit.hold(next_bytes(&mut self.body)).await?.transpose()
    }
}

/// The place behind a URL, which must be HTTPS.
fn place(url: &str) -> Result<Place, BlobError> {
    let url = Url::parse(url).map_err(|_| BlobError::NotHttps)?;
    let origin = Origin::of(&url).filter(Origin::is_secure).ok_or(BlobError::NotHttps)?;
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    Ok(Place { origin, target })
}

fn wanted<'a>(url: &str, len: u64, sha256: &'a str, limit: u64) -> Result<Wanted<'a>, BlobError> {
    let place = place(url)?;
    if len > limit { Err(BlobError::TooLarge { len, limit }) } else { Ok(Wanted { place, len, sha256 }) }
}

async fn retried<T, F: Future<Output = Result<T, BlobError>>>(
    tries: u32,
    transfer: impl Fn(u32) -> F,
) -> Result<T, BlobError> {
    let mut pause = Duration::from_secs(1);
    let mut attempt = 1;
    loop {
        match transfer(attempt).await {
            Err(error) if error.is_transient() && attempt < tries => {
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

    async fn refusal(url: &str) -> String {
        let client = BlobClient::direct(Roots::from_system(), Vec::new()).unwrap();
        client.get_bytes(url, 1, "", 10).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn plain_http_and_private_addresses_are_refused_without_a_connection() {
        assert!(refusal("http://example.com/x").await.contains("https"));
        assert!(refusal("not a url").await.contains("https"));
        assert!(refusal("https://127.0.0.1:1/x").await.contains("no public address"));
        assert!(refusal("https://[::1]:1/x").await.contains("no public address"));
        assert!(refusal("https://169.254.169.254/latest").await.contains("no public address"));
        assert!(refusal("https://0x7f.1/x").await.contains("no public address"));
        assert!(refusal("https://2130706433/x").await.contains("no public address"));
        assert!(refusal("https://[::ffff:127.0.0.1]:1/x").await.contains("no public address"));
        assert!(refusal("https://[64:ff9b::7f00:1]:1/x").await.contains("no public address"));
        assert!(refusal("https://localhost:1/x").await.contains("no public address"));
        // A zone is no part of a host in a URL (RFC 9844 took it out again).
        assert!(refusal("https://[fe80::1%25eth0]/x").await.contains("https"));
        assert!(refusal("https://[fe80::1%eth0]/x").await.contains("https"));
    }

    #[tokio::test]
    async fn an_announced_length_over_the_limit_is_refused_without_a_connection() {
        let client = BlobClient::direct(Roots::from_system(), Vec::new()).unwrap();
        let error = client.get_bytes("https://example.com/x", 11, "", 10).await.unwrap_err();
        assert!(matches!(error, BlobError::TooLarge { len: 11, limit: 10 }));
    }
}
