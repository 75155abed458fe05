//! The four requests of a worker: open, speak, listen, leave.

use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use spacelift_worker_core::ids::{PoolId, WorkerId};
use spacelift_worker_core::pool::{CertificateThumbprint, JwtError, PoolPublicKey, UnverifiedJwt};
use spacelift_worker_core::protocol::message::{WorkerBody, WorkerMessage};
use tokio::time::{Instant, timeout, timeout_at};

use super::answers::{self, Refusal};
use super::door::Facts;
use super::hub::Client;
use crate::fresh::now_ms;
use crate::http::AppState;
use crate::wire::WireEvent;

/// The longest message in bytes: what a broker takes, too.
const MAX_BODY: usize = 128 * 1024;

/// For a body to arrive, and for the control loop to take a message.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long a poll waits for a message. Proxies commonly cut what is silent for 30 or 60 seconds.
const HOLD: Duration = Duration::from_secs(25);

pub(in crate::http) fn routes() -> Router<AppState> {
    Router::new()
        .route("/worker/v1/{pool}/{worker}/connection", post(open).delete(leave))
        .route("/worker/v1/{pool}/{worker}/messages", get(listen).post(speak))
}

/// Whose mailbox a path names.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Address {
    pool: PoolId,
    worker: WorkerId,
}

/// Which connection.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Speaking {
    connection: u64,
}

/// Which connection, and up to which message everything was taken care of.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Listening {
    connection: u64,
    after: u64,
}

/// A request whose token is genuine, for it, and used up.
struct Admitted<Q> {
    client: Client,
    process: String,
    query: Q,
    body: Bytes,
    /// The pool's certificate of that moment.
    certificate: String,
}

async fn open(state: State<AppState>, address: Path<Address>, request: Request) -> Response {
    answered(state, address, request, async |state: &AppState, admitted: Admitted<Nothing>| {
        let Admitted { client, process, certificate, .. } = admitted;
        let connection = state.poll.hub.open(client, &process, Instant::now())?;
        // A reset between the question and the opening found no connection to end, so the question is asked again.
        if current_certificate(state, client.pool).await.as_ref() != Ok(&certificate) {
            state.poll.hub.close(client, connection);
            return Err(JwtError::ForeignKey.into());
        }
        let terms = serde_json::json!({ "connection": connection, "hold_ms": HOLD.as_millis() });
        Ok(axum::Json(terms).into_response())
    })
    .await
}

async fn speak(state: State<AppState>, address: Path<Address>, request: Request) -> Response {
    answered(state, address, request, async |state: &AppState, admitted: Admitted<Speaking>| {
        let Admitted { client, process, query, body, .. } = admitted;
        state.poll.hub.heard(client, &process, query.connection, Instant::now())?;
        if let Some(answered) = answered_by(&body) {
            state.poll.hub.settle(client, answered);
        }
        let events = state.poll.events.upgrade().ok_or(Refusal::Busy)?;
        let event = WireEvent::Message { pool: client.pool, worker: client.worker, bytes: body };
        match timeout(PATIENCE, events.send(event)).await {
            Ok(Ok(())) => Ok(StatusCode::ACCEPTED.into_response()),
            Ok(Err(_)) | Err(_) => Err(Refusal::Busy),
        }
    })
    .await
}

async fn listen(state: State<AppState>, address: Path<Address>, request: Request) -> Response {
    answered(state, address, request, async |state: &AppState, admitted: Admitted<Listening>| {
        let Admitted { client, process, query: Listening { connection, after }, .. } = admitted;
        let hub = &state.poll.hub;
        hub.heard(client, &process, connection, Instant::now())?;
        let waiting = hub.wait(client, connection)?;
        let deadline = Instant::now() + HOLD;
        loop {
            let woken = waiting.wake.notified();
            tokio::pin!(woken);
            // Before reading, so that what comes between reading and waiting is not missed.
            woken.as_mut().enable();
            if let Some(batch) = hub.read(client, connection, after)? {
                return Ok(answers::batch(&batch));
            }
            tokio::select! {
                () = hub.stop.cancelled() => return Err(Refusal::Busy),
                woken = timeout_at(deadline, woken) => if woken.is_err() {
                    return Ok(StatusCode::NO_CONTENT.into_response());
                },
            }
        }
    })
    .await
}

