//! The loop of one run: what happens goes into the supervisor, what it asks for is performed.

mod values;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::{Instrument as _, Span};

use super::RunCommand;
use super::context::RunContext;
use super::open::OpenError;
use super::perform::{self, Done, Unready};
use super::place::{Place, SOURCE};
use crate::driver::logs::{Places, RunLog, RunLogOptions};
use crate::driver::session::RunReport;
use crate::driver::{chain, clock};
use crate::exec::{
    BoxFuture, ExecEvent, ExecSignal, ExecSpec, Execution, Executor, Notes, PhaseSpec, WORKSPACE,
};
use crate::ids::Lease;
use crate::mask::{Secrets, TooManySecrets};
use crate::protocol::message::{EndCause, Finished, Grant, LogManifest, NackReason, Offer, Outcome};
use crate::run::{Assignment, Effect, Inputs, Plan, RunOutcome, Step, Supervisor};

/// How long an executor may take to tell what a command has taken.
const USAGE_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens an offer, waits for its start, and runs it to its report.
pub(super) async fn run(
    context: Arc<RunContext>,
    reports: mpsc::Sender<RunReport>,
    offer: Offer,
    mut commands: mpsc::UnboundedReceiver<RunCommand>,
) {
    let lease = offer.lease;
    let assignment = match context.open_offer(&offer).await {
        Ok(assignment) => Arc::new(assignment),
        Err(error) => {
            let note = Some(context.log_mask.text(&chain(&error)));
            tracing::warn!(run_ulid = %offer.run, error = note, "an offer is refused");
            let reason = match error {
                OpenError::Form | OpenError::Assignment(_) => NackReason::Unsupported,
                _ => NackReason::CannotOpen,
            };
            let _ = reports.send(RunReport::Refused { lease, reason, note }).await;
            return;
        }
    };
    let (run, stack) = (assignment.payload().run.id, assignment.payload().stack.slug.clone());
    let document = context.describes.then(|| assignment.policy_input(env!("CARGO_PKG_VERSION")).document());
    let opened = RunReport::Opened { lease, run, phase: offer.phase, stack: stack.clone(), document };
    if reports.send(opened).await.is_err() {
        return;
    }
    let Some(grant) = started(&mut commands).await else { return };
    let secrets = context.secrets_of(&assignment);
    // Until the last line about it.
    let _masked = secrets.as_ref().ok().map(|(secrets, _)| context.log_mask.hold(secrets));
    let log_mask = context.log_mask.clone();
    let of_run = secrets.as_ref().ok().map(|(secrets, _)| secrets.clone());
    tracing::info!(run_ulid = %run, stack_id = stack, phase = offer.phase.as_str(), "a run begins");
    let (logs, report) = match ActiveRun::prepare(context, assignment, secrets, reports.clone(), commands) {
        Ok(mut active) => {
            active.add_places(&grant).await;
            active.drive().await
        }
        Err(error) => {
            let reason = log_mask.text(&format!("the worker cannot prepare a run: {}", chain(&error)));
            (None, failed_to_prepare(&offer, reason))
        }
    };
    tracing::info!(run_ulid = %run, stack_id = stack, outcome = ?report.outcome, reason = report.reason, "a run ended");
    let masked = of_run.map_or(0, |secrets| secrets.masked_bytes());
    let _ = reports.send(RunReport::Finished { logs, report, masked }).await;
}

/// Waits for the start; `None` when the offer was withdrawn.
async fn started(commands: &mut mpsc::UnboundedReceiver<RunCommand>) -> Option<Grant> {
    loop {
        match commands.recv().await {
            Some(RunCommand::Start(grant)) => return Some(grant),
            Some(RunCommand::Kill | RunCommand::Cycle) | None => return None,
            Some(_) => {}
        }
    }
}

fn failed_to_prepare(offer: &Offer, reason: String) -> Finished {
    let outcome = RunOutcome {
        outcome: Outcome::Failed,
        cause: Some(EndCause::Internal),
        exit_code: None,
        reason: Some(reason),
        state_version: 0,
        workspace: None,
        outputs: None,
    };
    outcome.into_finished(offer.run, offer.lease)
}

