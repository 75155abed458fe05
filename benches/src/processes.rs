//! Processes as they are measured: how long, how much of the processor, how much memory at most. Linux only.

#![expect(clippy::expect_used, reason = "a benchmark that cannot do its work stops")]

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::time::ClockId;

use crate::clock::computed;

/// What one process took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Seconds from its start to its end.
    pub wall: f64,
    /// Seconds of the processor, user and system together. Of another process they are counted in ticks of 10 ms.
    pub cpu: f64,
}

/// What this process has taken up to a moment.
#[derive(Clone, Copy, Debug)]
pub struct Own {
    start: Instant,
    cpu: f64,
}

impl Own {
    /// Up to now.
    pub fn now() -> Self {
        Self { start: Instant::now(), cpu: Self::cpu() }
    }

    /// What it took since then.
    pub fn since(&self) -> Usage {
        Usage { wall: self.start.elapsed().as_secs_f64(), cpu: Self::cpu() - self.cpu }
    }

    fn cpu() -> f64 {
        computed(ClockId::ProcessCPUTime).as_secs_f64()
    }
}

/// Runs a process to its end, which must be a good one, and gives its standard output.
pub fn run(command: &mut Command) -> (Usage, String) {
    let before = children_ticks();
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output().expect("a process");
    let wall = start.elapsed().as_secs_f64();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    // USER_HZ, in which the kernel tells times, is 100 wherever Linux runs
    let cpu = (children_ticks() - before) as f64 / 100.0;
    (Usage { wall, cpu }, String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Ticks of all children that ended: the fields cutime and cstime of `proc_pid_stat(5)`.
fn children_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("/proc");
    // The second field is a name in parentheses, which may hold anything
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(13).take(2).map(|ticks| ticks.parse::<u64>().expect("ticks")).sum()
}

/// The most memory that this process had resident since its start or the last reset, in KiB (`VmHWM`).
pub fn memory_peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse().expect("KiB")
}

/// Makes what is resident now the peak (`proc_pid_clear_refs(5)`).
pub fn memory_peak_reset() {
    fs::write("/proc/self/clear_refs", "5").expect("/proc");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_process_uses_the_processor_and_its_output_comes_back() {
        let (usage, output) =
            run(Command::new("sh")
                .args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done"]));
        assert_eq!(output, "done\n");
        assert!(usage.cpu > 0.0 && usage.wall > 0.0, "{usage:?}");
    }

    #[test]
    fn the_peak_sees_memory_that_was_given_back() {
        memory_peak_reset();
        let before = memory_peak();
        let block = vec![1_u8; 32 << 20];
        assert_eq!(block.iter().map(|byte| u64::from(*byte)).sum::<u64>(), 32 << 20);
        drop(block);
        assert!(memory_peak() >= before + (30 << 10));
    }
}
