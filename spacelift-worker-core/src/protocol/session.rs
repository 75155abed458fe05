//! The session of one worker with its control plane, without I/O. Opens, starts and writes nothing itself.

mod commands;
mod inbound;
#[cfg(feature = "model")]
mod rename;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

#[cfg(feature = "model")]
pub(super) use rename::renamed;

use super::event::{Event, FatalReason, Transmit};
use super::journal::{Begun, JournalRecord};
use super::message::{
    Ack, Goodbye, Hello, Interrupted, Message, Nack, NackReason, Status, VERSION, WorkerBody, WorkerStatus,
};
use super::message_ids::MessageIds;
use super::now::Now;
use super::outbox::{Kind, Outbox};
use super::sent::{Answerable, SentTimes};
use super::settings::SessionConfig;
use super::state::{Reporting, State, Tenure};
use super::timer::{Timer, TimerTable};
use crate::ids::{Lease, MessageId};

/// How many answers wait for a transport that is slow. Beyond it the oldest go: an unanswered message comes again.
const MAX_ANSWERS: usize = 256;

/// How many events wait for a driver. Beyond it messages are dropped unanswered, and come again.
const MAX_EVENTS: usize = 64;

/// The session of one worker with its control plane.
///
/// Methods fall in four kinds:
///
/// 1. **Getters** such as [`worker`](Self::worker) and [`lease_holds`](Self::lease_holds).
/// 2. **`handle_*`** for what came from the network and the clock: [`handle_connected`](Self::handle_connected),
///    [`handle_disconnected`](Self::handle_disconnected), [`handle_message`](Self::handle_message),
///    [`handle_timeout`](Self::handle_timeout).
/// 3. **Commands** from the run and the host: [`opened`](Self::opened), [`refuse`](Self::refuse),
///    [`progress`](Self::progress), [`logs`](Self::logs), [`finished`](Self::finished),
///    [`shutdown`](Self::shutdown), [`goodbye`](Self::goodbye).
/// 4. **`poll_*`** for what the driver has to do, after every call of the second and third kind, in this order:
///    [`poll_transmit`](Self::poll_transmit) until `None`, [`poll_event`](Self::poll_event) until `None`, then
///    [`poll_timeout`](Self::poll_timeout). Transmissions first, so that a `cycle` is acknowledged before it acts.
///
/// `now` never goes back between calls. Randomness comes in once, as the seed of the message ids. All of it is plain
/// data: cloned, compared and hashed, so that a model checker can walk it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Session {
    config: SessionConfig,
    ids: MessageIds,
    state: State,
    /// The record as it was last saved.
    record: JournalRecord,
    seen: Seen,
    link: Link,
    drain: Draining,
    outbox: Outbox,
    queue: VecDeque<Outgoing>,
    sent: SentTimes,
    timers: TimerTable,
    events: VecDeque<Event>,
}

/// What was seen and said so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Seen {
    /// Started or halted leases: offers and starts at or below are refused.
    floor: Lease,
    /// The highest lease in any offer.
    last_lease: Option<Lease>,
    status_seq: u64,
    /// Messages without an id, too long ones, and those that found the events unread.
    dropped: u64,
}

/// The connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Link {
    Down,
    Up {
        /// The greeting that was sent last.
        hello: MessageId,
        /// Whether it was acknowledged. A broker acknowledges a message that nobody listens for, too, so a control
        /// plane that comes later than the worker has not heard it.
        greeted: bool,
    },
}

/// Why no new work is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Draining {
    /// The highest `cmd_seq` of a `drain`.
    seq: Option<u64>,
    /// What that one said.
    asked: bool,
    /// The process is to end.
    shutdown: bool,
    /// The pool is cycled.
    cycled: bool,
}

impl Draining {
    fn is_on(&self) -> bool {
        self.asked || self.shutdown || self.cycled
    }
}

/// A message on its way to the transport.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Outgoing {
    /// An answer or a greeting: sent once.
    Once(Transmit),
    /// A status: a later one takes its place.
    Status(Transmit),
    /// A message in the outbox.
    Stored(MessageId),
}

impl Session {
    /// A session before its first connection. `seed` is drawn freshly for each process; `restored` is the record that an
    /// earlier process left, whose unfinished business is reported after the first `hello`.
    pub fn new(config: SessionConfig, seed: u128, restored: Option<JournalRecord>) -> Self {
        let record = restored.unwrap_or_else(|| JournalRecord::new(config.worker));
        let mut outbox = Outbox::new(config.outbox);
        let state = match (record.begun, &record.outcome) {
            (Some(what), Some(outcome)) => {
                outbox.keep(outcome.message, Kind::Terminal, outcome.body.clone().into_bytes());
                State::Reporting(Reporting { what, step: None })
            }
            (Some(what), None) => State::Inherited(what),
            (None, _) => State::Idle,
        };
        Self {
            ids: MessageIds::new(seed),
            state,
            seen: Seen { floor: record.floor, ..Seen::default() },
            record,
            link: Link::Down,
            drain: Draining::default(),
            outbox,
            queue: VecDeque::new(),
            sent: SentTimes::default(),
            timers: TimerTable::default(),
            events: VecDeque::new(),
            config,
        }
    }

