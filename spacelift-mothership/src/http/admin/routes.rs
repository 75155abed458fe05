//! The routes, and the door before them.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{delete, get, post, put};

use super::refusal::Refusal;
use super::{pools, queue, runs, stacks, workers};
use crate::http::AppState;

pub(in crate::http) fn routes(state: AppState) -> Router<AppState> {
    Router::new()
        .route("/pools", get(pools::list).post(pools::create))
        .route("/pools/{pool}", get(pools::show))
        .route("/pools/{pool}/reset", post(pools::reset))
        .route("/pools/{pool}/cycle", post(pools::cycle))
        .route("/pools/{pool}/workers", get(workers::list))
        .route("/pools/{pool}/queue", get(queue::show))
        .route("/pools/{pool}/used-by", get(stacks::used_by))
        .route("/workers/{worker}/drain", post(workers::drain))
        .route("/sources/{sha256}", put(stacks::upload))
        .route("/stacks", get(stacks::list).post(stacks::create))
        .route("/stacks/{stack}/dependencies", get(stacks::dependencies).post(stacks::depend))
        .route("/stacks/{stack}/dependencies/{upstream}", delete(stacks::undepend))
        .route("/stacks/{stack}/runs", get(runs::list))
        .route("/runs", post(runs::trigger))
        .route("/runs/{run}", get(runs::show))
        .route("/runs/{run}/confirm", post(runs::confirm))
        .route("/runs/{run}/discard", post(runs::discard))
        .route("/runs/{run}/stop", post(runs::stop))
        .route("/runs/{run}/kill", post(runs::kill))
        .route("/runs/{run}/logs", get(runs::logs))
        .route("/runs/{run}/logs/{index}", get(runs::log_segment))
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "there is no such path in the API") })
        .layer(from_fn_with_state(state, only_the_owner))
}

async fn only_the_owner(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let header = request.headers().get(header::AUTHORIZATION);
    if header.is_some_and(|value| state.admin.admits(value.as_bytes())) {
        Ok(next.run(request).await)
    } else {
        Err(Refusal::new(StatusCode::UNAUTHORIZED, "this needs the token in the data folder's admin.token"))
    }
}
