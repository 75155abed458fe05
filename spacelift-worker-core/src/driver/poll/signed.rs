//! Requests with a token each, and what the server answers to them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode};
use serde::Deserialize;
use tokio::time::timeout;

use super::PollEndpoint;
use crate::crypto::CryptoError;
use crate::driver::dial::{DialError, TunnelError};
use crate::driver::https::{Body, HttpError, Lane, body, next_bytes};
use crate::driver::link::{Fault, LinkFailure};
use crate::driver::tls::tls_failure;
use crate::driver::{chain, clock, random};
use crate::ids::WorkerId;
use crate::pool::{CertificateThumbprint, JWT_MAX_LIFE_SECS, JwtClaims, PoolCredentials};
use crate::secret::SecretText;

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 8 << 20;

/// How often a request is signed and sent: once more for the server's clock and nonce, once more for a connection that
/// had ended unnoticed.
const TRIES: u32 = 3;

/// Signs requests as one process of one worker.
#[derive(Debug)]
pub(super) struct Signer {
    pub(super) credentials: Arc<PoolCredentials>,
    pub(super) certificate: CertificateThumbprint,
    pub(super) worker: WorkerId,
    pub(super) audience: String,
    pub(super) process: String,
}

/// What the server wants to see in tokens.
#[derive(Clone, Debug, Default)]
pub(super) struct Challenge(Arc<Mutex<Known>>);

#[derive(Clone, Debug, Default)]
struct Known {
    /// The server's clock less ours, in milliseconds. For tokens alone: everything else goes by our own.
    offset_ms: i64,
    nonce: Option<String>,
}

impl Challenge {
    fn known(&self) -> Known {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn(&self, refusal: &Refusal, now_ms: u64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let offset = i128::from(refusal.now_ms) - i128::from(now_ms);
        known.offset_ms = i64::try_from(offset).unwrap_or(0);
        known.nonce = Some(refusal.nonce.clone());
    }
}

/// The body of a refusal.
#[derive(Debug, Deserialize)]
struct Refusal {
    reason: String,
    #[serde(default)]
    error: String,
    now_ms: u64,
    nonce: String,
}

/// A request to be.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    /// What follows pool and worker in the path, and the query.
    pub(super) rest: String,
    pub(super) body: Bytes,
    pub(super) patience: Duration,
}

/// Why a request did not do what it should.
#[derive(Debug)]
enum Failed {
    /// The server wants another token.
    Challenged,
    /// The connection did not hold.
    Lost(LinkFailure),
    /// The server refuses.
    Refused(LinkFailure),
}

/// One lane of signed requests, opened when it is needed.
#[derive(Debug)]
pub(super) struct SignedLane {
    endpoint: PollEndpoint,
    challenge: Challenge,
    lane: Option<Lane>,
}

impl SignedLane {
    pub(super) fn new(endpoint: PollEndpoint, challenge: Challenge) -> Self {
        Self { endpoint, challenge, lane: None }
    }

    /// Sends a request; gives status and body of a good answer.
    pub(super) async fn ask(&mut self, ask: &Ask) -> Result<(StatusCode, Bytes), LinkFailure> {
        let mut tries = 0;
        loop {
            tries += 1;
            let was_open = self.lane.as_ref().is_some_and(Lane::is_ready);
            match self.once(ask).await {
                Ok(answer) => return Ok(answer),
                Err(Failed::Challenged) if tries < TRIES => {}
                // A connection that had stood idle may have been closed at the other end.
                Err(Failed::Lost(_)) if was_open && tries < TRIES => {}
                Err(Failed::Challenged) => {
                    return Err(LinkFailure::network("the server asks for one token after another"));
                }
                Err(Failed::Lost(failure) | Failed::Refused(failure)) => return Err(failure),
            }
        }
    }

    async fn once(&mut self, ask: &Ask) -> Result<(StatusCode, Bytes), Failed> {
        let signer = &self.endpoint.signer;
        let target = format!("/worker/v1/{}/{}{}", signer.credentials.pool_id(), signer.worker, ask.rest);
        let token = self.token(ask, &target).await.map_err(|error| {
            Failed::Refused(LinkFailure::configuration(format!("a request cannot be signed: {error}")))
        })?;
        let request = request(ask, &target, &token).map_err(Failed::Refused)?;
        let open = self.lane.take().filter(Lane::is_ready);
        let exchange = async {
            let mut lane = match open {
                Some(lane) => lane,
                None => self.endpoint.https.connect(&self.endpoint.origin).await?,
            };
            let response = lane.send(request).await?;
            let status = response.status();
            let bytes = read(response.into_body()).await?;
            Ok::<_, HttpError>((lane, status, bytes))
        };
        let (status, bytes) = match timeout(ask.patience, exchange).await {
            Ok(Ok((lane, status, bytes))) => {
                self.lane = Some(lane);
                (status, bytes)
            }
            Ok(Err(error)) => return Err(Failed::Lost(unreachable_by(&error))),
            // Not tried again: whoever is silent for so long will be silent again.
            Err(_) => return Err(Failed::Refused(LinkFailure::network("the server does not answer"))),
        };
        if status.is_success() { Ok((status, bytes)) } else { Err(self.refused(status, &bytes)) }
    }

