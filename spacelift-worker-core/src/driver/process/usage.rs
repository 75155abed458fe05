//! What a step's processes have taken, from `/proc` and the control group. Nothing where these are not.

use std::fmt::Display;
use std::fs;

use crate::exec::ExecUsage;

/// Clock ticks a second in `/proc`: USER_HZ is 100 wherever Linux runs.
const TICKS: u64 = 100;

/// The sum over these processes; children that ended and were waited for are in it.
pub(super) fn of(pids: impl Iterator<Item = i32>, throttled_before: Option<u64>) -> ExecUsage {
    let mut usage = ExecUsage::default();
    for pid in pids {
        let Some(ticks) = ticks(pid) else { continue };
        usage.processes += 1;
        usage.cpu_ms += ticks * 1_000 / TICKS;
        usage.memory += size(pid, "VmRSS").unwrap_or(0);
    }
    usage.throttled_ms = throttled_ms().zip(throttled_before).map(|(now, before)| now.saturating_sub(before));
    usage
}

/// Ticks of user, system and waited-for children: fields 14 to 17 of `proc_pid_stat(5)`.
fn ticks(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in parentheses, which may hold anything.
    let fields: Vec<&str> = text.rsplit(')').next()?.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(number(14)? + number(15)? + number(16)? + number(17)?)
}

/// A size of a process in bytes, such as `VmRSS`: its field in `proc_pid_status(5)`. `process` is its number, or `self`.
pub(in crate::driver) fn size(process: impl Display, field: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok()?.checked_mul(1_024)
}

/// How long the control group of this process was kept from the processor, since it exists (cgroup v2, `cpu.stat`).
pub(super) fn throttled_ms() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let stat = fs::read_to_string(format!("/sys/fs/cgroup{path}/cpu.stat")).ok()?;
    let micros: u64 = stat.lines().find_map(|line| line.strip_prefix("throttled_usec "))?.parse().ok()?;
    Some(micros / 1_000)
}
