//! The timers of a session, as a table. Nothing here reads a clock.

/// What a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Timer {
    /// The next status is due.
    Heartbeat,
    /// The lease in hand is treated as ended.
    LeaseFence,
    /// A message was not acknowledged.
    Resend,
    /// An accepted offer was not started.
    StartWait,
}

const COUNT: usize = 4;

/// When each timer fires, on the monotonic clock in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct TimerTable([Option<u64>; COUNT]);

impl TimerTable {
    /// Sets a timer, or moves it.
    pub(super) fn set(&mut self, timer: Timer, at: u64) {
        self.0[timer as usize] = Some(at);
    }

    /// Sets or stops a timer.
    pub(super) fn put(&mut self, timer: Timer, at: Option<u64>) {
        self.0[timer as usize] = at;
    }

    /// Stops a timer.
    pub(super) fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    /// Whether a timer fired; it is stopped then.
    pub(super) fn fired(&mut self, timer: Timer, now: u64) -> bool {
        let slot = &mut self.0[timer as usize];
        let fired = slot.is_some_and(|at| at <= now);
        if fired {
            *slot = None;
        }
        fired
    }

    /// The earliest.
    pub(super) fn next(&self) -> Option<u64> {
        self.0.iter().flatten().min().copied()
    }
}
