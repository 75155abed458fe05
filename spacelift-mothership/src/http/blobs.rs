//! Blobs by signed URL: streamed both ways, in constant memory.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::StreamExt;
use tokio_util::io::ReaderStream;

use super::signed_url::SignedQuery;
use super::{AppState, Operation};
use crate::fresh::now_ms;
use crate::store::{BlobError, BlobName, Blobs, Put};

/// A sender that is silent for so long has gone.
const SILENCE: Duration = Duration::from_secs(60);

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/blobs/{*name}", get(read).put(write))
}

async fn read(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Query(query): Query<SignedQuery>,
) -> Response {
    match allowed(&state, Operation::Get, &name, &query) {
        Ok((name, _)) => stream(&state.blobs, &name).await,
        Err(refused) => refused,
    }
}

async fn write(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Query(query): Query<SignedQuery>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (name, max_len) = match allowed(&state, Operation::Put, &name, &query) {
        Ok(granted) => granted,
        Err(refused) => return refused,
    };
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|len: u64| len > max_len) {
        return answer(&BlobError::TooLong { limit: max_len });
    }
    match receive(&state.blobs, name, max_len, body).await {
        Ok(Put::Created) => StatusCode::CREATED.into_response(),
        Ok(Put::Same) => StatusCode::OK.into_response(),
        Err(Received::Blob(error)) => answer(&error),
        Err(Received::Cut) => (StatusCode::BAD_REQUEST, "the body was cut short\n").into_response(),
    }
}

/// The name and the limit, when the URL is genuine. One that is not says nothing about what exists.
#[expect(clippy::result_large_err, reason = "the error is the response itself")]
fn allowed(
    state: &AppState,
    operation: Operation,
    name: &str,
    query: &SignedQuery,
) -> Result<(BlobName, u64), Response> {
    let refuse = |refused: super::UrlRefused| (StatusCode::FORBIDDEN, format!("{refused}\n")).into_response();
    let name: BlobName = name.parse().map_err(|_| refuse(super::UrlRefused))?;
    let granted = state.urls.check(operation, &name, query, now_ms()).map_err(refuse)?;
    Ok((name, granted.max_len))
}

/// Why a body did not become a blob.
#[derive(Debug)]
pub(super) enum Received {
    /// The blob folder says no.
    Blob(BlobError),
    /// The sender left, or was silent for too long.
    Cut,
}

/// Writes a body as a blob.
pub(super) async fn receive(blobs: &Blobs, name: BlobName, limit: u64, body: Body) -> Result<Put, Received> {
    let mut put = blobs.put(name, limit).await.map_err(Received::Blob)?;
    let mut pieces = body.into_data_stream();
    loop {
        match tokio::time::timeout(SILENCE, pieces.next()).await {
            Ok(Some(Ok(piece))) => put.write(&piece).await.map_err(Received::Blob)?,
            Ok(None) => return put.finish().await.map_err(Received::Blob),
            Ok(Some(Err(_))) | Err(_) => return Err(Received::Cut),
        }
    }
}

/// Answers with a blob.
pub(super) async fn stream(blobs: &Blobs, name: &BlobName) -> Response {
    match blobs.open(name).await {
        Ok((file, len)) => {
            let headers = [
                (header::CONTENT_LENGTH, len.to_string()),
                (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
            ];
            (headers, Body::from_stream(ReaderStream::with_capacity(file, 64 * 1024))).into_response()
        }
        Err(error) => answer(&error),
    }
}

fn answer(error: &BlobError) -> Response {
    let status = match error {
        BlobError::NotFound { .. } => StatusCode::NOT_FOUND,
        BlobError::Exists { .. } => StatusCode::CONFLICT,
        BlobError::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        BlobError::Disk(source) => {
            tracing::error!(%source, "the blob folder failed");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    (status, format!("{error}\n")).into_response()
}
