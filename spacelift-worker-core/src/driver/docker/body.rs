//! A phase's container as data: image, user, mounts, limits, labels, and what its first process does. Asks nobody.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType};

use super::failure::Failure;
use super::image::ImageName;
use super::options::{DockerMount, DockerOptions};
use crate::exec::PhaseSpec;

/// Where commands see the folder of their phase. With the workspace in it, that is `/mnt/workspace`, as documented.
pub(super) const FOLDER: &str = "/mnt";

/// Memory in the place of a disk, for keys and tokens that hooks have to write to a file.
pub(super) const SECRETS: &str = "/run/secrets";

/// An empty folder of the user's, by which the first process sees whether the workspace will be writable.
pub(super) const PROBE: &str = ".owner-probe";

/// The label by which orphans are found.
pub(super) const MARK_LABEL: &str = "spacelift-worker.mark";

/// What the first process prints when all is well, and what when it is not.
pub(super) const READY: &str = "ready";
pub(super) const NO_USER: &str = "no-user";
pub(super) const NOT_WRITABLE: &str = "not-writable";

/// The first process: looks around, says so, and waits for the end of its standard input.
///
/// It is a shell with nothing but builtins, since an image promises no more. `wait` reaps whatever is orphaned. `kill -1` reaches
/// every process but itself, and the keeper, which waits for the launcher, does not mind.
const INIT: &str = r#"user=$1 found=
while IFS=: read -r name word id rest; do
    if [ "$id" = "$user" ]; then found=$name; fi
done 2>/dev/null </etc/passwd
if [ -z "$found" ] && [ "$user" != 0 ]; then echo no-user; exit 1; fi
if [ ! -w "$2" ]; then echo not-writable; exit 1; fi
trap 'kill -TERM -1' TERM
exec 3<&0
(trap '' TERM INT HUP QUIT; while read -r line <&3; do :; done) &
keeper=$!
echo ready
exec >/dev/null 2>&1
while kill -0 $keeper; do wait $keeper; done
"#;

/// What an Engine has, of which a container gets a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    /// Bytes.
    pub(super) memory: u64,
    pub(super) cpus: u64,
}

/// The image of a phase: the stack's, or the default of its kind.
///
/// # Errors
/// When that is no name of an image, before anybody is asked for it.
pub(super) fn image(options: &DockerOptions, phase: &PhaseSpec) -> Result<ImageName, Failure> {
    let default = match phase.vendor.as_str() {
        "ansible" => &options.default_ansible_image,
        _ => &options.default_image,
    };
    let name = if phase.image.is_empty() { default } else { &phase.image };
    ImageName::new(name).ok_or_else(|| Failure::no_image_name(name))
}

/// Which mounts a phase gets besides its own folder.
pub(super) fn extra_mounts(options: &DockerOptions, write_only: bool) -> impl Iterator<Item = &DockerMount> {
    let of_kind = if write_only { &options.write_only_mounts } else { &options.read_only_mounts };
    options.mounts.iter().chain(of_kind)
}

/// A bind that has to be there: unlike `-v`, the Engine makes no empty folder of what is misspelled.
pub(super) fn bind(host: &str, container: &str) -> Mount {
    Mount {
        source: Some(host.to_owned()),
        target: Some(container.to_owned()),
        typ: Some(MountType::BIND),
        ..Mount::default()
    }
}

