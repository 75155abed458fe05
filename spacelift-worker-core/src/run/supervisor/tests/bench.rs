//! A driver as a script: performs nothing, keeps what it was asked for in words, and lets virtual time pass.

use crate::exec::{ExecSignal, ExitStatus};
use crate::protocol::Now;
use crate::protocol::message::*;
use crate::run::assignment::tests::{hints, payload};
use crate::run::supervisor::{Effect, Supervisor, Verdict};
use crate::run::{Assignment, Plan, RunOutcome, RunSettings, RunTimeouts};

pub(super) const SECOND: u64 = 1_000;
pub(super) const MINUTE: u64 = 60 * SECOND;

/// A supervisor, the time, and what it asked for so far.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) supervisor: Supervisor,
    pub(super) now: u64,
    pub(super) asked: Vec<String>,
    pub(super) notes: Vec<String>,
    /// When it was said that the run goes on, and for how long it had been silent.
    pub(super) remarks: Vec<(u64, u64)>,
    pub(super) outcome: Option<RunOutcome>,
    /// The computed variables of the last step that was to be started.
    pub(super) variables: std::collections::BTreeMap<String, String>,
}

impl Bench {
    pub(super) fn new(phase: Phase) -> Self {
        Self::with(payload(phase))
    }

    pub(super) fn with(payload: OfferPayload) -> Self {
        let assignment = {
            let hints = hints(payload.phase);
            Assignment::new(payload, hints).unwrap()
        };
        let plan = Plan::new(&assignment, &RunSettings::default(), "/mnt/workspace");
        let now = 50 * MINUTE;
        let supervisor = Supervisor::new(plan, RunTimeouts::default(), Now { mono_ms: now, unix_ms: 0 });
        let mut bench = Self {
            supervisor,
            now,
            asked: Vec::new(),
            notes: Vec::new(),
            remarks: Vec::new(),
            outcome: None,
            variables: Default::default(),
        };
        bench.poll();
        bench
    }

    /// With hooks that run at the very end.
    pub(super) fn with_after_run(phase: Phase) -> Self {
        let mut payload = payload(phase);
        payload.hooks.after_run = vec!["tell".into()];
        Self::with(payload)
    }

    pub(super) fn at(&self) -> Now {
        Now { mono_ms: self.now, unix_ms: 0 }
    }

    pub(super) fn poll(&mut self) {
        while let Some(effect) = self.supervisor.poll_effect() {
            assert!(self.outcome.is_none(), "something follows the report: {effect:?}");
            self.asked.push(match effect {
                Effect::Abandon => "abandon".into(),
                Effect::EnterState { state, version } => format!("enter {state:?} {version}"),
                Effect::EvaluatePolicy => "policy".into(),
                Effect::Fetch(_) => "fetch".into(),
                Effect::FlushLogs => "flush".into(),
                Effect::LogNote(note) => {
                    self.notes.push(note);
                    continue;
                }
                Effect::Report(outcome) => {
                    self.outcome = Some(outcome);
                    "report".into()
                }
                Effect::HandOnOutputs(_) => "outputs".into(),
                Effect::SealWorkspace(_) => "seal".into(),
                Effect::Signal(ExecSignal::Terminate) => "SIGTERM".into(),
                Effect::Signal(ExecSignal::Kill) => "SIGKILL".into(),
                Effect::StillRunning { silent_ms } => {
                    self.remarks.push((self.now, silent_ms));
                    continue;
                }
                Effect::StartStep(step) => {
                    self.variables = step.variables;
                    let script = step.script.unwrap();
                    let command =
                        script.lines().last().unwrap().trim_start_matches("eval ").trim_matches('\'');
                    format!("start {command}")
                }
            });
        }
    }

    /// What was asked for since the last time.
    pub(super) fn asked(&mut self) -> Vec<String> {
        std::mem::take(&mut self.asked)
    }

    /// Calls the supervisor, and lists what it asks for.
    pub(super) fn call(&mut self, call: impl FnOnce(&mut Supervisor, Now)) -> Vec<String> {
        let now = self.at();
        call(&mut self.supervisor, now);
        self.poll();
        self.asked()
    }

    pub(super) fn allow(&mut self) -> Vec<String> {
        self.call(|supervisor, now| supervisor.policy_decided(now, Verdict::Allowed))
    }

    pub(super) fn fetched(&mut self) -> Vec<String> {
        self.call(|supervisor, now| supervisor.fetched(now, Ok(())))
    }

    pub(super) fn started(&mut self) -> Vec<String> {
        self.call(|supervisor, now| supervisor.started(now, Ok(())))
    }

    pub(super) fn exited(&mut self, status: ExitStatus) -> Vec<String> {
        self.call(|supervisor, now| supervisor.exited(now, status))
    }

    /// Starts what was asked for, and lets it end well.
    pub(super) fn succeed(&mut self) -> Vec<String> {
        self.started();
        self.exited(ExitStatus::Code(0))
    }

    pub(super) fn sealed(&mut self) -> Vec<String> {
        let object = SealedObject { name: "w".into(), len: 1, sha256: String::new() };
        self.call(|supervisor, now| supervisor.sealed(now, Ok(object)))
    }

    pub(super) fn handed_on(&mut self, result: Result<Option<SealedObject>, String>) -> Vec<String> {
        self.call(|supervisor, now| supervisor.outputs_handed_on(now, result))
    }

    pub(super) fn flushed(&mut self) -> Vec<String> {
        self.call(|supervisor, now| supervisor.logs_flushed(now))
    }

    /// Lets time pass, stopping at each deadline on the way, and lists what is asked for.
    pub(super) fn pass(&mut self, ms: u64) -> Vec<String> {
        let end = self.now + ms;
        for _ in 0..1_000 {
            match self.supervisor.poll_timeout().filter(|at| *at <= end) {
                Some(at) => self.now = self.now.max(at),
                None => break,
            }
            let now = self.at();
            self.supervisor.handle_timeout(now);
            self.poll();
        }
        assert!(self.supervisor.poll_timeout().is_none_or(|at| at > end), "the timers never rest");
        self.now = end;
        self.asked()
    }

    /// Up to the point where the first command runs.
    pub(super) fn running(mut self) -> Self {
        self.allow();
        self.fetched();
        self.started();
        self.asked();
        self
    }

    /// Goes on to where the command of this state runs.
    pub(super) fn running_in(self, state: &str) -> Self {
        let mut bench = self.running();
        for _ in 0..4 {
            if bench.variables["TF_VAR_spacelift_run_state"] == state {
                return bench;
            }
            bench.exited(ExitStatus::Code(0));
            bench.started();
            bench.asked();
        }
        panic!("the phase has no state {state}");
    }

    pub(super) fn outcome(&mut self) -> RunOutcome {
        if self.outcome.is_none() {
            self.flushed();
        }
        self.outcome.clone().unwrap()
    }

    pub(super) fn ended(&mut self) -> (Outcome, Option<EndCause>) {
        let outcome = self.outcome();
        (outcome.outcome, outcome.cause)
    }
}
