//! THE table of variables: names, kinds, defaults, help. `docs/environment.md` is made from it, and the parser reads
//! its defaults here. Nothing is parsed in this file.
//!
//! Names and meanings are those of <https://docs.spacelift.io/concepts/worker-pools> where they are marked as
//! documented; extensions are this project's own.

mod containers;

pub use containers::{
    ANSIBLE_IMAGE, CAPABILITIES, CPUS, DOCKER_CERT_PATH, DOCKER_CONFIG_DIR, DOCKER_HOST, DOCKER_TLS_VERIFY,
    EXECUTOR, IMAGE_PULL, MEMORY, MOUNTS, NETWORK, NEW_PRIVILEGES, PROCESSES, RO_MOUNTS, RUNNER_IMAGE,
    RUNTIME, SECRETS_SIZE, USER, WO_MOUNTS,
};

pub use super::variable::{Kind, Section, Source, Spelling, Variable};

/// The whole table.
pub const SECTIONS: &[Section] = &[
    Section { title: "Identity", variables: &[&TOKEN, &PRIVATE_KEY] },
    Section {
        title: "Connection",
        variables: &[
            &PROTOCOL,
            &URL,
            &BROKERS,
            &KEEP_ALIVE,
            &ROOT_CAS,
            &HTTP_PROXY,
            &HTTPS_PROXY,
            &NO_PROXY,
            &METADATA,
        ],
    },
    Section {
        title: "Runs",
        variables: &[&LOGS_TIMEOUT, &RUN_TIMEOUT, &STOP_GRACE, &DRAIN_GRACE, &SENSITIVE_OUTPUT],
    },
    Section {
        title: "The run initialization policy",
        variables: &[&POLICY, &POLICY_TIMEOUT, &POLICY_PROGRAMS, &POLICY_PROGRAM_ENVS, &POLICY_STRICT],
    },
    Section { title: "The environment of runs", variables: &[&WHITELIST, &MASK] },
    Section { title: "Logs", variables: &[&RUN_LOGS, &DEBUG, &WELL_KNOWN] },
    Section { title: "Containers", variables: containers::ALL },
    Section { title: "Storage", variables: &[&STATE_DIR, &ALLOWED_STORAGE_HOSTS] },
    Section { title: "The machine", variables: &[&SPOT, &SPOT_ENDPOINT] },
    Section { title: "Private version control", variables: &[&VCS_NAME, &VCS_ENDPOINT] },
];

/// Every variable, in the order of the table.
pub fn all() -> impl Iterator<Item = &'static Variable> {
    SECTIONS.iter().flat_map(|section| section.variables).copied()
}

/// The worker pool token.
pub const TOKEN: Variable = Variable::documented(
    "SPACELIFT_TOKEN",
    Kind::Secret,
    "",
    "The worker pool token: what the control plane gives out when the pool is created or reset. Never passed to a run.",
)
.required();

/// The pool's private key.
pub const PRIVATE_KEY: Variable = Variable::documented(
    "SPACELIFT_POOL_PRIVATE_KEY",
    Kind::Secret,
    "",
    "The pool's private key: the PEM file's content, or base64 of it. Never passed to a run.",
)
.required();

/// The transport.
pub const PROTOCOL: Variable = Variable::documented(
    "SPACELIFT_WORKER_COMMS_PROTOCOL",
    Kind::Transport,
    "mqtt",
    "How the worker talks to the control plane. `poll` (HTTP long-poll) needs `SPACELIFT_WORKER_COMMS_URL`.",
);

/// The long-poll transport's address.
pub const URL: Variable = Variable::documented(
    "SPACELIFT_WORKER_COMMS_URL",
    Kind::Url,
    "",
    "The control plane's base address for `poll`, such as `https://app.spacelift.io`. `http://` is for loopback alone. Not used by `mqtt`.",
);

/// More brokers.
pub const BROKERS: Variable = Variable::extension(
    "SPACELIFT_WORKER_BROKER_ENDPOINTS",
    Kind::Endpoints,
    "",
    "More brokers of the same control plane, such as those of other regions. `mqtt` tries the token's broker first, and the next one in turn whenever one cannot be reached.",
);

/// The keep-alive of MQTT.
pub const KEEP_ALIVE: Variable = Variable::extension(
    "SPACELIFT_WORKER_MQTT_KEEP_ALIVE",
    Kind::Duration,
    "30s",
    "How often a silent MQTT connection shows that it lives, from `30s` to `20m`. A shorter one notices a dead connection sooner.",
);