/// The container of a phase.
pub(super) fn of_phase(
    options: &DockerOptions,
    phase: &PhaseSpec,
    image: &ImageName,
    machine: Machine,
) -> ContainerCreateBody {
    let (user, group) = options.user;
    let mounts = [bind(&phase.folder.display().to_string(), FOLDER)]
        .into_iter()
        .chain(extra_mounts(options, phase.write_only).map(|mount| bind(&mount.host, &mount.container)));
    let memory = options.memory.of(machine.memory);
    let secrets =
        format!("rw,noexec,nosuid,nodev,size={},mode=0700,uid={user},gid={group}", options.secrets_len);
    let host = HostConfig {
        // What remains of a container whose launcher was killed goes by itself.
        auto_remove: Some(true),
        mounts: Some(mounts.collect()),
        tmpfs: Some(HashMap::from([(SECRETS.to_owned(), secrets)])),
        network_mode: Some(options.network.clone()),
        runtime: options.runtime.clone(),
        memory,
        // The same as memory: no swap beside it, where the Engine can tell them apart.
        memory_swap: memory,
        nano_cpus: options.nano_cpus.of(machine.cpus.saturating_mul(1_000_000_000)),
        pids_limit: options.processes.of(0),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(options.capabilities.clone()),
        security_opt: (!options.new_privileges).then(|| vec!["no-new-privileges".to_owned()]),
        // The run's log is kept masked and by the launcher; the Engine would keep another, unmasked and without bounds.
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        ..HostConfig::default()
    };
    ContainerCreateBody {
        image: Some(image.as_str().to_owned()),
        entrypoint: Some(
            ["sh", "-c", INIT, "sh", &user.to_string(), &format!("{FOLDER}/{PROBE}")]
                .map(str::to_owned)
                .to_vec(),
        ),
        // Replaced, too: the image's own would become arguments.
        cmd: Some(Vec::new()),
        user: Some(format!("{user}:{group}")),
        working_dir: Some("/".to_owned()),
        labels: Some(labels(phase)),
        // With standard input goes the container.
        open_stdin: Some(true),
        stdin_once: Some(true),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        stop_timeout: Some(options.stop_grace_s),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}

fn labels(phase: &PhaseSpec) -> HashMap<String, String> {
    let pairs = [
        (MARK_LABEL, phase.mark.clone()),
        ("spacelift-worker.run", phase.run.to_string()),
        ("spacelift-worker.lease", phase.lease.to_string()),
        ("spacelift-worker.stack", phase.stack.clone()),
        ("spacelift-worker.phase", phase.phase.clone()),
        ("spacelift-worker.worker", phase.worker.to_string()),
        ("spacelift-worker.pool", phase.pool.to_string()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The container's name, by which people find it.
pub(super) fn name(phase: &PhaseSpec) -> String {
    format!("spacelift-{}-{}", phase.run, phase.lease).to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::driver::docker::{EngineAddress, Limit};
    use crate::ids::{PoolId, RunId, WorkerId};

    fn options() -> DockerOptions {
        let mut options = DockerOptions::new(EngineAddress::new(None, None).unwrap(), "runner:1");
        options.default_ansible_image = "ansible:1".to_owned();
        options.mounts = vec![DockerMount::new("/a", "/mnt/a", "A")];
        options.read_only_mounts = vec![DockerMount::new("/ro", "/ro", "RO")];
        options.write_only_mounts = vec![DockerMount::new("/wo", "/wo", "WO")];
        options
    }

    fn phase() -> PhaseSpec {
        let (run, worker, pool) =
            (RunId::from_parts(1, 1), WorkerId::from_parts(1, 2), PoolId::from_parts(1, 3));
        let mut phase =
            PhaseSpec::new(run, "1.1".parse().unwrap(), worker, pool, PathBuf::from("/state/run"));
        phase.mark = "mark".to_owned();
        phase
    }

    const MACHINE: Machine = Machine { memory: 4 << 30, cpus: 2 };

    fn targets(write_only: bool) -> Vec<String> {
        let phase = PhaseSpec { write_only, ..phase() };
        let body = of_phase(&options(), &phase, &ImageName::new("i").unwrap(), MACHINE);
        body.host_config.unwrap().mounts.unwrap().into_iter().map(|mount| mount.target.unwrap()).collect()
    }

    #[test]
    fn mounts_follow_the_kind_of_the_run() {
        assert_eq!(targets(false), ["/mnt", "/mnt/a", "/ro"]);
        assert_eq!(targets(true), ["/mnt", "/mnt/a", "/wo"]);
    }

    #[test]
    fn the_image_is_the_stacks_or_the_default_of_its_kind() {
        let of = |image: &str, vendor: &str| {
            let phase = PhaseSpec { image: image.to_owned(), vendor: vendor.to_owned(), ..phase() };
            super::image(&options(), &phase).map(|image| image.as_str().to_owned())
        };
        assert_eq!(of("", "").unwrap(), "runner:1");
        assert_eq!(of("", "ansible").unwrap(), "ansible:1");
        assert_eq!(of("own:2", "ansible").unwrap(), "own:2");
        let refused = of("own:2?x", "").unwrap_err().to_string();
        assert!(refused.starts_with("\"own:2?x\" is no name of an image"), "{refused}");
    }

    #[test]
    fn everything_is_tight_until_it_is_loosened() {
        let tight = of_phase(&options(), &phase(), &ImageName::new("i").unwrap(), MACHINE);
        let host = tight.host_config.unwrap();
        assert_eq!(tight.user.as_deref(), Some("1983:1983"));
        assert_eq!((host.memory, host.memory_swap), (Some(3 << 30), Some(3 << 30)));
        assert_eq!((host.nano_cpus, host.pids_limit), (Some(1_800_000_000), Some(4096)));
        assert_eq!(host.cap_drop.unwrap(), ["ALL"]);
        assert_eq!(host.security_opt.unwrap(), ["no-new-privileges"]);
        assert_eq!(host.log_config.unwrap().typ.as_deref(), Some("none"));
        let mut loose = options();
        (loose.memory, loose.nano_cpus, loose.processes) = (Limit::None, Limit::None, Limit::None);
        (loose.new_privileges, loose.capabilities) = (true, vec!["NET_ADMIN".to_owned()]);
        let host = of_phase(&loose, &phase(), &ImageName::new("i").unwrap(), MACHINE).host_config.unwrap();
        assert_eq!((host.memory, host.nano_cpus, host.pids_limit), (None, None, None));
        assert_eq!((host.security_opt, host.cap_add.unwrap()), (None, vec!["NET_ADMIN".to_owned()]));
    }

    #[test]
    fn labels_say_whose_it_is() {
        let labels = of_phase(&options(), &phase(), &ImageName::new("i").unwrap(), MACHINE).labels.unwrap();
        assert_eq!(labels[MARK_LABEL], "mark");
        assert_eq!(labels["spacelift-worker.run"], phase().run.to_string());
        assert_eq!(labels["spacelift-worker.pool"], phase().pool.to_string());
    }
}
