//! One worker: the real session, the journal that survives it, and a driver that does what the documentation of the
//! session's events asks for. The run itself is a child that lasts as long as the explorer likes.

use spacelift_worker_core::ids::{Lease, RunId, WorkerId};
use spacelift_worker_core::protocol::message::{
    Ack, ControlBody, ControlMessage, EndCause, Finished, NackReason, Offer, Outcome, Phase, RunState,
    SealedObject, SealedPart, WorkerBody, WorkerMessage, WorkerStatus,
};
use spacelift_worker_core::protocol::{Event, Journal, JournalFailure, JournalRecord, Now, Session};

use crate::laws::{Broken, Law};
use crate::names::Names;
use crate::world::{CYCLE_KILL_MS, CYCLE_LIMIT_MS, STOP_GRACE_MS, run_number, session_config};

/// A place where worker processes follow each other: one machine with one state folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Worker {
    /// Which place.
    pub slot: u8,
    /// How many processes there were.
    pub lives: u8,
    /// What stands in the journal.
    pub record: Option<JournalRecord>,
    /// The process, while there is one.
    pub process: Option<Process>,
    /// The identifiers of its messages: on the wire, and as the session knows them.
    pub names: Names,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    session: Session,
    /// Whether it is connected.
    pub up: bool,
    /// Whether its machine is suspended.
    pub asleep: bool,
    /// The offer that is being opened, or was accepted.
    pub offered: Option<Hand>,
    /// Whether that offer is still to be opened.
    pub opening: bool,
    /// The run that was started and has not ended.
    pub child: Option<Child>,
    /// When the pool was cycled, in milliseconds.
    pub cycled_at: Option<u64>,
}

/// Run, lease and phase, and the version of the first state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hand {
    /// Which run.
    pub run: RunId,
    /// By which lease.
    pub lease: Lease,
    /// For what.
    pub phase: Phase,
    /// The version of the first state on the worker.
    pub version: u64,
}

/// A run on the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Child {
    /// What it is.
    pub hand: Hand,
    /// Whether a state that changes something began.
    pub changing: bool,
    /// By when it will have ended, in milliseconds, and of what.
    pub ending: Option<(u64, EndCause)>,
    /// Whether its lease ended while the machine was suspended.
    pub overslept: bool,
}

/// What a worker is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// A message of the control plane.
    Deliver(&'a [u8]),
    /// Time went on to this moment.
    Tick,
    /// The offer was opened and found good.
    Open,
    /// The offer could not be opened.
    Refuse,
    /// The run is about to change something.
    Change,
    /// The run ended by itself; whether it succeeded.
    Finish(bool),
    /// The run ended because it was made to.
    End,
    /// The process dies.
    Crash,
    /// Another process begins, and connects.
    Restart,
    /// The connection is lost.
    Cut,
    /// It is back.
    Connect,
    /// The machine is suspended.
    Sleep,
    /// It wakes, and its timers are the first to know.
    Wake,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Messages to the control plane, in order.
    pub sent: Vec<Vec<u8>>,
    /// What the explorer remembers.
    pub notes: Notes,
}

/// What the explorer remembers of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// A run was started.
    pub started: Option<Hand>,
    /// A run began to change something.
    pub changed: Option<Hand>,
    /// A run ended, and succeeded.
    pub succeeded: Option<Hand>,
    /// Laws that were broken.
    pub broken: Broken,
}

/// The journal of a place.
struct Disk<'a>(&'a mut Option<JournalRecord>);

impl Journal for Disk<'_> {
    fn save(&mut self, record: &JournalRecord) -> Result<(), JournalFailure> {
        *self.0 = Some(record.clone());
        Ok(())
    }
}

impl Worker {
    /// A place without a process.
    pub fn new(slot: u8) -> Self {
        Self { slot, ..Self::default() }
    }

    /// The worker of the process that is, or was last.
    pub fn id(&self) -> WorkerId {
        WorkerId::from_parts(1 + u64::from(self.slot), u128::from(self.lives))
    }

    /// Takes one step.
    pub fn step(&mut self, input: Input<'_>, now: Now) -> Effects {
        let translated = match input {
            Input::Deliver(bytes) => self.names.to_session(bytes),
            _ => Vec::new(),
        };
        let input = if let Input::Deliver(_) = input { Input::Deliver(&translated) } else { input };
        let mut effects = self.act(input, now);
        let place = (self.slot, self.lives);
        effects.sent = effects.sent.iter().map(|bytes| self.names.to_wire(place, bytes)).collect();
        let session = self.process.as_mut().map(|process| &mut process.session);
        self.names.tidy(session, self.record.as_mut());
        effects
    }

