//! `mothership run …`

use std::io;
use std::time::{Duration, Instant};

use spacelift_worker_core::ids::RunId;
use spacelift_worker_core::protocol::message::RunState;

use super::args::{ActionArgs, RunArgs};
use super::client::{Client, ClientError};
use super::main::CommandError;
use super::output::{Output, name, or_dash, plain, table, time};
use crate::api::{LogsView, RunAction, RunView, TransitionView, TriggerRun};

/// Between two questions about the same run.
const PAUSE: Duration = Duration::from_millis(250);

/// Why a run was not waited for to the end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// It ended otherwise.
    #[error("run {run} is {state}{note}")]
    Ended {
        /// Which.
        run: RunId,
        /// The state's name.
        state: String,
        /// What was noted with it, after a colon; empty for nothing.
        note: String,
    },
    /// It took too long.
    #[error("run {run} is still {state} after {seconds} seconds")]
    TimedOut {
        /// Which.
        run: RunId,
        /// The state's name.
        state: String,
        /// How long it was waited for.
        seconds: u64,
    },
}

pub(super) async fn run(client: &Client, args: RunArgs, output: &mut Output<'_>) -> Result<(), CommandError> {
    match args {
        RunArgs::Trigger { stack, trigger, command, title, metadata, prioritize, who } => {
            let request = TriggerRun {
                stack,
                trigger,
                command,
                title,
                metadata,
                commit: Default::default(),
                prioritize,
                username: who.name,
            };
            let run: RunView = client.post("/runs", &request).await?;
            Ok(output.show(&run, line)?)
        }
        RunArgs::Confirm { run, note, metadata, who } => {
            act(client, run, "confirm", RunAction { note, metadata, username: who.name }, output).await
        }
        RunArgs::Discard(args) => act_plainly(client, "discard", args, output).await,
        RunArgs::Stop(args) => act_plainly(client, "stop", args, output).await,
        RunArgs::Kill(args) => act_plainly(client, "kill", args, output).await,
        RunArgs::Show { run } => {
            let run: RunView = client.get(&format!("/runs/{run}")).await?;
            Ok(output.show(&run, whole)?)
        }
        RunArgs::List { stack } => {
            let runs: Vec<RunView> = client.get(&format!("/stacks/{stack}/runs")).await?;
            Ok(output.show(&runs, |runs| list(runs))?)
        }
        RunArgs::Logs { run, follow, states } => Log::new(run, states).print(client, follow, output).await,
        RunArgs::Wait { run, states, timeout } => wait(client, run, &states, timeout, output).await,
    }
}

async fn act_plainly(
    client: &Client,
    verb: &str,
    args: ActionArgs,
    output: &mut Output<'_>,
) -> Result<(), CommandError> {
    let action = RunAction { note: args.note, metadata: None, username: args.who.name };
    act(client, args.run, verb, action, output).await
}

async fn act(
    client: &Client,
    run: RunId,
    verb: &str,
    action: RunAction,
    output: &mut Output<'_>,
) -> Result<(), CommandError> {
    let run: RunView = client.post(&format!("/runs/{run}/{verb}"), &action).await?;
    Ok(output.show(&run, line)?)
}

