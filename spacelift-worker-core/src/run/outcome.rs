//! How a phase ended, and the report about it. Sends nothing.

use crate::ids::{Lease, RunId};
use crate::protocol::message::{EndCause, Finished, Outcome, SealedObject};

/// How a phase ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunOutcome {
    /// How.
    pub outcome: Outcome,
    /// What ended it, when it did not succeed.
    pub cause: Option<EndCause>,
    /// The code of the command that failed.
    pub exit_code: Option<i32>,
    /// A reason that a person can act on. It may quote what others said, so the driver masks it.
    pub reason: Option<String>,
    /// The version of the last state that was entered.
    pub state_version: u64,
    /// The sealed workspace, where the run goes on later.
    pub workspace: Option<SealedObject>,
    /// The sealed outputs, where the run handed some on.
    pub outputs: Option<SealedObject>,
}

impl RunOutcome {
    /// The report about a run and lease.
    pub fn into_finished(self, run: RunId, lease: Lease) -> Finished {
        Finished {
            run,
            lease,
            outcome: self.outcome,
            cause: self.cause,
            exit_code: self.exit_code,
            reason: self.reason,
            state_version: self.state_version,
            workspace: self.workspace,
            outputs: self.outputs,
        }
    }
}
