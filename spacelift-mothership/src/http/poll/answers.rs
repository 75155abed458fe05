//! What is answered to a worker that polls: messages, or why not.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use spacelift_worker_core::pool::JwtError;

use super::door::Closed;
use super::hub::{Gone, Refused};
use super::mailbox::Batch;
use crate::store::StoreError;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no token, or it is not one of the one form.
    Token(JwtError),
    /// The token is genuine, and not for this.
    Closed(Closed),
    /// Another process speaks for this worker.
    Duplicate,
    /// The connection is not there any more.
    Gone,
    /// The body is longer than a message may be.
    TooLong,
    /// The query is none, or the body was cut short or came too slowly.
    Malformed,
    /// Not now.
    Busy,
    /// This control plane's own fault.
    Own,
}

impl From<JwtError> for Refusal {
    fn from(error: JwtError) -> Self {
        Self::Token(error)
    }
}

impl From<Closed> for Refusal {
    fn from(closed: Closed) -> Self {
        Self::Closed(closed)
    }
}

impl From<Gone> for Refusal {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Duplicate => Self::Duplicate,
            Refused::Full => Self::Busy,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            // Nothing is said about which pools there are.
            StoreError::NotFound { .. } => Self::Token(JwtError::ForeignKey),
            error => {
                tracing::error!(error = &error as &dyn std::error::Error, "a worker is refused unasked");
                Self::Own
            }
        }
    }
}

/// The body of a refusal.
#[derive(Debug, Serialize)]
struct Problem<'a> {
    /// For a program.
    reason: &'static str,
    /// For a person.
    error: String,
    /// This server's clock, in Unix milliseconds.
    now_ms: u64,
    /// What the next token must have.
    nonce: &'a str,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Closed(Closed::Flood) => StatusCode::TOO_MANY_REQUESTS,
            Self::Token(_) | Self::Closed(_) => StatusCode::UNAUTHORIZED,
            Self::Duplicate => StatusCode::CONFLICT,
            Self::Gone => StatusCode::GONE,
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Own => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Token(JwtError::ForeignKey) => "revoked",
            Self::Token(_) => "token",
            Self::Closed(Closed::Clock) => "clock",
            Self::Closed(Closed::Nonce) => "nonce",
            Self::Closed(Closed::Replayed) => "replayed",
            Self::Closed(Closed::Request) => "request",
            Self::Closed(Closed::Flood) => "flood",
            Self::Closed(Closed::Expired) => "expired",
            Self::Duplicate => "duplicate",
            Self::Gone => "gone",
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Busy => "busy",
            Self::Own => "own",
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Token(error) => error.to_string(),
            Self::Closed(closed) => closed.to_string(),
            Self::Duplicate => "another process speaks for this worker".to_owned(),
            Self::Gone => "this connection is not open (any more): open a new one".to_owned(),
            Self::TooLong => "the message is longer than 128 KiB".to_owned(),
            Self::Malformed => "the query is malformed, or the body was cut short".to_owned(),
            Self::Busy => "not now; try again later".to_owned(),
            Self::Own => "the control plane failed; its log says how".to_owned(),
        }
    }

    /// The response, with the clock and the nonce that the next token needs.
    pub(super) fn respond(&self, now_ms: u64, nonce: &str) -> Response {
        let problem = Problem { reason: self.reason(), error: self.words(), now_ms, nonce };
        let mut response = (self.status(), Json(problem)).into_response();
        // RFC 9110, 15.5.2: a 401 names the scheme that would do.
        if response.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A batch as one JSON object: `{"last":7,"messages":[…]}`. Messages are JSON objects already and go as they are.
pub(super) fn batch(batch: &Batch) -> Response {
    let mut body = BytesMut::new();
    body.put_slice(format!(r#"{{"last":{},"messages":["#, batch.last).as_bytes());
    for (at, message) in batch.messages.iter().enumerate() {
        if at > 0 {
            body.put_u8(b',');
        }
        body.put_slice(message);
    }
    body.put_slice(b"]}");
    ([(header::CONTENT_TYPE, "application/json")], Bytes::from(body)).into_response()
}
