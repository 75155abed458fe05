//! Why a phase ends, in words that a person can act on, and how a command is ended: SIGTERM, grace, SIGKILL.

use super::{Effect, ExecSignal, ExitStatus, RunOutcome, RunState, RunTimeouts, SealedObject};
use crate::protocol::message::{EndCause, Outcome};
use crate::run::variables;

/// Why a phase ends.
#[derive(Clone, Debug)]
pub(super) struct End {
    cause: EndCause,
    exit_code: Option<i32>,
    pub(super) reason: String,
    /// The state in which it happened.
    state: Option<RunState>,
    /// What time is left, by this cause and those after it.
    time: TimeLeft,
}

/// How much may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum TimeLeft {
    /// Hooks, and steps that run after a failure.
    Enough,
    /// Nothing more is started.
    ForTheLog,
    /// Hardly enough for the rest of the log.
    None,
}

impl End {
    fn new(cause: EndCause, reason: String) -> Self {
        let time = match cause {
            EndCause::Cycled | EndCause::Killed | EndCause::LeaseEnded => TimeLeft::None,
            EndCause::PolicyDenied | EndCause::RunTimeout | EndCause::Shutdown => TimeLeft::ForTheLog,
            _ => TimeLeft::Enough,
        };
        Self { cause, exit_code: None, reason, state: None, time }
    }

    /// It happened in this state.
    pub(super) fn at(self, state: RunState) -> Self {
        Self { state: Some(state), ..self }
    }

    /// The policy denied the run.
    pub(super) fn denied(reasons: &[String]) -> Self {
        let reasons = if reasons.is_empty() { "it gave no reason".to_owned() } else { reasons.join("; ") };
        Self::new(EndCause::PolicyDenied, format!("Denied by the run initialization policy: {reasons}"))
    }

    /// The workspace could not be prepared or handed on.
    pub(super) fn workspace(doing: &str, reason: &str) -> Self {
        Self::new(EndCause::Workspace, format!("Cannot {doing} the workspace: {reason}"))
    }

    /// The outputs could not be handed on. The run fails although its changes are made: a run of another stack would work
    /// with the outputs of the time before and take them for today's.
    pub(super) fn outputs(reason: &str) -> Self {
        let reason = format!("The changes are made, but their outputs cannot be handed on: {reason}");
        Self::new(EndCause::Outputs, reason)
    }

    /// There is no place in which commands could run.
    pub(super) fn unprepared(reason: &str) -> Self {
        Self::new(EndCause::Internal, format!("The run could not be prepared: {reason}"))
    }

    /// A command could not be started.
    pub(super) fn not_started(state: RunState, reason: &str) -> Self {
        let state = variables::published_name(&state);
        Self::new(EndCause::Internal, format!("The command of {state} could not be started: {reason}"))
    }

    /// A command failed.
    pub(super) fn command(state: RunState, status: ExitStatus, why: Option<&str>) -> Self {
        let state = variables::published_name(&state);
        let why = why.unwrap_or("its output says why");
        let reason = format!("The command of {state} ended with {status}; {why}");
        Self { exit_code: Some(status.code()), ..Self::new(EndCause::Command, reason) }
    }

    /// A command that nobody can follow any more.
    pub(super) fn lost(state: RunState, reason: &str) -> Self {
        let state = variables::published_name(&state);
        Self::new(EndCause::Internal, format!("The command of {state} was lost: {reason}"))
    }

    /// Guarantee 9: "no log output for 7 minutes … ends the run; the report says which".
    pub(super) fn logs_timeout(timeouts: &RunTimeouts) -> Self {
        let after = span(timeouts.logs_ms);
        let reason = format!(
            "Ended by the logs timeout: no output for {after}. Print something meanwhile, or raise SPACELIFT_LAUNCHER_LOGS_TIMEOUT"
        );
        Self::new(EndCause::LogsTimeout, reason)
    }

    /// Guarantee 9: "or 70 minutes in all".
    pub(super) fn run_timeout(timeouts: &RunTimeouts) -> Self {
        let after = span(timeouts.run_ms);
        let reason = format!(
            "Ended by the run timeout: not done after {after}. Make it shorter, or raise SPACELIFT_LAUNCHER_RUN_TIMEOUT"
        );
        Self::new(EndCause::RunTimeout, reason)
    }

    /// Somebody or something else asked for the end.
    pub(super) fn asked(cause: EndCause) -> Self {
        let reason = match cause {
            EndCause::Cycled => "Ended because the worker pool was cycled; trigger the run again",
            EndCause::Killed => "Killed on request",
            EndCause::LeaseEnded => {
                "Ended because the worker lost its control plane for longer than its lease; another worker may take the run"
            }
            EndCause::Shutdown => {
                "Ended because the worker's process was asked to end; trigger the run again"
            }
            _ => "Stopped on request",
        };
        Self::new(cause, reason.to_owned())
    }

