//! One state of a world, in a few words, and the actions that there are in it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use spacelift_mothership::control::DeskFault;

use crate::laws::Broken;
use crate::world::{RUNS, SLOTS, World};

/// A state. Workers, control planes, and the messages in flight, by their numbers; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// The clock, in ticks.
    pub tick: u8,
    /// The control plane.
    pub plane: u32,
    /// The workers.
    pub workers: [u32; SLOTS],
    /// The messages in flight. Each of them may arrive next: there is no order.
    pub flight: u32,
    /// What may still happen.
    pub left: Left,
    /// What was seen.
    pub seen: Seen,
    /// Laws that were broken.
    pub broken: Broken,
    /// Whether nothing happens any more.
    pub over: bool,
}

/// What the laws have to remember.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seen {
    /// Leases that were started, one bit each.
    pub started: u64,
    /// Runs in which a state-changing state began, one bit each.
    pub changed: u8,
    /// Runs whose last phase succeeded on a worker, one bit each.
    pub succeeded: u8,
}

/// Faults and requests that may still happen, by their number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Left {
    /// Messages that are lost.
    pub losses: u8,
    /// Messages that come twice.
    pub copies: u8,
    /// Steps of the clock before everything that is under way has arrived.
    pub delays: u8,
    /// Crashes of a worker or of the control plane.
    pub crashes: u8,
    /// Writes of the control plane that fail, with and without its death.
    pub writes: u8,
    /// Connections that are lost.
    pub cuts: u8,
    /// Machines that are suspended.
    pub sleeps: u8,
    /// Offers that are refused.
    pub refusals: u8,
    /// Runs that fail.
    pub failures: u8,
    /// What people ask for, as a set of [`Person`].
    pub people: u8,
    /// How often the world may turn from its usual course; none for always.
    pub turns: Option<u8>,
}

/// What a person asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Person {
    /// The first worker drains.
    Drain,
    /// It takes work again.
    Undrain,
    /// The pool is cycled.
    Cycle,
    /// The first run is stopped.
    Stop,
    /// The first run is killed.
    Kill,
}

impl Person {
    /// Everything that people ask for.
    pub const ALL: [Self; 5] = [Self::Drain, Self::Undrain, Self::Cycle, Self::Stop, Self::Kill];

    /// A set of requests.
    pub fn set(people: &[Self]) -> u8 {
        people.iter().map(|person| person.bit()).fold(0, |all, bit| all | bit)
    }

    /// Its place in the set.
    pub fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A message in flight arrives.
    Deliver(u8),
    /// It arrives, and another copy of it is still in flight.
    Copy(u8),
    /// It is lost.
    Lose(u8),
    /// It arrives at the control plane, where something fails meanwhile.
    DeliverInto(u8, DeskFault),
    /// Time goes on.
    Tick,
    /// Time goes on, and something fails at the control plane meanwhile.
    TickInto(DeskFault),
    /// A worker finds its offer good.
    Open(u8),
    /// A worker cannot open its offer.
    Refuse(u8),
    /// A run begins to change something.
    Change(u8),
    /// A run ends; whether it succeeds.
    Finish(u8, bool),
    /// A run that was made to end has ended.
    End(u8),
    /// A worker's process dies; what it sent is lost with it, or not.
    Crash(u8, bool),
    /// Another one begins in its place.
    Restart(u8),
    /// The control plane's process dies, and another one begins; what it sent is lost with it, or not.
    CrashPlane(bool),
    /// A worker's connection is lost; what it sent is lost with it, or not.
    Cut(u8, bool),
    /// It is back.
    Connect(u8),
    /// A worker's machine is suspended.
    Sleep(u8),
    /// It wakes.
    Wake(u8),
    /// A person asks for something.
    Ask(Person),
    /// A person takes back every drain. In the calm end alone.
    UndrainAll,
    /// Faults are over: everything comes to its end.
    Calm,
}

impl State {
    /// A number that no other state has, but by chance once in 2^64.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// Whether nothing is under way between the ends.
    pub fn is_silent(&self) -> bool {
        self.flight == 0
    }
}

impl World {
    /// Everything that may happen in a state, with what comes of it. What would be answered with more messages than there is
    /// room for waits, unless all would.
    pub fn steps(&self, state: &State, steps: &mut Vec<(Action, State)>) {
        let mut actions = Vec::new();
        self.actions(state, &mut actions);
        steps.clear();
        steps.extend(actions.into_iter().map(|action| (action, self.next(state, action))));
        let fits = |(action, after): &(Action, State)| self.has_room(state, *action, after);
        if steps.iter().any(fits) {
            steps.retain(fits);
        }
    }

    /// Whether the network takes what comes of an action.
    fn has_room(&self, before: &State, action: Action, after: &State) -> bool {
        let waits = matches!(action, Action::Deliver(_) | Action::Copy(_) | Action::DeliverInto(..));
        let [before, after] = [before, after].map(|state| self.parts.flights.value(state.flight).len());
        !waits || after <= before.max(self.in_flight)
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.over || !state.broken.is_none() {
            return;
        }
        let usual = self.usual(state);
        match state.left.turns {
            Some(0) => actions.extend(usual),
            Some(_) => {
                self.possible(state, actions);
                actions.retain(|action| Some(*action) != usual);
                actions.splice(0..0, usual);
            }
            None => self.possible(state, actions),
        }
    }

