//! From an environment to a launcher, with everything that is wrong at once.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::setup::{Problems, SetupError};
use super::{Launcher, StateFolder};
use crate::config::{self, CommsProtocol, LauncherConfig, Parsed, StorageHost};
use crate::driver::{
    self, ALPN_ON_443, AllowedHost, BlobClient, FileJournal, LineSink, MqttEndpoint, ProcessExecutor, Roots,
    RunContext,
};
use crate::exec::Executor;
use crate::files::{self, Environment};
use crate::ids::WorkerId;
use crate::policy::InitializationPolicy;
use crate::pool::PoolCredentials;
use crate::protocol::{SessionConfig, topic};
use crate::run::{RunEnvironment, RunSettings};
use crate::secret::SecretText;

/// A launcher before its checks.
pub struct LauncherBuilder {
    parsed: Parsed,
    environment: BTreeMap<String, SecretText>,
    executor: Arc<dyn Executor>,
    executor_name: String,
    warnings: Vec<String>,
}

impl fmt::Debug for LauncherBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LauncherBuilder").field("executor", &self.executor_name).finish_non_exhaustive()
    }
}

impl LauncherBuilder {
    pub(super) fn from_environment(environment: Environment) -> Self {
        let mut builder = Self::from_pairs(environment.pairs);
        let unread =
            environment.not_utf8.into_iter().map(|name| format!("{name}: left out, since it is not UTF-8"));
        builder.warnings.extend(unread);
        builder
    }

    pub(super) fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let pairs: Vec<(String, String)> = pairs.into_iter().collect();
        let environment =
            pairs.iter().map(|(name, value)| (name.clone(), SecretText::from(value.as_str()))).collect();
        let parsed = config::parse(pairs);
        let warnings = parsed.warnings.iter().map(ToString::to_string).collect();
        Self {
            parsed,
            environment,
            executor: Arc::new(ProcessExecutor),
            executor_name: "process".to_owned(),
            warnings,
        }
    }

    /// Runs steps by another executor than local processes; `name` stands among the worker's capabilities.
    #[must_use]
    pub fn executor(mut self, name: &str, executor: impl Executor + 'static) -> Self {
        self.executor = Arc::new(executor);
        self.executor_name = name.to_owned();
        self
    }

    /// Checks everything, and connects to nothing.
    ///
    /// # Errors
    /// [`SetupError`] with every problem that was found: of the variables, the token, the key, the policy, the
    /// certificates and the state folder.
    pub fn build(self) -> Result<Launcher, SetupError> {
        let mut problems = Problems::default();
        for problem in &self.parsed.problems {
            problems.add(problem);
        }
        let config = &self.parsed.config;
        if config.comms.protocol == CommsProtocol::Poll {
            problems.add(
                "SPACELIFT_WORKER_COMMS_PROTOCOL: found \"poll\", expected \"mqtt\"; this version has no long-poll transport, so leave the variable out",
            );
        }
        let credentials = credentials(&self.parsed, &mut problems);
        let policy =
            config.initialization_policy.as_ref().and_then(|path| {
                problems.take(files::read_policy(path).map_err(|error| Named {
                    variable: "SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY",
                    error,
                }))
            });
        let (Some(credentials), true) = (credentials, problems.is_empty()) else {
            return Err(problems.into_error());
        };
        self.assemble(credentials, policy, problems)
    }

    fn assemble(
        self,
        credentials: PoolCredentials,
        policy: Option<InitializationPolicy>,
        mut problems: Problems,
    ) -> Result<Launcher, SetupError> {
        let config = self.parsed.config;
        let roots = problems.take(roots(&config, &credentials));
        let worker = problems.take(worker_id());
        let state = problems.take(state_folder(&config));
        let (Some(roots), Some(worker), Some(state)) = (roots, worker, state) else {
            return Err(problems.into_error());
        };
        let endpoint = problems.take(endpoint(&credentials, roots.clone(), worker));
        let allowed = config.storage.allowed_hosts.iter().map(allowed_host).collect();
        let blobs = problems
            .take(driver::anonymous_client(roots))
            .and_then(|tls| problems.take(BlobClient::new(tls, allowed)));
        let journal = problems.take(FileJournal::open(&state.path));
        let scratch = problems.take(empty_scratch(&state));
        let (Some(endpoint), Some(blobs), Some((journal, restored)), Some(scratch)) =
            (endpoint, blobs, journal, scratch)
        else {
            return Err(problems.into_error());
        };
        let mut session = SessionConfig::new(worker);
        session.metadata = config.metadata.clone();
        session.capabilities = vec![self.executor_name];
        let lines = config.logs.run_logs_on_standard_output.then(LineSink::stdout);
        let environment = RunEnvironment::new(&config, self.environment);
        let Some((secrets, unmasked)) = problems.take(driver::masked(environment.secrets())) else {
            return Err(problems.into_error());
        };
        let mut warnings = self.warnings;
        warnings.extend(unmasked);
        Ok(Launcher {
            context: RunContext {
                credentials: Arc::new(credentials),
                worker,
                executor: self.executor,
                blobs,
                policy: policy.map(Arc::new),
                environment,
                lines,
                scratch,
                settings: RunSettings::from(&config),
            },
            secrets,
            session,
            endpoint,
            journal,
            restored,
            drain_grace: config.timeouts.drain_grace,
            state,
            warnings,
        })
    }
}