/// More certificate authorities.
pub const ROOT_CAS: Variable = Variable::documented(
    "ADDITIONAL_ROOT_CAS",
    Kind::RootCas,
    "",
    "Certificate authorities to trust beside the system's, for self-hosted control planes and inspecting proxies.",
);

/// Proxy for `http://`.
pub const HTTP_PROXY: Variable = Variable::documented(
    "HTTP_PROXY",
    Kind::Secret,
    "",
    "Proxy for `http://` requests. The launcher makes none but to loopback, so this is for runs: they see it only when it is whitelisted.",
);

/// Proxy for `https://`.
pub const HTTPS_PROXY: Variable = Variable::documented(
    "HTTPS_PROXY",
    Kind::Secret,
    "",
    "Proxy by which the launcher reaches its broker, its control plane and storage: `http://[USER:PASSWORD@]HOST:PORT`, or `https://…`. It must open tunnels (CONNECT). `https_proxy` is read, too. Runs see it only when it is whitelisted.",
);

/// Exceptions from the proxies.
pub const NO_PROXY: Variable = Variable::documented(
    "NO_PROXY",
    Kind::Hosts,
    "",
    "Hosts that the launcher reaches without a proxy: names with everything below them, addresses, networks, or `*`. Loopback always is. `no_proxy` is read, too. Runs see it only when it is whitelisted.",
);

/// Tags of the worker.
pub const METADATA: Variable = Variable::documented(
    "SPACELIFT_METADATA_",
    Kind::Text,
    "",
    "A tag that the worker sends along when it registers, to find its machine again: `SPACELIFT_METADATA_instance_id=i-0abc` becomes `instance_id`. A tag may be empty.",
)
.spelled(Spelling::Tag);

/// The run initialization policy.
pub const POLICY: Variable = Variable::documented(
    "SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY",
    Kind::Path,
    "",
    "The file with the run initialization policy. One that cannot be validated ends the launcher at its start. Absent: every run is allowed.",
);

/// The longest evaluation of the policy.
pub const POLICY_TIMEOUT: Variable = Variable::extension(
    "SPACELIFT_WORKER_POLICY_TIMEOUT",
    Kind::Duration,
    "5s",
    "How long the policy may take for one run, programs of `exec` included. A run whose policy takes longer is denied.",
);

/// Programs that the policy may run.
pub const POLICY_PROGRAMS: Variable = Variable::extension(
    "SPACELIFT_WORKER_POLICY_PROGRAMS",
    Kind::Programs,
    "",
    "Programs that the policy may run by `exec`. Absent: none, and a policy that calls `exec` ends the launcher at its start.",
);

/// The environment of these programs.
pub const POLICY_PROGRAM_ENVS: Variable = Variable::extension(
    "SPACELIFT_WORKER_POLICY_PROGRAM_ENVS",
    Kind::Names,
    "",
    "Variables of the launcher's environment that programs of `exec` see; they see no others.",
);

/// Whether a function that cannot work denies.
pub const POLICY_STRICT: Variable = Variable::extension(
    "SPACELIFT_WORKER_POLICY_STRICT",
    Kind::Boolean,
    "false",
    "Deny a run when a function of the policy cannot work on what it is given, such as `io.jwt.decode` on a text that is no token. Otherwise it is undefined, as in Open Policy Agent, and a warning in the launcher's log.",
);

/// The longest silence of a run.
pub const LOGS_TIMEOUT: Variable = Variable::documented(
    "SPACELIFT_LAUNCHER_LOGS_TIMEOUT",
    Kind::Duration,
    "7m",
    "A run that prints nothing for this long is ended.",
);

/// The longest phase of a run.
pub const RUN_TIMEOUT: Variable = Variable::documented(
    "SPACELIFT_LAUNCHER_RUN_TIMEOUT",
    Kind::Duration,
    "70m",
    "A run that takes longer is ended. Time in which it waits for a confirmation does not count.",
);

/// From SIGTERM to SIGKILL.
pub const STOP_GRACE: Variable = Variable::extension(
    "SPACELIFT_WORKER_STOP_GRACE",
    Kind::Duration,
    "10s",
    "How long a command that was asked to end (SIGTERM) may take before it is killed (SIGKILL).",
);

