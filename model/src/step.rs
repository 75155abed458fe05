//! What an action does to a state. Each part does its own by the real code, once; the numbers are put together here.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use spacelift_mothership::control::{Command, Desk, DeskFault};
use spacelift_mothership::store::Book;
use spacelift_worker_core::ids::{MessageId, WorkerId};
use spacelift_worker_core::protocol::Now;
use spacelift_worker_core::protocol::message::{ControlMessage, WorkerMessage};

use crate::laws::{Broken, Law};
use crate::plane;
use crate::state::{Action, Left, Person, State};
use crate::worker::{self, Outline};
use crate::world::{Letter, World, moment, pool, run_id, run_number};

/// What a worker is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum WorkerAct {
    Deliver(u32),
    Tick,
    Open,
    Refuse,
    Change,
    Finish(bool),
    End,
    Crash,
    Restart,
    Cut,
    Connect,
    Sleep,
    Wake,
}

/// What came of it: the worker, the messages that it sends, and what is remembered.
#[derive(Clone, Debug)]
pub(crate) struct WorkerStep {
    worker: u32,
    sent: Arc<[u32]>,
    notes: worker::Notes,
}

/// What a control plane is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PlaneAct {
    Deliver(u32),
    Ask(Person, WorkerId),
    Undrain(WorkerId),
    Tick,
    Restart,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct PlaneStep {
    plane: u32,
    sent: Arc<[u32]>,
    offered_changes: u8,
    broken: Broken,
    struck: bool,
}

impl World {
    /// Where it begins: every worker is connected and greeted, every run waits, nothing is offered yet.
    pub fn first(&self) -> State {
        let mut state = State {
            plane: self.parts.planes.number(Some(Desk::new(Book::new(pool(), Vec::new()), moment(0)))),
            left: Left { turns: None, ..Left::default() },
            ..State::default()
        };
        for slot in 0..self.workers {
            state.workers[slot] = self.parts.workers.number(worker::Worker::new(slot as u8));
        }
        // Without runs it comes to rest by itself.
        while let Some(action) = self.usual(&state).filter(|action| *action != Action::Tick) {
            state = self.next(&state, action);
        }
        let mut desk = self.parts.planes.value(state.plane).clone();
        for number in 0..self.runs {
            if let Some(desk) = &mut desk {
                desk.trigger(plane::waiting_run(number));
            }
        }
        state.plane = self.parts.planes.number(desk);
        state.left = self.left;
        self.at_plane(&mut state, PlaneAct::Tick, None);
        self.drop_the_idle_talk(&mut state);
        state
    }

    /// The state after an action. One that cannot happen changes nothing.
    pub fn next(&self, before: &State, action: Action) -> State {
        let mut state = *before;
        if let Some(turns) = &mut state.left.turns
            && self.usual(before) != Some(action)
        {
            *turns = turns.saturating_sub(1);
        }
        self.act(&mut state, action);
        self.drop_the_idle_talk(&mut state);
        state
    }

