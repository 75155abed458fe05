//! What is said about containers: the executor, the Engine, images, mounts, limits.

use std::path::PathBuf;

use super::mount::{self, Mount};
use super::problem::Found;
use super::reader::Reader;
use super::vars::{self, Variable};

/// Where runs are executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExecutorKind {
    /// As processes of this machine.
    #[default]
    Process,
    /// In containers of a Docker Engine.
    Docker,
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImagePull {
    /// When it is not there, and always where its name may change its meaning.
    #[default]
    Automatic,
    /// Before each phase.
    Always,
    /// When it is not there.
    Missing,
    /// Never.
    Never,
}

/// How much of something a container may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContainerLimit {
    /// As much as there is.
    #[default]
    None,
    /// So much: bytes, billionths of a processor, or processes.
    At(u64),
    /// So many hundredths of what there is.
    Percent(u8),
}

/// How run containers are started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Docker {
    /// Where the Engine is, in `DOCKER_HOST`'s words.
    pub host: String,
    /// The folder with the certificates for an Engine that is reached by TLS.
    pub certificates: Option<PathBuf>,
    /// The folder with Docker's `config.json`, for private registries.
    pub config_dir: Option<PathBuf>,
    /// Mounted in every run.
    pub extra_mounts: Vec<Mount>,
    /// Mounted in read-only runs.
    pub read_only_mounts: Vec<Mount>,
    /// Mounted in write-only runs: those that apply, destroy or perform a task.
    pub write_only_mounts: Vec<Mount>,
    /// The network's name or identifier.
    pub network: String,
    /// The runtime, where it is not the daemon's default.
    pub runtime: Option<String>,
    /// The image of runs that name none.
    pub default_image: String,
    /// The image of Ansible runs that name none.
    pub default_ansible_image: String,
    /// When images are pulled.
    pub pull: ImagePull,
    /// User and group.
    pub user: (u32, u32),
    /// Bytes of memory.
    pub memory: ContainerLimit,
    /// Billionths of a processor.
    pub cpus: ContainerLimit,
    /// Processes and threads.
    pub processes: ContainerLimit,
    /// Capabilities that are kept, in Docker's spelling.
    pub capabilities: Vec<String>,
    /// Whether privileges may be gained.
    pub new_privileges: bool,
    /// Bytes of the folder for secrets.
    pub secrets_size: u64,
}

pub(super) fn executor(reader: &mut Reader) -> ExecutorKind {
    match reader.given(vars::EXECUTOR.name).unwrap_or(vars::EXECUTOR.default) {
        "process" => ExecutorKind::Process,
        "docker" => ExecutorKind::Docker,
        other => {
            let found = Found::Value(other.to_owned());
            reader.problem(
                vars::EXECUTOR.name,
                found,
                "process or docker",
                "write one of the two, in lower case",
            );
            ExecutorKind::default()
        }
    }
}

pub(super) fn docker(reader: &mut Reader) -> Docker {
    let mut mounts = |variable| reader.list(variable, mount::EXPECTED, Mount::parse);
    let (extra_mounts, read_only_mounts, write_only_mounts) =
        (mounts(&vars::MOUNTS), mounts(&vars::RO_MOUNTS), mounts(&vars::WO_MOUNTS));
    Docker {
        host: reader.text(&vars::DOCKER_HOST).unwrap_or_default(),
        certificates: certificates(reader),
        config_dir: reader.text(&vars::DOCKER_CONFIG_DIR).map(PathBuf::from),
        extra_mounts,
        read_only_mounts,
        write_only_mounts,
        network: reader.text(&vars::NETWORK).unwrap_or_default(),
        runtime: reader.text(&vars::RUNTIME),
        default_image: reader.text(&vars::RUNNER_IMAGE).unwrap_or_default(),
        default_ansible_image: reader.text(&vars::ANSIBLE_IMAGE).unwrap_or_default(),
        pull: pull(reader),
        user: user(reader),
        memory: limit(reader, &vars::MEMORY, "such as 2g, 75% or none", bytes),
        cpus: limit(reader, &vars::CPUS, "such as 1.5, 90% or none", nano_cpus),
        processes: limit(reader, &vars::PROCESSES, "such as 4096 or none", count),
        capabilities: capabilities(reader),
        new_privileges: reader.boolean(&vars::NEW_PRIVILEGES),
        secrets_size: match limit(reader, &vars::SECRETS_SIZE, "such as 64m", bytes) {
            ContainerLimit::At(len) => len,
            _ => {
                let found = Found::Value(reader.text(&vars::SECRETS_SIZE).unwrap_or_default());
                reader.problem(vars::SECRETS_SIZE.name, found, "a size", "write such as 64m");
                0
            }
        },
    }
}