/// A run that was started.
struct ActiveRun {
    context: Arc<RunContext>,
    assignment: Arc<Assignment>,
    supervisor: Supervisor,
    secrets: Secrets,
    log: RunLog,
    upload: Upload,
    execution: Option<Box<dyn Execution>>,
    /// Of the command.
    step: Span,
    /// The phase's own executor, where it has one.
    executor: Option<Arc<dyn Executor>>,
    /// Whether that was paused, so that the workspace can be packed.
    is_paused: bool,
    /// Lines about what is being prepared.
    notes: (mpsc::UnboundedSender<String>, mpsc::UnboundedReceiver<String>),
    /// What is being done beside the command.
    work: Option<BoxFuture<'static, Done>>,
    reports: mpsc::Sender<RunReport>,
    commands: mpsc::UnboundedReceiver<RunCommand>,
    /// Of the state that was entered last.
    state_version: u64,
    /// Made of other stacks' outputs.
    inputs: Inputs,
    /// Whether the phase may change something.
    writes: bool,
    /// The last to be dropped: what still runs is told to end before its folder goes.
    place: Arc<Place>,
}

/// The task that uploads the log.
struct Upload {
    places: Places,
    manifests: mpsc::Receiver<LogManifest>,
    task: Option<JoinHandle<LogManifest>>,
    last: Option<LogManifest>,
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl ActiveRun {
    fn prepare(
        context: Arc<RunContext>,
        assignment: Arc<Assignment>,
        secrets: Result<(Secrets, Vec<String>), TooManySecrets>,
        reports: mpsc::Sender<RunReport>,
        commands: mpsc::UnboundedReceiver<RunCommand>,
    ) -> std::io::Result<Self> {
        let payload = assignment.payload();
        let place = Arc::new(Place::create(&context.scratch, payload.run.id, payload.lease)?);
        let plan = Plan::new(&assignment, &context.settings, &seen(&context, &place).display().to_string());
        let (secrets, warnings) = secrets.map_err(std::io::Error::other)?;
        let places = Places::default();
        places.add(payload.uploads.logs.clone());
        let (manifest_sender, manifests) = mpsc::channel(4);
        let (mut log, uploader) = RunLog::open(RunLogOptions {
            run: payload.run.id,
            lease: payload.lease,
            stack: payload.stack.slug.clone(),
            secrets: &secrets,
            lines: context.lines.clone(),
            spool: &place.file("log"),
            places: places.clone(),
            blobs: context.blobs.clone(),
            manifests: manifest_sender,
            state: plan.preparing,
            state_version: plan.state_version,
        })?;
        for warning in &warnings {
            log.note(&format!("warning: {warning}"));
        }
        let task = Some(tokio::spawn(uploader.run()));
        Ok(Self {
            state_version: plan.state_version,
            inputs: Inputs::default(),
            writes: plan.write_only,
            supervisor: Supervisor::new(plan, context.settings.timeouts, clock::now()),
            context,
            assignment,
            place,
            secrets,
            log,
            upload: Upload { places, manifests, task, last: None },
            execution: None,
            step: Span::none(),
            executor: None,
            is_paused: false,
            notes: mpsc::unbounded_channel(),
            work: None,
            reports,
            commands,
        })
    }

    fn lease(&self) -> Lease {
        self.assignment.payload().lease
    }

    async fn drive(mut self) -> (Option<LogManifest>, Finished) {
        loop {
            while let Some(effect) = self.supervisor.poll_effect() {
                if let Some(outcome) = self.perform(effect).await {
                    let report = outcome.into_finished(self.assignment.payload().run.id, self.lease());
                    return (self.upload.last.take(), report);
                }
            }
            let deadline = self.supervisor.poll_timeout().map_or(Duration::from_secs(1), clock::until);
            tokio::select! {
                done = pending(&mut self.work) => self.done(done),
                event = next(&mut self.execution) => self.executed(event),
                Some(note) = self.notes.1.recv() => self.log.note(&note),
                Some(command) = self.commands.recv() => self.command(command).await,
                Some(manifest) = self.upload.manifests.recv() => {
                    let _ = self.reports.send(RunReport::Logs(manifest)).await;
                }
                () = tokio::time::sleep(deadline) => {}
            }
            self.supervisor.handle_timeout(clock::now());
        }
    }

    async fn perform(&mut self, effect: Effect) -> Option<RunOutcome> {
        match effect {
            Effect::Abandon => self.work = None,
            Effect::EnterState { state, version } => {
                self.log.enter(state, version);
                self.state_version = version;
                let (answer, allowed) = oneshot::channel();
                let lease = self.lease();
                let report = RunReport::Progress { lease, state, state_version: version, note: None, answer };
                let asked = self.reports.send(report).await.is_ok();
                if !asked || !matches!(allowed.await, Ok(Ok(()))) {
                    self.supervisor.lease_ended(clock::now());
                }
            }
            Effect::EvaluatePolicy => {
                let (context, assignment) = (self.context.clone(), self.assignment.clone());
                let judging = perform::evaluate_policy(context, assignment);
                self.work = Some(Box::pin(judging.instrument(tracing::info_span!("policy"))));
            }
            Effect::Fetch(fetch) => {
                let (context, assignment) = (self.context.clone(), self.assignment.clone());
                let (place, prepare) = (self.place.clone(), self.preparation());
                let fetching = perform::fetch(context, assignment, fetch, place, prepare);
                self.work = Some(Box::pin(fetching.instrument(tracing::info_span!("fetch"))));
            }
            Effect::SealWorkspace(upload) => {
                let (context, assignment) = (self.context.clone(), self.assignment.clone());
                let version = self.state_version;
                let (place, executor) = (self.place.clone(), self.executor.clone());
                self.is_paused = true;
                let sealing = async move {
                    if let Some(executor) = executor {
                        executor.pause().await;
                    }
                    perform::seal(context, assignment, upload, version, place).await
                };
                self.work = Some(Box::pin(sealing.instrument(tracing::info_span!("seal"))));
            }
            Effect::FlushLogs => {
                self.log.finish();
                self.execution = None;
                let executor = self.executor.take();
                if let Some(task) = self.upload.task.take() {
                    let flushing = async {
                        // Nothing runs any more, and nothing is left of it when the run is reported.
                        let closed = async {
                            if let Some(executor) = executor {
                                executor.close().await;
                            }
                        };
                        Done::Flushed(tokio::join!(task, closed).0.ok())
                    };
                    self.work = Some(Box::pin(flushing.instrument(tracing::info_span!("logs"))));
                }
            }
            Effect::HandOnOutputs(upload) => {
                let (context, place) = (self.context.clone(), self.place.clone());
                let executor = self.executor.clone();
                self.is_paused = true;
                let reading = async move {
                    if let Some(executor) = executor {
                        executor.pause().await;
                    }
                    perform::read_outputs(context, place, upload).await
                };
                self.work = Some(Box::pin(reading.instrument(tracing::info_span!("outputs"))));
            }
            Effect::LogNote(text) => self.log.note(&text),
            Effect::StartStep(step) => {
                let started = self.start(step).await;
                self.supervisor.started(clock::now(), started);
            }
            Effect::Signal(signal) => self.signal(signal),
            Effect::StillRunning { silent_ms } => self.still_running(silent_ms).await,
            Effect::Report(mut outcome) => {
                outcome.reason = outcome.reason.map(|reason| self.secrets.mask_text(&reason));
                return Some(outcome);
            }
        }
        None
    }

    async fn start(&mut self, step: Step) -> Result<(), String> {
        let source = seen(&self.context, &self.place).join(SOURCE);
        let cwd = source.join(&self.assignment.payload().stack.project_root);
        let script = step.script.clone().unwrap_or_default();
        let mut spec = ExecSpec::new(vec!["sh".into(), "-c".into(), script], cwd);
        spec.mark = Some(self.context.mark.clone());
        let environment = &self.context.environment;
        spec.env = match self.context.executor.view().has_path {
            true => environment.of_step_over_an_image(&self.assignment, &self.inputs, &step),
            false => environment.of_step(&self.assignment, &self.inputs, &step),
        };
        let state = serde_json::to_value(step.state).unwrap_or_default();
        let span = tracing::info_span!("step", state = state.as_str(), version = step.state_version);
        let executor = self.executor.as_ref().unwrap_or(&self.context.executor);
        if std::mem::take(&mut self.is_paused) {
            executor.resume().await;
        }
        let starting = executor.start(spec).instrument(span.clone());
        self.execution = Some(starting.await.map_err(|error| chain(&error))?);
        self.step = span;
        Ok(())
    }

    /// What the executor needs to prepare the phase.
    fn preparation(&self) -> (PhaseSpec, Notes) {
        let payload = self.assignment.payload();
        let (worker, pool) = (self.context.worker, self.context.pool());
        let mut phase = PhaseSpec::new(payload.run.id, payload.lease, worker, pool, self.place.shared());
        phase.stack = payload.stack.slug.clone();
        phase.phase = payload.phase.as_str().to_owned();
        phase.image = payload.runner_image.clone();
        phase.vendor = payload.workflow.vendor.clone();
        phase.write_only = self.writes;
        phase.mark = self.context.mark.clone();
        let notes = self.notes.0.clone();
        let note = move |line| {
            let _ = notes.send(line);
        };
        (phase, Arc::new(note))
    }

    /// The documented launcher says so in its own log; whoever waits for the run wants to read it as well.
    async fn still_running(&mut self, silent_ms: u64) {
        let usage = match &mut self.execution {
            Some(execution) => timeout(USAGE_TIMEOUT, execution.usage()).await.ok().flatten(),
            None => None,
        };
        let usage = usage.map(|usage| format!("; {usage}")).unwrap_or_default();
        let line = format!("Still running... nothing was printed for {} s{usage}", silent_ms / 1_000);
        tracing::info!(run_ulid = %self.assignment.payload().run.id, "{line}");
        self.log.note(&line);
    }

    fn signal(&mut self, signal: ExecSignal) {
        if let Some(execution) = &mut self.execution {
            execution.signal(signal);
        }
    }

    fn executed(&mut self, event: Result<ExecEvent, crate::exec::ExecError>) {
        let now = clock::now();
        match event {
            Ok(ExecEvent::Output(bytes)) => {
                self.supervisor.output(now, bytes.len());
                self.log.write(&bytes);
            }
            Ok(ExecEvent::Exited(status)) => {
                let why = self.execution.take().and_then(|execution| execution.why());
                self.step = Span::none();
                self.supervisor.exited_because(now, status, why.as_deref());
            }
            Err(error) => {
                // Dropping it kills what is left; its status is lost.
                self.execution = None;
                self.step = Span::none();
                self.supervisor.lost(now, &chain(&error));
            }
        }
    }

    fn done(&mut self, done: Done) {
        let now = clock::now();
        self.work = None;
        match done {
            Done::Judged { verdict, sample } => {
                if let Some(sample) = sample {
                    log_sample(&self.context.log_mask.value(sample));
                }
                self.supervisor.policy_decided(now, verdict);
            }
            Done::Fetched(result) => {
                while let Ok(note) = self.notes.1.try_recv() {
                    self.log.note(&note);
                }
                match result {
                    Ok((executor, inputs)) => {
                        self.executor = executor.map(Arc::from);
                        let taken = self.take(inputs);
                        self.supervisor.fetched(now, taken);
                    }
                    Err(Unready::Workspace(reason)) => self.supervisor.fetched(now, Err(reason)),
                    Err(Unready::Place(reason)) => self.supervisor.unprepared(now, &reason),
                }
            }
            Done::OutputsRead(result, upload) => self.outputs_read(result, upload),
            Done::OutputsPut(result) => self.supervisor.outputs_handed_on(now, result.map(Some)),
            Done::Sealed(result) => self.supervisor.sealed(now, result),
            Done::Flushed(manifest) => {
                self.upload.last = manifest;
                self.supervisor.logs_flushed(now);
            }
        }
    }

    /// Start and renewals may bring more places for the log.
    async fn add_places(&mut self, grant: &Grant) {
        match self.context.open_renewal(grant, self.lease()).await {
            Ok(uploads) => self.upload.places.add(uploads),
            Err(error) => tracing::warn!(error = chain(&error), "what a grant brings cannot be opened"),
        }
    }

    async fn command(&mut self, command: RunCommand) {
        let now = clock::now();
        match command {
            // A repeated start is no news.
            RunCommand::Start(_) => {}
            RunCommand::Renewed(grant) => self.add_places(&grant).await,
            RunCommand::Stop => self.supervisor.stop(now),
            RunCommand::Kill => self.supervisor.kill(now),
            RunCommand::LeaseEnded => self.supervisor.lease_ended(now),
            RunCommand::Cycle => self.supervisor.cycle(now),
            RunCommand::Shutdown => self.supervisor.shutdown(now),
        }
    }
}

/// The workspace, as steps see it.
fn seen(context: &RunContext, place: &Place) -> PathBuf {
    context.executor.view().folder.unwrap_or_else(|| place.shared()).join(WORKSPACE)
}

/// The end of the work, or never while there is none.
async fn pending(work: &mut Option<BoxFuture<'static, Done>>) -> Done {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

/// The next event of the command, or never while there is none.
async fn next(execution: &mut Option<Box<dyn Execution>>) -> Result<ExecEvent, crate::exec::ExecError> {
    match execution {
        Some(execution) => execution.next().await,
        None => std::future::pending().await,
    }
}

/// One line on the launcher's own log, in the documented shape. It is masked already, for subscribers of the host's own.
fn log_sample(line: &serde_json::Value) {
    let message = line["msg"].as_str().unwrap_or("Sample");
    let sample = line["sample"].to_string();
    tracing::info!(sample = sample.as_str(), "{message}");
}
