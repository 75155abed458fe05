//! The executor that the configuration asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{ExecutorKind, LauncherConfig};
use crate::driver::ProcessExecutor;
use crate::exec::Executor;
use crate::secret::SecretText;

/// An executor, and its name among the worker's capabilities.
pub(super) type Named = (String, Arc<dyn Executor>);

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExecutorError {
    #[cfg(not(feature = "docker"))]
    #[error(
        "SPACELIFT_WORKER_EXECUTOR: this launcher was built without containers; set it to process, or build with the feature docker"
    )]
    WithoutContainers,
    #[cfg(feature = "docker")]
    #[error(transparent)]
    Engine(#[from] crate::driver::docker::EngineAddressError),
}

/// The executor of a configuration. Starts and connects nothing.
pub(super) fn of(
    config: &LauncherConfig,
    environment: &BTreeMap<String, SecretText>,
) -> Result<Named, ExecutorError> {
    match config.executor {
        #[cfg(feature = "docker")]
        ExecutorKind::Docker => {
            let options = docker::options(config, environment)?;
            Ok(("docker".to_owned(), Arc::new(crate::driver::docker::DockerExecutor::new(options))))
        }
        #[cfg(not(feature = "docker"))]
        ExecutorKind::Docker => {
            let _ = environment;
            Err(ExecutorError::WithoutContainers)
        }
        _ => Ok(("process".to_owned(), Arc::new(ProcessExecutor))),
    }
}

#[cfg(feature = "docker")]
mod docker {
    //! From the launcher's words to the driver's.

    use super::{BTreeMap, ExecutorError, LauncherConfig, SecretText};
    use crate::config::vars::{self, Variable};
    use crate::config::{ContainerLimit, ImagePull, Mount};
    use crate::driver::docker::{DockerMount, DockerOptions, EngineAddress, Limit, PullPolicy};

    pub(super) fn options(
        config: &LauncherConfig,
        environment: &BTreeMap<String, SecretText>,
    ) -> Result<DockerOptions, ExecutorError> {
        let docker = &config.docker;
        let engine = EngineAddress::new(Some(&docker.host), docker.certificates.as_deref())?;
        let mut options = DockerOptions::new(engine, docker.default_image.as_str());
        options.config_dir = docker.config_dir.clone();
        // A helper finds its cloud by the launcher's environment. What is the pool's stays here.
        let own = [vars::TOKEN.name, vars::PRIVATE_KEY.name];
        options.helper_environment = environment.clone();
        options.helper_environment.retain(|name, _| !own.contains(&name.as_str()));
        options.default_ansible_image = docker.default_ansible_image.clone();
        options.pull = match docker.pull {
            ImagePull::Always => PullPolicy::Always,
            ImagePull::Missing => PullPolicy::Missing,
            ImagePull::Never => PullPolicy::Never,
            ImagePull::Automatic => PullPolicy::Automatic,
        };
        options.user = docker.user;
        options.network = docker.network.clone();
        options.runtime = docker.runtime.clone();
        options.mounts = mounts(&docker.extra_mounts, &vars::MOUNTS);
        options.read_only_mounts = mounts(&docker.read_only_mounts, &vars::RO_MOUNTS);
        options.write_only_mounts = mounts(&docker.write_only_mounts, &vars::WO_MOUNTS);
        options.memory = limit(docker.memory);
        options.nano_cpus = limit(docker.cpus);
        options.processes = limit(docker.processes);
        options.capabilities = docker.capabilities.clone();
        options.new_privileges = docker.new_privileges;
        options.secrets_len = docker.secrets_size;
        options.stop_grace_s = i64::try_from(config.timeouts.stop_grace.as_secs()).unwrap_or(i64::MAX);
        Ok(options)
    }

    fn mounts(mounts: &[Mount], variable: &Variable) -> Vec<DockerMount> {
        mounts.iter().map(|mount| DockerMount::new(&mount.host, &mount.container, variable.name)).collect()
    }

    fn limit(limit: ContainerLimit) -> Limit {
        match limit {
            ContainerLimit::None => Limit::None,
            ContainerLimit::At(limit) => Limit::At(limit),
            ContainerLimit::Percent(percent) => Limit::Percent(percent),
        }
    }
}
