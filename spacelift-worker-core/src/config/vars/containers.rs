//! The rows about containers.

use super::{Kind, Variable};

/// These rows, in their order.
pub(super) const ALL: &[&Variable] = &[
    &EXECUTOR,
    &DOCKER_HOST,
    &DOCKER_TLS_VERIFY,
    &DOCKER_CERT_PATH,
    &DOCKER_CONFIG_DIR,
    &RUNNER_IMAGE,
    &ANSIBLE_IMAGE,
    &IMAGE_PULL,
    &MOUNTS,
    &RO_MOUNTS,
    &WO_MOUNTS,
    &NETWORK,
    &RUNTIME,
    &USER,
    &MEMORY,
    &CPUS,
    &PROCESSES,
    &CAPABILITIES,
    &NEW_PRIVILEGES,
    &SECRETS_SIZE,
];

/// What runs steps.
pub const EXECUTOR: Variable = Variable::extension(
    "SPACELIFT_WORKER_EXECUTOR",
    Kind::Executor,
    "process",
    "Where runs are executed: `docker` in containers of a Docker Engine, `process` as processes of this machine.",
);

/// Where the Engine is.
pub const DOCKER_HOST: Variable = Variable::extension(
    "DOCKER_HOST",
    Kind::Text,
    "unix:///var/run/docker.sock",
    "The Docker Engine: `unix:///path/to/docker.sock` or `tcp://host:port`. Never passed to a run unless it is whitelisted.",
);

/// Whether the Engine is reached by TLS.
pub const DOCKER_TLS_VERIFY: Variable = Variable::extension(
    "DOCKER_TLS_VERIFY",
    Kind::Text,
    "",
    "Anything but blank: an Engine at `tcp://` is reached by TLS, with the certificates in `DOCKER_CERT_PATH`, and no authority but the one there is trusted.",
);

/// The certificates for that.
pub const DOCKER_CERT_PATH: Variable = Variable::extension(
    "DOCKER_CERT_PATH",
    Kind::Path,
    "",
    "The folder with `ca.pem`, `cert.pem` and `key.pem` for an Engine that is reached by TLS.",
);

/// When images are pulled.
pub const IMAGE_PULL: Variable = Variable::extension(
    "SPACELIFT_WORKER_IMAGE_PULL",
    Kind::Pull,
    "automatic",
    "When the runner image is pulled. `automatic`: when it is not there, and for each phase where its tag is `latest` or absent; if that fails, the image that is there is used, with a warning in the run's log.",
);

/// As whom steps run.
pub const USER: Variable = Variable::extension(
    "SPACELIFT_WORKER_CONTAINER_USER",
    Kind::User,
    "1983",
    "The user of run containers, and with a colon the group, as numbers. The image must have the user. The launcher must be root, or this user.",
);

/// Memory.
pub const MEMORY: Variable = Variable::extension(
    "SPACELIFT_WORKER_CONTAINER_MEMORY",
    Kind::Limit,
    "75%",
    "The most memory of a run's container, without swap: bytes with `k`, `m` or `g`, a part of the Engine's memory, or `none`.",
);

/// Processors.
pub const CPUS: Variable = Variable::extension(
    "SPACELIFT_WORKER_CONTAINER_CPUS",
    Kind::Limit,
    "90%",
    "The most processors of a run's container: a number such as `1.5`, a part of the Engine's processors, or `none`. The launcher and the Engine need what is left.",
);

/// Processes.
pub const PROCESSES: Variable = Variable::extension(
    "SPACELIFT_WORKER_CONTAINER_PIDS",
    Kind::Limit,
    "4096",
    "The most processes and threads of a run's container, or `none`.",
);

/// Capabilities that stay.
pub const CAPABILITIES: Variable = Variable::extension(
    "SPACELIFT_WORKER_CONTAINER_CAPABILITIES",
    Kind::Names,
    "",
    "Capabilities of Linux that run containers keep, such as `NET_ADMIN`. All others are dropped.",
);

/// Whether privileges may be gained.
pub const NEW_PRIVILEGES: Variable = Variable::extension(
    "SPACELIFT_WORKER_CONTAINER_NEW_PRIVILEGES",
    Kind::Boolean,
    "false",
    "Whether programs in run containers may gain privileges, as `sudo` does.",
);

/// Room for secrets in memory.
pub const SECRETS_SIZE: Variable = Variable::extension(
    "SPACELIFT_WORKER_CONTAINER_SECRETS_SIZE",
    Kind::Limit,
    "64m",
    "The size of `/run/secrets` in run containers: memory of the container's own in the place of a disk, for keys and tokens that a hook has to write to a file. It counts as memory of the container.",
);

/// Docker's configuration.
pub const DOCKER_CONFIG_DIR: Variable = Variable::documented(
    "SPACELIFT_DOCKER_CONFIG_DIR",
    Kind::Path,
    "",
    "The folder with Docker's `config.json`, which `docker login` fills: credentials of private registries.",
);

/// Mounts of every run.
pub const MOUNTS: Variable = Variable::documented(
    "SPACELIFT_WORKER_EXTRA_MOUNTS",
    Kind::Mounts,
    "",
    "Files and folders that every run's container sees.",
);

/// Mounts of read-only runs.
pub const RO_MOUNTS: Variable = Variable::documented(
    "SPACELIFT_WORKER_RO_EXTRA_MOUNTS",
    Kind::Mounts,
    "",
    "Files and folders that the containers of read-only runs see. It is the run that is read-only, not the mount.",
);

/// Mounts of write-only runs.
pub const WO_MOUNTS: Variable = Variable::documented(
    "SPACELIFT_WORKER_WO_EXTRA_MOUNTS",
    Kind::Mounts,
    "",
    "Files and folders that the containers of write-only runs see: those that apply, destroy or perform a task.",
);

/// The container network.
pub const NETWORK: Variable = Variable::documented(
    "SPACELIFT_WORKER_NETWORK",
    Kind::Text,
    "bridge",
    "The name or identifier of the network that run containers join.",
);

/// The container runtime.
pub const RUNTIME: Variable = Variable::documented(
    "SPACELIFT_WORKER_RUNTIME",
    Kind::Text,
    "",
    "The runtime of run containers. Absent: the daemon's default.",
);

/// The default image.
pub const RUNNER_IMAGE: Variable = Variable::documented(
    "SPACELIFT_DEFAULT_RUNNER_IMAGE",
    Kind::Text,
    "public.ecr.aws/spacelift/runner-terraform:latest",
    "The image of runs that are not Ansible's, where the stack names none.",
);

/// The default image of Ansible runs.
pub const ANSIBLE_IMAGE: Variable = Variable::documented(
    "SPACELIFT_DEFAULT_ANSIBLE_RUNNER_IMAGE",
    Kind::Text,
    "public.ecr.aws/spacelift/runner-ansible:latest",
    "The image of Ansible runs, where the stack names none.",
);
