//! What the server shows. Times are Unix seconds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use spacelift_worker_core::ids::{PoolId, RunId, WorkerId};
use spacelift_worker_core::protocol::message::{OutputVariable, RunState, RunType, WorkerStatus};

use crate::store::{Dependency, Run, RunSpec, Stack, Transition};

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// One line for a person: whose fault, and what to do.
    pub error: String,
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolView {
    /// Its ULID.
    pub id: PoolId,
    /// Unique.
    pub name: String,
    /// For people.
    pub description: String,
    /// For people and policies.
    pub labels: Vec<String>,
    /// The space it lives in.
    pub space: String,
    /// -1 for no limit.
    pub drift_detection_run_limit: i64,
    /// Workers that are there.
    pub workers_count: usize,
    /// Workers that hold a run.
    pub busy_workers: usize,
    /// Runs that wait for a worker.
    pub pending_runs: usize,
    /// Stacks and modules that use it.
    pub users_count: usize,
    /// When it was made.
    pub created_at: u64,
    /// When it was changed.
    pub updated_at: u64,
}

/// A pool and its token, shown once.
#[derive(Clone, Serialize, Deserialize)]
pub struct PoolCredentials {
    /// The pool.
    pub pool: PoolView,
    /// `SPACELIFT_TOKEN` of its workers: a secret.
    pub token: String,
}

impl std::fmt::Debug for PoolCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoolCredentials").field("pool", &self.pool.id).finish_non_exhaustive()
    }
}

/// A worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerView {
    /// Its ULID.
    pub id: WorkerId,
    /// Its pool.
    pub worker_pool: PoolId,
    /// DRAINED before BUSY before IDLE.
    pub status: WorkerStatus,
    /// Whether it holds a run, or is about to.
    pub busy: bool,
    /// Whether it takes no new work.
    pub drained: bool,
    /// The run that it holds.
    pub run: Option<RunId>,
    /// Tags from `SPACELIFT_METADATA_*`.
    pub metadata: BTreeMap<String, String>,
    /// Version of its library.
    pub version: String,
    /// When it was first heard.
    pub created_at: u64,
    /// When it was last heard.
    pub last_seen_at: u64,
}

/// A stack or a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackView {
    /// Its slug.
    pub id: String,
    /// For people.
    pub name: String,
    /// The space it lives in.
    pub space: String,
    /// For people and policies.
    pub labels: Vec<String>,
    /// Its pool.
    pub worker_pool: PoolId,
    /// Whether it is a module.
    pub is_module: bool,
    /// Whether plans are applied without a confirmation.
    pub autodeploy: bool,
    /// The folder in the source in which commands run.
    pub project_root: String,
    /// When it was made.
    pub created_at: u64,
}

impl From<Stack> for StackView {
    fn from(stack: Stack) -> Self {
        Self {
            id: stack.slug,
            name: stack.name,
            space: stack.space,
            labels: stack.labels,
            worker_pool: stack.pool,
            is_module: stack.is_module,
            autodeploy: stack.auto_deploy,
            project_root: stack.code.project_root,
            created_at: stack.created_at / 1000,
        }
    }
}

/// What a stack takes of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DependencyView {
    /// The slug of the stack that depends.
    pub stack: String,
    /// The slug of the stack on which it depends.
    pub depends_on: String,
    /// Which outputs become which variables.
    pub outputs: Vec<OutputVariable>,
}

impl From<Dependency> for DependencyView {
    fn from(dependency: Dependency) -> Self {
        Self { stack: dependency.stack, depends_on: dependency.upstream, outputs: dependency.variables }
    }
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// Its ULID.
    pub id: RunId,
    /// The slug of its stack or module.
    pub stack: String,
    /// Its pool.
    pub worker_pool: PoolId,
    /// Where it is.
    pub state: RunState,
    /// Rises with each state.
    pub state_version: u64,
    /// The worker that holds it.
    pub worker: Option<WorkerId>,
    /// Since when that worker has not been heard while it may be changing something.
    pub unreachable_since: Option<u64>,
    /// What was asked for.
    #[serde(flatten)]
    pub spec: RunSpec,
    /// Every state it was in, in order.
    pub history: Vec<TransitionView>,
    /// When it was triggered.
    pub created_at: u64,
    /// When it last changed.
    pub updated_at: u64,
}

impl RunView {
    /// From what the store knows.
    pub fn new(run: Run, worker: Option<WorkerId>, history: Vec<Transition>) -> Self {
        Self {
            id: run.id,
            stack: run.stack,
            worker_pool: run.pool,
            state: run.state,
            state_version: run.state_version,
            worker,
            unreachable_since: run.unreachable_since.map(|ms| ms / 1000),
            spec: run.spec,
            history: history.into_iter().map(TransitionView::from).collect(),
            created_at: run.created_at / 1000,
            updated_at: run.updated_at / 1000,
        }
    }
}

/// A state that a run was in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransitionView {
    /// Which.
    pub state: RunState,
    /// The number of this state of the run.
    pub state_version: u64,
    /// A word to people.
    pub note: Option<String>,
    /// Who asked for it, where a person did.
    pub username: Option<String>,
    /// Whether there are logs of it.
    pub has_logs: bool,
    /// Whether nothing follows.
    pub terminal: bool,
    /// When it was entered.
    pub timestamp: u64,
}

impl From<Transition> for TransitionView {
    fn from(transition: Transition) -> Self {
        Self {
            state: transition.state,
            state_version: transition.state_version,
            note: transition.note,
            username: transition.username,
            has_logs: transition.has_logs,
            terminal: transition.terminal,
            timestamp: transition.timestamp / 1000,
        }
    }
}

/// The log of a run so far, as a list of pieces to fetch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogsView {
    /// In the order in which they were printed.
    pub segments: Vec<LogSegmentView>,
    /// Whether no more follow: the run has ended and its last manifest was complete.
    pub finished: bool,
}

/// A piece of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogSegmentView {
    /// The state in which it was printed.
    pub state: RunState,
    /// The number of that state of the run.
    pub state_version: u64,
    /// Length in bytes.
    pub len: u64,
}

/// What a pool does and what waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueView {
    /// Runs on workers, and unconfirmed ones that hold their stack.
    pub running: Vec<RunningView>,
    /// Runs that wait for a worker, the next one first.
    pub waiting: Vec<QueuedView>,
}

/// A run that has started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunningView {
    /// Which.
    pub run: RunId,
    /// The slug of its stack or module.
    pub stack: String,
    /// Its type.
    #[serde(rename = "type")]
    pub run_type: RunType,
    /// Where it is.
    pub state: RunState,
    /// Who has it; nobody has an unconfirmed one.
    pub worker: Option<WorkerId>,
    /// Since when its worker has not been heard.
    pub unreachable_since: Option<u64>,
}

/// A run that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueuedView {
    /// From 1.
    pub position: usize,
    /// Which.
    pub run: RunId,
    /// The slug of its stack or module.
    pub stack: String,
    /// Its type.
    #[serde(rename = "type")]
    pub run_type: RunType,
    /// Where it is.
    pub state: RunState,
    /// Whether a person put it ahead of all.
    pub prioritized: bool,
    /// Whether it looks for drift.
    pub drift_detection: bool,
    /// When it was triggered.
    pub created_at: u64,
    /// What it waits for; nothing when it is about to be offered.
    pub waits_for: Option<String>,
}