    /// Something else comes on top. The first reason counts, but for a kill after a stop, which is the same wish with
    /// more weight. Whether it is worth a word.
    pub(super) fn absorb(&mut self, later: Self) -> bool {
        let news = self.cause != later.cause;
        let time = self.time.max(later.time);
        if self.cause == EndCause::Stopped && later.cause == EndCause::Killed {
            *self = Self { state: self.state, ..later };
        }
        self.time = time;
        news
    }

    /// From SIGTERM to SIGKILL.
    pub(super) fn grace_ms(&self, timeouts: &RunTimeouts) -> u64 {
        match self.cause {
            EndCause::Killed => 0,
            EndCause::Cycled => timeouts.cycle_grace_ms,
            _ => timeouts.stop_grace_ms,
        }
    }

    /// Whether there is no time for the rest of the log.
    pub(super) fn is_hurried(&self) -> bool {
        self.time == TimeLeft::None
    }

    /// Whether the hooks at the very end may still run.
    pub(super) fn lets_hooks_follow(&self) -> bool {
        self.time == TimeLeft::Enough
    }

    /// Whether the steps that run after a failure may: only where something was initialized that they could work on.
    pub(super) fn lets_steps_follow(&self) -> bool {
        use RunState::{Initializing, Preparing, PreparingApply};
        self.lets_hooks_follow()
            && !matches!(self.state, None | Some(Initializing | Preparing | PreparingApply))
    }

    /// The state in which the run ends on this worker.
    pub(super) fn final_state(&self) -> RunState {
        if self.was_asked_for() { RunState::Stopped } else { RunState::Failed }
    }

    fn was_asked_for(&self) -> bool {
        matches!(self.cause, EndCause::Killed | EndCause::Stopped)
    }

    /// The outcome of a phase that ended so, or well, with its workspace and its outputs.
    pub(super) fn outcome(
        end: Option<Self>,
        state_version: u64,
        [workspace, outputs]: [Option<SealedObject>; 2],
    ) -> RunOutcome {
        let outcome = match &end {
            None => Outcome::Succeeded,
            Some(end) if end.was_asked_for() => Outcome::Stopped,
            Some(_) => Outcome::Failed,
        };
        let (cause, exit_code, reason) = match end {
            None => (None, None, None),
            Some(end) => (Some(end.cause), end.exit_code, Some(end.reason)),
        };
        RunOutcome { outcome, cause, exit_code, reason, state_version, workspace, outputs }
    }
}

/// How far the end of a command has come.
#[derive(Clone, Copy, Debug)]
pub(super) enum Halting {
    /// It may run.
    No,
    /// SIGTERM was sent; SIGKILL follows.
    Terminating { kill_at: u64 },
    /// SIGKILL was sent.
    Killed { give_up_at: u64 },
}

impl Halting {
    /// Ends a command with a grace, or shortens the grace that runs. Without any grace, it is killed at once.
    pub(super) fn escalate(&mut self, now: u64, grace_ms: u64, timeouts: &RunTimeouts) -> Option<Effect> {
        if grace_ms == 0 {
            return self.kill(now, timeouts);
        }
        let kill_at = now.saturating_add(grace_ms);
        match self {
            Self::No => {
                *self = Self::Terminating { kill_at };
                Some(Effect::Signal(ExecSignal::Terminate))
            }
            Self::Terminating { kill_at: earlier } => {
                *earlier = kill_at.min(*earlier);
                None
            }
            Self::Killed { .. } => None,
        }
    }

    /// Kills a command, once.
    pub(super) fn kill(&mut self, now: u64, timeouts: &RunTimeouts) -> Option<Effect> {
        if matches!(self, Self::Killed { .. }) {
            return None;
        }
        *self = Self::Killed { give_up_at: now.saturating_add(timeouts.kill_wait_ms) };
        Some(Effect::Signal(ExecSignal::Kill))
    }

    /// Whether the grace has passed.
    pub(super) fn is_due(self, now: u64) -> bool {
        matches!(self, Self::Terminating { kill_at } if kill_at <= now)
    }

    /// Whether it is not gone although it was killed.
    pub(super) fn gave_up(self, now: u64) -> bool {
        matches!(self, Self::Killed { give_up_at } if give_up_at <= now)
    }

    /// When the next thing is due.
    pub(super) fn deadline(self) -> Option<u64> {
        match self {
            Self::No => None,
            Self::Terminating { kill_at: at } | Self::Killed { give_up_at: at } => Some(at),
        }
    }
}

/// A duration as people write it in settings.
fn span(ms: u64) -> String {
    match ms {
        _ if ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        _ if ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
        _ => format!("{ms}ms"),
    }
}
