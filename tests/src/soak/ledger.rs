//! What must hold at the end, judged from what runs wrote down and what the control plane says. Pure.

use std::collections::{BTreeMap, BTreeSet};

use spacelift_worker_core::protocol::message::RunState;

/// What the control plane says of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSeen {
    /// Its ULID.
    pub id: String,
    /// Its state.
    pub state: String,
}

/// Whether nothing follows a state.
pub(super) fn is_terminal(state: &str) -> bool {
    serde_json::from_value::<RunState>(state.into()).is_ok_and(RunState::is_terminal)
}

/// What is wrong, a line each.
pub fn violations(runs: &[RunSeen], ledger: &str) -> Vec<String> {
    let mut found = Vec::new();
    let known: BTreeSet<&str> = runs.iter().map(|run| run.id.as_str()).collect();
    let mut times = BTreeMap::<&str, usize>::new();
    for line in ledger.lines() {
        *times.entry(line).or_default() += 1;
    }
    for (run, times) in &times {
        if *times > 1 {
            found.push(format!("run {run} was applied {times} times"));
        }
        if !known.contains(run) {
            found.push(format!("run {run} was applied, and the control plane does not know it"));
        }
    }
    for run in runs {
        if !is_terminal(&run.state) {
            found.push(format!("run {} has not ended: {}", run.id, run.state));
        }
        if run.state == "FINISHED" && !times.contains_key(run.id.as_str()) {
            found.push(format!("run {} is FINISHED and was never applied", run.id));
        }
    }
    found
}

/// How fast memory grew, in KiB an hour: the middle of the last fifth of the samples against the middle of the first. None where
/// they span less than five minutes.
pub fn growth_an_hour(samples: &[(f64, u64)]) -> Option<f64> {
    let fifth = samples.len() / 5;
    let (first, last) = (samples.get(..fifth)?, samples.get(samples.len() - fifth..)?);
    let middle = |part: &[(f64, u64)]| {
        let mut sizes: Vec<u64> = part.iter().map(|(_, size)| *size).collect();
        sizes.sort_unstable();
        let at = part.get(part.len() / 2)?.0;
        Some((at, *sizes.get(sizes.len() / 2)?))
    };
    let ((from, before), (to, after)) = (middle(first)?, middle(last)?);
    (to - from >= 300.0).then(|| (after as f64 - before as f64) * 3_600.0 / (to - from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str, state: &str) -> RunSeen {
        RunSeen { id: id.to_owned(), state: state.to_owned() }
    }

    #[test]
    fn a_run_applied_once_and_one_that_failed_are_in_order() {
        assert_eq!(violations(&[run("a", "FINISHED"), run("b", "FAILED")], "a\n"), Vec::<String>::new());
        assert_eq!(
            violations(&[run("b", "FAILED")], "b\n"),
            Vec::<String>::new(),
            "it failed after its change"
        );
    }

    #[test]
    fn twice_never_unknown_and_unended_are_told() {
        let found =
            violations(&[run("a", "FINISHED"), run("b", "FINISHED"), run("c", "APPLYING")], "a\na\nx\n");
        assert_eq!(found.len(), 4, "{found:?}");
    }

    #[test]
    fn growth_is_the_slope_between_the_ends() {
        let flat: Vec<_> = (0..100).map(|at| (f64::from(at) * 10.0, 5_000)).collect();
        assert_eq!(growth_an_hour(&flat), Some(0.0));
        let rising: Vec<_> = (0..100).map(|at| (f64::from(at) * 10.0, 5_000 + at as u64 * 10)).collect();
        assert!((growth_an_hour(&rising).unwrap() - 3_600.0).abs() < 100.0);
        assert_eq!(growth_an_hour(&rising[..20]), None);
    }
}
