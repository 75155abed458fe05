//! What the end of a phase means for its run. Pure.

use spacelift_worker_core::protocol::message::{
    EndCause, Finished, NackReason, Outcome, Phase, RunState, RunType,
};

/// The note on a run whose worker fell silent. Source: Spacelift prints these words.
pub(super) const SILENT: &str = "worker stopped reporting its status";

/// The note on a run whose plan succeeded although its end was asked for: what was planned is not applied.
const TOO_LATE: &str = "the plan was complete before the worker could stop it";

/// The longest note that is kept, in characters.
const MAX_NOTE: usize = 4_096;

/// Workers that may be lost over one phase before it is given up: it may be the phase that kills them.
pub(super) const MAX_LOSSES: usize = 3;

/// What becomes of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The state that it enters.
    pub(super) to: RunState,
    /// A word to people.
    pub(super) note: Option<String>,
    /// Whether the sealed workspace of the report counts.
    pub(super) keeps_workspace: bool,
    /// Whether the sealed outputs of the report count.
    pub(super) keeps_outputs: bool,
}

impl Verdict {
    fn new(to: RunState, note: Option<String>) -> Self {
        Self { to, note: note.map(|note| short(&note)), keeps_workspace: false, keeps_outputs: false }
    }

    pub(super) fn failed(note: impl Into<String>) -> Self {
        Self::new(RunState::Failed, Some(note.into()))
    }
}

/// What is known of a run when its phase ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    pub(super) run_type: RunType,
    pub(super) phase: Phase,
    /// Whether a person has to confirm the plan.
    pub(super) needs_approval: bool,
    /// Whether a person asked for the end.
    pub(super) halted: bool,
    /// Whether the reported workspace is the one that was asked for.
    pub(super) workspace_is_ours: bool,
    /// Whether the reported outputs are the ones that were asked for.
    pub(super) outputs_are_ours: bool,
    /// Workers that were lost over this phase before.
    pub(super) losses: usize,
}

/// The worker reported the end of a phase.
pub(super) fn finished(report: &Finished, about: Circumstances) -> Verdict {
    match report.outcome {
        Outcome::Succeeded => succeeded(report, about),
        Outcome::Stopped => Verdict::new(RunState::Stopped, report.reason.clone()),
        _ => {
            let why = report.reason.clone().unwrap_or_else(|| describe(report));
            // Nothing was wrong with the run: its lease was not renewed in time.
            let is_late = report.cause == Some(EndCause::LeaseEnded);
            if is_late { lost(about, &why) } else { Verdict::failed(why) }
        }
    }
}

fn succeeded(report: &Finished, about: Circumstances) -> Verdict {
    if (about.run_type, about.phase) != (RunType::Tracked, Phase::Plan) {
        let is_apply = (about.run_type, about.phase) == (RunType::Tracked, Phase::Apply);
        if report.outputs.is_some() && !(is_apply && about.outputs_are_ours) {
            return Verdict::failed("the worker reported outputs that it was not asked for");
        }
        return Verdict { keeps_outputs: report.outputs.is_some(), ..Verdict::new(RunState::Finished, None) };
    }
    if report.workspace.is_none() {
        return Verdict::failed("the worker planned, but stored no workspace to apply");
    }
    if !about.workspace_is_ours {
        return Verdict::failed("the worker reported a workspace that it was not offered");
    }
    if about.halted {
        return Verdict::new(RunState::Stopped, Some(TOO_LATE.to_owned()));
    }
    let to = if about.needs_approval { RunState::Unconfirmed } else { RunState::Confirmed };
    Verdict { keeps_workspace: true, ..Verdict::new(to, None) }
}

/// The worker is gone, or says that the phase was cut off: again, where it may be offered again, else it failed.
pub(super) fn lost(about: Circumstances, why: &str) -> Verdict {
    if about.halted {
        return Verdict::new(RunState::Stopped, Some(why.to_owned()));
    }
    if about.phase.may_be_offered_again() && about.losses < MAX_LOSSES {
        return Verdict::new(RunState::Queued, Some(format!("{why}; the run waits for another one")));
    }
    Verdict::failed(why)
}

/// The worker tells that it never began, so nothing was changed whatever the phase: another one may, from the state before.
pub(super) fn never_began(about: Circumstances, why: &str) -> Verdict {
    if about.halted {
        return Verdict::new(RunState::Stopped, Some(why.to_owned()));
    }
    if about.losses >= MAX_LOSSES {
        return Verdict::failed(why);
    }
    let to = if about.phase == Phase::Apply { RunState::Confirmed } else { RunState::Queued };
    Verdict::new(to, Some(format!("{why}; the run waits for another one")))
}

