//! Finds and ends every process that a step started, those that left its process group included.
//!
//! A step carries a cookie in its environment, which its descendants inherit. `/proc` is searched for it where there
//! is one; elsewhere the process group alone is ended.

use std::fs;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// The variable that marks a step's processes.
pub(super) const COOKIE_VARIABLE: &str = "SPACELIFT_WORKER_STEP_COOKIE";

/// A step's processes.
#[derive(Debug)]
pub(super) struct ProcessTree {
    /// The leader of the process group.
    group: Option<Pid>,
    /// `COOKIE_VARIABLE=value`, as it stands in `/proc/<pid>/environ`.
    cookie: Vec<u8>,
}

impl ProcessTree {
    /// The tree below the group leader with this process id, marked with this cookie.
    pub(super) fn new(leader: u32, cookie: &str) -> Self {
        let group = i32::try_from(leader).ok().and_then(Pid::from_raw);
        Self { group, cookie: format!("{COOKIE_VARIABLE}={cookie}").into_bytes() }
    }

    /// Sends a signal to the process group and to every marked process outside of it.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // Fails when nobody is left in the group, which is what is wanted.
            let _ = kill_process_group(group, signal);
        }
        for pid in self.marked() {
            let _ = kill_process(pid, signal);
        }
    }

    /// The process identifiers of the live ones.
    pub(super) fn pids(&self) -> impl Iterator<Item = i32> {
        self.marked().into_iter().map(|pid| pid.as_raw_nonzero().get())
    }

    /// Ends everything, again and again while a fork is faster than the search, a hundred times at most.
    pub(super) fn end(&self) {
        for _ in 0..100 {
            self.signal(Signal::KILL);
            if self.marked().is_empty() {
                return;
            }
            std::thread::yield_now();
        }
        tracing::warn!("some processes of a step are still there after a hundred kill signals");
    }

    /// Every live process with the cookie in its initial environment. Zombies have none.
    fn marked(&self) -> Vec<Pid> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        entries
            .filter_map(|entry| {
                let name = entry.ok()?.file_name();
                let pid = name.to_str()?.parse().ok().and_then(Pid::from_raw)?;
                let environ = fs::read(format!("/proc/{pid}/environ", pid = pid.as_raw_nonzero())).ok()?;
                environ.split(|byte| *byte == 0).any(|pair| pair == self.cookie).then_some(pid)
            })
            .collect()
    }
}