/// How long a launcher that was asked to end waits.
pub const DRAIN_GRACE: Variable = Variable::extension(
    "SPACELIFT_WORKER_DRAIN_GRACE",
    Kind::Duration,
    "70m",
    "How long a launcher that was asked to end (SIGTERM) waits for its run before it ends that, too.",
);

/// Whether sensitive outputs are uploaded.
pub const SENSITIVE_OUTPUT: Variable = Variable::documented(
    "SPACELIFT_SENSITIVE_OUTPUT_UPLOAD_ENABLED",
    Kind::Boolean,
    "false",
    "Upload sensitive run outputs to the control plane, which stack dependencies with sensitive outputs need.",
);

/// What runs see of the launcher's environment.
pub const WHITELIST: Variable = Variable::documented(
    "SPACELIFT_WHITELIST_ENVS",
    Kind::PassedNames,
    "",
    "Variables of the launcher's environment that runs see. `ro_NAME` passes `NAME` in read-only phases alone, `wo_NAME` in write-only ones: applying, destroying, performing a task.",
);

/// What never shows in a log.
pub const MASK: Variable = Variable::documented(
    "SPACELIFT_MASK_ENVS",
    Kind::Names,
    "",
    "Variables of the launcher's environment whose values never appear in a log. Being listed here does not pass them: list them in `SPACELIFT_WHITELIST_ENVS`, too.",
);

/// Run logs on standard output.
pub const RUN_LOGS: Variable = Variable::documented(
    "SPACELIFT_RUN_LOGS_ON_STANDARD_OUTPUT_ENABLED",
    Kind::Boolean,
    "false",
    "Write run logs to standard output, too, as JSON lines with `ts`, `level`, `msg`, `run_ulid` and `stack_id`.",
);

/// Exact commands in the logs.
pub const DEBUG: Variable = Variable::documented(
    "SPACELIFT_DEBUG",
    Kind::Boolean,
    "false",
    "Write the exact commands that are run to the logs.",
);

/// Secrets that nobody named.
pub const WELL_KNOWN: Variable = Variable::extension(
    "SPACELIFT_WORKER_MASK_WELL_KNOWN_SECRETS",
    Kind::Boolean,
    "false",
    "Mask in all logs what looks like a well-known secret although nobody named it: AWS access key ids, Azure client secrets and connection strings, GitHub and Slack tokens, JSON web tokens, private keys.",
);

/// Where state is kept.
pub const STATE_DIR: Variable = Variable::extension(
    "SPACELIFT_WORKER_STATE_DIR",
    Kind::Path,
    "",
    "The folder of the journal and of scratch files. Absent: a folder below the system's temporary one.",
);

/// Storage in private networks.
pub const ALLOWED_STORAGE_HOSTS: Variable = Variable::extension(
    "SPACELIFT_WORKER_ALLOWED_STORAGE_HOSTS",
    Kind::Hosts,
    "",
    "Host names, addresses and networks (CIDR) that may be fetched from although they are loopback, link-local or private.",
);

/// Whether the launcher leaves before a spot machine is taken away.
pub const SPOT: Variable = Variable::extension(
    "SPACELIFT_WORKER_EC2_SPOT_NOTICES",
    Kind::Boolean,
    "false",
    "Ask the EC2 instance metadata service (IMDSv2) every five seconds whether this spot machine is about to be taken away: then the launcher takes no new work, lets its run go on for as long as there is time, ends it and leaves. For launchers that are built with the feature `spot`.",
);

/// Where the instance metadata service is.
pub const SPOT_ENDPOINT: Variable = Variable::extension(
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    Kind::Url,
    "http://169.254.169.254",
    "Where the EC2 instance metadata service answers, by plain HTTP at an IP address; the name is that of AWS's own tools. Never reached through a proxy.",
);

/// Names of private version control systems.
pub const VCS_NAME: Variable = Variable::documented(
    "SPACELIFT_PRIVATEVCS_MAPPING_NAME_",
    Kind::Text,
    "",
    "The name of a VCS agent pool that this worker bypasses, numbered from 0.",
)
.spelled(Spelling::Number);

/// Addresses of private version control systems.
pub const VCS_ENDPOINT: Variable = Variable::documented(
    "SPACELIFT_PRIVATEVCS_MAPPING_BASE_ENDPOINT_",
    Kind::Url,
    "",
    "The address at which this worker reaches the system of the same number directly.",
)
.spelled(Spelling::Number);
