//! What the control plane says, and what the session makes of it. Bytes from the network end here: nothing in them can
//! panic the session or make it grow.

use super::super::journal::{Journal, JournalRecord};
use super::super::message::{ControlBody, ControlMessage, Cycle, Drain, Grant, Halt, Offer};
use super::super::state::{Accepted, Halted, Opening};
use super::{
    Event, FatalReason, Kind, Lease, Link, MAX_EVENTS, MessageId, NackReason, Now, Session, State, Tenure,
    Timer,
};

/// The longest message that is read, in bytes: no broker in use lets a longer one through.
const MAX_INBOUND_LEN: usize = 128 * 1024;

impl Session {
    /// A message came. The broker is to be told that it arrived whatever it was, so that no poison message comes back.
    pub fn handle_message(&mut self, now: Now, bytes: &[u8], journal: &mut impl Journal) {
        self.advance(now);
        if matches!(self.state, State::Dead(_)) {
            return;
        }
        if bytes.len() > MAX_INBOUND_LEN || self.events.len() >= MAX_EVENTS {
            self.seen.dropped = self.seen.dropped.saturating_add(1);
            return;
        }
        let ControlMessage { id, body, .. } = match ControlMessage::decode(bytes) {
            Ok(message) => message,
            Err(malformed) => {
                match malformed.id {
                    Some(id) => self.nack(now, id, None, malformed.reason),
                    None => self.seen.dropped = self.seen.dropped.saturating_add(1),
                }
                return;
            }
        };
        match body {
            ControlBody::Ack(ack) => self.on_ack(now, ack.re, journal),
            ControlBody::Nack(nack) => self.on_nack(now, nack.re, nack.reason),
            ControlBody::Offer(offer) => self.on_offer(now, id, offer),
            ControlBody::Start(grant) => self.on_start(now, id, grant, journal),
            ControlBody::Renew(grant) => self.on_renew(now, id, grant),
            ControlBody::Stop(halt) => self.on_halt(now, id, &halt, Halted::Stop),
            ControlBody::Kill(halt) => self.on_halt(now, id, &halt, Halted::Kill),
            ControlBody::Drain(drain) => self.on_drain(now, id, &drain),
            ControlBody::Cycle(cycle) => self.on_cycle(now, id, &cycle),
        }
    }

    fn on_ack(&mut self, now: Now, re: MessageId, journal: &mut impl Journal) {
        if let Link::Up { hello, greeted } = &mut self.link
            && *hello == re
        {
            *greeted = true;
            return;
        }
        if self.outbox.remove(re) != Some(Kind::Terminal) {
            return;
        }
        // There is one terminal report at a time: no offer is taken while one is unacknowledged.
        let State::Reporting(reporting) = self.state else { return };
        let record = JournalRecord { floor: self.record.floor, ..JournalRecord::new(self.config.worker) };
        if let Err(failure) = journal.save(&record) {
            self.die(FatalReason::Journal(failure));
            return;
        }
        self.record = record;
        self.rest();
        self.events.push_back(Event::Reported { run: reporting.what.run, lease: reporting.what.lease });
        self.tell_status(now);
    }

    fn on_nack(&mut self, now: Now, re: MessageId, reason: NackReason) {
        match self.outbox.kind(re) {
            // The offer is no longer meant.
            Some(Kind::Accept(_)) => self.give_up(now),
            Some(Kind::Logs(_) | Kind::Progress) => drop(self.outbox.remove(re)),
            // A terminal report is never dropped: it goes again after its timeout, until it is acknowledged.
            Some(Kind::Terminal) => {}
            // Nobody on the other side will ever understand this worker. What runs goes on, since its end is decided
            // by its own means; where nothing runs, waiting would help nobody.
            None if matches!(self.link, Link::Up { hello, .. } if hello == re)
                && reason == NackReason::Unsupported
                && !matches!(self.state, State::Running(_)) =>
            {
                self.die(FatalReason::VersionRefused);
            }
            None => {}
        }
    }

    fn on_offer(&mut self, now: Now, id: MessageId, offer: Offer) {
        let lease = offer.lease;
        let news = self.seen.last_lease.is_none_or(|seen| seen < lease);
        if news {
            self.seen.last_lease = Some(lease);
        }
        if self.state.is_about(offer.run, lease, Some(offer.phase)) {
            self.ack(now, id);
            if let State::Accepted(accepted) = self.state {
                self.accept_again(now, id, accepted);
            }
            return;
        }
        let refusal = if lease <= self.seen.floor {
            Some(NackReason::Stale)
        } else if self.state.is_busy() {
            Some(NackReason::Busy)
        } else if self.drain.is_on() {
            Some(NackReason::Drained)
        } else {
            None
        };
        match refusal {
            Some(reason) => {
                self.nack(now, id, Some(lease), reason);
                // A status tells that this lease was seen, so that an older IDLE is not taken for an answer to it.
                if news {
                    self.tell_status(now);
                }
            }
            None => {
                self.state = State::Opening(Opening::new(id, &offer));
                self.ack(now, id);
                self.tell_status(now);
                self.events.push_back(Event::Open(offer));
            }
        }
    }

