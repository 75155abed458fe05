//! The numbers in Prometheus' text format, version 0.0.4.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{BOUNDS, Metrics, OUTCOMES, OfPhase, PHASES};

fn of(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}

/// A family's name without the prefix, its kind, and what it is.
fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# HELP spacelift_worker_{name} {help}\n# TYPE spacelift_worker_{name} {kind}");
}

fn single(text: &mut String, name: &str, kind: &str, help: &str, value: u64) {
    head(text, name, kind, help);
    let _ = writeln!(text, "spacelift_worker_{name} {value}");
}

impl Metrics {
    /// Everything in Prometheus' text format, for an answer of type `text/plain; version=0.0.4`.
    pub fn to_prometheus(&self) -> String {
        let (mut text, numbers) = (String::new(), &*self.0);
        let health = self.health();
        for (name, help, value) in [
            ("workers", "Workers that run", health.workers),
            ("connected", "Workers that are connected to the control plane", health.connected),
            ("busy", "Workers with an offer, a run or a report in hand", health.busy),
            ("unacknowledged_messages", "Messages that wait for the control plane", health.unacknowledged),
        ] {
            single(&mut text, name, "gauge", help, value);
        }
        for (name, help, value) in [
            ("connections_total", "Connections that came about", &numbers.connections),
            (
                "connection_failures_total",
                "Connections that were lost or did not come about",
                &numbers.failures,
            ),
            ("offers_total", "Runs that were offered and looked into", &numbers.offers),
            (
                "offers_refused_total",
                "Of these, how many could not be opened or were denied",
                &numbers.refused,
            ),
            ("masked_bytes_total", "Bytes of run logs that were masked", &numbers.masked),
        ] {
            single(&mut text, name, "counter", help, of(value));
        }
        head(&mut text, "phases_total", "counter", "Phases that ended, by how");
        for (phase, of_phase) in PHASES.iter().zip(&numbers.phases) {
            for ((_, outcome), ended) in OUTCOMES.iter().zip(&of_phase.ended) {
                let labels = format!("phase=\"{}\",outcome=\"{outcome}\"", phase.as_str());
                let _ = writeln!(text, "spacelift_worker_phases_total{{{labels}}} {}", of(ended));
            }
        }
        head(&mut text, "phase_duration_seconds", "histogram", "How long phases took, from their start on");
        for (phase, of_phase) in PHASES.iter().zip(&numbers.phases) {
            histogram(&mut text, phase.as_str(), of_phase);
        }
        text
    }
}

fn histogram(text: &mut String, phase: &str, of_phase: &OfPhase) {
    let name = "spacelift_worker_phase_duration_seconds";
    let mut so_far = 0;
    for (bound, within) in BOUNDS.iter().zip(&of_phase.within) {
        so_far += of(within);
        let _ = writeln!(text, "{name}_bucket{{phase=\"{phase}\",le=\"{bound}\"}} {so_far}");
    }
    let all: u64 = of_phase.ended.iter().map(of).sum();
    let seconds = of(&of_phase.took_ms) as f64 / 1e3;
    let _ = writeln!(text, "{name}_bucket{{phase=\"{phase}\",le=\"+Inf\"}} {all}");
    let _ =
        writeln!(text, "{name}_sum{{phase=\"{phase}\"}} {seconds}\n{name}_count{{phase=\"{phase}\"}} {all}");
}

#[cfg(test)]
mod tests {
    use super::super::Meter;
    use super::*;
    use crate::protocol::message::{Outcome, Phase};

    #[test]
    fn phases_are_counted_by_their_end_and_their_time() {
        let metrics = Metrics::default();
        let mut meter = Meter::new(metrics.clone());
        for (took, outcome) in
            [(900, Outcome::Succeeded), (20_500, Outcome::Succeeded), (9_000_000, Outcome::Failed)]
        {
            meter.started(Phase::Plan, 1_000);
            meter.ended(outcome, 1_000 + took);
        }
        meter.masked(12);
        let text = metrics.to_prometheus();
        for line in [
            "spacelift_worker_masked_bytes_total 12",
            "spacelift_worker_workers 1",
            "spacelift_worker_phases_total{phase=\"plan\",outcome=\"succeeded\"} 2",
            "spacelift_worker_phases_total{phase=\"plan\",outcome=\"failed\"} 1",
            "spacelift_worker_phases_total{phase=\"apply\",outcome=\"failed\"} 0",
            "spacelift_worker_phase_duration_seconds_bucket{phase=\"plan\",le=\"1\"} 1",
            "spacelift_worker_phase_duration_seconds_bucket{phase=\"plan\",le=\"15\"} 1",
            "spacelift_worker_phase_duration_seconds_bucket{phase=\"plan\",le=\"60\"} 2",
            "spacelift_worker_phase_duration_seconds_bucket{phase=\"plan\",le=\"4200\"} 2",
            "spacelift_worker_phase_duration_seconds_bucket{phase=\"plan\",le=\"+Inf\"} 3",
            "spacelift_worker_phase_duration_seconds_count{phase=\"plan\"} 3",
            "spacelift_worker_phase_duration_seconds_sum{phase=\"plan\"} 9021.4",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn every_family_is_introduced_once_before_its_samples() {
        let text = Metrics::default().to_prometheus();
        let mut known = Vec::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let name = rest.split(' ').next().unwrap();
                assert!(!known.contains(&name), "{name} twice");
                known.push(name);
            } else if !line.starts_with('#') {
                let name = line.split(['{', ' ']).next().unwrap();
                assert!(known.last().is_some_and(|family| name.starts_with(family)), "{line}");
            }
        }
        assert_eq!(known.len(), 11);
    }
}