    /// This worker.
    pub fn worker(&self) -> crate::ids::WorkerId {
        self.config.worker
    }

    /// The status that is told now.
    pub fn status(&self) -> WorkerStatus {
        if self.drain.is_on() {
            WorkerStatus::Drained
        } else if self.state.is_busy() {
            WorkerStatus::Busy
        } else {
            WorkerStatus::Idle
        }
    }

    /// Whether nothing is in hand and no report waits, so that a drained worker may leave.
    pub fn is_idle(&self) -> bool {
        !self.state.is_busy()
    }

    /// Whether the phase in hand may go on: asked before each step and before each upload. True to the end once a state
    /// that changes something has begun; false when nothing was started.
    pub fn lease_holds(&self, now: Now) -> bool {
        matches!(&self.state, State::Running(running) if running.tenure.holds(now.mono_ms))
    }

    /// How many messages were dropped unanswered: without an id, too long, or while events stood unread.
    pub fn dropped(&self) -> u64 {
        self.seen.dropped
    }

    /// How many messages wait for their acknowledgement.
    pub fn unacknowledged(&self) -> usize {
        self.outbox.len()
    }

    /// The message to leave with the broker as last will of the next connection.
    pub fn last_will(&mut self, now: Now) -> Vec<u8> {
        self.compose(now, WorkerBody::Goodbye(Goodbye { crashed: true })).bytes
    }

    /// A connection is up and subscribed: says hello, then status, then everything unacknowledged, in order.
    pub fn handle_connected(&mut self, now: Now) {
        if matches!(self.state, State::Dead(_)) {
            return;
        }
        self.queue.clear();
        self.say_hello(now);
        self.tell_status(now);
        if let State::Inherited(what) = self.state {
            self.inherit(now, what);
        }
        for (id, _) in self.outbox.all() {
            self.send_stored(now, id);
        }
    }

    /// Greets the control plane with the whole status.
    fn say_hello(&mut self, now: Now) {
        let hello = Hello {
            worker: self.config.worker,
            versions: vec![VERSION],
            library: self.config.library.clone(),
            metadata: self.config.metadata.clone(),
            capabilities: self.config.capabilities.clone(),
            status: self.next_status(),
        };
        let hello = self.compose(now, WorkerBody::Hello(hello));
        self.note_status(now, hello.id);
        self.link = Link::Up { hello: hello.id, greeted: false };
        self.queue.push_back(Outgoing::Once(hello));
    }

    /// The connection is gone. The run goes on.
    pub fn handle_disconnected(&mut self, now: Now) {
        self.link = Link::Down;
        self.queue.clear();
        self.timers.stop(Timer::Heartbeat);
        self.timers.stop(Timer::Resend);
        self.advance(now);
    }

    /// Time passed. Calls before the deadline do no harm.
    pub fn handle_timeout(&mut self, now: Now) {
        self.advance(now);
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        loop {
            match self.queue.pop_front()? {
                Outgoing::Once(transmit) | Outgoing::Status(transmit) => return Some(transmit),
                Outgoing::Stored(id) => {
                    // It may have been acknowledged or outdated meanwhile.
                    if let Some(bytes) = self.outbox.bytes(id) {
                        return Some(Transmit { id, bytes: bytes.to_vec() });
                    }
                }
            }
        }
    }

    /// The next thing to act on.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, in milliseconds of the monotonic clock.
    pub fn poll_timeout(&self) -> Option<u64> {
        if matches!(self.state, State::Dead(_)) { None } else { self.timers.next() }
    }

    /// Lets the timers that are due take effect. First in every call with a time, so that a message that comes late on
    /// waking from suspend meets a state that knows what time it is.
    fn advance(&mut self, now: Now) {
        if matches!(self.state, State::Dead(_)) {
            return;
        }
        if self.timers.fired(Timer::LeaseFence, now.mono_ms) {
            self.fence();
        }
        if self.timers.fired(Timer::StartWait, now.mono_ms) {
            self.give_up(now);
        }
        if self.timers.fired(Timer::Resend, now.mono_ms) {
            for id in self.outbox.due(now.mono_ms) {
                self.send_stored(now, id);
            }
            self.timers.put(Timer::Resend, self.outbox.next_due());
        }
        if self.timers.fired(Timer::Heartbeat, now.mono_ms) {
            if matches!(self.link, Link::Up { greeted: false, .. }) {
                self.say_hello(now);
            }
            self.tell_status(now);
        }
    }

