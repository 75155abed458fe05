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
    #[cfg(feature = "docker")]
    #[error(
        "{variable}: {image:?} is no name of an image; write such as registry.example.com/team/runner:1.2"
    )]
    Image { variable: &'static str, image: String },
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
    use crate::driver::docker::{
        DockerMount, DockerOptions, EngineAddress, Limit, PullPolicy, is_image_name,
    };

    pub(super) fn options(
        config: &LauncherConfig,
        environment: &BTreeMap<String, SecretText>,
    ) -> Result<DockerOptions, ExecutorError> {
        let docker = &config.docker;
        let engine = EngineAddress::new(Some(&docker.host), docker.certificates.as_deref())?;
        for (variable, image) in [
            (&vars::RUNNER_IMAGE, &docker.default_image),
            (&vars::ANSIBLE_IMAGE, &docker.default_ansible_image),
        ] {
            if !is_image_name(image) {
                return Err(ExecutorError::Image { variable: variable.name, image: image.clone() });
            }
        }
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

#[cfg(all(test, feature = "docker"))]
mod tests {
    use super::*;
    use crate::config::parse;

    fn refused(variable: &str, image: &str) -> Option<String> {
        let given = [
            ("SPACELIFT_TOKEN", "t"),
            ("SPACELIFT_POOL_PRIVATE_KEY", "k"),
            ("SPACELIFT_WORKER_EXECUTOR", "docker"),
            (variable, image),
        ];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        of(&parse(given).config, &BTreeMap::new()).err().map(|error| error.to_string())
    }

    #[test]
    fn a_default_image_that_is_no_name_is_told_with_its_variable() {
        for variable in ["SPACELIFT_DEFAULT_RUNNER_IMAGE", "SPACELIFT_DEFAULT_ANSIBLE_RUNNER_IMAGE"] {
            let told = refused(variable, "../events?x=").unwrap();
            assert!(
                told.starts_with(&format!("{variable}: \"../events?x=\" is no name of an image")),
                "{told}"
            );
            assert_eq!(refused(variable, "ghcr.io/acme/runner:1"), None);
        }
    }
}
