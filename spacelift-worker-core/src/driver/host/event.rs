//! What a host hears of its worker.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::session::OperationId;
use super::steps::StepId;
use crate::exec::ExecSignal;
use crate::ids::{Lease, RunId, WorkerId};
use crate::protocol::message::{NackReason, Outcome, Phase, RunState};
use crate::secret::SecretText;

/// What a host hears of its worker, in the order in which it happened. Reasons, notes and lines are masked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum HostEvent {
    /// The control plane is in reach.
    Connected {
        /// The name of this worker, fresh with each start.
        worker: WorkerId,
    },
    /// It is not; the next attempt comes by itself. What is in hand goes on.
    Disconnected {
        /// Why.
        reason: String,
    },
    /// Verified, opened, and waiting for [`accept`](super::HostSession::accept) or [`refuse`](super::HostSession::refuse).
    /// Only where the host asked to be asked.
    Offered {
        /// By which lease.
        lease: Lease,
        /// Which run.
        run: RunId,
        /// For what.
        phase: Phase,
        /// The slug of its stack.
        stack: String,
        /// The document that a run initialization policy sees.
        document: Value,
    },
    /// The library refused an offer by itself, or the host did not answer in time.
    Refused {
        /// By which lease.
        lease: Lease,
        /// Why.
        reason: NackReason,
        /// In words.
        note: Option<String>,
    },
    /// The run is this worker's.
    Started {
        /// By which lease.
        lease: Lease,
        /// Which run.
        run: RunId,
        /// For what.
        phase: Phase,
    },
    /// The run entered a state.
    State {
        /// By which lease.
        lease: Lease,
        /// Which one.
        state: RunState,
        /// Its number in the run's life.
        version: u64,
    },
    /// A line of a run's log, masked, as a JSON object with `ts`, `level`, `msg`, `run_ulid` and `stack_id`.
    Line {
        /// The line without its end.
        line: String,
    },
    /// Run this, and say how it goes with [`step_output`](super::HostSession::step_output) and
    /// [`step_exited`](super::HostSession::step_exited). Only where steps are the host's.
    Step {
        /// Which step.
        step: StepId,
        /// Program and arguments.
        argv: Vec<String>,
        /// The whole environment.
        env: BTreeMap<String, SecretText>,
        /// The working directory.
        cwd: PathBuf,
    },
    /// Pass this signal to everything that the step started. After a kill nothing is heard of the step any more.
    StepSignal {
        /// Which step.
        step: StepId,
        /// Which signal.
        signal: ExecSignal,
    },
    /// There is room for output of the step again, after [`HostError::Full`](super::HostError::Full).
    StepReady {
        /// Which step.
        step: StepId,
    },
    /// The phase ended; its report is on its way.
    RunEnded {
        /// By which lease.
        lease: Lease,
        /// Which run.
        run: RunId,
        /// How.
        outcome: Outcome,
        /// In words, where there is something to say.
        reason: Option<String>,
    },
    /// The control plane took the report.
    Reported {
        /// Which run.
        run: RunId,
    },
    /// The lease goes on.
    Renewed {
        /// Which one.
        lease: Lease,
    },
    /// Somebody asked the run to end.
    Stop {
        /// By which lease.
        lease: Lease,
    },
    /// Somebody wants the run ended now, or withdrew an offer.
    Kill {
        /// By which lease.
        lease: Lease,
    },
    /// The lease ended without being renewed; its run ends, unless it is changing something.
    LeaseEnded {
        /// Which one.
        lease: Lease,
    },
    /// Whether new work is refused changed.
    Drained {
        /// Now.
        drained: bool,
    },
    /// The pool is cycled; this worker ends within 20 seconds.
    Cycle,
    /// A command of the host was carried out.
    OperationDone {
        /// Which one.
        id: OperationId,
    },
    /// A command of the host was refused or came too late.
    OperationFailed {
        /// Which one.
        id: OperationId,
        /// Why.
        reason: String,
    },
    /// Events were dropped, since nobody took them; none of them was one that the host has to answer.
    Lagged {
        /// How many.
        lost: u64,
    },
    /// The worker has ended. Nothing follows.
    Ended {
        /// The documented exit code: 0 shut down, 1 failed, 3 never connected, 4 cycled.
        exit_code: u8,
        /// In words.
        reason: Option<String>,
    },
}

macro_rules! kinds {
    ($($number:literal $variant:ident $name:literal,)*) => {
        /// The kind of an event. Numbers and names keep their meaning for ever.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(i32)]
        pub enum HostEventKind {
            $(#[doc = concat!("[`HostEvent::", stringify!($variant), "`].")] $variant = $number,)*
        }

        impl HostEventKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name, as `event` in [`HostEvent::to_json`].
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }

        impl HostEvent {
            /// Its kind.
            pub fn kind(&self) -> HostEventKind {
                match self { $(Self::$variant { .. } => HostEventKind::$variant,)* }
            }
        }
    };
}