    /// The lease ended before something was changed.
    fn fence(&mut self) {
        if let State::Running(running) = &mut self.state
            && matches!(running.tenure, Tenure::Until(_))
        {
            running.tenure = Tenure::Ended;
            self.events.push_back(Event::LeaseEnded { run: running.what.run, lease: running.what.lease });
        }
    }

    /// Drops an offer that was not started, for good: a start that comes later finds its lease at the floor.
    fn give_up(&mut self, now: Now) {
        let what = match &self.state {
            State::Opening(opening) => opening.what,
            State::Accepted(accepted) => accepted.what,
            _ => return,
        };
        self.rest();
        self.timers.stop(Timer::StartWait);
        self.outbox.remove_kind(Kind::Accept(what.lease));
        self.seen.floor = self.seen.floor.max(what.lease);
        self.events.push_back(Event::Kill { run: what.run, lease: what.lease });
        self.tell_status(now);
    }

    /// Ends the session for good.
    fn die(&mut self, reason: FatalReason) {
        self.state = State::Dead(reason.clone());
        self.queue.clear();
        self.events.push_back(Event::Fatal(reason));
    }

    /// Reports what an earlier process had begun, in its name.
    fn inherit(&mut self, now: Now, what: Begun) {
        let worker = self.record.worker;
        let body = WorkerBody::Interrupted(Interrupted { worker, run: what.run, lease: what.lease });
        let report = self.compose(now, body);
        self.outbox.keep(report.id, Kind::Terminal, report.bytes);
        self.state = State::Reporting(Reporting { what, step: None });
    }

    fn next_status(&mut self) -> Status {
        self.seen.status_seq += 1;
        Status {
            status: self.status(),
            status_seq: self.seen.status_seq,
            last_lease_seen: self.seen.last_lease,
            run: self.state.in_hand(),
        }
    }

    /// Sends the whole status, in place of one that still waits, and sets the heartbeat anew.
    fn tell_status(&mut self, now: Now) {
        if self.link == Link::Down {
            return;
        }
        let status = self.next_status();
        let transmit = self.compose(now, WorkerBody::Status(status));
        self.note_status(now, transmit.id);
        self.queue.retain(|outgoing| !matches!(outgoing, Outgoing::Status(_)));
        self.queue.push_back(Outgoing::Status(transmit));
        self.timers.set(Timer::Heartbeat, now.mono_ms.saturating_add(self.config.heartbeat_ms));
    }

    /// Only a status that tells of the run in hand is ever answered by a renewal.
    fn note_status(&mut self, now: Now, id: MessageId) {
        if self.state.in_hand().is_some() {
            self.sent.note(id, Answerable::Status, now.mono_ms);
        }
    }

    /// Nothing is in hand any more, so nothing that was sent about it is answered by a grant.
    fn rest(&mut self) {
        self.state = State::Idle;
        self.sent = SentTimes::default();
    }

    /// Puts a kept message on its way, unless it is already there or there is no connection.
    fn send_stored(&mut self, now: Now, id: MessageId) {
        if self.link == Link::Down {
            return;
        }
        if let Some(Kind::Accept(lease)) = self.outbox.kind(id) {
            self.sent.note(id, Answerable::Accept(lease), now.mono_ms);
        }
        self.outbox.sent(id, now.mono_ms.saturating_add(self.config.resend_ms));
        self.timers.put(Timer::Resend, self.outbox.next_due());
        if !self.queue.contains(&Outgoing::Stored(id)) {
            self.queue.push_back(Outgoing::Stored(id));
        }
    }

    fn answer(&mut self, now: Now, body: WorkerBody) {
        if self.link == Link::Down {
            return;
        }
        let waiting = |outgoing: &Outgoing| matches!(outgoing, Outgoing::Once(_));
        if self.queue.iter().filter(|outgoing| waiting(outgoing)).count() >= MAX_ANSWERS
            && let Some(at) = self.queue.iter().skip(1).position(waiting)
        {
            self.queue.remove(at + 1);
        }
        let transmit = self.compose(now, body);
        self.queue.push_back(Outgoing::Once(transmit));
    }

    fn ack(&mut self, now: Now, re: MessageId) {
        self.answer(now, WorkerBody::Ack(Ack { re }));
    }

    fn nack(&mut self, now: Now, re: MessageId, lease: Option<Lease>, reason: NackReason) {
        self.answer(now, WorkerBody::Nack(Nack { re, lease, reason, note: None }));
    }

    fn compose(&mut self, now: Now, body: WorkerBody) -> Transmit {
        let id = self.ids.next(now.unix_ms);
        Transmit { id, bytes: Message { id, ts: now.unix_ms, body }.encode() }
    }
}