async fn leave(state: State<AppState>, address: Path<Address>, request: Request) -> Response {
    answered(state, address, request, async |state: &AppState, admitted: Admitted<Speaking>| {
        let Admitted { client, process, query, .. } = admitted;
        state.poll.hub.heard(client, &process, query.connection, Instant::now())?;
        state.poll.hub.close(client, query.connection);
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}

/// No query at all.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Opens the door or keeps it shut, and answers in any case.
async fn answered<Q: DeserializeOwned>(
    State(state): State<AppState>,
    Path(address): Path<Address>,
    request: Request,
    then: impl AsyncFnOnce(&AppState, Admitted<Q>) -> Result<Response, Refusal>,
) -> Response {
    let result = match admit(&state, address, request).await {
        Ok(admitted) => then(&state, admitted).await,
        Err(refusal) => Err(refusal),
    };
    result.unwrap_or_else(|refusal| {
        let Address { pool, worker } = address;
        tracing::debug!(%pool, %worker, ?refusal, "a request of a worker is refused");
        refusal.respond(now_ms(), &state.poll.door.nonce)
    })
}

async fn admit<Q: DeserializeOwned>(
    state: &AppState,
    Address { pool, worker }: Address,
    request: Request,
) -> Result<Admitted<Q>, Refusal> {
    let (parts, body) = request.into_parts();
    let token = parts
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .ok_or(JwtError::Form)?;
    let token = UnverifiedJwt::parse(token)?;
    // The signature covers the worker of the path, too, by the target.
    if token.claimed_pool() != pool {
        return Err(JwtError::ForeignKey.into());
    }
    let certificate = current_certificate(state, pool).await?;
    let claims = match (
        PoolPublicKey::from_certificate_pem(&certificate),
        CertificateThumbprint::from_pem(&certificate),
    ) {
        (Ok(key), Ok(thumbprint)) => token.verify(&key, thumbprint)?,
        _ => return Err(Refusal::Own),
    };
    // Over MQTT, TLS looks at its hours; here nothing else does.
    if !super::door::is_valid(&certificate, now_ms() / 1_000) {
        return Err(super::door::Closed::Expired.into());
    }
    // Only now, so that a stranger cannot make this server keep bodies.
    let body = match timeout(PATIENCE, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) if is_length_limit(&error) => return Err(Refusal::TooLong),
        Ok(Err(_)) | Err(_) => return Err(Refusal::Malformed),
    };
    let facts = Facts {
        method: parts.method.as_str(),
        target: parts.uri.path_and_query().map_or("/", |target| target.as_str()),
        body: &body,
        pool,
        now: now_ms() / 1_000,
    };
    state.poll.door.admit(&claims, facts)?;
    if claims.worker != worker {
        return Err(super::door::Closed::Request.into());
    }
    let Query(query) = Query::try_from_uri(&parts.uri).map_err(|_| Refusal::Malformed)?;
    Ok(Admitted { client: Client { pool, worker }, process: claims.process, query, body, certificate })
}

/// The certificate with which a pool's workers may come now.
async fn current_certificate(state: &AppState, pool: PoolId) -> Result<String, Refusal> {
    let row = state.store.pool(pool).await?;
    if row.deleted { Err(JwtError::ForeignKey.into()) } else { Ok(row.certificate.pem) }
}

/// The message that this one answers.
fn answered_by(body: &[u8]) -> Option<spacelift_worker_core::ids::MessageId> {
    match WorkerMessage::decode(body).ok()?.body {
        WorkerBody::Ack(ack) => Some(ack.re),
        WorkerBody::Nack(nack) => Some(nack.re),
        _ => None,
    }
}

fn is_length_limit(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<http_body_util::LengthLimitError>())
}