/// A worker refused an offer. None where another worker may take it.
pub(super) fn refused(reason: NackReason, note: Option<&str>) -> Option<Verdict> {
    let why = match reason {
        NackReason::PolicyDenied => "the run initialization policy denied the run",
        NackReason::CannotOpen => "the worker could not open the offer: check the pool's key and token",
        _ => return None,
    };
    Some(Verdict::failed(note.map_or_else(|| why.to_owned(), |note| format!("{why}: {note}"))))
}

fn describe(report: &Finished) -> String {
    let cause = match report.cause {
        Some(EndCause::Command) | None => "a command failed",
        Some(EndCause::Cycled) => "the pool was cycled",
        Some(EndCause::Internal) => "the worker could not go on",
        Some(EndCause::Killed) => "the run was killed",
        Some(EndCause::LeaseEnded) => "the worker lost contact for longer than its lease held",
        Some(EndCause::LogsTimeout) => "there was no output for too long",
        Some(EndCause::Outputs) => "the outputs could not be handed on",
        Some(EndCause::PolicyDenied) => "the run initialization policy denied the run",
        Some(EndCause::RunTimeout) => "the run took too long",
        Some(EndCause::Shutdown) => "the worker was asked to end",
        Some(EndCause::Stopped) => "the run was stopped",
        Some(EndCause::Workspace) => "the workspace could not be fetched, verified or stored",
        Some(_) => "the worker gave no reason that is known here",
    };
    report.exit_code.map_or_else(|| cause.to_owned(), |code| format!("{cause} with exit code {code}"))
}

/// A text from a worker, cut to what is kept.
pub(super) fn short(note: &str) -> String {
    note.chars().take(MAX_NOTE).collect()
}

#[cfg(test)]
mod tests {
    use spacelift_worker_core::ids::{Lease, RunId};
    use spacelift_worker_core::protocol::message::SealedObject;

    use super::*;

    fn report(outcome: Outcome, cause: Option<EndCause>) -> Finished {
        Finished {
            run: RunId::from_parts(1, 1),
            lease: Lease::default(),
            outcome,
            cause,
            exit_code: None,
            reason: None,
            state_version: 4,
            workspace: Some(SealedObject { name: "w".into(), len: 1, sha256: "00".into() }),
            outputs: None,
        }
    }

    fn about(run_type: RunType, phase: Phase) -> Circumstances {
        Circumstances {
            run_type,
            phase,
            needs_approval: true,
            halted: false,
            workspace_is_ours: true,
            outputs_are_ours: true,
            losses: 0,
        }
    }

    #[test]
    fn a_plan_of_a_tracked_run_waits_for_a_person_unless_it_is_deployed_by_itself() {
        let report = report(Outcome::Succeeded, None);
        let tracked = about(RunType::Tracked, Phase::Plan);
        let waits = finished(&report, tracked);
        assert_eq!((waits.to, waits.keeps_workspace), (RunState::Unconfirmed, true));
        let goes_on = finished(&report, Circumstances { needs_approval: false, ..tracked });
        assert_eq!((goes_on.to, goes_on.keeps_workspace), (RunState::Confirmed, true));
    }

    #[test]
    fn a_plan_that_a_person_stopped_goes_no_further_and_what_was_changed_is_finished() {
        let report = report(Outcome::Succeeded, None);
        for needs_approval in [true, false] {
            let plan = Circumstances { halted: true, needs_approval, ..about(RunType::Tracked, Phase::Plan) };
            let verdict = finished(&report, plan);
            assert_eq!((verdict.to, verdict.keeps_workspace), (RunState::Stopped, false));
        }
        let apply = Circumstances { halted: true, ..about(RunType::Tracked, Phase::Apply) };
        assert_eq!(finished(&report, apply).to, RunState::Finished);
    }

    #[test]
    fn everything_else_that_succeeds_is_finished() {
        for (run_type, phase) in [
            (RunType::Proposed, Phase::Plan),
            (RunType::Tracked, Phase::Apply),
            (RunType::Destroy, Phase::Destroy),
            (RunType::Task, Phase::Task),
            (RunType::Testing, Phase::Test),
        ] {
            let verdict = finished(&report(Outcome::Succeeded, None), about(run_type, phase));
            assert_eq!((verdict.to, verdict.keeps_workspace), (RunState::Finished, false), "{phase:?}");
        }
    }