    fn act(&self, state: &mut State, action: Action) {
        let spend = |left: &mut u8| *left = left.saturating_sub(1);
        match action {
            Action::Deliver(at) => {
                let letter = self.take(state, at);
                self.deliver(state, letter, None);
            }
            Action::Copy(at) => {
                spend(&mut state.left.copies);
                let letter = self.parts.flights.value(state.flight).get(usize::from(at)).copied();
                self.deliver(state, letter.unwrap_or_default(), None);
            }
            Action::Lose(at) => {
                spend(&mut state.left.losses);
                self.take(state, at);
            }
            Action::DeliverInto(at, fault) => {
                spend(&mut state.left.writes);
                let letter = self.take(state, at);
                self.deliver(state, letter, Some(fault));
            }
            Action::Tick => self.tick(state, None),
            Action::TickInto(fault) => {
                spend(&mut state.left.writes);
                self.tick(state, Some(fault));
            }
            Action::Open(slot) => self.at_worker(state, slot, WorkerAct::Open),
            Action::Refuse(slot) => {
                spend(&mut state.left.refusals);
                self.at_worker(state, slot, WorkerAct::Refuse);
            }
            Action::Change(slot) => self.at_worker(state, slot, WorkerAct::Change),
            Action::Finish(slot, succeeds) => {
                if !succeeds {
                    spend(&mut state.left.failures);
                }
                self.at_worker(state, slot, WorkerAct::Finish(succeeds));
            }
            Action::End(slot) => self.at_worker(state, slot, WorkerAct::End),
            Action::Crash(slot, loses) => {
                spend(&mut state.left.crashes);
                self.lose_from(state, Some(slot), loses);
                self.at_worker(state, slot, WorkerAct::Crash);
            }
            Action::Restart(slot) => self.at_worker(state, slot, WorkerAct::Restart),
            Action::CrashPlane(loses) => {
                spend(&mut state.left.crashes);
                self.lose_from(state, None, loses);
                self.at_plane(state, PlaneAct::Restart, None);
            }
            Action::Cut(slot, loses) => {
                spend(&mut state.left.cuts);
                self.lose_from(state, Some(slot), loses);
                self.at_worker(state, slot, WorkerAct::Cut);
            }
            Action::Connect(slot) => self.at_worker(state, slot, WorkerAct::Connect),
            Action::Sleep(slot) => {
                spend(&mut state.left.sleeps);
                self.at_worker(state, slot, WorkerAct::Sleep);
            }
            Action::Wake(slot) => self.at_worker(state, slot, WorkerAct::Wake),
            Action::Ask(person) => {
                state.left.people &= !person.bit();
                let worker = self.parts.workers.value(state.workers[0]).id();
                self.at_plane(state, PlaneAct::Ask(person, worker), None);
            }
            Action::UndrainAll => {
                if let Some(worker) = self.drained(state) {
                    self.at_plane(state, PlaneAct::Undrain(worker), None);
                }
            }
            Action::Calm => self.settle(state),
        }
    }

    fn tick(&self, state: &mut State, fault: Option<DeskFault>) {
        if !state.is_silent() {
            state.left.delays = state.left.delays.saturating_sub(1);
        }
        state.tick = state.tick.saturating_add(1);
        for slot in 0..self.workers {
            let outline = self.outline(state.workers[slot]);
            if outline.lives.is_some() && !outline.asleep {
                self.at_worker(state, slot as u8, WorkerAct::Tick);
            }
        }
        self.at_plane(state, PlaneAct::Tick, fault);
    }

    fn deliver(&self, state: &mut State, letter: u32, fault: Option<DeskFault>) {
        let value = self.parts.letters.value(letter);
        if value.to_plane {
            self.at_plane(state, PlaneAct::Deliver(letter), fault);
        } else if let Some(slot) = self.slot_of(state, value) {
            self.at_worker(state, slot, WorkerAct::Deliver(letter));
        }
    }

    fn at_worker(&self, state: &mut State, slot: u8, act: WorkerAct) {
        let at = usize::from(slot);
        let step = self.worker_step(state.workers[at], act, state.tick);
        let woke = self.outline(state.workers[at]).asleep;
        state.workers[at] = step.worker;
        self.send(state, &step.sent);
        state.broken.add(step.notes.broken);
        self.remember(state, at, step.notes, woke);
        if self.outline(step.worker).lives.is_none() {
            self.forget_unreadable(state);
            self.forget_the_dead(state);
        }
    }

    fn worker_step(&self, number: u32, act: WorkerAct, tick: u8) -> WorkerStep {
        let steps = &self.parts.workers.kept(number).known.steps;
        steps.get((act, tick), || self.take_worker_step(number, act, tick))
    }