kinds! {
    1 Connected "connected",
    2 Disconnected "disconnected",
    3 Offered "offered",
    4 Refused "refused",
    5 Started "started",
    6 State "state",
    7 Line "line",
    8 Step "step",
    9 StepSignal "step_signal",
    10 StepReady "step_ready",
    11 RunEnded "run_ended",
    12 Reported "reported",
    13 Renewed "renewed",
    14 Stop "stop",
    15 Kill "kill",
    16 LeaseEnded "lease_ended",
    17 Drained "drained",
    18 Cycle "cycle",
    19 OperationDone "operation_done",
    20 OperationFailed "operation_failed",
    21 Lagged "lagged",
    22 Ended "ended",
}

impl HostEvent {
    /// The command whose end this is.
    pub fn operation(&self) -> Option<OperationId> {
        match self {
            Self::OperationDone { id } | Self::OperationFailed { id, .. } => Some(*id),
            _ => None,
        }
    }

    /// Whether nobody waits for it: a full queue may drop it.
    pub(super) fn may_be_lost(&self) -> bool {
        !matches!(
            self,
            Self::Offered { .. }
                | Self::Step { .. }
                | Self::StepSignal { .. }
                | Self::StepReady { .. }
                | Self::OperationDone { .. }
                | Self::OperationFailed { .. }
                | Self::Ended { .. }
        )
    }

    /// The event as one JSON object: `event` with the name of its kind, and its fields. The environment of a step is in it,
    /// since a host runs the step with it: such an object is a secret.
    pub fn to_json(&self) -> String {
        let mut object = self.fields();
        object["event"] = self.kind().name().into();
        object.to_string()
    }

    fn fields(&self) -> Value {
        match self {
            Self::Connected { worker } => json!({ "worker": worker }),
            Self::Disconnected { reason } => json!({ "reason": reason }),
            Self::Offered { lease, run, phase, stack, document } => {
                json!({ "lease": lease, "run": run, "phase": phase, "stack": stack, "document": document })
            }
            Self::Refused { lease, reason, note } => {
                json!({ "lease": lease, "reason": reason, "note": note })
            }
            Self::Started { lease, run, phase } => json!({ "lease": lease, "run": run, "phase": phase }),
            Self::State { lease, state, version } => {
                json!({ "lease": lease, "state": state, "version": version })
            }
            Self::Line { line } => json!({ "line": line }),
            Self::Step { step, argv, env, cwd } => {
                let env: BTreeMap<&str, &str> =
                    env.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
                json!({ "step": step.0, "argv": argv, "env": env, "cwd": cwd.to_string_lossy() })
            }
            Self::StepSignal { step, signal } => json!({ "step": step.0, "signal": signal_name(*signal) }),
            Self::StepReady { step } => json!({ "step": step.0 }),
            Self::RunEnded { lease, run, outcome, reason } => {
                json!({ "lease": lease, "run": run, "outcome": outcome, "reason": reason })
            }
            Self::Reported { run } => json!({ "run": run }),
            Self::Renewed { lease }
            | Self::Stop { lease }
            | Self::Kill { lease }
            | Self::LeaseEnded { lease } => json!({ "lease": lease }),
            Self::Drained { drained } => json!({ "drained": drained }),
            Self::Cycle => json!({}),
            Self::OperationDone { id } => json!({ "id": id.0 }),
            Self::OperationFailed { id, reason } => json!({ "id": id.0, "reason": reason }),
            Self::Lagged { lost } => json!({ "lost": lost }),
            Self::Ended { exit_code, reason } => json!({ "exit_code": exit_code, "reason": reason }),
        }
    }
}

fn signal_name(signal: ExecSignal) -> &'static str {
    match signal {
        ExecSignal::Terminate => "terminate",
        ExecSignal::Kill => "kill",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_numbered_from_one_without_a_gap_and_named_once() {
        let numbers: Vec<i32> = HostEventKind::ALL.iter().map(|kind| *kind as i32).collect();
        assert_eq!(numbers, (1..=22).collect::<Vec<i32>>());
        let names: std::collections::BTreeSet<&str> =
            HostEventKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), HostEventKind::ALL.len());
    }

    #[test]
    fn the_environment_of_a_step_is_in_its_json_and_not_in_its_debug_form() {
        let env = BTreeMap::from([("TOKEN".to_owned(), SecretText::from("hunter2"))]);
        let event = HostEvent::Step { step: StepId(3), argv: vec!["sh".into()], env, cwd: "/srv".into() };
        assert_eq!(
            event.to_json(),
            r#"{"argv":["sh"],"cwd":"/srv","env":{"TOKEN":"hunter2"},"event":"step","step":3}"#
        );
        assert!(!format!("{event:?}").contains("hunter2"));
    }
}
