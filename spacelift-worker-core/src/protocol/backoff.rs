//! How long to wait before the next connection. Sleeps nowhere, and draws no randomness itself.

/// The shortest wait in milliseconds. AWS IoT Core takes one CONNECT a second of a client id.
const FLOOR_MS: u64 = 1_000;
/// The longest wait in milliseconds.
const CAP_MS: u64 = 60_000;
/// How many milliseconds a connection must have held for the next failure to count as the first one.
const HEALTHY_MS: u64 = 30_000;

/// Exponential backoff with full jitter, from 1 s to 60 s, which begins anew after a connection of 30 s.
///
/// Full jitter, so that workers which lost their broker together do not come back together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Backoff {
    failures: u32,
    up_since: Option<u64>,
}

impl Backoff {
    /// Before the first attempt.
    pub fn new() -> Self {
        Self::default()
    }

    /// A connection was made, at this time on the monotonic clock.
    pub fn connected(&mut self, mono_ms: u64) {
        self.up_since = Some(mono_ms);
    }

    /// An attempt failed or a connection was lost: how many milliseconds to wait. `random` is any number, evenly drawn.
    pub fn failed(&mut self, mono_ms: u64, random: u64) -> u64 {
        if self.up_since.take().is_some_and(|since| mono_ms.saturating_sub(since) >= HEALTHY_MS) {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        // 2 to the 6th is beyond the cap already, so the shift is bounded by it.
        let ceiling = (FLOOR_MS << self.failures.min(6)).min(CAP_MS);
        FLOOR_MS + random % (ceiling - FLOOR_MS + 1)
    }

    /// How many milliseconds to wait before another place is tried, since this one could not be reached: 1 to 2 s. The waits grow
    /// when all of them were tried.
    pub fn elsewhere(random: u64) -> u64 {
        FLOOR_MS + random % (FLOOR_MS + 1)
    }

    /// How many failures there were in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_spread_from_one_second_to_a_ceiling_that_doubles_up_to_a_minute() {
        let longest = |failures: u32| {
            let before = Backoff { failures: failures - 1, up_since: None };
            (0..120_000)
                .map(|random| before.clone().failed(0, random))
                .fold((u64::MAX, 0), |(low, high), wait| (low.min(wait), high.max(wait)))
        };
        assert_eq!(longest(1), (1_000, 2_000));
        assert_eq!(longest(2), (1_000, 4_000));
        assert_eq!(longest(5), (1_000, 32_000));
        assert_eq!(longest(6), (1_000, 60_000));
        assert_eq!(longest(u32::MAX), (1_000, 60_000));
    }

    #[test]
    fn another_place_is_tried_within_two_seconds() {
        let waits: Vec<u64> = (0..5_000).map(Backoff::elsewhere).collect();
        assert_eq!((waits.iter().min(), waits.iter().max()), (Some(&1_000), Some(&2_000)));
    }

    #[test]
    fn only_a_connection_that_held_for_half_a_minute_resets_the_count() {
        let mut backoff = Backoff::new();
        backoff.failed(0, 0);
        backoff.failed(0, 0);
        backoff.connected(0);
        backoff.failed(29_999, 0);
        assert_eq!(backoff.failures(), 3);
        backoff.connected(30_000);
        backoff.failed(60_000, 0);
        assert_eq!(backoff.failures(), 1);
    }
}
