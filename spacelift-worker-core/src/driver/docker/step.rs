//! One step: a command in the container of its phase, its output, its end.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use futures_util::{Stream, StreamExt as _};
use tokio::io::AsyncWrite;

use super::container::Container;
use super::failure::Failure;

use crate::exec::{BoxFuture, ExecError, ExecEvent, ExecSignal, ExecSpec, ExecUsage, Execution, ExitStatus};

/// The most bytes that are read ahead of who follows the step.
const READ_LEN: usize = 64 * 1024;

/// Standard error joins standard output in the container: the Engine passes the two on by themselves, and their order is lost.
const MERGE: &str = "exec \"$@\" 2>&1";

/// How often an Engine is asked whether a command that prints nothing any more has ended: at first, and later on.
const ASK_FIRST: Duration = Duration::from_millis(10);
const ASK_LATER: Duration = Duration::from_secs(1);

/// How long an Engine may take to tell that memory ran out, when a command ended as if it had, and when it did not.
const OOM_LIKELY: Duration = Duration::from_millis(500);
const OOM_UNLIKELY: Duration = Duration::from_millis(50);

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;

/// A running step.
pub(super) struct Step {
    container: Arc<Container>,
    id: String,
    output: Output,
    /// Closing it may end the output, too.
    _input: Pin<Box<dyn AsyncWrite + Send>>,
    stage: Stage,
    /// Why the output ended before the command did.
    broken: Option<Failure>,
    why: Option<String>,
}

#[derive(Clone, Copy)]
enum Stage {
    Printing,
    /// Nothing more is printed. When to ask next for the end.
    Ending(Duration),
    Ended,
}

impl Step {
    /// Starts a command.
    pub(super) async fn start(container: Arc<Container>, spec: &ExecSpec) -> Result<Self, Failure> {
        let engine = container.engine();
        let client = engine.client().await?;
        let fail = |error| Failure::engine(engine.shown(), error);
        let wrapper = ["sh", "-c", MERGE, "sh"].map(str::to_owned);
        let config = ExecConfig {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            env: Some(spec.env.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect()),
            cmd: Some(wrapper.into_iter().chain(spec.argv.iter().cloned()).collect()),
            working_dir: Some(spec.cwd.display().to_string()),
            ..ExecConfig::default()
        };
        let created = client.create_exec(container.id(), config).await.map_err(fail)?;
        let options = StartExecOptions { output_capacity: Some(READ_LEN), ..StartExecOptions::default() };
        match client.start_exec(&created.id, Some(options)).await.map_err(fail)? {
            StartExecResults::Attached { output, input } => Ok(Self {
                container,
                id: created.id,
                output,
                _input: input,
                stage: Stage::Printing,
                broken: None,
                why: None,
            }),
            StartExecResults::Detached => {
                Err(Failure::Refused { why: "it gives no output of a command".to_owned() })
            }
        }
    }

    async fn next_event(&mut self) -> Result<ExecEvent, Failure> {
        loop {
            match self.stage {
                Stage::Ended => return std::future::pending().await,
                Stage::Printing => match self.output.next().await {
                    Some(Ok(piece)) => return Ok(ExecEvent::Output(piece.into_bytes().into())),
                    Some(Err(error)) => {
                        self.broken = Some(Failure::engine(self.container.engine().shown(), error));
                        self.stage = Stage::Ending(ASK_FIRST);
                    }
                    None => self.stage = Stage::Ending(ASK_FIRST),
                },
                Stage::Ending(pause) => {
                    if let Some(status) = self.ask().await? {
                        self.stage = Stage::Ended;
                        return Ok(ExecEvent::Exited(status));
                    }
                    // What it prints from now on would be lost, and nobody would know.
                    if let Some(broken) = self.broken.take() {
                        return Err(broken);
                    }
                    tokio::time::sleep(pause).await;
                    self.stage = Stage::Ending((pause * 2).min(ASK_LATER));
                }
            }
        }
    }

    /// How it ended, if it did.
    async fn ask(&mut self) -> Result<Option<ExitStatus>, Failure> {
        let engine = self.container.engine();
        let found = engine.client().await?.inspect_exec(&self.id).await;
        if self.container.was_killed() {
            // The kill took the container along, and with it what the Engine knew.
            return Ok(Some(ExitStatus::Signal(9)));
        }
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                let failure = Failure::engine(engine.shown(), error);
                return Err(match failure {
                    Failure::Refused { why } => Failure::Gone { why },
                    other => other,
                });
            }
        };
        if found.running == Some(true) {
            return Ok(None);
        }
        let code = found.exit_code.and_then(|code| i32::try_from(code).ok()).unwrap_or(-1);
        if code != 0 {
            self.why = memory_ran_out(&self.container, code).await;
        }
        Ok(Some(ExitStatus::Code(code)))
    }
}

impl Execution for Step {
    fn next(&mut self) -> BoxFuture<'_, Result<ExecEvent, ExecError>> {
        Box::pin(async {
            self.next_event()
                .await
                .map_err(|failure| failure.while_trying("follow a command in its container"))
        })
    }

    fn signal(&mut self, signal: ExecSignal) {
        if matches!(self.stage, Stage::Ended) {
            return;
        }
        match signal {
            ExecSignal::Terminate => self.container.terminate(),
            ExecSignal::Kill => self.container.kill(),
        }
    }

    fn usage(&mut self) -> BoxFuture<'_, Option<ExecUsage>> {
        Box::pin(self.container.usage())
    }

    fn why(&self) -> Option<String> {
        self.why.clone()
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !matches!(self.stage, Stage::Ended) {
            self.container.kill();
        }
    }
}

/// What to say when a command failed since memory ran out.
async fn memory_ran_out(container: &Container, code: i32) -> Option<String> {
    // 128 and SIGKILL: somebody killed it, and the Engine may yet be about to learn who.
    let patience = if code == 137 { OOM_LIKELY } else { OOM_UNLIKELY };
    container.met_its_memory_limit(patience).await.then(|| container.memory_remedy())
}
