//! The control plane: its real loop over records in memory, and what is seen of its verdicts from outside.

use spacelift_mothership::control::{Command, Desk, DeskFault, DeskInput};
use spacelift_mothership::store::{Book, Run, RunSpec, Source};
use spacelift_worker_core::ids::{MessageId, WorkerId};
use spacelift_worker_core::protocol::message::{
    Commit, ControlBody, ControlMessage, Phase, RunState, RunType, WorkerStatus,
};

use crate::laws::{Broken, Law};
use crate::world::{RUNS, pool, run_id, run_number, timings};

/// What a control plane is given.
#[derive(Clone, Debug)]
pub enum Input {
    /// A worker spoke.
    Deliver(WorkerId, Vec<u8>),
    /// A person asks for something.
    Command(Command),
    /// Time went on.
    Tick,
    /// Another process goes on from the records.
    Restart,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Messages to workers, in order.
    pub sent: Vec<(WorkerId, Vec<u8>)>,
    /// Runs that were offered a phase which changes something, one bit each.
    pub offered_changes: u8,
    /// Laws that were broken.
    pub broken: Broken,
    /// Whether the fault struck; without one, false.
    pub struck: bool,
}

/// A tracked run that waits, of a stack of its own, whose plan needs nobody's approval.
pub fn waiting_run(number: usize) -> Run {
    Run {
        id: run_id(number),
        stack: format!("stack-{number}"),
        pool: pool(),
        spec: RunSpec {
            run_type: RunType::Tracked,
            title: String::new(),
            triggered_by: String::new(),
            command: String::new(),
            commit: Commit::default(),
            source: Source::default(),
            drift_detection: false,
            needs_approval: false,
            user_provided_metadata: Vec::new(),
            prioritized: false,
            inputs: Vec::new(),
        },
        state: RunState::Queued,
        state_version: 1,
        unreachable_since: None,
        lost: false,
        workspace: None,
        outputs: None,
        created_at: 0,
        updated_at: 0,
    }
}

/// Takes one step.
pub fn step(desk: &mut Desk, input: Input, fault: Option<DeskFault>, now: u64) -> Effects {
    let before = desk.book().clone();
    let input = match input {
        Input::Deliver(worker, bytes) => DeskInput::Message { worker, bytes },
        Input::Command(command) => DeskInput::Command(command),
        Input::Tick => DeskInput::Tick,
        Input::Restart => {
            desk.restart(now);
            return Effects::default();
        }
    };
    let (sent, struck) = desk.handle(input, fault, &timings(), now);
    let sent = sent.into_iter().map(|(worker, bytes)| (worker, plain(bytes))).collect();
    let mut effects = Effects { sent, struck, ..Effects::default() };
    judge(&before, desk.book(), &mut effects);
    effects
}

/// What was decided, compared with what stood before.
fn judge(before: &Book, after: &Book, effects: &mut Effects) {
    let broken = &mut effects.broken;
    for (old, new) in before.runs().zip(after.runs()) {
        let moved = old.state != new.state || old.state_version != new.state_version;
        broken.note(Law::FirstVerdictStays, old.state.is_terminal() && moved && (!old.lost || new.lost));
    }
    for (old, new) in before.leases().zip(after.leases()) {
        broken.note(Law::FirstVerdictStays, old.times.ended_at.is_some() && old.times != new.times);
    }
    for lease in after.leases().skip(before.leases().count()) {
        if lease.phase != Phase::Plan {
            effects.offered_changes |= 1 << run_number(lease.run);
        }
        let drained = |book: &Book| {
            let worker = book.known_workers().find(|worker| worker.id == lease.worker).cloned();
            worker.is_some_and(|worker| worker.drained || worker.status == WorkerStatus::Drained)
        };
        broken.note(Law::DrainedTakesNothing, drained(after));
    }
}

/// The verdicts, when nothing follows: which runs have ended, and which are FINISHED, one bit each.
pub fn verdicts(desk: &Desk) -> (u8, u8) {
    let bits = |of: fn(&Run) -> bool| {
        (0..RUNS).zip(desk.book().runs()).map(|(at, run)| u8::from(of(run)) << at).sum()
    };
    (bits(|run| run.state.is_terminal()), bits(|run| run.state == RunState::Finished))
}

/// Workers that a person drained and that are there.
pub fn drained(desk: &Desk) -> Option<WorkerId> {
    desk.book()
        .known_workers()
        .find(|worker| worker.drained && worker.gone_at.is_none())
        .map(|worker| worker.id)
}

/// A message without what nobody reads, so that equal ones are equal: its time, and the identifier of an answer.
fn plain(bytes: Vec<u8>) -> Vec<u8> {
    let Ok(mut message) = ControlMessage::decode(&bytes) else { return bytes };
    message.ts = 0;
    if matches!(message.body, ControlBody::Ack(_) | ControlBody::Nack(_)) {
        message.id = MessageId::from_parts(0, 0);
    }
    message.encode()
}
