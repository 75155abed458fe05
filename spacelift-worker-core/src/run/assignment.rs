//! From an opened offer to an assignment: the point after which nothing about it has to be checked again.
//!
//! Opens and fetches nothing.

#[cfg(test)]
pub(super) mod tests;

use crate::ids::{Lease, PoolId, RunId, WorkerId};
use crate::protocol::message::{Download, OfferPayload, Phase, SealedDownload};

/// The most stacks whose outputs one run takes.
const MAX_INPUTS: usize = 100;

/// What an opened offer must say: who reads it, and the hints outside of the seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hints {
    /// The pool of this worker.
    pub pool: PoolId,
    /// This worker.
    pub worker: WorkerId,
    /// The run of the offer.
    pub run: RunId,
    /// The lease of the offer.
    pub lease: Lease,
    /// The phase of the offer.
    pub phase: Phase,
}

/// Why an opened offer is no assignment of this worker. Each of them is the control plane's fault, or an attack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssignmentError {
    /// It is meant for somebody else, or is about something else than the offer said.
    #[error("the sealed {what} is not the one of the offer and this worker")]
    Mismatch {
        /// What differs: `pool`, `worker`, `run`, `lease` or `phase`.
        what: &'static str,
    },
    /// There is nothing to work on, or two things.
    #[error("a {phase} phase needs {needs}, and the offer does not bring exactly that")]
    Inputs {
        /// The phase.
        phase: &'static str,
        /// What it needs.
        needs: &'static str,
    },
    /// The project root leads out of the source.
    #[error("the project root must be a relative path without `..` and without control characters")]
    ProjectRoot,
    /// A variable cannot be passed to a command.
    #[error(
        "the run's environment variable number {position} has a name or a value that no command can be given"
    )]
    Variable {
        /// Which one, from 1. Its name is not told, since it may be a misplaced value.
        position: usize,
    },
    /// An input cannot be passed to a command.
    #[error("the run's input number {position} has a name that no command can be given")]
    Input {
        /// Which one, from 1.
        position: usize,
    },
    /// Outputs of more stacks than are fetched for one run.
    #[error("a run takes outputs of at most {MAX_INPUTS} stacks, and the offer brings more")]
    TooManyInputs,
    /// A task without a command.
    #[error("a task needs a command, and the offer brings none")]
    NoCommand,
}

/// What a phase works on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fetch {
    /// Source code: verified by its digest and unpacked into the source folder of the workspace.
    Source(Download),
    /// The workspace of the phase before: verified, opened and unpacked as the workspace.
    Workspace(SealedDownload),
}

/// A phase of a run that is this worker's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    payload: OfferPayload,
    fetch: Fetch,
}

impl Assignment {
    /// Takes an opened offer.
    ///
    /// # Errors
    /// [`AssignmentError`] when it is not this worker's, or cannot be carried out.
    pub fn new(mut payload: OfferPayload, hints: Hints) -> Result<Self, AssignmentError> {
        // "The outer run and lease are routing hints and must equal the sealed ones."
        let mismatch = |what| Err(AssignmentError::Mismatch { what });
        if payload.pool != hints.pool {
            return mismatch("pool");
        }
        if payload.worker != hints.worker {
            return mismatch("worker");
        }
        if payload.run.id != hints.run {
            return mismatch("run");
        }
        if payload.lease != hints.lease {
            return mismatch("lease");
        }
        if payload.phase != hints.phase {
            return mismatch("phase");
        }
        let phase = payload.phase.as_str();
        let fetch = match (payload.phase, &payload.source, &payload.workspace) {
            // What is applied is what was planned and confirmed, never a source that came since.
            (Phase::Apply, None, Some(workspace)) => Fetch::Workspace(workspace.clone()),
            (Phase::Apply, ..) => {
                return Err(AssignmentError::Inputs { phase, needs: "the sealed workspace of its plan" });
            }
            (_, Some(source), None) => Fetch::Source(source.clone()),
            (_, None, Some(workspace)) => Fetch::Workspace(workspace.clone()),
            _ => return Err(AssignmentError::Inputs { phase, needs: "either a source or a workspace" }),
        };
        if !stays_inside(&payload.stack.project_root) {
            return Err(AssignmentError::ProjectRoot);
        }
        if payload.inputs.len() > MAX_INPUTS {
            return Err(AssignmentError::TooManyInputs);
        }
        let unusable = |name: &str, value: &str| {
            name.is_empty()
                || name.contains(['=', '\0'])
                || name.contains(char::is_control)
                || value.contains('\0')
        };
        if let Some(at) =
            payload.environment.iter().position(|variable| unusable(&variable.name, &variable.value))
        {
            return Err(AssignmentError::Variable { position: at + 1 });
        }
        let mut inputs = payload.inputs.iter().flat_map(|inputs| &inputs.variables);
        if let Some(at) = inputs.position(|variable| unusable(&variable.name, "")) {
            return Err(AssignmentError::Input { position: at + 1 });
        }
        if payload.phase == Phase::Task && payload.command.trim().is_empty() {
            return Err(AssignmentError::NoCommand);
        }
        // Here, so that the policy is shown the very name that a container is made of.
        payload.runner_image = payload.runner_image.trim().to_owned();
        Ok(Self { payload, fetch })
    }

    /// Everything that the offer said, without blanks around the image's name.
    pub fn payload(&self) -> &OfferPayload {
        &self.payload
    }

    /// What the phase works on.
    pub fn fetch(&self) -> &Fetch {
        &self.fetch
    }
}

/// Whether a path from the control plane names a folder of the source and nothing outside.
fn stays_inside(path: &str) -> bool {
    !path.starts_with('/') && !path.contains(char::is_control) && path.split('/').all(|part| part != "..")
}
