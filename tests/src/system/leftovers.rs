//! What a launcher may leave behind, and must not.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Launcher, eventually};

/// What there was of a launcher before its end.
#[derive(Debug)]
pub struct Traces {
    folder: PathBuf,
    /// What every process of its runs has in its environment.
    mark: String,
    pid: u32,
}

impl Launcher {
    /// To be taken before the end, and looked at after it.
    ///
    /// # Panics
    /// When it has not begun to work.
    pub fn traces(&self) -> Traces {
        let folder = self.folder().to_owned();
        let mark = fs::read_to_string(folder.join("state/mark")).expect("the mark of the launcher's runs");
        Traces { folder, mark: mark.trim().to_owned(), pid: self.process.pid() }
    }
}

impl Traces {
    /// No process of a run and none in the launcher's folder, no folder of a run, and no socket.
    ///
    /// # Panics
    /// When there is one after a minute.
    pub fn are_gone(&self) {
        eventually("the end of every process of the launcher", || self.processes().is_empty().then_some(()));
        let below = self.files();
        let left: Vec<&PathBuf> = below.iter().filter(|path| !is_expected(path)).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        assert!(!Path::new(&format!("/proc/{}/fd", self.pid)).exists(), "its sockets go with its process");
    }

    /// What there is of runs while the launcher lives: processes with its mark, and what lies below the folder of runs.
    pub fn of_runs(&self) -> Vec<String> {
        let processes = self.processes().into_iter().filter(|&pid| pid != self.pid);
        let files = self.files().into_iter().filter(|path| !is_expected(path));
        processes
            .map(|pid| format!("process {pid}"))
            .chain(files.map(|path| path.display().to_string()))
            .collect()
    }

    /// Processes in the launcher's folder, and those with its mark wherever they are.
    fn processes(&self) -> Vec<u32> {
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|&pid| self.is_of(pid)).collect()
    }

    fn is_of(&self, pid: u32) -> bool {
        let read = |what: &str| fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
        let is_zombie = String::from_utf8_lossy(&read("stat")).contains(") Z");
        let cwd = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
        let mark = self.mark.as_bytes();
        !is_zombie
            && (cwd.starts_with(&self.folder)
                || read("environ").windows(mark.len()).any(|window| window == mark))
    }

    /// Everything below the folder of its state.
    fn files(&self) -> Vec<PathBuf> {
        let (mut found, mut open) = (Vec::new(), vec![self.folder.join("state")]);
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    open.push(entry.path());
                }
                found.push(entry.path());
            }
        }
        found
    }
}

/// The journal and the lock outlive a process; of runs there is an empty folder.
fn is_expected(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("journal") || name.ends_with("lock") || name == "runs" || name == "mark"
}