    fn on_start(&mut self, now: Now, id: MessageId, grant: Grant, journal: &mut impl Journal) {
        let accepted = match &self.state {
            State::Accepted(accepted) if self.state.is_about(grant.run, grant.lease, None) => *accepted,
            // It came twice: the first one counted.
            State::Running(_) | State::Reporting(_) if self.state.is_about(grant.run, grant.lease, None) => {
                self.ack(now, id);
                return;
            }
            _ => return self.nack(now, id, Some(grant.lease), NackReason::Stale),
        };
        let Some(sent) = self.sent.accept(grant.re, grant.lease).filter(|_| grant.lease > self.seen.floor)
        else {
            return self.nack(now, id, Some(grant.lease), NackReason::Stale);
        };
        let fence = self.fence_at(sent, grant.ttl_ms);
        if now.mono_ms >= fence {
            self.nack(now, id, Some(grant.lease), NackReason::Expired);
            return self.give_up(now);
        }
        // Guarantee 2: `begun` is synced to the journal before anything is spawned.
        let record = JournalRecord {
            floor: grant.lease,
            begun: Some(accepted.what),
            ..JournalRecord::new(self.config.worker)
        };
        if let Err(failure) = journal.save(&record) {
            return self.die(FatalReason::Journal(failure));
        }
        self.record = record;
        self.seen.floor = grant.lease;
        self.outbox.remove_kind(Kind::Accept(grant.lease));
        self.timers.stop(Timer::StartWait);
        self.timers.set(Timer::LeaseFence, fence);
        self.state = State::Running(accepted.start(fence));
        self.ack(now, id);
        self.events.push_back(Event::Start { phase: accepted.what.phase, grant });
        self.tell_status(now);
    }

    fn on_renew(&mut self, now: Now, id: MessageId, grant: Grant) {
        let about = self.state.is_about(grant.run, grant.lease, None);
        let until = self.sent.status(grant.re, grant.lease).map(|sent| self.fence_at(sent, grant.ttl_ms));
        let refusal = match (&mut self.state, until) {
            (State::Running(running), Some(until)) if about => match &mut running.tenure {
                Tenure::ToTheEnd => None,
                // What the end of a lease has stopped does not come back to life.
                Tenure::Ended => Some(NackReason::Expired),
                Tenure::Until(_) if now.mono_ms >= until => Some(NackReason::Expired),
                Tenure::Until(fence) => {
                    // A renewal that was overtaken by a later one must not shorten it.
                    *fence = until.max(*fence);
                    self.timers.set(Timer::LeaseFence, *fence);
                    None
                }
            },
            (State::Running(_), None) if about => Some(NackReason::Expired),
            (State::Reporting(_), _) if about => None,
            _ => Some(NackReason::Stale),
        };
        match refusal {
            Some(reason) => self.nack(now, id, Some(grant.lease), reason),
            None => {
                self.ack(now, id);
                if matches!(self.state, State::Running(_)) {
                    self.events.push_back(Event::Renewed(grant));
                }
            }
        }
    }

    fn on_halt(&mut self, now: Now, id: MessageId, halt: &Halt, how: Halted) {
        let about = self.state.is_about(halt.run, halt.lease, None);
        match &mut self.state {
            State::Opening(_) | State::Accepted(_) if about => {
                self.ack(now, id);
                self.give_up(now);
            }
            State::Running(running) if about => {
                if running.halt < how {
                    running.halt = how;
                    let (run, lease) = (halt.run, halt.lease);
                    self.events.push_back(match how {
                        Halted::Kill => Event::Kill { run, lease },
                        Halted::Stop | Halted::No => Event::Stop { run, lease },
                    });
                }
                self.ack(now, id);
            }
            State::Reporting(_) if about => self.ack(now, id),
            _ if halt.lease <= self.seen.floor => self.nack(now, id, Some(halt.lease), NackReason::Stale),
            _ => {
                // It overtook its offer, which is refused when it comes.
                self.ack(now, id);
                self.raise_floor(now, halt.lease);
            }
        }
    }

    fn on_drain(&mut self, now: Now, id: MessageId, drain: &Drain) {
        // "Contradictory ones fold, the newest wins", and newest means the highest cmd_seq.
        if self.drain.seq.is_some_and(|seq| seq > drain.cmd_seq) {
            return self.nack(now, id, None, NackReason::Stale);
        }
        self.ack(now, id);
        if self.drain.seq != Some(drain.cmd_seq) {
            let before = self.drain.is_on();
            self.drain.seq = Some(drain.cmd_seq);
            self.drain.asked = drain.drain;
            self.tell_drain(now, before);
        }
    }

    fn on_cycle(&mut self, now: Now, id: MessageId, _: &Cycle) {
        self.ack(now, id);
        if !self.drain.cycled {
            let before = self.drain.is_on();
            self.drain.cycled = true;
            self.events.push_back(Event::Cycle);
            self.tell_drain(now, before);
            self.give_up(now);
        }
    }

    /// An offer that waits for its start, at or below the new floor, can never be started: it is given up.
    fn raise_floor(&mut self, now: Now, lease: Lease) {
        self.seen.floor = self.seen.floor.max(lease);
        let waiting = match &self.state {
            State::Opening(opening) => opening.what.lease,
            State::Accepted(accepted) => accepted.what.lease,
            _ => return,
        };
        if waiting <= self.seen.floor {
            self.give_up(now);
        }
    }

    /// The accept again: the same message while it is unanswered, a fresh one when the control plane took that but
    /// asks once more. A start may answer either.
    fn accept_again(&mut self, now: Now, offer: MessageId, accepted: Accepted) {
        if self.outbox.kind(accepted.accept).is_some() {
            self.send_stored(now, accepted.accept);
        } else {
            self.accept(now, Opening { offer, what: accepted.what });
        }
    }

    /// When a lease is treated as ended: counted from the sending of what was answered, less a margin.
    fn fence_at(&self, sent: u64, ttl_ms: u64) -> u64 {
        let margin = self.config.fence_margin_ms.min(ttl_ms / 2);
        sent.saturating_add(ttl_ms - margin)
    }
}
