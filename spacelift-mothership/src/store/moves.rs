//! What a move of a lease does to the lease and to its run: pure. Whoever keeps the records reads them before, and writes
//! them afterwards, in one transaction.

use spacelift_worker_core::ids::{Lease, PoolId, WorkerId};
use spacelift_worker_core::protocol::message::{Phase, RunState};

use super::transitions::Entered;
use super::{Change, LeaseEnd, LeaseError, LeaseRecord, LeaseState, LeaseTimes, NewLease, Run, Until, life};

/// A lease and its run after a move, and the states that the run entered by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) lease: LeaseRecord,
    pub(super) run: Run,
    pub(super) entered: Vec<Entered>,
}

/// Whether a lease may be given out: the run waits for that phase and nobody has it, and the worker is there, not drained
/// and without a lease.
pub(super) fn may_offer(
    new: &NewLease,
    run: &Run,
    run_is_held: bool,
    worker_is_free: bool,
) -> Result<(), LeaseError> {
    if run.next_phase() != Some(new.phase) || run_is_held {
        return Err(LeaseError::RunNotWaiting { run: new.run });
    }
    if !worker_is_free {
        return Err(LeaseError::WorkerNotFree { worker: new.worker });
    }
    Ok(())
}

/// The lease that is given out.
pub(super) fn offered(new: &NewLease, pool: PoolId, lease: Lease, cmd_seq: u64) -> LeaseRecord {
    LeaseRecord {
        pool,
        lease,
        run: new.run,
        phase: new.phase,
        worker: new.worker,
        state: LeaseState::Offered,
        offer_message: new.offer_message,
        cmd_seq,
        times: LeaseTimes {
            offered_at: new.now,
            started_at: None,
            expires_at: None,
            deadline: new.deadline,
            ended_at: None,
        },
        end_reason: None,
        logs_complete: false,
        halted: false,
    }
}

/// The worker said yes.
pub(super) fn accept(record: LeaseRecord, worker: WorkerId) -> Result<LeaseRecord, LeaseError> {
    let record = held_by(record, worker)?;
    if record.state != LeaseState::Offered {
        return Err(LeaseError::State { lease: record.lease, actual: record.state });
    }
    Ok(LeaseRecord { state: LeaseState::Accepted, ..record })
}

/// The worker may begin.
pub(super) fn start(
    record: LeaseRecord,
    run: Run,
    worker: WorkerId,
    until: Until,
    now: u64,
) -> Result<Moved, LeaseError> {
    let record = held_by(record, worker)?;
    if !matches!(record.state, LeaseState::Offered | LeaseState::Accepted) {
        return Err(LeaseError::State { lease: record.lease, actual: record.state });
    }
    let (run, entered) = Change::new(run.id, run.state, life::started_state(record.phase), now).of(&run)?;
    let times = LeaseTimes { started_at: Some(now), ..record.times };
    let lease = LeaseRecord { state: LeaseState::Started, times, ..record };
    let lease = extend(lease, Some(until.expires_at), until.deadline)?;
    Ok(Moved { lease, run, entered: vec![entered] })
}

/// The lease has other times.
pub(super) fn extend(
    mut record: LeaseRecord,
    expires_at: Option<u64>,
    deadline: u64,
) -> Result<LeaseRecord, LeaseError> {
    if record.state == LeaseState::Ended {
        return Err(LeaseError::State { lease: record.lease, actual: record.state });
    }
    (record.times.expires_at, record.times.deadline) = (expires_at, deadline);
    Ok(record)
}

/// A person asked for the end of what the worker does under this lease.
pub(super) fn halt(record: LeaseRecord) -> Result<LeaseRecord, LeaseError> {
    if record.state != LeaseState::Started {
        return Err(LeaseError::State { lease: record.lease, actual: record.state });
    }
    Ok(LeaseRecord { halted: true, ..record })
}

/// The lease ends, and the run goes where the end says. The first end wins.
pub(super) fn end(record: LeaseRecord, mut run: Run, end: &LeaseEnd) -> Result<Moved, LeaseError> {
    if record.state == LeaseState::Ended {
        return Err(LeaseError::State { lease: record.lease, actual: record.state });
    }
    let mut entered = Vec::new();
    if let Some(to) = end.to {
        if let Some(last) = skipped(&run, record.phase, to) {
            let version = end.worker_version.filter(|&version| version > run.state_version);
            let change = Change { version, ..Change::new(run.id, run.state, last, end.now) };
            let (after, state) = change.of(&run)?;
            run = after;
            entered.push(state);
        }
        let (after, state) = change_of(end, &run, to).of(&run)?;
        run = after;
        entered.push(state);
    }
    let times = LeaseTimes { ended_at: Some(end.now), ..record.times };
    let lease =
        LeaseRecord { state: LeaseState::Ended, times, end_reason: Some(end.reason.clone()), ..record };
    Ok(Moved { lease, run: keep_result(run, end), entered })
}

/// A late report takes the place of a verdict of loss, for the latest lease of the run alone.
pub(super) fn replace(
    record: LeaseRecord,
    mut run: Run,
    latest: Option<Lease>,
    end: &LeaseEnd,
) -> Result<Moved, LeaseError> {
    if !run.lost || latest != Some(end.lease) {
        return Err(LeaseError::State { lease: end.lease, actual: record.state });
    }
    let mut entered = Vec::new();
    if let Some(to) = end.to {
        let change = change_of(end, &run, to);
        let (after, state) = change.forced(&run, change.version.unwrap_or(run.state_version + 1));
        run = after;
        entered.push(state);
    }
    Ok(Moved { lease: record, run: keep_result(run, &LeaseEnd { lost: false, ..end.clone() }), entered })
}

fn change_of(end: &LeaseEnd, run: &Run, to: RunState) -> Change {
    let version = end.worker_version.map(|version| version.max(run.state_version) + 1);
    Change { version, note: end.note.clone(), ..Change::new(run.id, run.state, to, end.now) }
}

/// The last state of the phase, where the report of its end came before the report that it was entered.
fn skipped(run: &Run, phase: Phase, to: RunState) -> Option<RunState> {
    let last = life::last_state(phase)?;
    let allowed = |from, to| life::is_allowed(run.spec.run_type, from, to);
    (!allowed(run.state, to) && allowed(run.state, last) && allowed(last, to)).then_some(last)
}

/// A workspace of an earlier phase stays where there is no newer one.
fn keep_result(run: Run, end: &LeaseEnd) -> Run {
    let workspace = end.workspace.clone().or_else(|| run.workspace.clone());
    let outputs = end.outputs.clone().or_else(|| run.outputs.clone());
    Run { lost: end.lost, workspace, outputs, ..run }
}

fn held_by(record: LeaseRecord, worker: WorkerId) -> Result<LeaseRecord, LeaseError> {
    if record.worker == worker { Ok(record) } else { Err(LeaseError::NotFound { lease: record.lease }) }
}
