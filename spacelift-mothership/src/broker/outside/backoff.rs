//! How long to wait before the next connection. Pure: the draw comes in.

use std::time::Duration;

/// Waits that grow with each failure, drawn anew each time, so that clients of a restarted broker do not come at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    floor: Duration,
    cap: Duration,
    failures: u32,
}

/// A connection that held for so long was healthy: the next wait is short again.
pub(super) const HEALTHY: Duration = Duration::from_secs(30);

impl Backoff {
    pub(super) fn new(floor: Duration, cap: Duration) -> Self {
        Self { floor, cap, failures: 0 }
    }

    /// The next wait, after a connection that lived for `lived`; `draw` is uniform over all values.
    pub(super) fn next(&mut self, lived: Duration, draw: u64) -> Duration {
        if lived >= HEALTHY {
            self.failures = 0;
        }
        let ceiling = self.floor.saturating_mul(2_u32.saturating_pow(self.failures)).min(self.cap);
        self.failures = self.failures.saturating_add(1);
        let span = ceiling.saturating_sub(self.floor);
        let share = f64::from(u32::try_from(draw >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX);
        self.floor + span.mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_lie_between_floor_and_a_doubling_ceiling_until_a_connection_was_healthy() {
        let (floor, cap) = (Duration::from_secs(1), Duration::from_secs(60));
        let mut backoff = Backoff::new(floor, cap);
        let ceilings: Vec<_> = (0..8).map(|_| backoff.next(Duration::ZERO, u64::MAX).as_secs()).collect();
        assert_eq!(ceilings, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.next(Duration::ZERO, 0), floor);
        assert_eq!(backoff.next(HEALTHY, u64::MAX), floor);
    }
}
