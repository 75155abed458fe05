//! What it means to execute one step of a run: the specification, the events, and the executor's trait.
//!
//! A local process and a container implement [`Executor`] alike. Nothing here starts anything.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use crate::ids::{Lease, PoolId, RunId, WorkerId};
use crate::secret::SecretText;

/// One command to run, wholly specified: nothing of the launcher's own environment is inherited.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExecSpec {
    /// Program and arguments, without a shell in between unless it is named here.
    pub argv: Vec<String>,
    /// The whole environment of the child.
    pub env: BTreeMap<String, SecretText>,
    /// Working directory, as the command sees it.
    pub cwd: PathBuf,
    /// Whose it is: an executor marks everything that it starts with it, so that what a killed worker left behind is found by its
    /// successor. Absent: nobody will look for it.
    pub mark: Option<String>,
}

impl ExecSpec {
    /// A command with its working directory and an empty environment.
    pub fn new(argv: Vec<String>, cwd: PathBuf) -> Self {
        Self { argv, env: BTreeMap::new(), cwd, mark: None }
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExitStatus {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl ExitStatus {
    /// Whether the command succeeded.
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }

    /// The code a shell would report: 128 and the signal's number for a signal.
    pub fn code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal,
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// What a running command tells.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExecEvent {
    /// Bytes of standard output or standard error, merged in the order in which they were written.
    Output(Vec<u8>),
    /// The command is gone, and what it started goes with it: at once, or in a container with the phase. Nothing follows.
    Exited(ExitStatus),
}

/// What a command and everything it started has taken so far; in a container, what all of the container has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExecUsage {
    /// Processes that live.
    pub processes: u32,
    /// Milliseconds of the processor, of children that ended, too.
    pub cpu_ms: u64,
    /// Bytes that are resident; memory that is shared counts for each, but for a container once.
    pub memory: u64,
    /// Milliseconds for which it was kept from the processor by a limit, where that is known.
    pub throttled_ms: Option<u64>,
}

impl fmt::Display for ExecUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |ms: u64| ms as f64 / 1e3;
        let (cpu, memory) = (seconds(self.cpu_ms), self.memory as f64 / f64::from(1 << 20));
        write!(f, "processes {}, processor {cpu:.1} s, memory {memory:.1} MiB", self.processes)?;
        match self.throttled_ms {
            Some(throttled) => write!(f, ", throttled {:.1} s", seconds(throttled)),
            None => Ok(()),
        }
    }
}

/// A signal to a running command and everything it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExecSignal {
    /// Ask it to end.
    Terminate,
    /// End it.
    Kill,
}

/// Why a command could not be started or followed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing}")]
#[non_exhaustive]
pub struct ExecError {
    /// What was tried, such as `start "sh" in /srv/run`; never an argument, which may be a secret.
    pub doing: String,
    /// What the system answered.
    #[source]
    pub source: std::io::Error,
}

impl ExecError {
    /// An error with what was tried and what the system answered.
    pub fn new(doing: impl Into<String>, source: std::io::Error) -> Self {
        Self { doing: doing.into(), source }
    }
}

/// A future without a name, as trait objects need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One phase of a run: what its commands need around them. A container executor makes one container of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PhaseSpec {
    /// The run.
    pub run: RunId,
    /// By which lease.
    pub lease: Lease,
    /// On which worker.
    pub worker: WorkerId,
    /// Of which pool.
    pub pool: PoolId,
    /// The slug of the stack.
    pub stack: String,
    /// The phase, as it stands in messages.
    pub phase: String,
    /// The image that the stack asks for; empty for the default.
    pub image: String,
    /// What the stack's tool is, such as `ansible`, in lower case; empty where that is not known.
    pub vendor: String,
    /// The folder on this machine in which the workspace is, or will be, under the name of [`WORKSPACE`].
    pub folder: PathBuf,
    /// Whether the run is one that may change something, which decides over mounts.
    pub write_only: bool,
    /// As in [`ExecSpec::mark`].
    pub mark: String,
}

