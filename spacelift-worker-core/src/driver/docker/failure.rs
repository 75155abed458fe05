//! What goes wrong between a run and the Engine, told apart by what a person has to do about it.

use std::io;
use std::path::Path;

use bollard::errors::Error;

use super::options::DockerOptions;
use crate::driver::chain;
use crate::exec::ExecError;

/// Why there is no container, or no command in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum Failure {
    #[error(
        "the Docker Engine at {host} does not answer ({why}): start it, or set DOCKER_HOST; this user needs access to its socket"
    )]
    Unreachable { host: String, why: String },
    #[error("the disk of the Docker Engine is full ({why}): make room, such as by `docker system prune`")]
    DiskFull { why: String },
    #[error("the Docker Engine refused ({why})")]
    Refused { why: String },
    #[error(
        "the image {image} is not there, and SPACELIFT_WORKER_IMAGE_PULL is `never`: pull it, or let it be pulled"
    )]
    NeverPulled { image: String },
    #[error(
        "the image {image} does not exist, or its registry wants a login that this worker has not ({why}): check its name, and the credentials in SPACELIFT_DOCKER_CONFIG_DIR"
    )]
    NoImage { image: String, why: String },
    #[error("the image {image} cannot be pulled ({why}): is its registry reachable from the Engine?")]
    Pull { image: String, why: String },
    #[error(
        "{image} is no name of an image: the runner image of the stack, or the default, has to be such as registry.example.com/team/runner:1.2"
    )]
    NoImageName { image: String },
    #[error("the credentials for {registry} cannot be had ({why}): see SPACELIFT_DOCKER_CONFIG_DIR")]
    Credentials { registry: String, why: String },
    #[error("the image {image} has no shell `sh`, by which hooks and commands run: use an image with one")]
    NoShell { image: String },
    #[error(
        "the image {image} has no user {user}: add one to it (adduser -D -u {user} spacelift), or set SPACELIFT_WORKER_CONTAINER_USER to one that it has"
    )]
    NoUser { image: String, user: u32 },
    #[error(
        "the workspace cannot be written to by user {user} of the container: run the launcher as root or as that user, without user namespaces in the Engine"
    )]
    NotWritable { user: u32 },
    #[error(
        "there is no network {network}: create it (docker network create {network}), or set SPACELIFT_WORKER_NETWORK to one that there is"
    )]
    NoNetwork { network: String },
    #[error("the Docker Engine knows no runtime {runtime}: install it, or unset SPACELIFT_WORKER_RUNTIME")]
    NoRuntime { runtime: String },
    #[error(
        "the Docker Engine finds no {path} on its machine. A launcher in a container needs SPACELIFT_WORKER_STATE_DIR to be a folder that is mounted under the same path in it"
    )]
    OtherMachine { path: String },
    #[error(
        "{variable}: there is no {path} on the machine of the Docker Engine: create it, or take it off the list"
    )]
    NoMount { variable: &'static str, path: String },
    #[error("{variable}: {path} of a container is the run's own: mount it elsewhere")]
    Taken { variable: &'static str, path: String },
    #[error("the container ended by itself before the run did ({why})")]
    Gone { why: String },
    #[error(
        "the workspace cannot be given to user {user} ({why}): run the launcher as root or as that user, or set SPACELIFT_WORKER_CONTAINER_USER"
    )]
    Owner { user: u32, why: io::Error },
}

impl Failure {
    /// What was meant for an image's name, with its beginning in quotes: it may be anything, of any length.
    pub(super) fn no_image_name(text: &str) -> Self {
        let beginning: String = text.chars().take(100).collect();
        Self::NoImageName { image: format!("{beginning:?}") }
    }

    /// What the Engine answered, or that it did not.
    pub(super) fn engine(host: &str, error: Error) -> Self {
        match error {
            Error::DockerResponseServerError { message, .. } => Self::answered(message),
            Error::DockerStreamError { error } => Self::answered(error),
            other => Self::Unreachable { host: host.to_owned(), why: chain(&other) },
        }
    }

    fn answered(message: String) -> Self {
        let why = message.trim().replace('\n', " ");
        if why.contains("no space left on device") { Self::DiskFull { why } } else { Self::Refused { why } }
    }

    /// The same, of an Engine that was asked for an image.
    pub(super) fn of_pull(self, image: &str) -> Self {
        let image = image.to_owned();
        match self {
            Self::Refused { why } if is_missing_image(&why) => Self::NoImage { image, why },
            Self::Refused { why } => Self::Pull { image, why },
            other => other,
        }
    }

    /// The same, of an Engine that was asked for mounts.
    pub(super) fn of_mounts(self, folder: &Path, options: &DockerOptions) -> Self {
        let Self::Refused { why } = &self else { return self };
        let Some((_, path)) = why.split_once("bind source path does not exist: ") else { return self };
        let path = path.trim().to_owned();
        let all = options.mounts.iter().chain(&options.read_only_mounts).chain(&options.write_only_mounts);
        match all.into_iter().find(|mount| mount.host == path) {
            Some(mount) => Self::NoMount { variable: mount.variable, path },
            None => Self::OtherMachine { path: folder.display().to_string() },
        }
    }

    /// The same, of an Engine that was asked to create or start a container.
    pub(super) fn of_start(self, image: &str, network: &str, runtime: Option<&str>) -> Self {
        let Self::Refused { why } = &self else { return self };
        let has = |text: &str| why.contains(text);
        if has("executable file not found") || has("exec: \"sh\"") {
            Self::NoShell { image: image.to_owned() }
        } else if has("network") && has("not found") {
            Self::NoNetwork { network: network.to_owned() }
        } else if has("nknown runtime")
            || has("unknown or invalid runtime")
            || has("no binary dir configured")
        {
            Self::NoRuntime { runtime: runtime.unwrap_or_default().to_owned() }
        } else {
            self
        }
    }

    /// Whether the Engine was asked for something that it does not have.
    pub(super) fn is_missing(error: &Error) -> bool {
        matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
    }

    pub(super) fn while_trying(self, doing: &str) -> ExecError {
        ExecError::new(doing, io::Error::other(self))
    }
}

fn is_missing_image(why: &str) -> bool {
    const WORDS: [&str; 7] = [
        "not found",
        "manifest unknown",
        "pull access denied",
        "unauthorized",
        "authentication required",
        "no basic auth credentials",
        "repository does not exist",
    ];
    let why = why.to_ascii_lowercase();
    WORDS.iter().any(|word| why.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(message: &str) -> Failure {
        let message = message.to_owned();
        Failure::engine("unix:///x", Error::DockerResponseServerError { status_code: 500, message })
    }

    #[test]
    fn what_the_engine_answers_is_told_apart_by_its_remedy() {
        let start = |message| answered(message).of_start("img", "net", Some("kata"));
        let shell = r#"failed to create shim task: exec: "sh": executable file not found in $PATH: unknown"#;
        assert!(matches!(start(shell), Failure::NoShell { .. }));
        assert!(matches!(start("network net not found"), Failure::NoNetwork { .. }));
        assert!(matches!(start("Unknown runtime specified kata"), Failure::NoRuntime { .. }));
        assert!(matches!(start("write /var: no space left on device"), Failure::DiskFull { .. }));
        assert!(matches!(start("something else"), Failure::Refused { .. }));
        let pull = |message| answered(message).of_pull("img");
        assert!(matches!(pull("manifest for img not found: manifest unknown"), Failure::NoImage { .. }));
        assert!(matches!(pull("unauthorized: authentication required"), Failure::NoImage { .. }));
        assert!(matches!(pull("dial tcp: connection refused"), Failure::Pull { .. }));
    }
}
