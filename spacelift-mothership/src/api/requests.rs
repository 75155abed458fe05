//! What the command line asks for.

use serde::{Deserialize, Serialize};
use spacelift_worker_core::protocol::message::{Commit, EnvironmentVariable, OutputVariable, RunType};

use crate::store::StackCode;

/// Makes a pool from a certificate signing request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreatePool {
    /// Unique.
    pub name: String,
    /// The request (PEM).
    pub certificate_signing_request: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// For people and policies.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The space it lives in.
    pub space: String,
    /// -1 for no limit.
    pub drift_detection_run_limit: i64,
    /// For how long the certificate holds, in seconds; ten years when absent. A negative number makes one that has expired.
    #[serde(default)]
    pub certificate_seconds: Option<i64>,
}

/// Replaces the credentials of a pool.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResetPool {
    /// A new request (PEM); absent: the one that the pool was made with, and so the same key.
    #[serde(default)]
    pub certificate_signing_request: Option<String>,
    /// As for a new pool.
    #[serde(default)]
    pub certificate_seconds: Option<i64>,
}

/// Makes a stack or a module.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateStack {
    /// For people; the slug is made from it.
    pub name: String,
    /// The id or the name of its pool.
    pub pool: String,
    /// The space it lives in.
    pub space: String,
    /// For people and policies.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Whether it is a module.
    #[serde(default)]
    pub is_module: bool,
    /// Whether plans are applied without a confirmation.
    #[serde(default)]
    pub auto_deploy: bool,
    /// What is run. The source was uploaded before.
    pub code: StackCode,
    /// Its environment.
    #[serde(default)]
    pub environment: Vec<EnvironmentVariable>,
}

/// What a person triggers. All but the last are Spacelift's run types; the last is a proposed run that looks for drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are the run types' own")]
pub enum TriggerType {
    Destroy,
    Drift,
    Proposed,
    Task,
    Testing,
    Tracked,
}

impl TriggerType {
    /// The run's type, and whether it looks for drift.
    pub fn run_type(self) -> (RunType, bool) {
        match self {
            Self::Destroy => (RunType::Destroy, false),
            Self::Drift => (RunType::Proposed, true),
            Self::Proposed => (RunType::Proposed, false),
            Self::Task => (RunType::Task, false),
            Self::Testing => (RunType::Testing, false),
            Self::Tracked => (RunType::Tracked, false),
        }
    }
}

/// Triggers a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TriggerRun {
    /// The slug of its stack or module.
    pub stack: String,
    /// Absent: tracked for a stack, testing for a module.
    #[serde(default, rename = "type")]
    pub trigger: Option<TriggerType>,
    /// The command of a task; empty otherwise.
    #[serde(default)]
    pub command: String,
    /// A line for people; a fitting one when empty.
    #[serde(default)]
    pub title: String,
    /// Metadata for policies.
    #[serde(default)]
    pub metadata: Option<String>,
    /// The commit that is run.
    #[serde(default)]
    pub commit: Commit,
    /// Whether it goes ahead of the others.
    #[serde(default)]
    pub prioritize: bool,
    /// Who triggers it.
    pub username: String,
}

/// Confirms, discards, stops or kills a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunAction {
    /// A word to people.
    #[serde(default)]
    pub note: Option<String>,
    /// Metadata for policies, with a confirmation.
    #[serde(default)]
    pub metadata: Option<String>,
    /// Who asks.
    pub username: String,
}

/// Drains a worker, or takes it back.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrainWorker {
    /// On or off.
    pub drain: bool,
}

/// Makes a stack depend on another one, or changes what it takes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Depend {
    /// The slug of the stack on which it depends.
    pub on: String,
    /// Which outputs become which variables.
    #[serde(default)]
    pub outputs: Vec<OutputVariable>,
}