impl PhaseSpec {
    /// The phase of a run, with neither image nor vendor, which changes nothing.
    pub fn new(run: RunId, lease: Lease, worker: WorkerId, pool: PoolId, folder: PathBuf) -> Self {
        let (stack, phase, image, vendor, mark) = Default::default();
        Self { run, lease, worker, pool, stack, phase, image, vendor, folder, write_only: false, mark }
    }
}

/// The name of the workspace in the folder of its phase.
pub const WORKSPACE: &str = "workspace";

/// Takes lines for the run's log while a phase is prepared, such as the progress of a download.
pub type Notes = Arc<dyn Fn(String) + Send + Sync>;

/// Starts commands.
pub trait Executor: Send + Sync {
    /// Starts one command; it runs when this returns.
    fn start(&self, spec: ExecSpec) -> BoxFuture<'_, Result<Box<dyn Execution>, ExecError>>;

    /// Before a worker connects: sees whether commands can run at all, and ends what an earlier process with this mark left
    /// running. `folder` is where the folders of phases will be.
    fn begin<'a>(&'a self, mark: &'a str, folder: &'a Path) -> BoxFuture<'a, Result<(), ExecError>> {
        let _ = (mark, folder);
        Box::pin(async { Ok(()) })
    }

    /// Prepares a phase, and gives the executor of its commands where that is another one. The workspace may still be empty.
    fn prepare(
        &self,
        phase: PhaseSpec,
        notes: Notes,
    ) -> BoxFuture<'_, Result<Option<Box<dyn Executor>>, ExecError>> {
        let _ = (phase, notes);
        Box::pin(async { Ok(None) })
    }

    /// What the commands of a phase see as its folder, and as the owner of what is in it.
    fn view(&self) -> View {
        View::default()
    }

    /// Lets nothing change the workspace until [`resume`](Self::resume), so that it can be packed.
    fn pause(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    /// Ends [`pause`](Self::pause).
    fn resume(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    /// What this executor needs of the machine, and whether it is there. Changes nothing. Empty: nothing but the machine.
    fn needs(&self) -> BoxFuture<'_, Vec<Need>> {
        Box::pin(async { Vec::new() })
    }

    /// Ends everything that was started, and returns when it is gone. What is dropped instead goes a little later.
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// One thing that an executor needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Need {
    /// What it is, such as `Docker Engine`.
    pub what: String,
    /// How it was found.
    pub found: NeedFound,
}

impl Need {
    /// A need, as it was found.
    pub fn new(what: impl Into<String>, found: NeedFound) -> Self {
        Self { what: what.into(), found }
    }
}

/// How something that an executor needs was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NeedFound {
    /// It is there: what was found.
    Good(String),
    /// It is not, which matters to some runs: what to do.
    Dubious(String),
    /// It is not, and no run can be executed: what to do.
    Bad(String),
}

/// How commands see the folder of their phase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct View {
    /// Where they see it; absent: where it is.
    pub folder: Option<PathBuf>,
    /// User and group as whom they run, to whom the workspace has to belong; absent: as the launcher does.
    pub owner: Option<(u32, u32)>,
    /// Whether they find a `PATH` of their own, that of an image.
    pub has_path: bool,
}

/// A running command. Dropping it kills everything it started.
pub trait Execution: Send {
    /// The next event. Cancel-safe: a dropped future loses nothing.
    fn next(&mut self) -> BoxFuture<'_, Result<ExecEvent, ExecError>>;

    /// Sends a signal to all of it; none when it has ended.
    fn signal(&mut self, signal: ExecSignal);

    /// What it has taken so far, where that is known.
    fn usage(&mut self) -> BoxFuture<'_, Option<ExecUsage>> {
        Box::pin(async { None })
    }

    /// Why it ended as it did, where more is known than its status: a clause for a person, such as a limit that was met.
    fn why(&self) -> Option<String> {
        None
    }
}
