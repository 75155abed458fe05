//! `mothership worker …`, `queue` and `used-by`

use super::args::WorkerArgs;
use super::client::Client;
use super::main::CommandError;
use super::output::{Output, name, or_dash, table, time};
use crate::api::{DrainWorker, QueueView, QueuedView, RunningView, WorkerView};

pub(super) async fn run(
    client: &Client,
    args: WorkerArgs,
    output: &mut Output<'_>,
) -> Result<(), CommandError> {
    let (worker, drain) = match args {
        WorkerArgs::List { pool } => {
            let workers: Vec<WorkerView> = client.get(&format!("/pools/{pool}/workers")).await?;
            return Ok(output.show(&workers, |workers| list(workers))?);
        }
        WorkerArgs::Drain { worker } => (worker, true),
        WorkerArgs::Undrain { worker } => (worker, false),
    };
    let path = format!("/workers/{worker}/drain");
    let view: WorkerView = client.post(&path, &DrainWorker { drain }).await?;
    let text = |view: &WorkerView| match (view.drained, view.busy) {
        (true, true) => format!("worker {} finishes its run and takes no other\n", view.id),
        (true, false) => format!("worker {} takes no runs\n", view.id),
        (false, _) => format!("worker {} takes runs again\n", view.id),
    };
    Ok(output.show(&view, text)?)
}

fn list(workers: &[WorkerView]) -> String {
    let row = |worker: &WorkerView| {
        let tags = worker.metadata.iter().map(|(key, value)| format!("{key}={value}"));
        [
            worker.id.to_string(),
            name(&worker.status),
            or_dash(worker.run),
            worker.version.clone(),
            time(worker.created_at),
            time(worker.last_seen_at),
            tags.collect::<Vec<_>>().join(" "),
        ]
    };
    table(["ID", "STATUS", "RUN", "VERSION", "CREATED", "LAST SEEN", "TAGS"], workers.iter().map(row))
}

pub(super) async fn queue(client: &Client, pool: &str, output: &mut Output<'_>) -> Result<(), CommandError> {
    let queue: QueueView = client.get(&format!("/pools/{pool}/queue")).await?;
    Ok(output.show(&queue, queue_text)?)
}

fn queue_text(queue: &QueueView) -> String {
    let running = |run: &RunningView| {
        let note = match (run.unreachable_since, run.worker) {
            (Some(since), _) => format!("not heard since {}", time(since)),
            (None, Some(worker)) => format!("on {worker}"),
            (None, None) => "a person's confirmation".to_owned(),
        };
        ["-".to_owned(), run.run.to_string(), run.stack.clone(), name(&run.run_type), name(&run.state), note]
    };
    let waiting = |run: &QueuedView| {
        let kind = match (run.prioritized, run.drift_detection) {
            (true, _) => format!("{} (prioritized)", name(&run.run_type)),
            (false, true) => format!("{} (drift)", name(&run.run_type)),
            (false, false) => name(&run.run_type),
        };
        let waits_for = run.waits_for.clone().unwrap_or_else(|| "nothing: it is next".to_owned());
        [run.position.to_string(), run.run.to_string(), run.stack.clone(), kind, name(&run.state), waits_for]
    };
    let rows = queue.running.iter().map(running).chain(queue.waiting.iter().map(waiting));
    table(["#", "RUN", "STACK", "TYPE", "STATE", "ON / WAITS FOR"], rows)
}
