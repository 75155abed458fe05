//! One worker's part of the numbers. What it holds up goes down again when it ends.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{BOUNDS, Metrics, OUTCOMES, PHASES};
use crate::protocol::message::{Outcome, Phase};

/// Counts for one worker. Reads no clock.
#[derive(Debug)]
pub(crate) struct Meter {
    metrics: Metrics,
    connected: bool,
    busy: bool,
    unacknowledged: u64,
    /// What was started, and when.
    begun: Option<(Phase, u64)>,
}

fn add(number: &AtomicU64) {
    number.fetch_add(1, Ordering::Relaxed);
}

/// Moves a sum from what one worker held to what it holds.
fn shift(sum: &AtomicU64, before: u64, after: u64) {
    sum.fetch_add(after, Ordering::Relaxed);
    sum.fetch_sub(before, Ordering::Relaxed);
}

impl Meter {
    pub(crate) fn new(metrics: Metrics) -> Self {
        add(&metrics.0.workers);
        Self { metrics, connected: false, busy: false, unacknowledged: 0, begun: None }
    }

    /// How the worker is now.
    pub(crate) fn look(&mut self, connected: bool, busy: bool, unacknowledged: usize) {
        let numbers = &*self.metrics.0;
        let unacknowledged = u64::try_from(unacknowledged).unwrap_or(u64::MAX);
        shift(&numbers.connected, u64::from(self.connected), u64::from(connected));
        shift(&numbers.busy, u64::from(self.busy), u64::from(busy));
        shift(&numbers.unacknowledged, self.unacknowledged, unacknowledged);
        (self.connected, self.busy, self.unacknowledged) = (connected, busy, unacknowledged);
    }

    pub(crate) fn connected(&self) {
        add(&self.metrics.0.connections);
    }

    pub(crate) fn not_connected(&self) {
        add(&self.metrics.0.failures);
    }

    pub(crate) fn offered(&self) {
        add(&self.metrics.0.offers);
    }

    pub(crate) fn refused(&self) {
        add(&self.metrics.0.refused);
    }

    pub(crate) fn masked(&self, bytes: u64) {
        self.metrics.0.masked.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn started(&mut self, phase: Phase, mono_ms: u64) {
        self.begun = Some((phase, mono_ms));
    }

    pub(crate) fn ended(&mut self, outcome: Outcome, mono_ms: u64) {
        let Some((phase, since)) = self.begun.take() else { return };
        let took_ms = mono_ms.saturating_sub(since);
        let number = PHASES.iter().position(|known| *known == phase);
        let Some(of_phase) = number.and_then(|number| self.metrics.0.phases.get(number)) else { return };
        let outcome = OUTCOMES.iter().position(|(known, _)| *known == outcome);
        outcome.and_then(|outcome| of_phase.ended.get(outcome)).map(add);
        let bound = BOUNDS.iter().position(|bound| took_ms <= bound * 1_000);
        bound.and_then(|bound| of_phase.within.get(bound)).map(add);
        of_phase.took_ms.fetch_add(took_ms, Ordering::Relaxed);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.look(false, false, 0);
        self.metrics.0.workers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Health;
    use super::*;

    #[test]
    fn the_numbers_of_two_workers_are_added_and_go_down_with_them() {
        let metrics = Metrics::default();
        assert!(!metrics.health().is_alive());
        let (mut one, mut other) = (Meter::new(metrics.clone()), Meter::new(metrics.clone()));
        one.look(true, false, 3);
        other.look(false, true, 4);
        let health = metrics.health();
        assert_eq!(health, Health { workers: 2, connected: 1, busy: 1, unacknowledged: 7 });
        assert!(health.is_alive() && !health.is_ready());
        other.look(true, false, 0);
        assert!(metrics.health().is_ready());
        drop(one);
        assert_eq!(metrics.health(), Health { workers: 1, connected: 1, busy: 0, unacknowledged: 0 });
        drop(other);
        assert_eq!(metrics.health(), Health::default());
    }

    #[test]
    fn an_end_without_a_beginning_is_not_counted() {
        let metrics = Metrics::default();
        let mut meter = Meter::new(metrics.clone());
        meter.ended(Outcome::Failed, 10);
        let ended = |number: &AtomicU64| number.load(Ordering::Relaxed);
        assert!(metrics.0.phases.iter().all(|phase| phase.ended.iter().all(|number| ended(number) == 0)));
    }
}
