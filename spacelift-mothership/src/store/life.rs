//! The life of a run: which state may follow which. Pure.
//!
//! Source: Spacelift, concepts, run, "Run state", and the pages of the run types. Three moves are ours: a phase that may
//! be offered again returns to QUEUED when its worker was lost; one that its worker never began returns to where it waited,
//! from its first state; and a worker's states may be skipped, since of several progress reports the latest alone is
//! delivered.

use spacelift_worker_core::protocol::message::{Phase, RunState, RunType};

use super::row::word;

/// The states that a worker goes through in one phase, in order.
fn on_worker(phase: Phase) -> &'static [RunState] {
    use RunState as S;
    match phase {
        Phase::Plan => &[S::Preparing, S::Initializing, S::Planning],
        Phase::Apply => &[S::PreparingApply, S::Applying],
        Phase::Destroy => &[S::Preparing, S::Initializing, S::Destroying],
        Phase::Task => &[S::Preparing, S::Initializing, S::Performing],
        Phase::Test => &[S::Preparing, S::Initializing, S::Planning, S::Applying, S::Destroying],
        _ => &[],
    }
}

/// The phase with which a run of this type begins.
fn first_phase(run_type: RunType) -> Phase {
    match run_type {
        RunType::Destroy => Phase::Destroy,
        RunType::Task => Phase::Task,
        RunType::Testing => Phase::Test,
        _ => Phase::Plan,
    }
}

/// What a run in this state waits to have done by a worker; `None` when it does not wait for one.
pub fn next_phase(run_type: RunType, state: RunState) -> Option<Phase> {
    match state {
        RunState::Queued | RunState::Ready => Some(first_phase(run_type)),
        RunState::Confirmed => Some(Phase::Apply),
        _ => None,
    }
}

/// The state that a run enters when a worker starts on a phase.
pub fn started_state(phase: Phase) -> RunState {
    if phase == Phase::Apply { RunState::PreparingApply } else { RunState::Preparing }
}

/// The published name of a state.
pub fn state_name(state: RunState) -> String {
    word(&state)
}

/// The last state that a worker enters in a phase, where the phase succeeds.
pub(super) fn last_state(phase: Phase) -> Option<RunState> {
    on_worker(phase).last().copied()
}

/// Whether a run of this type may go from one state to another.
pub fn is_allowed(run_type: RunType, from: RunState, to: RunState) -> bool {
    use RunState as S;
    if from.is_terminal() || from == to {
        return false;
    }
    let first = on_worker(first_phase(run_type));
    let apply = if run_type == RunType::Tracked { on_worker(Phase::Apply) } else { &[] };
    let held = first.contains(&from) || apply.contains(&from);
    let forward = |path: &[S]| match (position(path, from), position(path, to)) {
        (Some(now), Some(then)) => then > now,
        _ => false,
    };
    match (from, to) {
        // Whatever goes wrong, wherever.
        (_, S::Failed) => true,
        // A person's request. Before a worker has it, a run is canceled, not stopped.
        (S::None | S::Queued | S::Ready | S::PendingReview, S::Canceled) => true,
        (S::Unconfirmed | S::PendingReview | S::Confirmed, S::Discarded) => true,
        (S::Confirmed, S::Stopped) => true,
        (_, S::Stopped) => held,
        // Towards a worker, and back when it was lost before it changed anything.
        (S::None, S::Queued | S::Ready) | (S::Queued, S::Ready) | (S::Ready, S::Queued) => true,
        (S::Queued | S::Ready, S::Preparing) => true,
        (_, S::Queued) => {
            (first_phase(run_type).may_be_offered_again() && first.contains(&from))
                || first.first() == Some(&from)
        }
        (S::PreparingApply, S::Confirmed) => run_type == RunType::Tracked,
        // Between planning and applying. With auto-deploy nobody is asked.
        (S::Planning, S::Unconfirmed | S::Confirmed) => run_type == RunType::Tracked,
        (S::Unconfirmed, S::Confirmed) => true,
        (S::Confirmed, S::PreparingApply) => true,
        // A tracked run whose plan has no changes ends here, too.
        (_, S::Finished) => first.last() == Some(&from) || apply.last() == Some(&from),
        _ => forward(first) || forward(apply),
    }
}

fn position(path: &[RunState], state: RunState) -> Option<usize> {
    path.iter().position(|&each| each == state)
}

