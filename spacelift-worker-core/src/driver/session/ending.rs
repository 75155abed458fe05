//! How far the end of a session is, and how long a run in hand may still take. Ends nothing itself.

use std::time::Duration;

/// How far the end is, and how the first connection goes.
#[derive(Debug)]
pub(crate) struct Ending {
    /// Since when the host wants the end, on the monotonic clock.
    pub(super) shutdown: Option<u64>,
    /// How long a shutdown waits for the run in hand, in milliseconds, before it asks the run to end.
    drain_grace_ms: Option<u64>,
    /// Nothing is awaited but the end of a run in hand: what could not be delivered stays in the journal.
    pub(super) forced: bool,
    /// Since when the pool is cycled, on the monotonic clock.
    pub(super) cycled: Option<u64>,
    pub(super) connected_once: bool,
    pub(super) failures: u32,
}

impl Ending {
    /// Not asked for; a shutdown will wait this long for the run in hand.
    pub(crate) fn new(drain_grace: Duration) -> Self {
        let drain_grace_ms = u64::try_from(drain_grace.as_millis()).ok();
        Self {
            shutdown: None,
            drain_grace_ms,
            forced: false,
            cycled: None,
            connected_once: false,
            failures: 0,
        }
    }

    /// When the run in hand had its time, on the monotonic clock. A cycle has times of its own.
    pub(super) fn deadline(&self) -> Option<u64> {
        if self.cycled.is_some() {
            return None;
        }
        Some(self.shutdown?.saturating_add(self.drain_grace_ms?))
    }

    /// A shutdown that was asked for waits no longer than until then, on the monotonic clock.
    pub(super) fn wait_until(&mut self, mono_ms: u64) {
        if let (Some(since), Some(grace)) = (self.shutdown, &mut self.drain_grace_ms) {
            *grace = mono_ms.saturating_sub(since).min(*grace);
        }
    }

    /// Told once: the run in hand had its time.
    pub(super) fn grace_is_over(&mut self, mono_ms: u64) -> bool {
        let over = self.deadline().is_some_and(|at| mono_ms >= at);
        if over {
            self.drain_grace_ms = None;
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_shortens_the_time_for_the_run_in_hand_and_never_lengthens_it() {
        let mut ending = Ending::new(Duration::from_secs(60));
        assert_eq!(ending.deadline(), None, "nobody wants the end");
        ending.shutdown = Some(1_000);
        assert_eq!(ending.deadline(), Some(61_000));
        ending.wait_until(31_000);
        ending.wait_until(41_000);
        assert_eq!(ending.deadline(), Some(31_000));
        ending.wait_until(500);
        assert_eq!(ending.deadline(), Some(1_000), "no time is left");
        assert!(ending.grace_is_over(1_000) && !ending.grace_is_over(2_000), "it is told once");
        assert_eq!(ending.deadline(), None);
    }

    #[test]
    fn a_cycle_beats_every_grace() {
        let mut ending = Ending::new(Duration::from_secs(60));
        (ending.shutdown, ending.cycled) = (Some(1_000), Some(2_000));
        assert_eq!(ending.deadline(), None);
    }
}
