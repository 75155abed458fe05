//! Runs: triggered, confirmed, ended, shown.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use spacelift_worker_core::ids::RunId;
use spacelift_worker_core::protocol::message::{RunState, RunType};

use super::refusal::{Refusal, ask};
use crate::api::{LogSegmentView, LogsView, RunAction, RunView, TriggerRun, TriggerType};
use crate::control::Command;
use crate::fresh;
use crate::http::{AppState, blobs};
use crate::store::{BlobName, Change, LeaseState, NewRun, Run, TransitionError};

/// How long after the end of a run a log may still arrive.
const STRAGGLERS_MS: u64 = 30_000;

pub(super) async fn list(
    State(state): State<AppState>,
    Path(stack): Path<String>,
) -> Result<Json<Vec<RunView>>, Refusal> {
    state.store.stack(&stack).await?;
    let mut views = Vec::new();
    for run in state.store.runs_of_stack(&stack).await? {
        views.push(view(&state, run).await?);
    }
    Ok(Json(views))
}

pub(super) async fn show(
    State(state): State<AppState>,
    Path(run): Path<String>,
) -> Result<Json<RunView>, Refusal> {
    let run = state.store.run(parse(&run)?).await?;
    Ok(Json(view(&state, run).await?))
}

pub(super) async fn trigger(
    State(state): State<AppState>,
    Json(request): Json<TriggerRun>,
) -> Result<Json<RunView>, Refusal> {
    let stack = state.store.stack(&request.stack).await?;
    let usual = if stack.is_module { TriggerType::Testing } else { TriggerType::Tracked };
    let (run_type, drift_detection) = request.trigger.unwrap_or(usual).run_type();
    if stack.is_module != (run_type == RunType::Testing) {
        return Err(Refusal::bad("a module has testing runs alone, and a stack every other type"));
    }
    if (run_type == RunType::Task) == request.command.trim().is_empty() {
        return Err(Refusal::bad("a task needs a command, and no other run has one"));
    }
    let now = fresh::now_ms();
    let title = match (request.title, drift_detection) {
        (title, _) if !title.is_empty() => title,
        (_, true) => "Drift detection".to_owned(),
        _ if run_type == RunType::Task => request.command.clone(),
        _ => format!("Triggered by {}", request.username),
    };
    let new = NewRun {
        id: fresh::run_id(now)?,
        stack: request.stack,
        run_type,
        title,
        triggered_by: request.username,
        command: request.command,
        commit: request.commit,
        drift_detection,
        metadata: request.metadata,
        prioritized: request.prioritize,
    };
    let run = state.store.create_run(&new, now).await?;
    ask(&state.control, Command::Poke).await?;
    Ok(Json(view(&state, run).await?))
}

pub(super) async fn confirm(
    State(state): State<AppState>,
    Path(run): Path<String>,
    Json(action): Json<RunAction>,
) -> Result<Json<RunView>, Refusal> {
    change(&state, &run, RunState::Unconfirmed, RunState::Confirmed, action).await
}

pub(super) async fn discard(
    State(state): State<AppState>,
    Path(run): Path<String>,
    Json(action): Json<RunAction>,
) -> Result<Json<RunView>, Refusal> {
    change(&state, &run, RunState::Unconfirmed, RunState::Discarded, action).await
}

pub(super) async fn stop(
    State(state): State<AppState>,
    Path(run): Path<String>,
    Json(action): Json<RunAction>,
) -> Result<Json<RunView>, Refusal> {
    end(&state, &run, action, |run| Command::Stop { run }).await
}

pub(super) async fn kill(
    State(state): State<AppState>,
    Path(run): Path<String>,
    Json(action): Json<RunAction>,
) -> Result<Json<RunView>, Refusal> {
    end(&state, &run, action, |run| Command::Kill { run }).await
}

pub(super) async fn logs(
    State(state): State<AppState>,
    Path(run): Path<String>,
) -> Result<Json<LogsView>, Refusal> {
    let run = state.store.run(parse(&run)?).await?;
    let leases = state.store.leases_of_run(run.id).await?;
    let started = leases.iter().filter(|lease| lease.times.started_at.is_some());
    let waits = started.clone().any(|lease| !lease.logs_complete)
        && fresh::now_ms().saturating_sub(run.updated_at) < STRAGGLERS_MS;
    let open = leases.iter().any(|lease| lease.state != LeaseState::Ended);
    let segments = state.store.log_segments(run.id).await?.into_iter().map(|stored| LogSegmentView {
        state: stored.segment.state,
        state_version: stored.segment.state_version,
        len: stored.segment.len,
    });
    Ok(Json(LogsView { segments: segments.collect(), finished: run.state.is_terminal() && !open && !waits }))
}

pub(super) async fn log_segment(
    State(state): State<AppState>,
    Path((run, index)): Path<(String, usize)>,
) -> Result<Response, Refusal> {
    let segments = state.store.log_segments(parse(&run)?).await?;
    let missing = || Refusal::conflict(format!("the log has no segment {index}, or it was never uploaded"));
    let stored = segments.get(index).ok_or_else(missing)?;
    let name: BlobName = stored.segment.name.parse().map_err(|_| missing())?;
    Ok(blobs::stream(&state.blobs, &name).await)
}

async fn change(
    state: &AppState,
    run: &str,
    from: RunState,
    to: RunState,
    action: RunAction,
) -> Result<Json<RunView>, Refusal> {
    let now = fresh::now_ms();
    let run = parse(run)?;
    let change = Change {
        note: action.note,
        username: Some(action.username),
        metadata: action.metadata,
        ..Change::new(run, from, to, now)
    };
    let run = state.store.transition(&change).await.map_err(|error| match error {
        TransitionError::Moved { actual, .. } => Refusal::conflict(format!(
            "the run is {}; only an UNCONFIRMED one can be confirmed or discarded",
            crate::store::state_name(actual)
        )),
        other => other.into(),
    })?;
    ask(&state.control, Command::Poke).await?;
    Ok(Json(view(state, run).await?))
}

/// Ends a run: where no worker has it, at once; where one has, by asking it.
async fn end(
    state: &AppState,
    run: &str,
    action: RunAction,
    command: impl FnOnce(RunId) -> Command,
) -> Result<Json<RunView>, Refusal> {
    let run = state.store.run(parse(run)?).await?;
    let to = match run.state {
        RunState::Queued | RunState::Ready | RunState::None | RunState::PendingReview => {
            Some(RunState::Canceled)
        }
        RunState::Confirmed => Some(RunState::Stopped),
        RunState::Unconfirmed => {
            return Err(Refusal::conflict("the run waits for a confirmation; discard it instead"));
        }
        state if state.is_terminal() => {
            return Err(Refusal::conflict(format!("the run is {} already", crate::store::state_name(state))));
        }
        _ => None,
    };
    if let Some(to) = to {
        let change = Change {
            note: action.note,
            username: Some(action.username),
            ..Change::new(run.id, run.state, to, fresh::now_ms())
        };
        state.store.transition(&change).await?;
    }
    // Also for one that just ended: an offer of it may be on its way.
    ask(&state.control, command(run.id)).await?;
    Ok(Json(view(state, state.store.run(run.id).await?).await?))
}

fn parse(run: &str) -> Result<RunId, Refusal> {
    run.parse().map_err(|error| Refusal::bad(format!("{run}: {error}")))
}

async fn view(state: &AppState, run: Run) -> Result<RunView, Refusal> {
    let worker = state.store.open_lease_of_run(run.id).await?.map(|lease| lease.worker);
    let history = state.store.transitions(run.id).await?;
    Ok(RunView::new(run, worker, history))
}
