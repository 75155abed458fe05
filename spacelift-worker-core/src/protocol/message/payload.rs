//! The sealed part of an offer: everything about a phase that only the pool's workers may read.
//!
//! What will be executed stands here once. The policy's input is derived from the same fields, so that a
//! control plane cannot show the policy one command and run another.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Phase, RunState, RunType};
use crate::ids::{Lease, PoolId, RunId, WorkerId};

/// A phase of a run, complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OfferPayload {
    /// The pool whose worker is meant.
    pub pool: PoolId,
    /// The worker that is meant.
    pub worker: WorkerId,
    /// By which lease.
    pub lease: Lease,
    /// For what.
    pub phase: Phase,
    /// The version of the first state on the worker; each further state adds one.
    pub state_version: u64,
    /// The run.
    pub run: RunDetails,
    /// Its stack or module.
    pub stack: StackDetails,
    /// The name of the account.
    pub account_name: String,
    /// The commands.
    #[serde(default)]
    pub workflow: Workflow,
    /// The command of a task; empty otherwise.
    #[serde(default)]
    pub command: String,
    /// Commands around the commands.
    #[serde(default)]
    pub hooks: Hooks,
    /// The run's own environment.
    #[serde(default)]
    pub environment: Vec<EnvironmentVariable>,
    /// The image that a container executor runs; empty for its default.
    #[serde(default)]
    pub runner_image: String,
    /// The source code, as tar compressed with zstd. Absent where a workspace goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Download>,
    /// The sealed workspace of the phase before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<SealedDownload>,
    /// Outputs of other stacks' runs, of which variables are made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<StackInputs>,
    /// Where results go.
    #[serde(default)]
    pub uploads: Uploads,
}

/// The run, as far as it is public within its pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunDetails {
    /// Which.
    pub id: RunId,
    /// Its type.
    #[serde(rename = "type")]
    pub run_type: RunType,
    /// The state in which the worker gets it.
    pub state: RunState,
    /// A line for people.
    #[serde(default)]
    pub title: String,
    /// Unix nanoseconds.
    pub created_at: u64,
    /// Unix nanoseconds.
    pub updated_at: u64,
    /// Who triggered it.
    #[serde(default)]
    pub triggered_by: String,
    /// The commit that is run.
    pub commit: Commit,
    /// Metadata given by people: at the trigger first, at the confirmation second.
    #[serde(default)]
    pub user_provided_metadata: Vec<String>,
    /// Whether it looks for drift.
    #[serde(default)]
    pub drift_detection: bool,
    /// Whether the source is a person's local workspace and not a commit.
    #[serde(default)]
    pub based_on_local_workspace: bool,
}

/// A commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Commit {
    /// Who wrote it.
    #[serde(default)]
    pub author: String,
    /// On which branch.
    #[serde(default)]
    pub branch: String,
    /// Unix nanoseconds.
    #[serde(default)]
    pub created_at: u64,
    /// Its hash.
    #[serde(default)]
    pub hash: String,
    /// What it says.
    #[serde(default)]
    pub message: String,
}

/// The stack or module of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StackDetails {
    /// Its slug, unique in the account.
    pub slug: String,
    /// Its labels.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The space it lives in.
    #[serde(default)]
    pub space: String,
    /// Whether plans are applied without a confirmation.
    #[serde(default)]
    pub auto_deploy: bool,
    /// The folder in the source in which commands run; empty for its root.
    #[serde(default)]
    pub project_root: String,
    /// Where the source comes from.
    #[serde(default)]
    pub repository_path: String,
    /// Whether it is a module.
    #[serde(default)]
    pub module: bool,
}

/// The commands of a custom workflow, each given to `sh -c`. An absent one is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Workflow {
    /// Initializes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<String>,
    /// Computes the changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Makes the changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply: Option<String>,
    /// Destroys everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destroy: Option<String>,
    /// The tool that the commands call, in lower case, such as `ansible`; empty where that is not known. It decides over the image of
    /// a run that names none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vendor: String,
}

/// Commands before and after the commands, in one shell session with them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Hooks {
    /// Before initializing.
    pub before_init: Vec<String>,
    /// After initializing.
    pub after_init: Vec<String>,
    /// Before planning.
    pub before_plan: Vec<String>,
    /// After planning.
    pub after_plan: Vec<String>,
    /// Before applying.
    pub before_apply: Vec<String>,
    /// After applying.
    pub after_apply: Vec<String>,
    /// Before the command of a task.
    pub before_perform: Vec<String>,
    /// After the command of a task.
    pub after_perform: Vec<String>,
    /// Before destroying.
    pub before_destroy: Vec<String>,
    /// After destroying.
    pub after_destroy: Vec<String>,
    /// After the run on this worker, however it ended.
    pub after_run: Vec<String>,
}

/// A variable of the run's own environment.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EnvironmentVariable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether the value is a secret, so that it is masked.
    #[serde(default)]
    pub secret: bool,
}

impl fmt::Debug for EnvironmentVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvironmentVariable").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Where to fetch an object, and how to know it. The URL is a bearer secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Download {
    /// HTTPS, expiring.
    pub url: String,
    /// Length in bytes.
    pub len: u64,
    /// SHA-256 in lower-case hex.
    pub sha256: String,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Where to fetch a sealed workspace, and what its context must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SealedDownload {
    /// Where.
    #[serde(flatten)]
    pub download: Download,
    /// The phase that made it.
    pub phase: Phase,
    /// The version of the state in which it was made.
    pub state_version: u64,
}

/// The sealed outputs of a run of another stack, and what is made of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StackInputs {
    /// The stack that has the outputs.
    pub stack: String,
    /// Its run that made them.
    pub run: RunId,
    /// Where they are, and by which phase and state they were made.
    #[serde(flatten)]
    pub outputs: SealedDownload,
    /// Which outputs become which variables.
    pub variables: Vec<OutputVariable>,
}

/// An output of another stack that becomes a variable of the run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OutputVariable {
    /// The output's name.
    pub output: String,
    /// The variable's name.
    pub name: String,
}

/// Where to put an object. The URL is a bearer secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Upload {
    /// The name under which the worker reports it.
    pub name: String,
    /// HTTPS, expiring, for one PUT that does not overwrite.
    pub url: String,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Where results go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Uploads {
    /// The sealed workspace; present where the run waits and goes on later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Upload>,
    /// The sealed outputs; present where a phase may hand some to other stacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Upload>,
    /// Log segments, in order.
    pub logs: Vec<Upload>,
}

/// More places for log segments: the sealed part of a renewal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogUploads {
    /// By which lease.
    pub lease: Lease,
    /// Log segments, after those of the offer and of earlier renewals.
    pub logs: Vec<Upload>,
}
