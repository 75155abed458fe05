//! Two processes with one client identifier: each connection of the one ends the other's. Reads no clock itself.
//!
//! MQTT 3.1.1 gives no reason when a broker closes a connection ([MQTT-3.1.4-2]: "If the ClientId represents a Client
//! already connected to the Server then the Server MUST disconnect the existing Client"). A broker that closes, in order, one
//! connection after another which it had accepted and let subscribe, each of them young, does so for another client.

use super::failure::Failure;

/// A connection that held for so long was nobody's victim, in milliseconds.
const HEALTHY_MS: u64 = 30_000;

/// So many in a row are no coincidence.
const LIMIT: u32 = 5;

/// Counts connections that look like they were taken over.
#[derive(Debug, Default)]
pub(super) struct Takeovers(u32);

impl Takeovers {
    /// Judges the end of a connection that was up since then, or never.
    pub(super) fn judge(&mut self, failure: Failure, up_since: Option<u64>, now: u64) -> Failure {
        let was_young = up_since.is_some_and(|since| now.saturating_sub(since) < HEALTHY_MS);
        self.0 = if was_young && matches!(failure, Failure::ClosedByBroker(_)) { self.0 + 1 } else { 0 };
        if self.0 >= LIMIT { Failure::TakenOver } else { failure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed() -> Failure {
        Failure::ClosedByBroker("eof".to_owned())
    }

    #[test]
    fn five_young_connections_in_a_row_that_the_broker_closed_are_another_process() {
        let mut takeovers = Takeovers::default();
        for at in 0..4 {
            let judged = takeovers.judge(closed(), Some(at * 10_000), at * 10_000 + 29_999);
            assert!(matches!(judged, Failure::ClosedByBroker(_)), "{at}");
        }
        assert!(matches!(takeovers.judge(closed(), Some(0), 1), Failure::TakenOver));
        assert!(matches!(takeovers.judge(closed(), Some(0), 1), Failure::TakenOver), "and it stays so");
    }

    #[test]
    fn a_broker_that_restarts_or_breaks_is_no_other_process() {
        let mut takeovers = Takeovers::default();
        let refused = || Failure::Broken("connection refused".to_owned());
        for round in 0..20 {
            for _ in 0..4 {
                takeovers.judge(closed(), Some(0), 100);
            }
            let other = match round % 3 {
                0 => takeovers.judge(refused(), None, 0),
                1 => takeovers.judge(refused(), Some(0), 100),
                _ => takeovers.judge(closed(), Some(0), 30_000),
            };
            assert!(!matches!(other, Failure::TakenOver));
        }
    }
}