    fn act(&mut self, input: Input<'_>, now: Now) -> Effects {
        let mut effects = Effects::default();
        let was_drained = self.process.as_ref().is_some_and(Process::is_drained);
        match input {
            Input::Restart => {
                self.lives += 1;
                let session = Session::new(session_config(self.id()), self.names.last(), self.record.clone());
                self.process = Some(Process::new(session));
                self.with(|process, _| {
                    process.up = true;
                    process.session.handle_connected(now);
                });
            }
            Input::Crash => {
                let process = self.process.take();
                // What the broker was given at the connection, it says now.
                effects.sent.extend(process.map(|mut process| process.session.last_will(now)));
                return effects;
            }
            Input::Cut => {
                self.with(|process, _| {
                    effects.sent.push(process.session.last_will(now));
                    process.up = false;
                    process.session.handle_disconnected(now);
                });
            }
            Input::Connect => self.with(|process, _| {
                process.up = true;
                process.session.handle_connected(now);
            }),
            Input::Sleep => self.with(|process, _| process.asleep = true),
            Input::Wake | Input::Deliver(_) | Input::Tick => {
                self.with(|process, disk| {
                    let slept = std::mem::take(&mut process.asleep);
                    match input {
                        Input::Deliver(bytes) => process.session.handle_message(now, bytes, disk),
                        _ => process.session.handle_timeout(now),
                    }
                    if slept && let Some(child) = &mut process.child {
                        child.overslept |= !child.changing && !process.session.lease_holds(now);
                    }
                });
            }
            Input::Open => self.with(|process, _| {
                if let Some(hand) = process.offered {
                    process.opening = false;
                    let _ = process.session.opened(now, hand.lease);
                }
            }),
            Input::Refuse => self.with(|process, _| {
                if let Some(hand) = process.offered.take() {
                    process.opening = false;
                    let _ = process.session.refuse(now, hand.lease, NackReason::Unsupported, None);
                }
            }),
            Input::Change => self.with(|process, _| process.change(now, &mut effects.notes)),
            Input::Finish(succeeds) => {
                self.with(|process, disk| process.finish(succeeds, now, disk, &mut effects.notes))
            }
            Input::End => self.with(|process, disk| process.end(now, disk)),
        }
        self.settle(input, was_drained, now, &mut effects);
        if input == Input::Tick {
            self.end_what_is_due(now, &mut effects);
        }
        self.leave_when_cycled(now, &mut effects);
        effects
    }

    fn with(&mut self, act: impl FnOnce(&mut Process, &mut Disk<'_>)) {
        if let Some(process) = &mut self.process {
            act(process, &mut Disk(&mut self.record));
        }
    }

    /// The driver's part after every call: what is to be sent goes, then the events are acted on.
    fn settle(&mut self, input: Input<'_>, was_drained: bool, now: Now, effects: &mut Effects) {
        while let Some(process) = &mut self.process {
            if let Some(transmit) = process.session.poll_transmit() {
                let stored = is_stored(&transmit.bytes, self.record.as_ref());
                effects.notes.broken.note(Law::ReportIsJournalled, !stored);
                effects.sent.push(transmit.bytes);
            } else if let Some(event) = process.session.poll_event() {
                if let Event::Fatal(_) = event {
                    self.process = None;
                    return;
                }
                process.happen(event, input, was_drained, now, self.record.as_ref(), effects);
            } else {
                return;
            }
        }
    }

    fn end_what_is_due(&mut self, now: Now, effects: &mut Effects) {
        let ending = self.process.as_ref().and_then(|process| process.child).and_then(|child| child.ending);
        if ending.is_some_and(|(by, _)| by <= now.mono_ms) {
            self.with(|process, disk| process.end(now, disk));
            self.settle(Input::End, false, now, effects);
        }
    }

    /// "This process is to be gone within 20 seconds": when its report was taken, or late enough to be in time.
    fn leave_when_cycled(&mut self, now: Now, effects: &mut Effects) {
        let Some(process) = &mut self.process else { return };
        let Some(since) = process.cycled_at else { return };
        let late = now.mono_ms >= since + CYCLE_LIMIT_MS;
        effects.notes.broken.note(Law::CycledIsGone, now.mono_ms > since + 20_000 && !process.asleep);
        if process.session.is_idle() || late {
            process.session.goodbye(now);
            self.settle(Input::End, false, now, effects);
            self.process = None;
        }
    }
}

impl Process {
    fn new(session: Session) -> Self {
        Self {
            session,
            up: false,
            asleep: false,
            offered: None,
            opening: false,
            child: None,
            cycled_at: None,
        }
    }

