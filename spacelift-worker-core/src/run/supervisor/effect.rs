//! What the supervisor asks for, and what the policy tells it.

use crate::exec::ExecSignal;
use crate::protocol::message::{RunState, Upload};
use crate::run::assignment::Fetch;
use crate::run::outcome::RunOutcome;
use crate::run::plan::Step;

/// What the driver has to do. It finishes one before it polls the next, unless the effect says that it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Drop what `EvaluatePolicy`, `Fetch`, `SealWorkspace` or `HandOnOutputs` is doing; its answer no longer counts.
    Abandon,
    /// Tell the session that the run is in this state. Where it refuses, since the lease has ended, call
    /// [`lease_ended`](super::Supervisor::lease_ended) before the next effect is polled: it would change something.
    EnterState {
        /// The state.
        state: RunState,
        /// Its version.
        version: u64,
    },
    /// Ask the run initialization policy. Answered by [`policy_decided`](super::Supervisor::policy_decided).
    EvaluatePolicy,
    /// Fetch, verify, open and unpack. Answered by [`fetched`](super::Supervisor::fetched).
    Fetch(Fetch),
    /// Upload what the log still holds. Answered by [`logs_flushed`](super::Supervisor::logs_flushed).
    FlushLogs,
    /// Read the outputs that the commands wrote, if they did, seal and upload them. Answered by
    /// [`outputs_handed_on`](super::Supervisor::outputs_handed_on).
    HandOnOutputs(Upload),
    /// A line for the run's log. It may quote what others said, so it passes the mask like all output.
    LogNote(String),
    /// The phase is over: report it. Nothing follows.
    Report(RunOutcome),
    /// Pack, seal and upload the workspace. Answered by [`sealed`](super::Supervisor::sealed).
    SealWorkspace(Upload),
    /// Signal what runs. Its end is still told by [`exited`](super::Supervisor::exited).
    Signal(ExecSignal),
    /// Start a step that has a script. Answered by [`started`](super::Supervisor::started), then by any number of
    /// [`output`](super::Supervisor::output)s, then by [`exited`](super::Supervisor::exited).
    StartStep(Step),
    /// Say that the run goes on although it prints nothing, and what its command takes. That is no output of the command.
    StillRunning {
        /// Since when it printed nothing, in milliseconds.
        silent_ms: u64,
    },
}

/// What the run initialization policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The run may go on.
    Allowed,
    /// It may not, for these reasons; a policy that could not be evaluated is one.
    Denied(Vec<String>),
}
