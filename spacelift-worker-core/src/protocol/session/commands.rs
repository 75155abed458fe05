//! What the run and the host ask of a session. Each command is refused whole or done whole.

use super::super::event::CommandError;
use super::super::journal::StoredOutcome;
use super::super::message::{Accept, Finished, LogManifest, MAX_MESSAGE_LEN, Progress, RunState};
use super::super::state::{Opening, Running};
use super::{
    Event, FatalReason, Goodbye, Kind, Lease, Link, Nack, NackReason, Now, Session, State, Tenure, Timer,
    WorkerBody,
};
use crate::protocol::Journal;

/// The longest word to people in bytes; the rest is cut.
const MAX_NOTE_LEN: usize = 4_096;

impl Session {
    /// The offer of this lease was verified, opened and found equal to its hints: accepts it.
    ///
    /// # Errors
    /// [`CommandError::NotInHand`] when it was withdrawn meanwhile.
    pub fn opened(&mut self, now: Now, lease: Lease) -> Result<(), CommandError> {
        self.ready(now)?;
        let opening = match self.state {
            State::Opening(opening) if opening.what.lease == lease => opening,
            _ => return Err(CommandError::NotInHand),
        };
        self.timers.set(Timer::StartWait, now.mono_ms.saturating_add(self.config.start_wait_ms));
        self.accept(now, opening);
        Ok(())
    }

    /// The offer of this lease is refused; `note` is for people and carries no secret.
    ///
    /// # Errors
    /// [`CommandError::NotInHand`] when it was withdrawn or accepted meanwhile.
    pub fn refuse(
        &mut self,
        now: Now,
        lease: Lease,
        reason: NackReason,
        note: Option<String>,
    ) -> Result<(), CommandError> {
        self.ready(now)?;
        let opening = match self.state {
            State::Opening(opening) if opening.what.lease == lease => opening,
            _ => return Err(CommandError::NotInHand),
        };
        self.rest();
        let nack = Nack { re: opening.offer, lease: Some(lease), reason, note: note.map(short) };
        self.answer(now, WorkerBody::Nack(nack));
        self.tell_status(now);
        Ok(())
    }

    /// The run in hand entered a state. Where it is one that changes something, ask first and act afterwards: from this
    /// call on the end of the lease no longer ends the run.
    ///
    /// # Errors
    /// [`CommandError::LeaseEnded`] when a state that changes something would begin without a lease, and
    /// [`CommandError::NotInHand`] when nothing was started.
    pub fn progress(
        &mut self,
        now: Now,
        state: RunState,
        state_version: u64,
        note: Option<String>,
    ) -> Result<(), CommandError> {
        self.ready(now)?;
        let State::Running(running) = &mut self.state else { return Err(CommandError::NotInHand) };
        if state.changes_state() {
            if !running.tenure.holds(now.mono_ms) {
                return Err(CommandError::LeaseEnded);
            }
            running.tenure = Tenure::ToTheEnd;
            self.timers.stop(Timer::LeaseFence);
        }
        running.step = state;
        let Running { what, .. } = *running;
        let note = note.map(short);
        let body = Progress { run: what.run, lease: what.lease, state, state_version, note };
        let progress = self.compose(now, WorkerBody::Progress(body));
        self.outbox.keep(progress.id, Kind::Progress, progress.bytes);
        self.send_stored(now, progress.id);
        self.tell_status(now);
        Ok(())
    }

    /// The whole manifest of the log of the lease in hand, in place of the one before.
    ///
    /// # Errors
    /// [`CommandError::TooLong`] when it does not fit a message, and [`CommandError::NotInHand`] when the lease is not
    /// the one that was started last.
    pub fn logs(&mut self, now: Now, manifest: LogManifest) -> Result<(), CommandError> {
        self.ready(now)?;
        let started = match &self.state {
            State::Running(running) => running.what,
            State::Reporting(reporting) if reporting.step.is_some() => reporting.what,
            _ => return Err(CommandError::NotInHand),
        };
        if (started.run, started.lease) != (manifest.run, manifest.lease) {
            return Err(CommandError::NotInHand);
        }
        let logs = self.compose(now, WorkerBody::Logs(manifest));
        if logs.bytes.len() > MAX_MESSAGE_LEN {
            return Err(CommandError::TooLong { len: logs.bytes.len(), max: MAX_MESSAGE_LEN });
        }
        self.outbox.keep(logs.id, Kind::Logs(started.lease), logs.bytes);
        self.send_stored(now, logs.id);
        Ok(())
    }

