//! From an environment to a launcher, with everything that is wrong at once.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::comms::{self, Named, Transport, Ways};
use super::setup::{Problems, SetupError};
use super::spot::Notices;
use super::{Launcher, StateFolder, executor};
use crate::config::{self, LauncherConfig, Parsed};
use crate::driver::{
    self, BlobClient, FileJournal, LineSink, LogMask, Metrics, PolicyHost, PolicyHostError, PolicyIsolation,
    RunContext,
};
use crate::exec::Executor;
use crate::files::workspace::removal::remove_tree;
use crate::files::{self, Environment};
use crate::ids::WorkerId;
use crate::policy::{AllowedPrograms, PolicyOptions, ProgramPathError};
use crate::pool::PoolCredentials;
use crate::protocol::SessionConfig;
use crate::run::{RunEnvironment, RunSettings};
use crate::secret::SecretText;

/// A launcher before its checks.
pub struct LauncherBuilder {
    pub(super) parsed: Parsed,
    pub(super) environment: BTreeMap<String, SecretText>,
    /// Chosen by the host; else by the configuration.
    pub(super) executor: Option<(String, Arc<dyn Executor>)>,
    policy_isolation: PolicyIsolation,
    pub(super) warnings: Vec<String>,
}

impl fmt::Debug for LauncherBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LauncherBuilder")
            .field("executor", &self.executor.as_ref().map(|(name, _)| name))
            .finish_non_exhaustive()
    }
}

impl LauncherBuilder {
    pub(super) fn from_environment(environment: Environment) -> Self {
        let Environment { pairs, not_utf8 } = environment;
        let environment =
            pairs.iter().map(|(name, value)| (name.clone(), SecretText::from(value.as_str()))).collect();
        let mut parsed = config::parse(pairs);
        parsed.leave_out(not_utf8);
        let warnings = parsed.warnings.iter().map(ToString::to_string).collect();
        Self { parsed, environment, executor: None, policy_isolation: PolicyIsolation::default(), warnings }
    }

    /// Runs steps by another executor than that of `SPACELIFT_WORKER_EXECUTOR`; `name` stands among the worker's capabilities.
    #[must_use]
    pub fn executor(mut self, name: &str, executor: impl Executor + 'static) -> Self {
        self.executor = Some((name.to_owned(), Arc::new(executor)));
        self
    }

    /// Evaluates the run initialization policy in a process of its own, or not. Default [`PolicyIsolation::Automatic`].
    #[must_use]
    pub fn policy_isolation(mut self, isolation: PolicyIsolation) -> Self {
        self.policy_isolation = isolation;
        self
    }

    /// Checks everything, and connects to nothing.
    ///
    /// # Errors
    /// [`SetupError`] with every problem that was found: of the variables, the token, the key, the policy, the
    /// certificates and the state folder.
    pub fn build(self) -> Result<Launcher, SetupError> {
        let mut launchers = self.build_with(1, |path, _| path)?;
        launchers.pop().ok_or_else(|| Problems::default().into_error())
    }

    /// Many workers for one process: they share the key, the certificate, the policy, the masks and the runtime, and each has a
    /// connection, an identity and runs of its own. Below `SPACELIFT_WORKER_STATE_DIR` each has a folder, `worker-1` and so on. One of
    /// their [`Launcher::log_layer`]s serves for all.
    ///
    /// # Errors
    /// As [`LauncherBuilder::build`]
    pub fn build_many(self, count: usize) -> Result<Vec<Launcher>, SetupError> {
        self.build_with(count, |path, number| path.join(format!("worker-{number}")))
    }

    fn build_with(
        self,
        count: usize,
        folder: impl Fn(PathBuf, usize) -> PathBuf,
    ) -> Result<Vec<Launcher>, SetupError> {
        let environment = RunEnvironment::new(&self.parsed.config, self.environment.clone());
        // Nothing else may be shown when it cannot be masked.
        let mut problems = Problems::default();
        let Some((secrets, unmasked)) =
            problems.take(driver::masked(environment.mask_settings(), environment.secrets()))
        else {
            return Err(problems.into_error());
        };
        let mask = LogMask::new(secrets);
        let (environment, log) = ((environment, unmasked), mask.clone());
        self.checked(environment, log)
            .and_then(|all| (1..=count).map(|number| all.one(|path| folder(path, number))).collect())
            .map_err(|error| error.masked(|line| mask.text(line)))
    }

    fn checked(
        self,
        environment: (RunEnvironment, Vec<String>),
        log_mask: LogMask,
    ) -> Result<Shared, SetupError> {
        let mut problems = Problems::default();
        for problem in &self.parsed.problems {
            problems.add(problem);
        }
        let config = &self.parsed.config;
        let credentials = credentials(&self.parsed, &mut problems);
        let policy = config.initialization_policy.as_ref().and_then(|path| {
            problems.take(self.policy(path).map_err(|error| Named { variable: POLICY, error }))
        });
        let (Some(credentials), true) = (credentials, problems.is_empty()) else {
            return Err(problems.into_error());
        };
        self.assemble(credentials, policy, environment, log_mask, problems)
    }