async fn wait(
    client: &Client,
    id: RunId,
    states: &[RunState],
    seconds: u64,
    output: &mut Output<'_>,
) -> Result<(), CommandError> {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        let run: RunView = client.get(&format!("/runs/{id}")).await?;
        let state = name(&run.state);
        if states.contains(&run.state) {
            return Ok(output.show(&run, line)?);
        }
        if run.state.is_terminal() {
            let note = run.history.last().and_then(|last| last.note.as_deref());
            let note = note.map_or_else(String::new, |note| format!(": {}", plain(note)));
            return Err(WaitError::Ended { run: id, state, note }.into());
        }
        if Instant::now() >= end {
            return Err(WaitError::TimedOut { run: id, state, seconds }.into());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn line(run: &RunView) -> String {
    format!("run {} of {} is {}\n", run.id, run.stack, name(&run.state))
}

fn list(runs: &[RunView]) -> String {
    let row = |run: &RunView| {
        [
            run.id.to_string(),
            name(&run.spec.run_type),
            name(&run.state),
            run.spec.title.clone(),
            run.spec.triggered_by.clone(),
            time(run.created_at),
        ]
    };
    table(["ID", "TYPE", "STATE", "TITLE", "TRIGGERED BY", "CREATED"], runs.iter().map(row))
}

fn whole(run: &RunView) -> String {
    let facts = [
        ("run", run.id.to_string()),
        ("stack", run.stack.clone()),
        ("type", name(&run.spec.run_type)),
        ("title", run.spec.title.clone()),
        ("state", name(&run.state)),
        ("worker", or_dash(run.worker)),
        ("triggered by", run.spec.triggered_by.clone()),
        ("metadata", run.spec.user_provided_metadata.join(", ")),
        ("created", time(run.created_at)),
    ];
    let mut text: String = facts.iter().map(|(key, value)| format!("{key:13} {}\n", plain(value))).collect();
    let row = |each: &TransitionView| {
        [
            each.state_version.to_string(),
            name(&each.state),
            time(each.timestamp),
            or_dash(each.username.clone()),
            each.note.clone().unwrap_or_default(),
        ]
    };
    text.push('\n');
    text.push_str(&table(["#", "STATE", "ENTERED", "BY", "NOTE"], run.history.iter().map(row)));
    text
}

/// A log as it is printed: what was shown already.
struct Log {
    run: RunId,
    states: bool,
    segments: usize,
    version: u64,
}

impl Log {
    fn new(run: RunId, states: bool) -> Self {
        Self { run, states, segments: 0, version: 0 }
    }

    async fn print(
        mut self,
        client: &Client,
        follow: bool,
        output: &mut Output<'_>,
    ) -> Result<(), CommandError> {
        loop {
            let logs: LogsView = client.get(&format!("/runs/{}/logs", self.run)).await?;
            let run: RunView = client.get(&format!("/runs/{}", self.run)).await?;
            while let Some(segment) = logs.segments.get(self.segments) {
                self.show_states(&run, segment.state_version, output)?;
                self.show_segment(client, segment.state, segment.state_version, output).await?;
                self.segments += 1;
            }
            let ends = logs.finished || !follow;
            // A state on a worker is shown before its log, which comes later; any other one has none.
            let is_held = run.worker.is_some() && !ends;
            self.show_states(&run, if is_held { self.version } else { u64::MAX }, output)?;
            if ends {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn show_states(&mut self, run: &RunView, up_to: u64, output: &mut Output<'_>) -> io::Result<()> {
        if !self.states {
            return Ok(());
        }
        for each in &run.history {
            if each.state_version > self.version && each.state_version <= up_to {
                self.version = each.state_version;
                output.show(each, |each| {
                    let note =
                        each.note.as_deref().map_or_else(String::new, |note| format!("  {}", plain(note)));
                    format!("==> {}{note}\n", name(&each.state))
                })?;
            }
        }
        Ok(())
    }

    /// The bytes as the worker wrote them, colours included; for a program, each segment as one document.
    async fn show_segment(
        &self,
        client: &Client,
        state: RunState,
        state_version: u64,
        output: &mut Output<'_>,
    ) -> Result<(), CommandError> {
        let mut answer = client.bytes(&format!("/runs/{}/logs/{}", self.run, self.segments)).await?;
        let mut whole = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(ClientError::Answer)? {
            if output.json {
                whole.extend_from_slice(&piece);
            } else {
                output.writer.write_all(&piece)?;
            }
        }
        if output.json {
            let message = String::from_utf8_lossy(&whole);
            let document =
                serde_json::json!({ "state": state, "stateVersion": state_version, "message": message });
            output.show(&document, |_| String::new())?;
        }
        Ok(output.writer.flush()?)
    }
}
