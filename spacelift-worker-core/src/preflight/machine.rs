//! The machine: its memory, cores and disk space, as far as this process may use them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

const GIB: u64 = 1 << 30;

/// The least memory for a worker: 2 GiB, less what firmware and kernel keep of it.
pub const LEAST_MEMORY: u64 = 2 * GIB - GIB / 4;
/// The least cores.
pub const LEAST_CORES: usize = 2;
/// The least free space: what the log of one run may take.
pub const LEAST_SPACE: u64 = GIB;

/// Bytes of memory: the machine's, or what the control group leaves of it. `None` where the system does not tell.
pub(crate) fn memory() -> Option<u64> {
    let machine = machine_memory(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let group = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limit = |path: PathBuf| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    Some(limits(&group).into_iter().filter_map(limit).fold(machine, u64::min))
}

/// `MemTotal` of `/proc/meminfo`, in bytes.
fn machine_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Where the limits of this process's control groups stand: of version 2, from the group up to the root, and of version 1.
fn limits(cgroup: &str) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let group = cgroup.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let own = root.join(group);
    let up = own.ancestors().take_while(|path| path.starts_with(root)).map(|path| path.join("memory.max"));
    up.chain([root.join("memory/memory.limit_in_bytes")]).collect()
}

/// Cores that this process may use.
pub(crate) fn cores() -> Option<usize> {
    std::thread::available_parallelism().ok().map(usize::from)
}

/// The folder that is there of a path, which this user may write to, and its free bytes.
pub(crate) fn free_space(path: &Path) -> io::Result<(PathBuf, u64)> {
    let there = path.ancestors().find(|folder| folder.is_dir()).unwrap_or_else(|| Path::new("/"));
    access(there, Access::WRITE_OK | Access::EXEC_OK)?;
    let space = statvfs(there)?;
    Ok((there.to_owned(), space.f_bavail.saturating_mul(space.f_frsize)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_units_of_1024() {
        let meminfo = "MemTotal:        2031620 kB\nMemFree:          181060 kB\n";
        assert_eq!(machine_memory(meminfo), Some(2_031_620 * 1024));
        assert_eq!(machine_memory("MemTotal: lots"), None);
        assert_eq!(machine_memory(""), None);
    }

    #[test]
    fn limits_are_looked_for_from_the_own_group_up() {
        let paths = limits("1:name=systemd:/x\n0::/system.slice/worker.service\n");
        let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        assert_eq!(
            paths,
            [
                "/sys/fs/cgroup/system.slice/worker.service/memory.max",
                "/sys/fs/cgroup/system.slice/memory.max",
                "/sys/fs/cgroup/memory.max",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            ]
        );
    }

    #[test]
    fn space_is_that_of_the_folder_which_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let (there, free) = free_space(&folder.path().join("not/yet")).unwrap();
        assert_eq!(there, folder.path());
        assert!(free > 0);
    }
}
