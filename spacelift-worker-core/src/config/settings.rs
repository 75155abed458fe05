//! What a launcher is told, in small groups. The variable behind each field, its default and its help stand in
//! [`vars`](super::vars) alone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::containers::{Docker, ExecutorKind};
use super::list::AllowedVariable;
use super::problem::ConfigError;
use super::storage_host::StorageHost;
use crate::secret::SecretText;

/// Everything a launcher is told by its environment.
///
/// Values of other variables (those that runs may see) are not kept here: only their names are, in
/// [`environment`](Self::environment).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LauncherConfig {
    /// Which pool, and the proof.
    pub identity: Identity,
    /// How to reach the control plane.
    pub comms: Comms,
    /// The launcher's own way out.
    pub proxy: Proxy,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// Which variables runs see, and which never show in a log.
    pub environment: ChildEnvironment,
    /// What is logged where.
    pub logs: Logs,
    /// Where runs are executed.
    pub executor: ExecutorKind,
    /// How run containers are started.
    pub docker: Docker,
    /// Where the launcher keeps state and from where it may fetch.
    pub storage: Storage,
    /// The file of the run initialization policy. Absent: every run is allowed.
    pub initialization_policy: Option<PathBuf>,
    /// What that policy may do.
    pub policy: PolicySettings,
    /// Whether and where it is asked for the end of a spot machine.
    pub spot: Spot,
    /// Whether sensitive outputs are uploaded.
    pub sensitive_output_upload: bool,
    /// Tags sent along at registration, by the text after `SPACELIFT_METADATA_`.
    pub metadata: BTreeMap<String, String>,
    /// Private version control systems that are reached directly, by their number.
    pub vcs_mappings: Vec<VcsMapping>,
}

impl LauncherConfig {
    /// Parses `(name, value)` pairs, such as those of a process's environment; the last of equal names counts.
    ///
    /// # Errors
    ///
    /// All problems at once. [`parse`](super::parse()) gives warnings, too, and a configuration in spite of problems.
    pub fn from_pairs<I>(pairs: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item = (String, String)>,
    {
        super::parse(pairs).into_result()
    }
}

/// Which pool a launcher works for, and the proof. Both texts are as found: `pool` parses them.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// The worker pool token; empty when it is missing.
    pub token: SecretText,
    /// The pool's private key; empty when it is missing.
    pub private_key: SecretText,
}

/// How to reach the control plane.
#[derive(Clone, Debug, Default)]
pub struct Comms {
    /// The transport.
    pub protocol: CommsProtocol,
    /// The base URL of the long-poll transport, `https://` or `http://`, without a slash at its end.
    pub url: Option<String>,
    /// Brokers to try when the token's cannot be reached, in turn: `host`, `host:port`, `tls://host:port`, as found.
    pub brokers: Vec<String>,
    /// How often an MQTT connection shows that it lives: 30 to 1,200 seconds.
    pub keep_alive: Duration,
    /// More certificate authorities to trust, beside the system's: PEM, one or more certificates each.
    pub additional_root_cas: Vec<String>,
}

/// The transport between worker and control plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommsProtocol {
    /// MQTT with the pool's client certificate.
    #[default]
    Mqtt,
    /// HTTP long-poll, for networks that let nothing else out.
    Poll,
}

/// Proxies for the launcher's own requests, as other programs read them. Secret because a proxy's URL may hold a password.
#[derive(Clone, Debug, Default)]
pub struct Proxy {
    /// For `http://` addresses.
    pub http: Option<SecretText>,
    /// For `https://` addresses.
    pub https: Option<SecretText>,
    /// Host names, domains, addresses and networks that are reached without a proxy.
    pub exceptions: Vec<String>,
}

/// How long things may take. None of them is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// A run that prints nothing for this long is ended.
    pub logs: Duration,
    /// A phase of a run that takes longer is ended.
    pub run: Duration,
    /// From SIGTERM to SIGKILL.
    pub stop_grace: Duration,
    /// How long the launcher, asked to end, waits for its run.
    pub drain_grace: Duration,
}

/// What the run initialization policy may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicySettings {
    /// How long one evaluation may take.
    pub timeout: Duration,
    /// Absolute paths of the programs that it may run.
    pub programs: Vec<String>,
    /// Names of the variables that these programs see.
    pub program_variables: Vec<String>,
    /// Whether a function that cannot work on what it is given denies the run.
    pub strict: bool,
}

/// Which of the launcher's variables runs see, and which values never show in a log. Names only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChildEnvironment {
    /// Passed to runs, where the launcher has them.
    pub allowed: Vec<AllowedVariable>,
    /// Their values are masked. Being here does not pass them.
    pub masked: Vec<String>,
}

/// What is logged where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Logs {
    /// Run logs go to standard output, too, as JSON lines.
    pub run_logs_on_standard_output: bool,
    /// Whether what looks like a well-known secret is masked although nobody named it.
    pub mask_well_known: bool,
    /// The exact commands go to the logs.
    pub debug: bool,
}

/// Where the launcher keeps state and from where it may fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Storage {
    /// For the journal and scratch files. Absent: a folder of the launcher's choice below the system's temporary one.
    pub state_dir: Option<PathBuf>,
    /// May be fetched from although they are loopback, link-local or private.
    pub allowed_hosts: Vec<StorageHost>,
}

/// A private version control system that this worker reaches directly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VcsMapping {
    /// The name of the agent pool.
    pub name: String,
    /// The address to use in its place.
    pub base_endpoint: String,
}

/// Whether and where it is asked for the end of a spot machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spot {
    /// Whether it is asked. Default: no.
    pub watch: bool,
    /// The EC2 instance metadata service. Default: `http://169.254.169.254`.
    pub endpoint: String,
}