    fn take_worker_step(&self, number: u32, act: WorkerAct, tick: u8) -> WorkerStep {
        let mut worker = self.parts.workers.value(number).clone();
        let bytes = match act {
            WorkerAct::Deliver(letter) => self.parts.letters.value(letter).bytes.clone(),
            _ => Vec::new(),
        };
        let input = match act {
            WorkerAct::Deliver(_) => worker::Input::Deliver(&bytes),
            WorkerAct::Tick => worker::Input::Tick,
            WorkerAct::Open => worker::Input::Open,
            WorkerAct::Refuse => worker::Input::Refuse,
            WorkerAct::Change => worker::Input::Change,
            WorkerAct::Finish(succeeds) => worker::Input::Finish(succeeds),
            WorkerAct::End => worker::Input::End,
            WorkerAct::Crash => worker::Input::Crash,
            WorkerAct::Restart => worker::Input::Restart,
            WorkerAct::Cut => worker::Input::Cut,
            WorkerAct::Connect => worker::Input::Connect,
            WorkerAct::Sleep => worker::Input::Sleep,
            WorkerAct::Wake => worker::Input::Wake,
        };
        let effects = worker.step(input, Now { mono_ms: moment(tick), unix_ms: 0 });
        let id = Some(worker.id());
        let letter = |bytes| self.parts.letters.number(Letter { worker: id, to_plane: true, bytes });
        let sent = effects.sent.into_iter().map(letter).collect();
        WorkerStep { worker: self.parts.workers.number(worker), sent, notes: effects.notes }
    }

    /// What the laws say about a step of one worker, seen from the whole.
    fn remember(&self, state: &mut State, at: usize, notes: worker::Notes, woke: bool) {
        if let Some(hand) = notes.started {
            let run = run_number(hand.run);
            let bit = 1_u64.checked_shl(u32::try_from(hand.lease.counter).unwrap_or(u32::MAX)).unwrap_or(1);
            state.broken.note(Law::StartsOnce, state.seen.started & bit != 0);
            state.seen.started |= bit;
            let changes = !hand.phase.may_be_offered_again();
            state.broken.note(Law::ChangesOnce, changes && state.seen.changed & (1 << run) != 0);
            state.broken.note(Law::OneWorkerARun, self.is_run_elsewhere(state, at, run));
        }
        if woke && let Some((run, _, _, ending, _)) = self.outline(state.workers[at]).child {
            // What slept through the end of its lease is told so on waking.
            state.broken.note(Law::OneWorkerARun, !ending && self.is_run_elsewhere(state, at, run));
        }
        if let Some(hand) = notes.changed {
            let bit = 1 << run_number(hand.run);
            state.broken.note(Law::ChangesOnce, state.seen.changed & bit != 0);
            state.seen.changed |= bit;
        }
        if let Some(hand) = notes.succeeded.filter(|hand| !hand.phase.may_be_offered_again()) {
            state.seen.succeeded |= 1 << run_number(hand.run);
        }
    }

    fn is_run_elsewhere(&self, state: &State, at: usize, run: usize) -> bool {
        (0..self.workers).filter(|slot| *slot != at).any(|slot| {
            let outline = self.outline(state.workers[slot]);
            let child = outline.child.filter(|_| !outline.asleep);
            child.is_some_and(|(its, .., overslept)| its == run && !overslept)
        })
    }

    fn at_plane(&self, state: &mut State, act: PlaneAct, fault: Option<DeskFault>) {
        let step = self.plane_step(state.plane, act, fault, state.tick);
        // What a process that dies had not yet given to the broker is gone with it.
        if !step.struck || !matches!(fault, Some(DeskFault::Dies(_))) {
            self.send(state, &step.sent);
        }
        state.plane = step.plane;
        state.broken.add(step.broken);
        self.forget_the_dead(state);
        state.broken.note(Law::ChangesOnce, step.offered_changes & state.seen.changed != 0);
        self.forget_unreadable(state);
    }

    fn plane_step(&self, number: u32, act: PlaneAct, fault: Option<DeskFault>, tick: u8) -> PlaneStep {
        let steps = &self.parts.planes.kept(number).known.steps;
        steps.get((act, fault, tick), || self.take_plane_step(number, act, fault, tick))
    }

