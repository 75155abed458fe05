//! What a launcher decides about its containers. Reads no variable.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::engine::EngineAddress;
use crate::secret::SecretText;

/// How containers are made. [`DockerOptions::new`] has the defaults, each of which is a variable of the launcher.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DockerOptions {
    /// The Engine.
    pub engine: EngineAddress,
    /// The folder with Docker's `config.json`. Default: none, so images are pulled without credentials.
    pub config_dir: Option<PathBuf>,
    /// The environment of credential helpers.
    pub helper_environment: BTreeMap<String, SecretText>,
    /// The image of runs that name none.
    pub default_image: String,
    /// The image of Ansible runs that name none.
    pub default_ansible_image: String,
    /// When images are pulled. Default: [`PullPolicy::Automatic`].
    pub pull: PullPolicy,
    /// The user and group as whom steps run. Default: 1983.
    pub user: (u32, u32),
    /// The network's name or identifier. Default: `bridge`.
    pub network: String,
    /// The runtime. Default: the Engine's own.
    pub runtime: Option<String>,
    /// Mounted in every container.
    pub mounts: Vec<DockerMount>,
    /// Mounted in those of read-only runs.
    pub read_only_mounts: Vec<DockerMount>,
    /// Mounted in those of write-only runs.
    pub write_only_mounts: Vec<DockerMount>,
    /// Bytes of memory, swap included. Default: 75 % of the Engine's.
    pub memory: Limit,
    /// Billionths of a processor. Default: 90 % of the Engine's.
    pub nano_cpus: Limit,
    /// Processes and threads. Default: 4096.
    pub processes: Limit,
    /// Capabilities of Linux that are not dropped. Default: none.
    pub capabilities: Vec<String>,
    /// Whether a program may gain privileges, such as by setuid. Default: no.
    pub new_privileges: bool,
    /// Bytes of the folder for secrets, which is memory. Default: 64 MiB.
    pub secrets_len: u64,
    /// How long the Engine, when it shuts down, leaves a container between SIGTERM and SIGKILL, in seconds. Default: 10.
    pub stop_grace_s: i64,
}

impl DockerOptions {
    /// Defaults, for runs without an image of their own in `image`.
    pub fn new(engine: EngineAddress, image: impl Into<String>) -> Self {
        let image = image.into();
        Self {
            engine,
            config_dir: None,
            helper_environment: BTreeMap::new(),
            default_image: image.clone(),
            default_ansible_image: image,
            pull: PullPolicy::Automatic,
            user: (1983, 1983),
            network: "bridge".to_owned(),
            runtime: None,
            mounts: Vec::new(),
            read_only_mounts: Vec::new(),
            write_only_mounts: Vec::new(),
            memory: Limit::Percent(75),
            nano_cpus: Limit::Percent(90),
            processes: Limit::At(4096),
            capabilities: Vec::new(),
            new_privileges: false,
            secrets_len: 64 << 20,
            stop_grace_s: 10,
        }
    }
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PullPolicy {
    /// When it is not there, and before each phase where its tag is `latest` or absent. Where that fails, the image that is
    /// there serves, and the run's log says so.
    #[default]
    Automatic,
    /// Before each phase; a run whose image cannot be pulled fails.
    Always,
    /// When it is not there.
    Missing,
    /// Never.
    Never,
}

/// How much of something a container may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// As much as there is.
    None,
    /// So much.
    At(u64),
    /// So many hundredths of what the Engine has.
    Percent(u8),
}

impl Limit {
    /// The limit in numbers, when the Engine has `all`.
    pub(super) fn of(self, all: u64) -> Option<i64> {
        let limit = match self {
            Self::None => return None,
            Self::At(limit) => limit,
            Self::Percent(percent) => u64::try_from(u128::from(all) * u128::from(percent) / 100).ok()?,
        };
        i64::try_from(limit).ok().filter(|limit| *limit > 0)
    }
}

/// A file or folder of the Engine's machine in the container.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DockerMount {
    /// Its path on the machine.
    pub host: String,
    /// Its path in the container.
    pub container: String,
    /// The variable that asks for it, for messages.
    pub variable: &'static str,
}

impl DockerMount {
    /// `host` as `container`, as `variable` asks for it.
    pub fn new(host: &str, container: &str, variable: &'static str) -> Self {
        Self { host: host.to_owned(), container: container.to_owned(), variable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_or_a_part_of_what_is_there() {
        assert_eq!(Limit::None.of(1000), None);
        assert_eq!(Limit::At(7).of(1000), Some(7));
        assert_eq!(Limit::Percent(75).of(1000), Some(750));
        // An Engine that does not tell what it has sets no limit.
        assert_eq!(Limit::Percent(75).of(0), None);
    }
}