#[cfg(test)]
mod tests {
    use RunState as S;

    use super::*;

    fn walks(run_type: RunType, states: &[S]) -> bool {
        states.windows(2).all(|pair| is_allowed(run_type, pair[0], pair[1]))
    }

    #[test]
    fn every_type_can_go_its_published_way() {
        let tracked = [
            S::Queued,
            S::Preparing,
            S::Initializing,
            S::Planning,
            S::Unconfirmed,
            S::Confirmed,
            S::PreparingApply,
            S::Applying,
            S::Finished,
        ];
        assert!(walks(RunType::Tracked, &tracked));
        assert!(walks(RunType::Tracked, &[S::Planning, S::Confirmed]), "auto-deploy");
        assert!(walks(
            RunType::Proposed,
            &[S::Queued, S::Preparing, S::Initializing, S::Planning, S::Finished]
        ));
        assert!(walks(RunType::Task, &[S::Ready, S::Preparing, S::Initializing, S::Performing, S::Finished]));
        assert!(walks(RunType::Destroy, &[S::Preparing, S::Initializing, S::Destroying, S::Finished]));
        assert!(walks(RunType::Testing, &[S::Planning, S::Applying, S::Destroying, S::Finished]));
    }

    #[test]
    fn a_worker_state_may_be_skipped_and_never_goes_back() {
        assert!(is_allowed(RunType::Tracked, S::Preparing, S::Planning));
        assert!(!is_allowed(RunType::Tracked, S::Planning, S::Initializing));
        assert!(!is_allowed(RunType::Tracked, S::Applying, S::PreparingApply));
    }

    #[test]
    fn nothing_is_applied_without_a_confirmation() {
        for from in [S::Queued, S::Preparing, S::Initializing, S::Planning, S::Unconfirmed] {
            assert!(!is_allowed(RunType::Tracked, from, S::Applying), "{from:?}");
            assert!(!is_allowed(RunType::Tracked, from, S::PreparingApply), "{from:?}");
        }
        assert!(!is_allowed(RunType::Proposed, S::Planning, S::Unconfirmed));
        assert!(!is_allowed(RunType::Proposed, S::Planning, S::Confirmed));
    }

    #[test]
    fn a_phase_that_changes_something_never_returns_to_the_queue() {
        assert!(is_allowed(RunType::Tracked, S::Planning, S::Queued));
        for (run_type, from) in [
            (RunType::Tracked, S::Applying),
            (RunType::Tracked, S::PreparingApply),
            (RunType::Destroy, S::Destroying),
            (RunType::Task, S::Performing),
            (RunType::Testing, S::Applying),
        ] {
            assert!(!is_allowed(run_type, from, S::Queued), "{from:?}");
        }
    }

    #[test]
    fn a_phase_that_never_began_returns_to_where_it_waited_and_no_later_state_does() {
        assert!(is_allowed(RunType::Tracked, S::PreparingApply, S::Confirmed));
        assert!(!is_allowed(RunType::Tracked, S::Applying, S::Confirmed));
        for run_type in [RunType::Destroy, RunType::Task, RunType::Testing] {
            assert!(is_allowed(run_type, S::Preparing, S::Queued), "{run_type:?}");
            assert!(!is_allowed(run_type, S::Initializing, S::Queued), "{run_type:?}");
        }
    }

    #[test]
    fn nothing_follows_a_terminal_state() {
        for from in [S::Canceled, S::Discarded, S::Failed, S::Finished, S::Skipped, S::Stopped] {
            for to in [S::Queued, S::Finished, S::Failed, S::Preparing] {
                assert!(!is_allowed(RunType::Tracked, from, to), "{from:?} {to:?}");
            }
        }
    }

    #[test]
    fn a_waiting_run_is_canceled_or_discarded_and_a_running_one_stopped() {
        assert!(is_allowed(RunType::Tracked, S::Queued, S::Canceled));
        assert!(!is_allowed(RunType::Tracked, S::Queued, S::Stopped));
        assert!(is_allowed(RunType::Tracked, S::Unconfirmed, S::Discarded));
        assert!(!is_allowed(RunType::Tracked, S::Planning, S::Discarded));
        assert!(is_allowed(RunType::Tracked, S::Planning, S::Stopped));
        assert!(!is_allowed(RunType::Tracked, S::Applying, S::Canceled));
    }
}
