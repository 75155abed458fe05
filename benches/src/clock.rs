//! Time that was computed, whatever else the machine does.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What `clock` has counted.
pub(crate) fn computed(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The shortest CPU time of this thread among some tries.
pub fn cpu_time(tries: usize, mut work: impl FnMut()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..tries {
        let began = computed(ClockId::ThreadCPUTime);
        work();
        best = best.min(computed(ClockId::ThreadCPUTime) - began);
    }
    best
}