fn certificates(reader: &mut Reader) -> Option<PathBuf> {
    reader.given(vars::DOCKER_TLS_VERIFY.name)?;
    let folder = reader.text(&vars::DOCKER_CERT_PATH).map(PathBuf::from);
    if folder.is_none() {
        let remedy = format!("set it, or unset {}", vars::DOCKER_TLS_VERIFY.name);
        reader.problem(
            vars::DOCKER_CERT_PATH.name,
            Found::Nothing,
            "the folder with the certificates",
            remedy,
        );
    }
    folder
}

fn pull(reader: &mut Reader) -> ImagePull {
    match reader.given(vars::IMAGE_PULL.name).unwrap_or(vars::IMAGE_PULL.default) {
        "automatic" => ImagePull::Automatic,
        "always" => ImagePull::Always,
        "missing" => ImagePull::Missing,
        "never" => ImagePull::Never,
        other => {
            let found = Found::Value(other.to_owned());
            let expected = "automatic, always, missing or never";
            reader.problem(vars::IMAGE_PULL.name, found, expected, "write one of them, in lower case");
            ImagePull::default()
        }
    }
}

fn user(reader: &mut Reader) -> (u32, u32) {
    fn parse(text: &str) -> Option<(u32, u32)> {
        let (user, group) = text.split_once(':').unwrap_or((text, text));
        Some((user.parse().ok()?, group.parse().ok()?))
    }
    let text = reader.given(vars::USER.name).unwrap_or(vars::USER.default).to_owned();
    parse(&text).unwrap_or_else(|| {
        let remedy = "write such as 1983 or 1983:1983; names are the image's, and may mean anybody";
        reader.problem(vars::USER.name, Found::Value(text), "a number, or two with a colon", remedy);
        (1983, 1983)
    })
}

/// Names with or without `CAP_`, in any case.
fn capabilities(reader: &mut Reader) -> Vec<String> {
    let expected = "names of capabilities, separated by commas";
    reader.list(&vars::CAPABILITIES, expected, |entry| {
        let name = entry.to_ascii_uppercase();
        let name = name.strip_prefix("CAP_").unwrap_or(&name);
        match !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
            true => Ok(name.to_owned()),
            false => Err("write such as NET_ADMIN".to_owned()),
        }
    })
}

fn limit(
    reader: &mut Reader,
    variable: &Variable,
    expected: &str,
    number: fn(&str) -> Option<u64>,
) -> ContainerLimit {
    let parse = |text: &str| {
        if text == "none" {
            return Some(ContainerLimit::None);
        }
        match text.strip_suffix('%') {
            Some(part) => {
                part.parse().ok().filter(|part| (1..=100).contains(part)).map(ContainerLimit::Percent)
            }
            None => number(text).filter(|number| *number > 0).map(ContainerLimit::At),
        }
    };
    // A number of processes has no whole of which it could be a part.
    let parse = |text: &str| {
        parse(text).filter(|limit| {
            variable.name != vars::PROCESSES.name || !matches!(limit, ContainerLimit::Percent(_))
        })
    };
    let default = parse(variable.default).unwrap_or_default();
    let Some(text) = reader.given(variable.name).map(str::to_owned) else { return default };
    parse(&text).unwrap_or_else(|| {
        let remedy = format!("write {expected}");
        reader.problem(variable.name, Found::Value(text), "a limit", remedy);
        default
    })
}

/// Bytes as Docker writes them: `512m` is 512 times 1,048,576.
fn bytes(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let text = text.strip_suffix('b').unwrap_or(&text);
    let (number, shift) = match text.as_bytes().last()? {
        b'k' => (&text[..text.len() - 1], 10),
        b'm' => (&text[..text.len() - 1], 20),
        b'g' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift).filter(|bytes| i64::try_from(*bytes).is_ok())
}