    /// Signing takes milliseconds of a processor, which a runtime's thread does not have to spare.
    async fn token(&self, ask: &Ask, target: &str) -> Result<SecretText, CryptoError> {
        let signer = self.endpoint.signer.clone();
        let known = self.challenge.known();
        let server_ms = clock::now().unix_ms.saturating_add_signed(known.offset_ms);
        let claims = JwtClaims {
            pool: signer.credentials.pool_id(),
            worker: signer.worker,
            audience: signer.audience.clone(),
            issued_at: server_ms / 1_000,
            expires_at: server_ms / 1_000 + JWT_MAX_LIFE_SECS,
            id: random::name()?,
            process: signer.process.clone(),
            method: ask.method.to_string(),
            target: target.to_owned(),
            body: JwtClaims::body_digest(&ask.body),
            nonce: known.nonce,
        };
        let signed = tokio::task::spawn_blocking(move || {
            signer.credentials.key().sign_jwt(signer.certificate, &claims)
        });
        signed.await.unwrap_or(Err(CryptoError::Backend))
    }

    fn refused(&self, status: StatusCode, bytes: &[u8]) -> Failed {
        let at = &self.endpoint.signer.audience;
        let Ok(refusal) = serde_json::from_slice::<Refusal>(bytes) else {
            // Not the control plane's words: a proxy's, or another server's.
            let fault = if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
                Fault::Network
            } else {
                Fault::Configuration
            };
            let reason =
                format!("{at} answers {status}: does SPACELIFT_WORKER_COMMS_URL lead to the control plane?");
            return Failed::Refused(LinkFailure { reason, fault });
        };
        let told = |hint: &str| format!("{at} refuses with {status}: {}{hint}", printable(&refusal.error));
        match (status, refusal.reason.as_str()) {
            (StatusCode::UNAUTHORIZED, "clock" | "nonce" | "replayed") => {
                self.challenge.learn(&refusal, clock::now().unix_ms);
                Failed::Challenged
            }
            (StatusCode::UNAUTHORIZED, "request") => Failed::Refused(LinkFailure::configuration(told(
                "; is SPACELIFT_WORKER_COMMS_URL among the control plane's public URLs?",
            ))),
            (StatusCode::UNAUTHORIZED, _) => Failed::Refused(LinkFailure::configuration(told(""))),
            (StatusCode::CONFLICT, "duplicate") => {
                Failed::Refused(LinkFailure { reason: told(""), fault: Fault::Duplicate })
            }
            _ => Failed::Refused(LinkFailure::network(told(""))),
        }
    }
}

fn request(ask: &Ask, target: &str, token: &SecretText) -> Result<Request<Body>, LinkFailure> {
    let mut authorization = HeaderValue::try_from(format!("Bearer {}", token.expose()))
        .map_err(|_| LinkFailure::configuration("a token fits no header"))?;
    authorization.set_sensitive(true);
    let request =
        Request::builder().method(ask.method.clone()).uri(target).header(AUTHORIZATION, authorization);
    let request = if ask.body.is_empty() {
        request
    } else {
        request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
    };
    request.body(body(ask.body.clone())).map_err(|error| LinkFailure::configuration(error.to_string()))
}

async fn read(mut incoming: Incoming) -> Result<Bytes, HttpError> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = next_bytes(&mut incoming).await {
        bytes.extend_from_slice(&piece?);
        if bytes.len() > MAX_ANSWER {
            return Err(HttpError::TooLong);
        }
    }
    Ok(bytes.freeze())
}

/// Why the server was not reached, and whose fault that is.
fn unreachable_by(error: &HttpError) -> LinkFailure {
    if let Some(failure) = tls_failure(error, "the server") {
        return failure;
    }
    let fault = match error {
        HttpError::Dial(DialError::Tunnel {
            source: TunnelError::Credentials | TunnelError::NotHttp,
            ..
        }) => Fault::Configuration,
        _ => Fault::Network,
    };
    LinkFailure { reason: chain(error), fault }
}

/// What a server says, for a log: one short line.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(now_ms: u64, nonce: &str) -> Refusal {
        Refusal { reason: String::new(), error: String::new(), now_ms, nonce: nonce.to_owned() }
    }

    #[test]
    fn the_servers_clock_is_kept_as_an_offset_from_our_own() {
        let challenge = Challenge::default();
        assert_eq!((challenge.known().offset_ms, challenge.known().nonce), (0, None));
        challenge.learn(&refusal(5_000, "a"), 8_000);
        assert_eq!(challenge.known().offset_ms, -3_000);
        challenge.learn(&refusal(9_000, "b"), 8_000);
        assert_eq!((challenge.known().offset_ms, challenge.known().nonce), (1_000, Some("b".to_owned())));
    }

    #[test]
    fn a_server_that_tells_an_absurd_time_does_no_harm() {
        let challenge = Challenge::default();
        challenge.learn(&refusal(u64::MAX, "a"), 0);
        assert_eq!(challenge.known().offset_ms, 0);
        challenge.learn(&refusal(0, "a"), u64::MAX);
        assert_eq!(challenge.known().offset_ms, 0);
    }

    #[test]
    fn what_a_server_says_is_shown_as_one_short_line() {
        assert_eq!(printable("a\nb\u{1b}[31m"), "ab[31m");
        assert_eq!(printable(&"x".repeat(1_000)).len(), 300);
    }
}