    /// Whether it says that it takes no new work.
    pub fn is_drained(&self) -> bool {
        self.session.status() == WorkerStatus::Drained
    }

    /// Whether nothing is in hand and no report waits.
    pub fn is_idle(&self) -> bool {
        self.session.is_idle() && self.session.unacknowledged() == 0
    }

    fn happen(
        &mut self,
        event: Event,
        input: Input<'_>,
        was_drained: bool,
        now: Now,
        record: Option<&JournalRecord>,
        effects: &mut Effects,
    ) {
        let broken = &mut effects.notes.broken;
        match event {
            Event::Open(offer) => {
                broken.note(Law::OneAtATime, self.offered.is_some() || self.child.is_some());
                broken.note(Law::DrainedTakesNothing, was_drained);
                self.offered = Some(hand_of(&offer));
                self.opening = true;
            }
            Event::Start { phase, grant } => {
                broken.note(Law::OneAtATime, self.child.is_some());
                let accepted = self.offered.take().filter(|_| !self.opening);
                let meant = accepted
                    .filter(|hand| (hand.run, hand.lease, hand.phase) == (grant.run, grant.lease, phase));
                broken.note(Law::StartsWhatWasAccepted, meant.is_none());
                let begun = record.filter(|record| record.outcome.is_none()).and_then(|record| record.begun);
                let written = begun.is_some_and(|begun| {
                    (begun.run, begun.lease, begun.phase) == (grant.run, grant.lease, phase)
                });
                broken.note(Law::BegunIsJournalled, !written);
                let hand = meant.unwrap_or(Hand { run: grant.run, lease: grant.lease, phase, version: 2 });
                self.child = Some(Child { hand, changing: false, ending: None, overslept: false });
                effects.notes.started = Some(hand);
            }
            Event::Kill { lease, .. } | Event::Stop { lease, .. } => {
                let is_drain = matches!(input, Input::Deliver(bytes) if is_drain(bytes));
                broken.note(Law::DrainedFinishes, is_drain && self.child.is_some());
                if self.offered.is_some_and(|hand| hand.lease == lease) {
                    self.offered = None;
                    self.opening = false;
                }
                let grace = if matches!(event, Event::Stop { .. }) { STOP_GRACE_MS } else { 0 };
                self.must_end(Some(lease), now.mono_ms + grace, EndCause::Stopped);
            }
            Event::LeaseEnded { lease, .. } => {
                let changing = self.child.is_some_and(|child| child.changing);
                broken.note(Law::ChangesAreNotFenced, changing);
                self.must_end(Some(lease), now.mono_ms + STOP_GRACE_MS, EndCause::LeaseEnded);
            }
            Event::Cycle => {
                let Input::Deliver(bytes) = input else { return };
                let acknowledged = effects.sent.iter().any(|sent| acknowledges(sent, bytes));
                broken.note(Law::CycleIsAcknowledged, !acknowledged);
                self.cycled_at = Some(now.mono_ms);
                self.must_end(None, now.mono_ms + CYCLE_KILL_MS, EndCause::Cycled);
            }
            _ => {}
        }
    }

    /// The run in hand, by this lease where one is named, ends by then. What ends it first is what it says.
    fn must_end(&mut self, lease: Option<Lease>, by: u64, cause: EndCause) {
        if let Some(child) = &mut self.child
            && lease.is_none_or(|lease| lease == child.hand.lease)
        {
            let (known, cause) = child.ending.unwrap_or((by, cause));
            child.ending = Some((known.min(by), cause));
        }
    }

    fn change(&mut self, now: Now, notes: &mut Notes) {
        let Some(child) = self.child else { return };
        if self.session.progress(now, RunState::Applying, child.hand.version + 1, None).is_ok() {
            notes.changed = Some(child.hand);
            self.child = Some(Child { changing: true, ..child });
        } else {
            self.must_end(None, now.mono_ms, EndCause::LeaseEnded);
        }
    }

