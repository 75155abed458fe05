//! Time as an argument. Nothing here reads a clock.

/// One moment, on both clocks that the protocol needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Now {
    /// Milliseconds on a clock that never goes back and runs while the machine is suspended, from any origin
    /// (`CLOCK_BOOTTIME` on Linux). Leases and timers are counted on it.
    pub mono_ms: u64,
    /// Unix milliseconds. It stands in messages for people and identifiers, and decides nothing.
    pub unix_ms: u64,
}