    /// Reads and tries the policy.
    pub(super) fn policy(&self, path: &Path) -> Result<PolicyHost, PolicySetupError> {
        let settings = &self.parsed.config.policy;
        let environment = settings.program_variables.iter().filter_map(|name| {
            self.environment.get(name).map(|value| (name.clone(), value.expose().to_owned()))
        });
        let programs =
            AllowedPrograms::new(settings.programs.iter().cloned())?.with_environment(environment.collect());
        let options = PolicyOptions { time_limit: settings.timeout, programs, strict: settings.strict };
        let files::PolicySource { name, text } = files::read_policy_source(path)?;
        Ok(PolicyHost::open(&name, &text, options, self.policy_isolation.clone())?)
    }

    fn assemble(
        self,
        credentials: PoolCredentials,
        policy: Option<PolicyHost>,
        (environment, unmasked): (RunEnvironment, Vec<String>),
        log_mask: LogMask,
        mut problems: Problems,
    ) -> Result<Shared, SetupError> {
        let config = self.parsed.config;
        let credentials = Arc::new(credentials);
        // Each worker makes its own of them.
        let ways = problems
            .take(worker_id())
            .and_then(|worker| comms::ways(&config, &credentials, worker, &mut problems));
        let notices = Notices::new(&config, &mut problems);
        let chosen = self.executor.or_else(|| problems.take(executor::of(&config, &self.environment)));
        let (Some(Ways { transport, blobs, .. }), Some((executor_name, executor)), true) =
            (ways, chosen, problems.is_empty())
        else {
            return Err(problems.into_error());
        };
        let mut warnings = self.warnings;
        warnings.extend(unmasked);
        let chosen = self.policy_isolation != PolicyIsolation::Automatic;
        if !chosen && policy.as_ref().is_some_and(PolicyHost::shares_memory) {
            warnings.push(
                "the policy is evaluated in this process, whose memory it shares: call `driver::main_if_asked` first of all in `main`"
                    .to_owned(),
            );
        }
        Ok(Shared {
            lines: config.logs.run_logs_on_standard_output.then(LineSink::stdout),
            config,
            credentials,
            executor,
            capabilities: vec![executor_name],
            transport,
            blobs,
            policy: policy.map(Arc::new),
            environment: Arc::new(environment),
            log_mask,
            metrics: Metrics::default(),
            notices,
            warnings,
        })
    }
}

/// What the workers of one process share.
struct Shared {
    config: LauncherConfig,
    credentials: Arc<PoolCredentials>,
    executor: Arc<dyn Executor>,
    capabilities: Vec<String>,
    transport: Transport,
    blobs: BlobClient,
    policy: Option<Arc<PolicyHost>>,
    environment: Arc<RunEnvironment>,
    log_mask: LogMask,
    lines: Option<LineSink>,
    metrics: Metrics,
    notices: Notices,
    warnings: Vec<String>,
}

impl Shared {
    /// A worker with an identity and a state of its own; `folder` makes its place from the configured one.
    fn one(&self, folder: impl FnOnce(PathBuf) -> PathBuf) -> Result<Launcher, SetupError> {
        let mut problems = Problems::default();
        let worker = problems.take(worker_id());
        let state = problems.take(state_folder(&self.config, folder));
        let (Some(worker), Some(state)) = (worker, state) else {
            return Err(problems.into_error());
        };
        let transport = problems.take(self.transport.of(&self.credentials, worker));
        let journal = problems.take(FileJournal::open(&state.path, self.credentials.pool_id()));
        // Only where no other process holds the journal; before the folder of runs goes, and before anything is reported.
        let mark = journal.is_some().then(|| problems.take(left_over_ended(&state))).flatten();
        let scratch = mark.is_some().then(|| problems.take(empty_scratch(&state))).flatten();
        let (Some(transport), Some((journal, restored)), Some(mark), Some(scratch)) =
            (transport, journal, mark, scratch)
        else {
            return Err(problems.into_error());
        };
        let mut session = SessionConfig::new(worker);
        session.metadata = self.config.metadata.clone();
        session.capabilities = self.capabilities.clone();
        Ok(Launcher {
            context: RunContext {
                credentials: self.credentials.clone(),
                worker,
                executor: self.executor.clone(),
                blobs: self.blobs.clone(),
                policy: self.policy.clone(),
                environment: self.environment.clone(),
                log_mask: self.log_mask.clone(),
                lines: self.lines.clone(),
                mark,
                scratch,
                settings: RunSettings::from(&self.config),
                describes: false,
            },
            session,
            transport,
            journal,
            restored,
            drain_grace: self.config.timeouts.drain_grace,
            state,
            metrics: self.metrics.clone(),
            notices: self.notices.clone(),
            warnings: self.warnings.clone(),
        })
    }
}