/// Processors with at most nine digits behind the point.
fn nano_cpus(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    if part.is_empty() || part.len() > 9 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part: u64 = format!("{part:0<9}").parse().ok()?;
    whole.parse::<u32>().ok().map(|whole| u64::from(whole) * 1_000_000_000 + part)
}

fn count(text: &str) -> Option<u64> {
    text.parse::<u32>().ok().map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn config(pairs: &[(&str, &str)]) -> (Docker, Vec<String>) {
        let given = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let parsed = parse(given.chain([
            ("SPACELIFT_TOKEN".to_owned(), "t".to_owned()),
            ("SPACELIFT_POOL_PRIVATE_KEY".to_owned(), "k".to_owned()),
        ]));
        (parsed.config.docker, parsed.problems.into_iter().map(|problem| problem.variable).collect())
    }

    #[test]
    fn containers_are_limited_when_nothing_is_said() {
        let (docker, problems) = config(&[]);
        assert_eq!(problems, [""; 0]);
        assert_eq!(docker.user, (1983, 1983));
        assert_eq!(docker.memory, ContainerLimit::Percent(75));
        assert_eq!(docker.cpus, ContainerLimit::Percent(90));
        assert_eq!(docker.processes, ContainerLimit::At(4096));
        assert_eq!((docker.secrets_size, docker.new_privileges), (64 << 20, false));
        assert_eq!(
            (docker.pull, docker.host.as_str()),
            (ImagePull::Automatic, "unix:///var/run/docker.sock")
        );
    }

    #[test]
    fn each_limit_is_loosened_by_its_own_variable() {
        let (docker, problems) = config(&[
            ("SPACELIFT_WORKER_CONTAINER_MEMORY", "1536m"),
            ("SPACELIFT_WORKER_CONTAINER_CPUS", "1.5"),
            ("SPACELIFT_WORKER_CONTAINER_PIDS", "none"),
            ("SPACELIFT_WORKER_CONTAINER_USER", "0:5"),
            ("SPACELIFT_WORKER_CONTAINER_CAPABILITIES", "cap_net_admin,SYS_PTRACE"),
            ("SPACELIFT_WORKER_CONTAINER_NEW_PRIVILEGES", "true"),
            ("SPACELIFT_WORKER_CONTAINER_SECRETS_SIZE", "1g"),
        ]);
        assert_eq!(problems, [""; 0]);
        assert_eq!(docker.memory, ContainerLimit::At(1536 << 20));
        assert_eq!(docker.cpus, ContainerLimit::At(1_500_000_000));
        assert_eq!((docker.processes, docker.user), (ContainerLimit::None, (0, 5)));
        assert_eq!(docker.capabilities, ["NET_ADMIN", "SYS_PTRACE"]);
        assert_eq!((docker.secrets_size, docker.new_privileges), (1 << 30, true));
    }

    #[test]
    fn every_wrong_value_is_told_with_its_variable() {
        for (name, values) in [
            ("SPACELIFT_WORKER_CONTAINER_MEMORY", &["0", "101%", "0%", "2t", "-1", "none%", "g"][..]),
            ("SPACELIFT_WORKER_CONTAINER_CPUS", &["0", "1,5", "1.", ".5", "1.0000000001", "all"]),
            ("SPACELIFT_WORKER_CONTAINER_PIDS", &["50%", "many", "0"]),
            ("SPACELIFT_WORKER_CONTAINER_USER", &["spacelift", "-1", "1:2:3"]),
            ("SPACELIFT_WORKER_CONTAINER_CAPABILITIES", &["NET ADMIN", "all!"]),
            ("SPACELIFT_WORKER_CONTAINER_SECRETS_SIZE", &["none", "10%"]),
            ("SPACELIFT_WORKER_IMAGE_PULL", &["Always", "yes"]),
            ("SPACELIFT_WORKER_EXECUTOR", &["Docker", "kubernetes"]),
        ] {
            for value in values {
                assert_eq!(config(&[(name, value)]).1, [name], "{value}");
            }
        }
        assert_eq!(config(&[("DOCKER_TLS_VERIFY", "1")]).1, ["DOCKER_CERT_PATH"]);
    }
}
