//! The two clocks of a worker: one that runs while the machine sleeps, and the wall's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::protocol::Now;

/// Both clocks at once.
///
/// Leases are counted on `CLOCK_BOOTTIME`, which goes on during suspend: a machine that wakes after its lease ended
/// must not believe that it still holds it.
pub(crate) fn now() -> Now {
    let boot = clock_gettime(ClockId::Boottime);
    let mono_ms =
        u64::try_from(boot.tv_sec).unwrap_or(0) * 1000 + u64::try_from(boot.tv_nsec).unwrap_or(0) / 1_000_000;
    Now { mono_ms, unix_ms: u64::try_from(unix_time().as_millis()).unwrap_or(u64::MAX) }
}

/// Time since 1970; zero for a clock that stands before it.
pub(crate) fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// How long to wait until `mono_ms`, at most one second at a time: tokio's timers stand still during suspend, so a
/// long wait is cut into short ones and the clock is read again.
pub(crate) fn until(mono_ms: u64) -> Duration {
    Duration::from_millis(mono_ms.saturating_sub(now().mono_ms)).min(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_never_exceeds_a_second_and_a_past_time_is_now() {
        assert_eq!(until(now().mono_ms + 3_600_000), Duration::from_secs(1));
        assert_eq!(until(0), Duration::ZERO);
    }
}
