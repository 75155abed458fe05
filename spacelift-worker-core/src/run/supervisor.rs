//! Supervises one phase: says what to do next, and when and how it is ended. Performs nothing and reads no clock.

mod effect;
mod ending;
mod place;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

pub use self::effect::{Effect, Verdict};
use self::ending::{End, Halting};
use super::outcome::RunOutcome;
use super::plan::{Plan, Step};
use super::settings::RunTimeouts;
use crate::exec::{ExecSignal, ExitStatus};
use crate::protocol::Now;
use crate::protocol::message::{EndCause, RunState, SealedObject};

/// A command that prints nothing for so long is remarked upon, in milliseconds.
const REMARK_MS: u64 = 60_000;

/// The supervisor of one phase on one worker.
///
/// The driver calls what happened, then [`poll_effect`](Self::poll_effect) until `None`, then
/// [`poll_timeout`](Self::poll_timeout). Answers that come late, to something that was abandoned, are ignored. `now` never goes
/// back between calls.
#[derive(Clone, Debug)]
pub struct Supervisor {
    plan: Plan,
    timeouts: RunTimeouts,
    stage: Stage,
    /// The state that was entered last.
    state: RunState,
    version: u64,
    /// The next step.
    next: usize,
    progress: Progress,
    end: Option<End>,
    workspace: Option<SealedObject>,
    outputs: Option<SealedObject>,
    effects: VecDeque<Effect>,
    now: u64,
    run_deadline: Option<u64>,
}

/// How far a phase came, as far as it decides what may still happen.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// A step ran, or was passed because it has no script.
    begun: bool,
    /// A step that may change something was started.
    changing: bool,
}

/// What the supervisor waits for.
#[derive(Clone, Debug)]
enum Stage {
    Judging,
    Fetching,
    /// To be started at the next poll.
    Ready(Activity),
    /// With the grace of an end that was asked for meanwhile.
    Starting(Activity, Option<u64>),
    Running(Running),
    Sealing,
    HandingOn,
    Flushing {
        until: u64,
    },
    Done,
}

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    Step(usize),
    AfterRun,
}

/// A running command.
#[derive(Clone, Copy, Debug)]
struct Running {
    activity: Activity,
    /// Since when it printed nothing.
    silent_since: u64,
    silent_until: u64,
    /// When to say that it still runs.
    remark_at: u64,
    halting: Halting,
}

impl Running {
    /// It printed something, or was started.
    fn heard(&mut self, now: u64, timeouts: &RunTimeouts) {
        self.silent_since = now;
        self.silent_until = now.saturating_add(timeouts.logs_ms);
        self.remark_at = now.saturating_add(REMARK_MS);
    }
}

impl Supervisor {
    /// Begins a phase: its first state is entered, and the policy is asked before anything is fetched or started.
    pub fn new(plan: Plan, timeouts: RunTimeouts, now: Now) -> Self {
        let (state, version) = (plan.preparing, plan.state_version);
        Self {
            effects: VecDeque::from([Effect::EnterState { state, version }, Effect::EvaluatePolicy]),
            run_deadline: Some(now.mono_ms.saturating_add(timeouts.run_ms)),
            plan,
            timeouts,
            stage: Stage::Judging,
            state,
            version,
            next: 0,
            progress: Progress::default(),
            end: None,
            workspace: None,
            outputs: None,
            now: now.mono_ms,
        }
    }

    /// The policy decided.
    pub fn policy_decided(&mut self, now: Now, verdict: Verdict) {
        self.now = now.mono_ms;
        if !matches!(self.stage, Stage::Judging) {
            return;
        }
        match verdict {
            Verdict::Allowed => {
                self.stage = Stage::Fetching;
                self.effects.push_back(Effect::Fetch(self.plan.fetch.clone()));
            }
            Verdict::Denied(reasons) => {
                self.fail(End::denied(&reasons));
                self.flush();
            }
        }
    }

    /// The workspace is ready, or cannot be; the reason carries no secret.
    pub fn fetched(&mut self, now: Now, result: Result<(), String>) {
        self.now = now.mono_ms;
        if !matches!(self.stage, Stage::Fetching) {
            return;
        }
        if let Err(reason) = result {
            self.fail(End::workspace("prepare", &reason));
        }
        self.proceed();
    }

    /// The command runs, or cannot; the reason carries no secret.
    pub fn started(&mut self, now: Now, result: Result<(), String>) {
        self.now = now.mono_ms;
        let Stage::Starting(activity, grace) = self.stage else { return };
        match result {
            Ok(()) => {
                self.progress.begun = true;
                let mut halting = Halting::No;
                if let Some(grace) = grace {
                    self.effects.extend(halting.escalate(self.now, grace, &self.timeouts));
                }
                let mut running =
                    Running { activity, silent_since: 0, silent_until: 0, remark_at: 0, halting };
                running.heard(self.now, &self.timeouts);
                self.stage = Stage::Running(running);
            }
            Err(reason) => {
                self.fail(End::not_started(self.state, &reason));
                self.after(activity);
            }
        }
    }