    fn possible(&self, state: &State, actions: &mut Vec<Action>) {
        let left = &state.left;
        let flight = self.parts.flights.value(state.flight);
        for (at, number) in flight.iter().enumerate() {
            if flight[..at].contains(number) {
                continue;
            }
            let place = at as u8;
            if left.losses > 0 {
                actions.push(Action::Lose(place));
            }
            let letter = self.parts.letters.value(*number);
            if !letter.to_plane && !self.can_reach(state, letter) {
                continue;
            }
            actions.push(Action::Deliver(place));
            if left.copies > 0 {
                actions.push(Action::Copy(place));
            }
            if left.writes > 0 && letter.to_plane {
                let writes = self.writes(state, Some(*number));
                actions.extend(faults(writes).map(|fault| Action::DeliverInto(place, fault)));
            }
        }
        // Who speaks waits while the network is full.
        let is_full = flight.len() >= self.in_flight;
        self.at_workers(state, is_full, actions);
        if left.crashes > 0 {
            actions.extend([Action::CrashPlane(true), Action::CrashPlane(false)]);
        }
        let asked = Person::ALL.into_iter().filter(|person| !is_full && left.people & person.bit() != 0);
        actions.extend(asked.map(Action::Ask));
        let is_done = self.is_done(state);
        if state.tick >= self.free_ticks || is_done {
            actions.push(Action::Calm);
        } else if left.delays > 0 || state.is_silent() {
            actions.push(Action::Tick);
            if left.writes > 0 {
                actions.extend(faults(self.writes(state, None)).map(Action::TickInto));
            }
        }
    }

    fn at_workers(&self, state: &State, is_full: bool, actions: &mut Vec<Action>) {
        let left = &state.left;
        for slot in 0..self.workers {
            let outline = self.outline(state.workers[slot]);
            let slot = slot as u8;
            if outline.lives.is_none() {
                actions.extend((!is_full).then_some(Action::Restart(slot)));
                continue;
            }
            if left.crashes > 0 {
                actions.extend([Action::Crash(slot, true), Action::Crash(slot, false)]);
            }
            if is_full {
                continue;
            }
            if outline.asleep {
                actions.push(Action::Wake(slot));
                continue;
            }
            if left.sleeps > 0 {
                actions.push(Action::Sleep(slot));
            }
            match outline.up {
                true if left.cuts > 0 => actions.extend([Action::Cut(slot, true), Action::Cut(slot, false)]),
                true => {}
                false => actions.push(Action::Connect(slot)),
            }
            if outline.opening {
                actions.push(Action::Open(slot));
                if left.refusals > 0 {
                    actions.push(Action::Refuse(slot));
                }
            }
            match outline.child {
                Some((.., true, _)) => actions.push(Action::End(slot)),
                Some((_, true, false, ..)) => actions.push(Action::Change(slot)),
                Some(_) => actions.push(Action::Finish(slot, true)),
                None => {}
            }
            if outline.child.is_some_and(|(_, _, _, ending, _)| !ending) && left.failures > 0 {
                actions.push(Action::Finish(slot, false));
            }
        }
    }

    /// What happens next where nothing goes wrong; none when nothing follows.
    pub fn usual(&self, state: &State) -> Option<Action> {
        for (at, number) in self.parts.flights.value(state.flight).iter().enumerate() {
            let letter = self.parts.letters.value(*number);
            if letter.to_plane || self.can_reach(state, letter) {
                return Some(Action::Deliver(at as u8));
            }
        }
        for slot in 0..self.workers {
            let outline = self.outline(state.workers[slot]);
            let slot = slot as u8;
            let next = match outline.child {
                _ if outline.lives.is_none() => Some(Action::Restart(slot)),
                _ if outline.asleep => Some(Action::Wake(slot)),
                _ if !outline.up => Some(Action::Connect(slot)),
                _ if outline.opening => Some(Action::Open(slot)),
                Some((.., true, _)) => Some(Action::End(slot)),
                Some((_, true, false, ..)) => Some(Action::Change(slot)),
                Some(_) => Some(Action::Finish(slot, true)),
                None => None,
            };
            if next.is_some() {
                return next;
            }
        }
        if self.is_done(state) || (state.left.turns.is_some() && state.tick >= self.free_ticks) {
            return Some(Action::Calm).filter(|_| state.left.turns.is_some());
        }
        let waits_for_a_person = self.drained(state).is_some() && state.left.people == 0;
        Some(if waits_for_a_person { Action::UndrainAll } else { Action::Tick })
    }

    /// Whether every run has ended and no worker has anything in hand.
    pub fn is_done(&self, state: &State) -> bool {
        let (ended, _) = self.verdicts(state.plane);
        ended.count_ones() as usize == self.runs.min(RUNS)
            && state.workers[..self.workers].iter().all(|worker| self.outline(*worker).idle)
    }
}

/// Where the control plane may fail: at each of its writes, with and without its death.
fn faults(writes: u32) -> impl Iterator<Item = DeskFault> {
    (0..writes).flat_map(|before| [DeskFault::Fails(before), DeskFault::Dies(before)])
}
