//! What becomes of a run: progress, logs, and how a phase ended. The first terminal report for a lease wins.

use spacelift_worker_core::protocol::message::{
    Finished, Interrupted, LogManifest, NackReason, Phase, Progress, RunState, SealedObject,
};

use super::composer::Composer;
use super::inbound::{Answer, From};
use super::naming;
use super::task::{Control, ControlError};
use super::verdict::{self, Circumstances, Verdict, short};
use crate::store::{
    Change, LeaseEnd, LeaseError, LeaseRecord, LeaseState, Ledger, Run, SealedResult, TransitionError,
};

/// Why leases end that count as losses of their phase.
const LOST: &str = "lost";
const INTERRUPTED: &str = "interrupted";
pub(super) const NOT_BEGUN: &str = "not begun";

/// How far the version of a worker's state may be above that of its run. A phase has five states at most, so an honest
/// worker stays far below, even of a run that was restored from a backup; and a version that is believed is stored, and
/// the next one is counted on from it, so it must stay far below what a column holds.
const MAX_VERSIONS_AHEAD: u64 = 64;

impl<L: Ledger, C: Composer> Control<L, C> {
    pub(super) async fn on_progress(
        &mut self,
        from: From,
        progress: Progress,
    ) -> Result<Answer, ControlError> {
        let Some(record) = self.lease_for(from, progress.lease, progress.run).await? else {
            return Ok(Answer::Ack);
        };
        let is_worker_state = matches!(
            progress.state,
            RunState::Initializing
                | RunState::Planning
                | RunState::Applying
                | RunState::Destroying
                | RunState::Performing
        );
        if !is_worker_state || record.state != LeaseState::Started || record.worker != from.worker {
            return Ok(Answer::Ack);
        }
        let run = self.store.run(record.run).await?;
        if is_too_high(progress.state_version, &run) {
            return Ok(Answer::Nack(NackReason::Malformed));
        }
        let change = Change {
            version: Some(progress.state_version),
            note: progress.note.as_deref().map(short),
            ..Change::new(run.id, run.state, progress.state, from.now)
        };
        match self.store.transition(&change).await {
            // What came late or twice changes nothing.
            Ok(_) | Err(TransitionError::Late { .. } | TransitionError::NotAllowed { .. }) => Ok(Answer::Ack),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn on_logs(
        &mut self,
        from: From,
        manifest: &LogManifest,
    ) -> Result<Answer, ControlError> {
        let Some(record) = self.lease_for(from, manifest.lease, manifest.run).await? else {
            return Ok(Answer::Ack);
        };
        // A manifest names what people read later: nothing but what this lease was given.
        let is_its_own = |name: &str| naming::is_log(name, record.run, record.lease);
        if !manifest.segments.iter().all(|segment| is_its_own(&segment.name)) {
            return Ok(Answer::Nack(NackReason::Malformed));
        }
        self.store.put_log_manifest(manifest).await?;
        Ok(Answer::Ack)
    }

    pub(super) async fn on_finished(
        &mut self,
        from: From,
        report: &Finished,
    ) -> Result<Answer, ControlError> {
        // Any worker of the pool may bring it: a process reports for the one before it on its machine.
        let Some(record) = self.lease_for(from, report.lease, report.run).await? else {
            return Ok(Answer::Ack);
        };
        if is_too_high(report.state_version, &self.store.run(record.run).await?) {
            return Ok(Answer::Nack(NackReason::Malformed));
        }
        let about = self.circumstances(&record, Some(report)).await?;
        let verdict = verdict::finished(report, about);
        let reason = if verdict.to == RunState::Queued { LOST } else { "finished" };
        self.conclude(&record, reason, Some(verdict), Some(report), from.now).await?;
        Ok(Answer::Ack)
    }

    pub(super) async fn on_interrupted(
        &mut self,
        from: From,
        report: &Interrupted,
    ) -> Result<Answer, ControlError> {
        let Some(record) = self.lease_for(from, report.lease, report.run).await? else {
            return Ok(Answer::Ack);
        };
        if record.worker != report.worker {
            return Ok(Answer::Ack);
        }
        let about = self.circumstances(&record, None).await?;
        let why = match record.phase {
            Phase::Plan => "the worker ended before the run did",
            _ => "the worker ended before the run did; what it has changed until then is not known here",
        };
        self.conclude(&record, INTERRUPTED, Some(verdict::lost(about, why)), None, from.now).await?;
        Ok(Answer::Ack)
    }

    /// The worker of a started lease is given up.
    pub(super) async fn give_up(&mut self, record: &LeaseRecord, now: u64) -> Result<(), ControlError> {
        let about = self.circumstances(record, None).await?;
        let verdict = verdict::lost(about, verdict::SILENT);
        self.conclude(record, LOST, Some(verdict), None, now).await
    }

    /// The lease of a report; none when there is no such lease for that run in the pool of the speaker.
    async fn lease_for(
        &self,
        from: From,
        lease: spacelift_worker_core::ids::Lease,
        run: spacelift_worker_core::ids::RunId,
    ) -> Result<Option<LeaseRecord>, ControlError> {
        match self.store.lease(from.pool, lease).await {
            Ok(record) => Ok((record.run == run).then_some(record)),
            Err(LeaseError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn circumstances(
        &self,
        record: &LeaseRecord,
        report: Option<&Finished>,
    ) -> Result<Circumstances, ControlError> {
        let run = self.store.run(record.run).await?;
        let leases = self.store.leases_of_run(record.run).await?;
        let is_loss = |lease: &&LeaseRecord| {
            lease.phase == record.phase
                && matches!(lease.end_reason.as_deref(), Some(LOST | INTERRUPTED | NOT_BEGUN))
        };
        let workspace = report.and_then(|report| report.workspace.as_ref());
        let outputs = report.and_then(|report| report.outputs.as_ref());
        Ok(Circumstances {
            run_type: run.spec.run_type,
            phase: record.phase,
            needs_approval: run.spec.needs_approval,
            halted: record.halted,
            workspace_is_ours: workspace
                .is_some_and(|object| naming::is_workspace(&object.name, record.run, record.lease)),
            outputs_are_ours: outputs
                .is_some_and(|object| naming::is_outputs(&object.name, record.run, record.lease)),
            losses: leases.iter().filter(is_loss).count(),
        })
    }

    /// Ends a lease and moves its run. What is no longer possible changes nothing; a late report replaces a verdict of
    /// loss.
    pub(super) async fn conclude(
        &mut self,
        record: &LeaseRecord,
        reason: &str,
        verdict: Option<Verdict>,
        report: Option<&Finished>,
        now: u64,
    ) -> Result<(), ControlError> {
        let kept = |object: &Option<SealedObject>, keeps: fn(&Verdict) -> bool| {
            let object = object.clone().filter(|_| verdict.as_ref().is_some_and(keeps))?;
            let state_version = report.map_or(0, |report| report.state_version);
            Some(SealedResult { object, phase: record.phase, state_version })
        };
        let workspace = report.and_then(|report| kept(&report.workspace, |verdict| verdict.keeps_workspace));
        let outputs = report.and_then(|report| kept(&report.outputs, |verdict| verdict.keeps_outputs));
        let is_loss = reason == LOST && report.is_none() && !record.phase.may_be_offered_again();
        let end = LeaseEnd {
            pool: record.pool,
            lease: record.lease,
            reason: reason.to_owned(),
            to: verdict.as_ref().map(|verdict| verdict.to),
            worker_version: report.map(|report| report.state_version),
            note: verdict.and_then(|verdict| verdict.note),
            workspace,
            outputs,
            lost: is_loss,
            now,
        };
        let done = match self.store.end_lease(&end).await {
            Err(LeaseError::State { .. }) if end.to.is_some() && !is_loss => {
                self.store.replace_verdict(&end).await
            }
            Err(LeaseError::Transition(error)) if !matches!(error, TransitionError::Store(_)) => {
                let run = self.store.run(record.run).await?;
                tracing::warn!(run = %run.id, %error, "a report does not fit its run");
                let to = (!run.state.is_terminal()).then_some(RunState::Failed);
                let note = to.map(|_| format!("the end of a phase does not fit the run: {error}"));
                self.store.end_lease(&LeaseEnd { to, note, workspace: None, outputs: None, ..end }).await
            }
            done => done,
        };
        match done {
            // The first report won.
            Ok(_) | Err(LeaseError::State { .. }) => {
                self.memory.ended(record);
                if matches!(record.state, LeaseState::Offered | LeaseState::Accepted) {
                    self.composer.forget_offer(record).await;
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether a version cannot be one that a worker counted on from its offer.
fn is_too_high(version: u64, run: &Run) -> bool {
    version > run.state_version.saturating_add(MAX_VERSIONS_AHEAD)
}