    fn finish(&mut self, succeeds: bool, now: Now, disk: &mut Disk<'_>, notes: &mut Notes) {
        let Some(Child { hand, .. }) = self.child.take() else { return };
        if succeeds {
            notes.succeeded = Some(hand);
            self.report(hand, Outcome::Succeeded, None, now, disk);
        } else {
            self.report(hand, Outcome::Failed, Some(EndCause::Command), now, disk);
        }
    }

    fn end(&mut self, now: Now, disk: &mut Disk<'_>) {
        let Some(Child { hand, ending: Some((_, cause)), .. }) = self.child else { return };
        self.child = None;
        let outcome = if cause == EndCause::Stopped { Outcome::Stopped } else { Outcome::Failed };
        self.report(hand, outcome, Some(cause), now, disk);
    }

    fn report(
        &mut self,
        hand: Hand,
        outcome: Outcome,
        cause: Option<EndCause>,
        now: Now,
        disk: &mut Disk<'_>,
    ) {
        let Hand { run, lease, phase, version } = hand;
        let last = if phase == Phase::Plan { version + 2 } else { version + 1 };
        let name = format!("runs/{run}/{lease}/workspace-{version}");
        let workspace = (phase == Phase::Plan && outcome == Outcome::Succeeded).then(|| SealedObject {
            name,
            len: 1,
            sha256: String::new(),
        });
        let report = Finished {
            run,
            lease,
            outcome,
            cause,
            exit_code: None,
            reason: None,
            state_version: last,
            workspace,
            outputs: None,
        };
        let _ = self.session.finished(now, report, disk);
    }
}

fn hand_of(offer: &Offer) -> Hand {
    let version = match &offer.sealed {
        SealedPart::Inline(text) => text.parse().unwrap_or_default(),
        _ => 0,
    };
    Hand { run: offer.run, lease: offer.lease, phase: offer.phase, version }
}

fn is_drain(bytes: &[u8]) -> bool {
    matches!(ControlMessage::decode(bytes), Ok(ControlMessage { body: ControlBody::Drain(_), .. }))
}

fn acknowledges(sent: &[u8], what: &[u8]) -> bool {
    let (Ok(sent), Ok(what)) = (WorkerMessage::decode(sent), ControlMessage::decode(what)) else {
        return false;
    };
    matches!(sent.body, WorkerBody::Ack(Ack { re }) if re == what.id)
}

/// Whether a message is none that has to be in the journal, or is there.
fn is_stored(bytes: &[u8], record: Option<&JournalRecord>) -> bool {
    match WorkerMessage::decode(bytes).map(|message| message.body) {
        Ok(WorkerBody::Finished(_)) => record
            .and_then(|record| record.outcome.as_ref())
            .is_some_and(|outcome| outcome.body.as_bytes() == bytes),
        Ok(WorkerBody::Interrupted(interrupted)) => record
            .and_then(|record| record.begun)
            .is_some_and(|begun| (begun.run, begun.lease) == (interrupted.run, interrupted.lease)),
        _ => true,
    }
}

/// What the explorer looks at before it chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// The process, while there is one.
    pub lives: Option<WorkerId>,
    /// Whether it is connected.
    pub up: bool,
    /// Whether its machine is suspended.
    pub asleep: bool,
    /// Whether an offer is to be opened.
    pub opening: bool,
    /// Whether it says that it is drained.
    pub drained: bool,
    /// Whether nothing is in hand and nothing unsaid.
    pub idle: bool,
    /// The run on the worker: its number, whether its phase changes something and whether that began, whether it is
    /// made to end, and whether it slept through the end of its lease.
    pub child: Option<(usize, bool, bool, bool, bool)>,
}

impl Worker {
    /// What the explorer looks at before it chooses.
    pub fn outline(&self) -> Outline {
        let Some(process) = &self.process else { return Outline { idle: true, ..Outline::default() } };
        let child = process.child.map(|child| {
            let changes = !child.hand.phase.may_be_offered_again();
            (run_number(child.hand.run), changes, child.changing, child.ending.is_some(), child.overslept)
        });
        Outline {
            lives: Some(self.id()),
            up: process.up,
            asleep: process.asleep,
            opening: process.opening,
            drained: process.is_drained(),
            idle: process.is_idle() && child.is_none() && process.offered.is_none(),
            child,
        }
    }
}