    /// The command printed something.
    pub fn output(&mut self, now: Now, bytes: usize) {
        self.now = now.mono_ms;
        if let Stage::Running(running) = &mut self.stage
            && bytes > 0
        {
            running.heard(self.now, &self.timeouts);
        }
    }

    /// The command and everything that it started is gone.
    pub fn exited(&mut self, now: Now, status: ExitStatus) {
        self.exited_because(now, status, None);
    }

    /// The same, where more is known than the status: why it failed, as a clause without a secret.
    pub fn exited_because(&mut self, now: Now, status: ExitStatus, why: Option<&str>) {
        self.now = now.mono_ms;
        let Stage::Running(running) = self.stage else { return };
        if matches!(running.halting, Halting::No) && !status.success() {
            self.fail(End::command(self.state, status, why));
        }
        self.after(running.activity);
    }

    /// The workspace is stored, or cannot be; the reason carries no secret.
    pub fn sealed(&mut self, now: Now, result: Result<SealedObject, String>) {
        self.now = now.mono_ms;
        if !matches!(self.stage, Stage::Sealing) {
            return;
        }
        match result {
            Ok(object) => self.workspace = Some(object),
            Err(reason) => self.fail(End::workspace("hand on", &reason)),
        }
        self.hand_on_outputs();
    }

    /// The outputs are stored, there are none, or they cannot be handed on; the reason carries no secret.
    pub fn outputs_handed_on(&mut self, now: Now, result: Result<Option<SealedObject>, String>) {
        self.now = now.mono_ms;
        if !matches!(self.stage, Stage::HandingOn) {
            return;
        }
        match result {
            Ok(object) => self.outputs = object,
            Err(reason) => self.fail(End::outputs(&reason)),
        }
        self.after_run();
    }

    /// The log is stored, as far as it can be.
    pub fn logs_flushed(&mut self, now: Now) {
        self.now = now.mono_ms;
        if matches!(self.stage, Stage::Flushing { .. }) {
            self.report();
        }
    }

    /// Somebody asked for the end of the run: SIGTERM, grace, SIGKILL.
    pub fn stop(&mut self, now: Now) {
        self.end_it(now, End::asked(EndCause::Stopped));
    }

    /// Somebody wants the run ended now: SIGKILL.
    pub fn kill(&mut self, now: Now) {
        self.end_it(now, End::asked(EndCause::Killed));
    }

    /// The pool is cycled: SIGTERM, at most 8 seconds, SIGKILL. Shortens a grace that runs already.
    pub fn cycle(&mut self, now: Now) {
        self.end_it(now, End::asked(EndCause::Cycled));
    }

    /// The launcher was asked to end, and its own grace has passed.
    pub fn shutdown(&mut self, now: Now) {
        self.end_it(now, End::asked(EndCause::Shutdown));
    }

    /// The lease has ended. Without effect once a step that may change something was started: "killing it half-way is
    /// the worse harm".
    pub fn lease_ended(&mut self, now: Now) {
        if !self.progress.changing {
            self.end_it(now, End::asked(EndCause::LeaseEnded));
        }
    }

    /// Time passed. Calls before the deadline do no harm.
    pub fn handle_timeout(&mut self, now: Now) {
        self.now = now.mono_ms;
        if self.run_deadline.is_some_and(|at| at <= self.now) {
            self.run_deadline = None;
            self.end_it(now, End::run_timeout(&self.timeouts));
        }
        match &mut self.stage {
            Stage::Running(running) => {
                let overdue = running.silent_until <= self.now;
                if running.remark_at <= self.now {
                    let silent_ms = self.now.saturating_sub(running.silent_since);
                    self.effects.push_back(Effect::StillRunning { silent_ms });
                    running.remark_at = self.now.saturating_add(REMARK_MS);
                }
                if running.halting.gave_up(self.now) {
                    self.effects.push_back(Effect::LogNote(
                        "The command is not gone after SIGKILL; the run is reported all the same.".to_owned(),
                    ));
                    self.flush();
                } else if running.halting.is_due(self.now) {
                    self.effects.extend(running.halting.kill(self.now, &self.timeouts));
                } else if overdue && matches!(running.halting, Halting::No) {
                    self.end_it(now, End::logs_timeout(&self.timeouts));
                }
            }
            Stage::Flushing { until } if *until <= self.now => self.report(),
            _ => {}
        }
    }