    /// What the control plane keeps for processes that are gone makes no difference any more.
    fn forget_the_dead(&self, state: &mut State) {
        let living = state.workers.map(|worker| if worker == 0 { None } else { self.outline(worker).lives });
        let kept = self.parts.planes.kept(state.plane);
        state.plane = kept.known.without_the_dead.get(living, || {
            let mut desk = Option::clone(&kept.value);
            if let Some(desk) = &mut desk {
                desk.forget_the_dead(&|worker| living.contains(&Some(worker)));
            }
            self.parts.planes.number(desk)
        });
    }

    fn take_plane_step(&self, number: u32, act: PlaneAct, fault: Option<DeskFault>, tick: u8) -> PlaneStep {
        let input = match act {
            PlaneAct::Deliver(letter) => {
                let letter = self.parts.letters.value(letter);
                match letter.worker {
                    Some(worker) => plane::Input::Deliver(worker, letter.bytes.clone()),
                    None => plane::Input::Tick,
                }
            }
            PlaneAct::Ask(person, worker) => plane::Input::Command(match person {
                Person::Drain => Command::Drain { worker, drain: true },
                Person::Undrain => Command::Drain { worker, drain: false },
                Person::Cycle => Command::Cycle { pool: pool() },
                Person::Stop => Command::Stop { run: run_id(0) },
                Person::Kill => Command::Kill { run: run_id(0) },
            }),
            PlaneAct::Undrain(worker) => plane::Input::Command(Command::Drain { worker, drain: false }),
            PlaneAct::Tick => plane::Input::Tick,
            PlaneAct::Restart => plane::Input::Restart,
        };
        let mut desk = self.parts.planes.value(number).clone();
        let effects =
            desk.as_mut().map(|desk| plane::step(desk, input, fault, moment(tick))).unwrap_or_default();
        let letter = |(worker, bytes)| {
            self.parts.letters.number(Letter { worker: Some(worker), to_plane: false, bytes })
        };
        PlaneStep {
            plane: self.parts.planes.number(desk),
            sent: effects.sent.into_iter().map(letter).collect(),
            offered_changes: effects.offered_changes,
            broken: effects.broken,
            struck: effects.struck,
        }
    }

    /// How many writes the control plane makes when this message arrives, or when time goes on.
    pub(crate) fn writes(&self, state: &State, letter: Option<u32>) -> u32 {
        let act = letter.map_or(PlaneAct::Tick, PlaneAct::Deliver);
        let tick = state.tick + u8::from(letter.is_none());
        self.parts.planes.kept(state.plane).known.writes.get((act, tick), || {
            let strikes = |writes: &u32| {
                self.plane_step(state.plane, act, Some(DeskFault::Fails(*writes)), tick).struck
            };
            (0..).take_while(strikes).map(|_| 1).sum()
        })
    }

    fn send(&self, state: &mut State, sent: &[u32]) {
        if !sent.is_empty() {
            let mut flight = self.parts.flights.value(state.flight).clone();
            flight.extend_from_slice(sent);
            self.fly(state, flight);
        }
    }

    fn take(&self, state: &mut State, at: u8) -> u32 {
        let mut flight = self.parts.flights.value(state.flight).clone();
        let letter = if usize::from(at) < flight.len() { flight.remove(usize::from(at)) } else { 0 };
        self.fly(state, flight);
        letter
    }

    /// The order of messages in flight says nothing, so there is one for each set: about that in which they were made.
    fn fly(&self, state: &mut State, mut flight: Vec<u32>) {
        flight.sort_by_key(|letter| self.rank(*letter));
        state.flight = if flight.is_empty() { 0 } else { self.parts.flights.number(flight) };
    }

    /// Takes messages out of flight that change nothing where they go and call forth nothing that does, such as the
    /// acknowledgement of a status. Left in, each would double the number of states and bring nothing about.
    fn drop_the_idle_talk(&self, state: &mut State) {
        let flight = self.parts.flights.value(state.flight);
        if flight.iter().any(|letter| self.is_idle_talk(state, *letter)) {
            let kept = flight.iter().copied().filter(|letter| !self.is_idle_talk(state, *letter)).collect();
            self.fly(state, kept);
        }
    }

