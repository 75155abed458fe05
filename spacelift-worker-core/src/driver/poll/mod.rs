//! The long-poll transport: the same messages as over MQTT, by HTTPS requests that are signed one by one.
//!
//! A connection is what the server calls so: it is opened by a request, and each further request names it. Two lanes of
//! HTTP serve it: one waits for messages, the other says them, one after another. After the first failure all of it is
//! given up and opened anew.

mod connection;
mod signed;

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use url::Url;

use super::clock;
use super::dial::Dialer;
use super::https::{Https, Origin};
use super::link::{Link, LinkEnd, link};
use super::pace::Pace;
use super::random;
use crate::crypto::CryptoError;
use crate::ids::WorkerId;
use crate::pool::{CertificateThumbprint, PemError, PoolCredentials};
use crate::protocol::Backoff;
use connection::End;
use signed::{Challenge, Signer};

/// Why there is no such transport.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PollUrlError {
    /// The URL names no host.
    #[error("SPACELIFT_WORKER_COMMS_URL: this is no address such as https://app.spacelift.io")]
    Form,
    /// Proxies pass paths on, and do not invent them.
    #[error(
        "SPACELIFT_WORKER_COMMS_URL: remove the path behind the host: the control plane's own paths follow there"
    )]
    Path,
    /// Whoever is on the way could read and change what is said.
    #[error("SPACELIFT_WORKER_COMMS_URL: begin it with https://; http:// is for loopback alone")]
    Plain,
    /// The certificate of the token.
    #[error("SPACELIFT_TOKEN: the certificate cannot be named")]
    Certificate(#[from] PemError),
    /// The system gives no randomness.
    #[error(transparent)]
    Randomness(#[from] CryptoError),
}

/// Where to poll, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct PollEndpoint {
    https: Https,
    origin: Origin,
    signer: Arc<Signer>,
}

impl PollEndpoint {
    /// # Errors
    /// [`PollUrlError`]
    pub(crate) fn new(
        url: &str,
        credentials: Arc<PoolCredentials>,
        worker: WorkerId,
        dialer: &Dialer,
        tls: Arc<ClientConfig>,
    ) -> Result<Self, PollUrlError> {
        let url = Url::parse(url).map_err(|_| PollUrlError::Form)?;
        let origin = Origin::of(&url).ok_or(PollUrlError::Form)?;
        if url.path() != "/" || url.query().is_some() {
            return Err(PollUrlError::Path);
        }
        if !origin.is_secure() && !origin.is_loopback() {
            return Err(PollUrlError::Plain);
        }
        let certificate = CertificateThumbprint::from_pem(&credentials.token().parts().certificate_pem)?;
        let signer = Signer {
            credentials,
            certificate,
            worker,
            audience: url.origin().ascii_serialization(),
            process: random::name()?,
        };
        Ok(Self { https: Https::new(dialer.clone(), tls), origin, signer: Arc::new(signer) })
    }

    /// The same place as another worker.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub(crate) fn of(&self, worker: WorkerId) -> Result<Self, CryptoError> {
        let Signer { credentials, certificate, audience, .. } = &*self.signer;
        let signer = Signer {
            credentials: credentials.clone(),
            certificate: *certificate,
            worker,
            audience: audience.clone(),
            process: random::name()?,
        };
        Ok(Self { https: self.https.clone(), origin: self.origin.clone(), signer: Arc::new(signer) })
    }

    /// Where it polls, for the log.
    pub(crate) fn audience(&self) -> &str {
        &self.signer.audience
    }
}

/// Starts the transport on the current runtime.
pub(crate) fn connect(endpoint: PollEndpoint) -> Link {
    let (link, end) = link(1);
    let driver =
        PollDriver { endpoint, end, challenge: Challenge::default(), pace: Pace::default(), connection: 0 };
    tokio::spawn(driver.run());
    link
}

struct PollDriver {
    endpoint: PollEndpoint,
    end: LinkEnd,
    /// Kept over connections: the server's clock and nonce seldom change.
    challenge: Challenge,
    pace: Pace,
    connection: u64,
}

impl PollDriver {
    async fn run(mut self) {
        let mut backoff = Backoff::new();
        loop {
            self.connection += 1;
            let (failure, up_since) = match self.one_connection().await {
                End::Closed => return,
                End::Failed { failure, up_since } => (failure, up_since),
            };
            if let Some(since) = up_since {
                backoff.connected(since);
            }
            if self.end.down(failure).await.is_break() {
                return;
            }
            let pause = backoff.failed(clock::now().mono_ms, random::jitter());
            if self.end.pause(Duration::from_millis(pause)).await.is_break() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