    /// The next thing to do.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        loop {
            if let Some(effect) = self.effects.pop_front() {
                return Some(effect);
            }
            match self.stage {
                Stage::Ready(activity) => self.start(activity),
                _ => return None,
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, in milliseconds of the monotonic clock.
    pub fn poll_timeout(&self) -> Option<u64> {
        let of_stage = match &self.stage {
            Stage::Running(running) => {
                let ending = running.halting.deadline().or(Some(running.silent_until));
                ending.into_iter().chain([running.remark_at]).min()
            }
            Stage::Flushing { until } => return Some(*until),
            Stage::Done => return None,
            _ => None,
        };
        of_stage.into_iter().chain(self.run_deadline).min()
    }

    /// Whether the phase was reported.
    pub fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done) && self.effects.is_empty()
    }

    /// Notes why the phase ends; the first reason counts.
    fn fail(&mut self, end: End) {
        let note = Effect::LogNote(end.reason.clone());
        let news = match &mut self.end {
            Some(first) => first.absorb(end),
            None => {
                self.end = Some(end.at(self.state));
                true
            }
        };
        if news {
            self.effects.push_back(note);
        }
    }

    /// Ends what goes on, whatever it is.
    fn end_it(&mut self, now: Now, end: End) {
        self.now = now.mono_ms;
        let hurried = end.is_hurried();
        let grace = end.grace_ms(&self.timeouts);
        match &mut self.stage {
            Stage::Done => {}
            Stage::Flushing { until } => {
                if hurried {
                    *until = (*until).min(self.now.saturating_add(self.timeouts.hurried_flush_ms));
                }
            }
            Stage::Judging | Stage::Fetching | Stage::Sealing | Stage::HandingOn => {
                self.effects.push_back(Effect::Abandon);
                self.fail(end);
                self.proceed();
            }
            Stage::Ready(activity) => {
                let activity = *activity;
                self.fail(end);
                self.after(activity);
            }
            Stage::Starting(_, earlier) => {
                *earlier = Some(earlier.map_or(grace, |earlier| earlier.min(grace)));
                self.fail(end);
            }
            Stage::Running(running) => {
                let signals = running.halting.escalate(self.now, grace, &self.timeouts);
                self.fail(end);
                self.effects.extend(signals);
            }
        }
    }

    /// Goes on after something that ran.
    fn after(&mut self, activity: Activity) {
        match activity {
            Activity::Step(_) => self.proceed(),
            Activity::AfterRun => self.flush(),
        }
    }

    /// Goes on to the next step that is due.
    fn proceed(&mut self) {
        while let Some(step) = self.plan.steps.get(self.next) {
            let at = self.next;
            self.next += 1;
            let due = match &self.end {
                None => true,
                Some(end) => step.run_after_failure && end.lets_steps_follow(),
            };
            if due {
                (self.state, self.version) = (step.state, step.state_version);
                self.effects.push_back(Effect::EnterState { state: self.state, version: self.version });
                self.stage = Stage::Ready(Activity::Step(at));
                return;
            }
        }
        match (&self.end, &self.plan.seal_workspace) {
            (None, Some(upload)) => {
                self.effects.push_back(Effect::SealWorkspace(upload.clone()));
                self.stage = Stage::Sealing;
            }
            _ => self.hand_on_outputs(),
        }
    }

    /// Outputs are those of a phase in which all went well.
    fn hand_on_outputs(&mut self) {
        match (&self.end, &self.plan.hand_on_outputs) {
            (None, Some(upload)) => {
                self.effects.push_back(Effect::HandOnOutputs(upload.clone()));
                self.stage = Stage::HandingOn;
            }
            _ => self.after_run(),
        }
    }

    /// The hooks at the very end, when the phase had begun and there is time for them.
    fn after_run(&mut self) {
        let allowed = self.end.as_ref().is_none_or(End::lets_hooks_follow);
        if self.progress.begun && allowed && self.after_run_step().is_some() {
            self.stage = Stage::Ready(Activity::AfterRun);
        } else {
            self.flush();
        }
    }

    fn after_run_step(&self) -> Option<Step> {
        let ended = self.end.as_ref().map(End::final_state);
        self.plan.after_run(self.state, self.version, ended)
    }

    fn start(&mut self, activity: Activity) {
        let step = match activity {
            Activity::Step(at) => self.plan.steps.get(at).cloned(),
            Activity::AfterRun => self.after_run_step(),
        };
        match step.filter(|step| step.script.is_some()) {
            Some(step) => {
                self.progress.changing |= step.write_only;
                self.stage = Stage::Starting(activity, None);
                self.effects.push_back(Effect::StartStep(step));
            }
            None => {
                self.progress.begun = true;
                self.after(activity);
            }
        }
    }

    fn flush(&mut self) {
        let hurried = self.end.as_ref().is_some_and(End::is_hurried);
        let ms = if hurried { self.timeouts.hurried_flush_ms } else { self.timeouts.flush_ms };
        self.stage = Stage::Flushing { until: self.now.saturating_add(ms) };
        self.effects.push_back(Effect::FlushLogs);
    }

    fn report(&mut self) {
        self.stage = Stage::Done;
        let end = self.end.take();
        let results =
            [self.workspace.take(), self.outputs.take()].map(|result| result.filter(|_| end.is_none()));
        let outcome = End::outcome(end, self.version, results);
        self.effects.push_back(Effect::Report(outcome));
    }
}