    fn is_idle_talk(&self, state: &State, number: u32) -> bool {
        let letter = self.parts.letters.value(number);
        if letter.to_plane {
            let step = self.plane_step(state.plane, PlaneAct::Deliver(number), None, state.tick);
            step.plane == state.plane && step.sent.iter().all(|answer| self.is_unheard(state, *answer))
        } else {
            self.is_unheard(state, number)
        }
    }

    /// Whether a message to a worker finds it as it leaves it, without a word.
    fn is_unheard(&self, state: &State, number: u32) -> bool {
        let letter = self.parts.letters.value(number);
        let Some(slot) = self.slot_of(state, letter) else { return true };
        let worker = state.workers[usize::from(slot)];
        let outline = self.outline(worker);
        if letter.to_plane || !outline.up || outline.asleep {
            return false;
        }
        let step = self.worker_step(worker, WorkerAct::Deliver(number), state.tick);
        step.worker == worker && step.sent.is_empty()
    }

    /// Drops what a process sent, where that is lost with it.
    fn lose_from(&self, state: &mut State, slot: Option<u8>, loses: bool) {
        if loses {
            let worker = slot.and_then(|slot| self.outline(state.workers[usize::from(slot)]).lives);
            self.keep(state, |letter| match worker {
                Some(worker) => !letter.to_plane || letter.worker != Some(worker),
                None => letter.to_plane,
            });
        }
    }

    fn keep(&self, state: &mut State, keeps: impl Fn(&Letter) -> bool) {
        let flight = self.parts.flights.value(state.flight);
        let is_kept = |letter: &u32| keeps(self.parts.letters.value(*letter));
        let kept: Vec<u32> = flight.iter().copied().filter(is_kept).collect();
        if kept.len() < flight.len() {
            self.fly(state, kept);
        }
    }

    fn rank(&self, letter: u32) -> (Option<MessageId>, u64) {
        let kept = self.parts.letters.kept(letter);
        *kept.known.get_or_init(|| {
            let letter = &kept.value;
            let mut hasher = DefaultHasher::new();
            letter.hash(&mut hasher);
            let id = if letter.to_plane {
                WorkerMessage::decode(&letter.bytes).map(|message| message.id)
            } else {
                ControlMessage::decode(&letter.bytes).map(|message| message.id)
            };
            (id.ok(), hasher.finish())
        })
    }

    /// Drops what goes to processes that are gone: nobody will ever read it.
    fn forget_unreadable(&self, state: &mut State) {
        let now = *state;
        self.keep(state, |letter| letter.to_plane || self.slot_of(&now, letter).is_some());
    }

    /// Where the process is to which a message goes.
    fn slot_of(&self, state: &State, letter: &Letter) -> Option<u8> {
        let is_its = |slot: &usize| self.outline(state.workers[*slot]).lives == letter.worker;
        letter.worker.and_then(|_| (0..self.workers).find(is_its)).map(|slot| slot as u8)
    }

    /// Whether a message can arrive now.
    pub(crate) fn can_reach(&self, state: &State, letter: &Letter) -> bool {
        self.slot_of(state, letter).is_some_and(|slot| self.outline(state.workers[usize::from(slot)]).up)
    }

    pub(crate) fn outline(&self, worker: u32) -> Outline {
        let kept = self.parts.workers.kept(worker);
        *kept.known.outline.get_or_init(|| kept.value.outline())
    }

    pub(crate) fn verdicts(&self, plane: u32) -> (u8, u8) {
        let kept = self.parts.planes.kept(plane);
        let look = || Option::as_ref(&kept.value).map(plane::verdicts).unwrap_or_default();
        *kept.known.verdicts.get_or_init(look)
    }

    /// A worker that a person has drained.
    pub(crate) fn drained(&self, state: &State) -> Option<WorkerId> {
        self.parts.planes.value(state.plane).as_ref().and_then(plane::drained)
    }
}