    #[test]
    fn a_plan_without_the_workspace_that_was_asked_for_has_failed() {
        let tracked = about(RunType::Tracked, Phase::Plan);
        let none = Finished { workspace: None, ..report(Outcome::Succeeded, None) };
        assert_eq!(finished(&none, tracked).to, RunState::Failed);
        let foreign = Circumstances { workspace_is_ours: false, ..tracked };
        assert_eq!(finished(&report(Outcome::Succeeded, None), foreign).to, RunState::Failed);
    }

    #[test]
    fn outputs_count_where_an_apply_was_asked_for_them_and_no_others_do() {
        let outputs = Some(SealedObject { name: "o".into(), len: 1, sha256: "00".into() });
        let report = Finished { outputs, ..report(Outcome::Succeeded, None) };
        let apply = about(RunType::Tracked, Phase::Apply);
        let kept = finished(&report, apply);
        assert_eq!((kept.to, kept.keeps_outputs), (RunState::Finished, true));
        let foreign = Circumstances { outputs_are_ours: false, ..apply };
        for about in [foreign, about(RunType::Task, Phase::Task), about(RunType::Proposed, Phase::Plan)] {
            let refused = finished(&report, about);
            assert_eq!((refused.to, refused.keeps_outputs), (RunState::Failed, false), "{about:?}");
        }
    }

    #[test]
    fn a_failure_says_why() {
        let mut failed = report(Outcome::Failed, Some(EndCause::Command));
        failed.exit_code = Some(3);
        let tracked = about(RunType::Tracked, Phase::Plan);
        let note = "a command failed with exit code 3".to_owned();
        assert_eq!(finished(&failed, tracked), Verdict::failed(note));
        failed.reason = Some("no such file".into());
        assert_eq!(finished(&failed, tracked), Verdict::failed("no such file"));
    }

    #[test]
    fn only_a_plan_goes_back_to_the_queue_and_not_for_ever() {
        let tracked = |phase| about(RunType::Tracked, phase);
        assert_eq!(lost(tracked(Phase::Plan), SILENT).to, RunState::Queued);
        let again = Circumstances { losses: MAX_LOSSES, ..tracked(Phase::Plan) };
        assert_eq!(lost(again, SILENT).to, RunState::Failed);
        for phase in [Phase::Apply, Phase::Destroy, Phase::Task, Phase::Test] {
            assert_eq!(lost(tracked(phase), SILENT).to, RunState::Failed, "{phase:?}");
        }
        let halted = Circumstances { halted: true, ..tracked(Phase::Plan) };
        assert_eq!(lost(halted, SILENT).to, RunState::Stopped);
        let expired = report(Outcome::Failed, Some(EndCause::LeaseEnded));
        assert_eq!(finished(&expired, tracked(Phase::Plan)).to, RunState::Queued);
    }

    #[test]
    fn what_never_began_waits_again_whatever_the_phase_and_not_for_ever() {
        let tracked = |phase| about(RunType::Tracked, phase);
        assert_eq!(never_began(tracked(Phase::Apply), "x").to, RunState::Confirmed);
        for phase in [Phase::Plan, Phase::Destroy, Phase::Task, Phase::Test] {
            assert_eq!(never_began(tracked(phase), "x").to, RunState::Queued, "{phase:?}");
        }
        let again = Circumstances { losses: MAX_LOSSES, ..tracked(Phase::Apply) };
        assert_eq!(never_began(again, "x").to, RunState::Failed);
        let halted = Circumstances { halted: true, ..tracked(Phase::Apply) };
        assert_eq!(never_began(halted, "x").to, RunState::Stopped);
    }

    #[test]
    fn a_denial_fails_the_run_and_a_busy_worker_does_not() {
        let denied = refused(NackReason::PolicyDenied, Some("no Friday")).unwrap();
        assert_eq!(denied.note.unwrap(), "the run initialization policy denied the run: no Friday");
        assert_eq!(refused(NackReason::CannotOpen, None).unwrap().to, RunState::Failed);
        for reason in [NackReason::Busy, NackReason::Drained, NackReason::Stale, NackReason::Expired] {
            assert_eq!(refused(reason, None), None, "{reason:?}");
        }
    }
}
