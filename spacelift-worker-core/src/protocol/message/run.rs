//! Words about runs that both ends share: types, states, phases, outcomes.

use serde::{Deserialize, Serialize};

/// The type of a run.
///
/// Source: Spacelift, GraphQL `RunType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum RunType {
    /// Destroys the resources of a stack.
    Destroy,
    /// Reads a module's or a stack's configuration.
    Parse,
    /// A preview: changes nothing.
    Proposed,
    /// One arbitrary command in the workspace.
    Task,
    /// A module's test case.
    Testing,
    /// Plans, waits for a confirmation, applies.
    Tracked,
}

impl RunType {
    /// Whether a run of this type can change the state of its stack, so that one at a time is allowed.
    pub fn changes_state(self) -> bool {
        matches!(self, Self::Destroy | Self::Task | Self::Tracked)
    }
}

/// The state of a run.
///
/// Source: Spacelift, concepts, run, "Run state"; the names are theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum RunState {
    /// The changes are being made.
    Applying,
    /// Ended before it started.
    Canceled,
    /// A person confirmed; a worker is awaited.
    Confirmed,
    /// Resources are being destroyed.
    Destroying,
    /// Ended: a person did not want the changes.
    Discarded,
    /// Ended: something went wrong.
    Failed,
    /// Ended: all went well.
    Finished,
    /// The workspace is being initialized.
    Initializing,
    /// No state yet.
    None,
    /// Waits for review by a policy.
    PendingReview,
    /// The command of a task is running.
    Performing,
    /// The changes are being computed.
    Planning,
    /// A worker prepares the workspace.
    Preparing,
    /// A worker prepares the workspace of the planning phase for applying.
    PreparingApply,
    /// A worker prepares the workspace for planning again.
    PreparingReplan,
    /// Waits for a free worker.
    Queued,
    /// May be scheduled.
    Ready,
    /// Another plan was asked for.
    ReplanRequested,
    /// Ended: there was nothing to do.
    Skipped,
    /// Ended by a person's request.
    Stopped,
    /// The plan is there; a person's confirmation is awaited.
    Unconfirmed,
}

impl RunState {
    /// Whether nothing follows.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Canceled | Self::Discarded | Self::Failed | Self::Finished | Self::Skipped | Self::Stopped
        )
    }

    /// Whether the world changes meanwhile, so that ending it half-way is the worse harm.
    pub fn changes_state(self) -> bool {
        matches!(self, Self::Applying | Self::Destroying | Self::Performing)
    }
}

/// What one lease is for: the part of a run's life that one worker goes through without a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// PREPARING_APPLY, APPLYING.
    Apply,
    /// PREPARING, INITIALIZING, DESTROYING.
    Destroy,
    /// PREPARING, INITIALIZING, PLANNING.
    Plan,
    /// PREPARING, INITIALIZING, PERFORMING.
    Task,
    /// PREPARING, INITIALIZING, PLANNING, APPLYING, DESTROYING.
    Test,
}

impl Phase {
    /// The name on the wire and in a sealed file's context.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Destroy => "destroy",
            Self::Plan => "plan",
            Self::Task => "task",
            Self::Test => "test",
        }
    }

    /// Whether the phase may go to another worker after its lease ended: it changes nothing, however far it came.
    pub fn may_be_offered_again(self) -> bool {
        self == Self::Plan
    }
}

/// How a phase ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// A step failed, or something around it did.
    Failed,
    /// Somebody asked for its end.
    Stopped,
    /// Every step returned 0.
    Succeeded,
}

/// What ended a phase that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndCause {
    /// A command returned another code than 0, or a signal ended it.
    Command,
    /// The pool was cycled.
    Cycled,
    /// The worker itself could not go on: disk, memory, network.
    Internal,
    /// A kill was asked for.
    Killed,
    /// The lease ended before the phase did.
    LeaseEnded,
    /// No output for the logs timeout.
    LogsTimeout,
    /// The outputs of the run could not be read, sealed or stored.
    Outputs,
    /// The run initialization policy denied the run.
    PolicyDenied,
    /// The run timeout passed.
    RunTimeout,
    /// The worker's process was asked to end, and its grace had passed.
    Shutdown,
    /// A stop was asked for.
    Stopped,
    /// Source or workspace could not be fetched, verified, opened, packed or stored.
    Workspace,
    /// A cause that this version does not know.
    #[serde(other)]
    Other,
}

/// The status of a worker.
///
/// Source: Spacelift, worker pools, "Status".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum WorkerStatus {
    /// Processes a run, or is about to.
    Busy,
    /// Accepts no new work; it may still hold a run.
    Drained,
    /// Available.
    Idle,
}