    /// The run in hand ended: writes the report with its id and exact bytes to the journal, then sends it until it is
    /// acknowledged. A failed write ends the session, since the report might come twice with different words.
    ///
    /// # Errors
    /// [`CommandError::NotInHand`] when run and lease are not those that were started, [`CommandError::Dead`] when the
    /// journal failed.
    pub fn finished(
        &mut self,
        now: Now,
        mut finished: Finished,
        journal: &mut impl Journal,
    ) -> Result<(), CommandError> {
        self.ready(now)?;
        let State::Running(running) = self.state else { return Err(CommandError::NotInHand) };
        if (running.what.run, running.what.lease) != (finished.run, finished.lease) {
            return Err(CommandError::NotInHand);
        }
        finished.reason = finished.reason.map(short);
        let report = self.compose(now, WorkerBody::Finished(finished));
        let mut record = self.record.clone();
        // A message is JSON and so UTF-8; what would not be is not lost, but replaced in the same way each time.
        let body = String::from_utf8_lossy(&report.bytes).into_owned();
        record.outcome = Some(StoredOutcome { message: report.id, body });
        if let Err(failure) = journal.save(&record) {
            let reason = FatalReason::Journal(failure);
            self.die(reason.clone());
            return Err(CommandError::Dead(reason));
        }
        self.record = record;
        self.timers.stop(Timer::LeaseFence);
        self.state = State::Reporting(running.report());
        self.outbox.keep(report.id, Kind::Terminal, report.bytes);
        self.send_stored(now, report.id);
        self.tell_status(now);
        Ok(())
    }

    /// The process is to end: takes no new work from now on. What was started goes on, what was not is given up.
    pub fn shutdown(&mut self, now: Now) {
        if self.ready(now).is_ok() {
            let before = self.drain.is_on();
            self.drain.shutdown = true;
            self.tell_drain(now, before);
            self.give_up(now);
        }
    }

    /// Says goodbye. Nothing is said afterwards on this connection, so what should still go is polled before.
    pub fn goodbye(&mut self, now: Now) {
        self.shutdown(now);
        self.answer(now, WorkerBody::Goodbye(Goodbye { crashed: false }));
        self.timers.stop(Timer::Heartbeat);
        self.timers.stop(Timer::Resend);
        self.link = Link::Down;
    }

    /// Says that an offer is taken, and remembers it.
    pub(super) fn accept(&mut self, now: Now, opening: Opening) {
        let lease = opening.what.lease;
        let body = WorkerBody::Accept(Accept { re: opening.offer, run: opening.what.run, lease });
        let accept = self.compose(now, body);
        self.outbox.keep(accept.id, Kind::Accept(lease), accept.bytes);
        self.state = State::Accepted(opening.accept(accept.id));
        self.send_stored(now, accept.id);
    }

    /// Tells the driver and the control plane when it changed whether new work is taken.
    pub(super) fn tell_drain(&mut self, now: Now, before: bool) {
        if self.drain.is_on() != before {
            self.events.push_back(Event::Drained(!before));
            self.tell_status(now);
        }
    }

    fn ready(&mut self, now: Now) -> Result<(), CommandError> {
        self.advance(now);
        match &self.state {
            State::Dead(reason) => Err(CommandError::Dead(reason.clone())),
            _ => Ok(()),
        }
    }
}

/// Cuts a text for people between two characters.
fn short(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_NOTE_LEN));
    text
}