/// The variable with the policy's path.
pub(super) const POLICY: &str = "SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY";

/// The policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum PolicySetupError {
    #[error(transparent)]
    File(#[from] files::PolicyFileError),
    #[error(transparent)]
    Host(#[from] PolicyHostError),
    #[error("SPACELIFT_WORKER_POLICY_PROGRAMS")]
    Programs(#[from] ProgramPathError),
}

/// Token and key; problems of a variable that is missing were told already.
pub(super) fn credentials(parsed: &Parsed, problems: &mut Problems) -> Option<PoolCredentials> {
    let identity = &parsed.config.identity;
    match PoolCredentials::parse(&identity.token, &identity.private_key, driver::unix_time().as_secs()) {
        Ok(credentials) => Some(credentials),
        Err(found) => {
            let told = |variable: &str| parsed.problems.iter().any(|problem| problem.variable == variable);
            for problem in found.problems().iter().filter(|problem| !told(problem.variable())) {
                problems.add(problem);
            }
            None
        }
    }
}

/// A worker's identity is made fresh by each process, so there is no older life of the same worker.
pub(super) fn worker_id() -> Result<WorkerId, crate::crypto::CryptoError> {
    Ok(WorkerId::from_parts(driver::now().unix_ms, driver::random_bits()?))
}

/// The folder for journal and scratch files: the configured one, or a fresh one that goes with the launcher.
fn state_folder(
    config: &LauncherConfig,
    folder: impl FnOnce(PathBuf) -> PathBuf,
) -> Result<StateFolder, StateError> {
    let (path, temporary) = match &config.storage.state_dir {
        Some(path) => (folder(path.clone()), false),
        None => {
            let name = driver::random_name().map_err(|error| StateError {
                path: std::env::temp_dir(),
                source: io::Error::other(error),
            })?;
            (std::env::temp_dir().join(format!("spacelift-worker-{name}")), true)
        }
    };
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
    made.map_err(|source| StateError { path: path.clone(), source })?;
    Ok(StateFolder { path, temporary })
}

/// Ends what an earlier process on this folder left running, and gives the mark by which that is found. The mark is the folder's
/// own, so that a worker on another folder is never met, whatever the folders are called.
fn left_over_ended(state: &StateFolder) -> Result<String, StateError> {
    let path = state.path.join("mark");
    let fail = |source| StateError { path: path.clone(), source };
    let mark = match fs::read_to_string(&path) {
        Ok(mark) if is_mark(&mark) => mark,
        Ok(_) => return Err(fail(io::Error::new(io::ErrorKind::InvalidData, "this is no mark; remove it"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mark = driver::random_name().map_err(|error| fail(io::Error::other(error)))?;
            let mut file =
                fs::File::options().write(true).create_new(true).mode(0o600).open(&path).map_err(fail)?;
            file.write_all(mark.as_bytes()).and_then(|()| file.sync_all()).map_err(fail)?;
            mark
        }
        Err(error) => return Err(fail(error)),
    };
    driver::end_left_over(&mark).map_err(|error| fail(io::Error::other(error)))?;
    Ok(mark)
}

/// A short or empty one would be found in the environment of others.
fn is_mark(text: &str) -> bool {
    text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// What an earlier process left of its runs is removed: nothing of it is used again.
fn empty_scratch(state: &StateFolder) -> Result<PathBuf, StateError> {
    let path = state.path.join("runs");
    let fail = |source| StateError { path: path.clone(), source };
    remove_tree(&path).map_err(fail)?;
    fs::DirBuilder::new().mode(0o700).create(&path).map_err(fail)?;
    Ok(path)
}

/// The state folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("SPACELIFT_WORKER_STATE_DIR: {path} cannot be used; give it a folder that this user may write to", path = .path.display())]
struct StateError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::workspace::removal::tests::{deepen, passes_with_few_descriptors};

    #[test]
    fn a_launcher_starts_however_deep_the_folders_are_that_a_run_left() {
        let test = "launcher::build::tests::deep_folders_that_a_run_left_go";
        assert!(passes_with_few_descriptors(test));
    }

    #[test]
    #[ignore = "the test above starts it, where there are few descriptors"]
    fn deep_folders_that_a_run_left_go() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder { path: folder.path().to_owned(), temporary: false };
        let left = state.path.join("runs/left");
        fs::create_dir_all(&left).unwrap();
        deepen(&left);
        let scratch = empty_scratch(&state).unwrap();
        assert_eq!(fs::read_dir(scratch).unwrap().count(), 0);
    }
}
