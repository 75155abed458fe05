//! Finds and ends every process that a step started, those that left its process group included.
//!
//! A step carries a cookie in its environment, which its descendants inherit. `/proc` is searched for it where there
//! is one; elsewhere the process group alone is ended.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// The variable that marks a step's processes.
pub(super) const COOKIE_VARIABLE: &str = "SPACELIFT_WORKER_STEP_COOKIE";

/// How long a killed process may take to be gone.
const PATIENCE: Duration = Duration::from_secs(5);

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

    fn marked(&self) -> Vec<Pid> {
        with_variable(|pair| pair == self.cookie)
    }
}

/// The value of a step's cookie: whose it is, and which.
pub(super) fn cookie(mark: Option<&str>, name: &str) -> String {
    mark.map_or_else(|| name.to_owned(), |mark| format!("{mark}.{name}"))
}

/// Every live process with such a `NAME=value` in its initial environment. Zombies have none.
fn with_variable(is_it: impl Fn(&[u8]) -> bool) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            let pid = name.to_str()?.parse().ok().and_then(Pid::from_raw)?;
            let environ = fs::read(format!("/proc/{pid}/environ", pid = pid.as_raw_nonzero())).ok()?;
            environ.split(|byte| *byte == 0).any(&is_it).then_some(pid)
        })
        .collect()
}

/// Processes of an earlier worker that do not go.
#[derive(Debug, thiserror::Error)]
#[error(
    "processes that an earlier run left behind cannot be ended, among them {pid}; end them, or restart the machine, before a worker starts here"
)]
pub(crate) struct LeftOver {
    pid: i32,
}

/// Ends every process of steps with this mark, and waits until they are gone: nothing may go on changing something when its end is
/// reported.
pub(crate) fn end_left_over(mark: &str) -> Result<(), LeftOver> {
    let prefix = format!("{COOKIE_VARIABLE}={mark}.").into_bytes();
    let until = Instant::now() + PATIENCE;
    loop {
        let left = with_variable(|pair| pair.starts_with(&prefix));
        let Some(first) = left.first() else { return Ok(()) };
        for pid in &left {
            let _ = kill_process(*pid, Signal::KILL);
        }
        if Instant::now() >= until {
            return Err(LeftOver { pid: first.as_raw_nonzero().get() });
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn what_a_mark_left_behind_is_ended_and_what_another_one_did_is_not() {
        let sleeper = |cookie: String| {
            let mut command = Command::new("sleep");
            command.arg("1000").env(COOKIE_VARIABLE, cookie).stdin(Stdio::null()).spawn().unwrap()
        };
        let mut mine = sleeper(cookie(Some("mine"), "a"));
        let mut others = [sleeper(cookie(Some("mine2"), "a")), sleeper(cookie(None, "mine"))];
        // A process has its environment from its exec on.
        while with_variable(|pair| pair.starts_with(COOKIE_VARIABLE.as_bytes()) && pair.ends_with(b"mine.a"))
            .is_empty()
        {
            std::thread::yield_now();
        }
        end_left_over("mine").unwrap();
        assert!(!mine.wait().unwrap().success());
        for other in &mut others {
            assert_eq!(other.try_wait().unwrap(), None);
            other.kill().unwrap();
            other.wait().unwrap();
        }
    }
}