/// An error that belongs to a variable.
#[derive(Debug, thiserror::Error)]
#[error("{variable}")]
struct Named<E: std::error::Error + 'static> {
    variable: &'static str,
    #[source]
    error: E,
}

/// Token and key; problems of a variable that is missing were told already.
fn credentials(parsed: &Parsed, problems: &mut Problems) -> Option<PoolCredentials> {
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

/// The token's authority, or the system's; those of `ADDITIONAL_ROOT_CAS` in any case.
fn roots(config: &LauncherConfig, credentials: &PoolCredentials) -> Result<Roots, driver::TlsError> {
    let mut roots = match &credentials.token().parts().ca_pem {
        Some(pem) => {
            let mut roots = Roots::empty();
            roots.add_pem(pem, "SPACELIFT_TOKEN")?;
            roots
        }
        None => Roots::from_system(),
    };
    for pem in &config.comms.additional_root_cas {
        roots.add_pem(pem, "ADDITIONAL_ROOT_CAS")?;
    }
    Ok(roots)
}

/// A worker's identity is made fresh by each process, so there is no older life of the same worker.
fn worker_id() -> Result<WorkerId, crate::crypto::CryptoError> {
    Ok(WorkerId::from_parts(driver::now().unix_ms, driver::random_bits()?))
}

fn endpoint(
    credentials: &PoolCredentials,
    roots: Roots,
    worker: WorkerId,
) -> Result<MqttEndpoint, EndpointError> {
    let token = credentials.token().parts();
    let broker = &token.broker_endpoint;
    let alpn = (broker.port == 443).then_some(ALPN_ON_443);
    let key = credentials.key().to_pem()?;
    let tls = driver::pool_client(roots, &token.certificate_pem, &key, alpn)?;
    Ok(MqttEndpoint {
        host: broker.host.clone(),
        port: broker.port,
        client_id: worker.to_string(),
        listen: topic::to_worker(&token.namespace, token.pool_id, worker),
        speak: topic::from_worker(&token.namespace, token.pool_id, worker),
        last_will: Vec::new(),
        tls: Arc::new(tls),
    })
}

/// The pool's identity cannot be used for a connection.
#[derive(Debug, thiserror::Error)]
#[error("SPACELIFT_TOKEN and SPACELIFT_POOL_PRIVATE_KEY make no identity for TLS")]
enum EndpointError {
    Key(#[from] crate::crypto::CryptoError),
    Tls(#[from] driver::TlsError),
}

fn allowed_host(host: &StorageHost) -> AllowedHost {
    match host {
        StorageHost::Name(name) => AllowedHost::Name(name.clone()),
        StorageHost::Network { address, prefix } => {
            AllowedHost::Network { address: *address, prefix: *prefix }
        }
    }
}

/// The folder for journal and scratch files: the configured one, or a fresh one that goes with the launcher.
fn state_folder(config: &LauncherConfig) -> Result<StateFolder, StateError> {
    let (path, temporary) = match &config.storage.state_dir {
        Some(path) => (path.clone(), false),
        None => {
            let name = driver::random_name().map_err(|error| StateError {
                path: std::env::temp_dir(),
                source: std::io::Error::other(error),
            })?;
            (std::env::temp_dir().join(format!("spacelift-worker-{name}")), true)
        }
    };
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
    made.map_err(|source| StateError { path: path.clone(), source })?;
    Ok(StateFolder { path, temporary })
}

/// What an earlier process left of its runs is removed: nothing of it is used again.
fn empty_scratch(state: &StateFolder) -> Result<PathBuf, StateError> {
    let path = state.path.join("runs");
    let fail = |source| StateError { path: path.clone(), source };
    driver::remove_folder(&path).map_err(fail)?;
    fs::DirBuilder::new().mode(0o700).create(&path).map_err(fail)?;
    Ok(path)
}

/// The state folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("SPACELIFT_WORKER_STATE_DIR: {path} cannot be used; give it a folder that this user may write to", path = .path.display())]
struct StateError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}
