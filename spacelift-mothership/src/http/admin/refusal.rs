//! A request that was refused: a status and one line.

use std::error::Error;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use spacelift_worker_core::crypto::CryptoError;

use crate::api::Problem;
use crate::ca::CaError;
use crate::control::{Command, ControlHandle};
use crate::store::{BlobError, DependencyError, StoreError, TransitionError};

/// A request that was refused.
#[derive(Debug)]
pub(in crate::http) struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// The request itself is wrong.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// The request does not fit what is.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// The control plane's own fault: the whole chain goes to its log, the first line to the caller.
    fn own(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = %chain(error), "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}; see the mothership's log"))
    }
}

/// An error and its sources on one line.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        line.push_str(": ");
        line.push_str(&error.to_string());
        source = error.source();
    }
    line
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(Problem { error: self.message })).into_response()
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            StoreError::Taken { .. } => Self::conflict(error.to_string()),
            other => Self::own(&other),
        }
    }
}

impl From<DependencyError> for Refusal {
    fn from(error: DependencyError) -> Self {
        match error {
            DependencyError::Store(error) => error.into(),
            other => Self::conflict(other.to_string()),
        }
    }
}

impl From<TransitionError> for Refusal {
    fn from(error: TransitionError) -> Self {
        match error {
            TransitionError::Store(error) => error.into(),
            other => Self::conflict(other.to_string()),
        }
    }
}

impl From<CaError> for Refusal {
    fn from(error: CaError) -> Self {
        match error {
            CaError::Request(error) => Self::bad(chain(&error)),
            other => Self::own(&other),
        }
    }
}

impl From<BlobError> for Refusal {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Disk(_) => Self::own(&error),
            BlobError::TooLong { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
            BlobError::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            BlobError::Exists { .. } => Self::conflict(error.to_string()),
        }
    }
}

impl From<CryptoError> for Refusal {
    fn from(error: CryptoError) -> Self {
        Self::own(&error)
    }
}

/// Asks the control loop for something.
pub(super) async fn ask(control: &ControlHandle, command: Command) -> Result<(), Refusal> {
    if control.send(command).await {
        Ok(())
    } else {
        Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the mothership is about to stop; try again later"))
    }
}
