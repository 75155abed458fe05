//! The loop that joins the protocol's session, a transport, the journal and the run in hand.
//!
//! It decides nothing: bytes and answers go into the session, and what the session asks for is passed on.

mod ending;

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

pub(crate) use self::ending::Ending;
use super::clock;
use super::host::{Desk, HostEvent, OperationId, Wish};
use super::journal::FileJournal;
use super::link::{AckToken, Fault, Link, LinkCommand, LinkEvent, LinkFailure};
use super::metrics::Meter;
use super::run::{RunCommand, RunHandle, RunHost};
use crate::ids::{Lease, RunId};
use crate::protocol::message::{Finished, LogManifest, NackReason, Phase, RunState};
use crate::protocol::{CommandError, Event, FatalReason, Session};

/// Connections that may fail before the first one succeeds.
const FIRST_ATTEMPTS: u32 = 5;
/// Of these, how many may fail for a reason that trying again does not mend.
const MISCONFIGURED_ATTEMPTS: u32 = 2;
/// A cycled worker is gone within 20 seconds, its goodbye included.
const CYCLE_LIMIT_MS: u64 = 15_000;

/// What a run that was ended needs for the rest of its log, its report and the goodbye, when its machine goes.
const LAST_WORDS_MS: u64 = 15_000;

/// How long a goodbye may take, with everything that is to be said before it.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a run tells the session.
#[derive(Debug)]
pub(crate) enum RunReport {
    /// The offer was verified, opened and found equal to its hints.
    Opened {
        lease: Lease,
        run: RunId,
        phase: Phase,
        stack: String,
        /// What a policy sees of it, where somebody decides by hand.
        document: Option<serde_json::Value>,
    },
    /// The offer is refused.
    Refused { lease: Lease, reason: NackReason, note: Option<String> },
    /// A state is about to begin; the answer says whether it may.
    Progress {
        lease: Lease,
        state: RunState,
        state_version: u64,
        note: Option<String>,
        answer: oneshot::Sender<Result<(), CommandError>>,
    },
    /// The log grew.
    Logs(LogManifest),
    /// The phase ended; the log with it.
    Finished {
        logs: Option<LogManifest>,
        report: Finished,
        /// Bytes of its log that were masked.
        masked: u64,
    },
}

/// What the host asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostCommand {
    /// Take no new work, finish what is in hand, leave.
    Shutdown,
    /// The machine goes in this time: take no new work, let the run in hand go on for as long as there is time to end it in
    /// order, leave. A later notice can shorten that, never lengthen it.
    Notice {
        /// From now.
        within: Duration,
    },
    /// As before, and ask the run in hand to end.
    StopRun,
    /// As before, and end it at once.
    KillRun,
}

/// Why the loop ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionEnd {
    /// The host asked for it, and nothing is left to do.
    Shutdown,
    /// The pool was cycled.
    Cycled,
    /// No connection could be made at all.
    NeverConnected {
        /// The reason of the last attempt.
        reason: String,
    },
    /// Another process speaks for this worker.
    Duplicate {
        /// How it was noticed.
        reason: String,
    },
    /// The session gave up.
    Fatal(FatalReason),
}

/// What is on its way to the transport. The session keeps the rest, where a later status takes the place of an earlier
/// one, so that a slow transport makes nothing grow and puts nothing out of order.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// The connection that is up.
    connection: Option<u64>,
    /// For the transport as soon as it takes something.
    next: Option<LinkCommand>,
    /// Owed to the transport once all answers have gone.
    owed: Option<AckToken>,
}

impl Outgoing {
    /// Fetches the next message from the session, or the acknowledgement after the last one.
    fn fill(&mut self, session: &mut Session) {
        if self.next.is_some() {
            return;
        }
        let Some(connection) = self.connection else { return };
        self.next = match session.poll_transmit() {
            Some(transmit) => Some(LinkCommand::Send { connection, bytes: transmit.bytes }),
            None => self.owed.take().map(LinkCommand::Acknowledge),
        };
    }
}

/// Everything the loop works with.
pub(crate) struct SessionDriver {
    pub(crate) session: Session,
    pub(crate) journal: FileJournal,
    pub(crate) link: Link,
    pub(crate) runs: RunHost,
    pub(crate) reports: mpsc::Receiver<RunReport>,
    pub(crate) commands: mpsc::Receiver<HostCommand>,
    pub(crate) desk: Desk,
    pub(crate) outgoing: Outgoing,
    pub(crate) in_hand: Option<RunHandle>,
    pub(crate) ending: Ending,
    pub(crate) meter: Meter,
}

impl SessionDriver {
    /// Runs until the host, the control plane or a failure ends it.
    pub(crate) async fn run(mut self) -> SessionEnd {
        let to_link = self.link.commands.clone();
        loop {
            if let ControlFlow::Break(end) = self.flush() {
                return self.leave(end).await;
            }
            let is_connected = self.outgoing.connection.is_some();
            self.meter.look(is_connected, !self.session.is_idle(), self.session.unacknowledged());
            let deadlines = [self.session.poll_timeout(), self.desk.deadline(), self.ending.deadline()];
            let deadline = deadlines.into_iter().flatten().min();
            let deadline = deadline.map_or(Duration::from_secs(1), clock::until);
            // Nothing more is heard before everything is said about what was heard, so that what waits is bounded.
            let is_quiet = self.outgoing.next.is_none();
            tokio::select! {
                event = self.link.events.recv(), if is_quiet => {
                    if let Some(event) = event
                        && let ControlFlow::Break(end) = self.link_event(event)
                    {
                        return end;
                    }
                }
                permit = to_link.reserve(), if !is_quiet => {
                    if let (Ok(permit), Some(command)) = (permit, self.outgoing.next.take()) {
                        permit.send(command);
                    }
                }
                Some(report) = self.reports.recv() => self.report(report),
                Some(command) = self.commands.recv() => self.command(command),
                Some((id, wish)) = self.desk.wish() => self.wish(id, wish),
                () = tokio::time::sleep(deadline) => {}
            }
            self.session.handle_timeout(clock::now());
            self.look_at_desk();
        }
    }

    /// Passes on what the session has: transmissions first, so that a `cycle` is acknowledged before it acts.
    fn flush(&mut self) -> ControlFlow<SessionEnd> {
        loop {
            self.outgoing.fill(&mut self.session);
            let Some(command) = self.outgoing.next.take() else { break };
            if let Err(TrySendError::Full(command)) = self.link.commands.try_send(command) {
                self.outgoing.next = Some(command);
                break;
            }
        }
        while let Some(event) = self.session.poll_event() {
            self.event(event)?;
        }
        if let Some(since) = self.ending.cycled {
            // A report that is not acknowledged by then stays in the journal; a run that did not end is killed.
            let late = clock::now().mono_ms >= since + CYCLE_LIMIT_MS;
            if self.session.is_idle() || late {
                return ControlFlow::Break(SessionEnd::Cycled);
            }
        } else if self.ending.shutdown.is_some() {
            if self.session.is_idle() || (self.ending.forced && self.in_hand.is_none()) {
                return ControlFlow::Break(SessionEnd::Shutdown);
            }
            if self.ending.grace_is_over(clock::now().mono_ms) {
                tracing::warn!("the run in hand is stopped: the drain grace is over");
                self.tell_run(RunCommand::Shutdown);
            }
        }
        ControlFlow::Continue(())
    }

    fn event(&mut self, event: Event) -> ControlFlow<SessionEnd> {
        self.tell_host(&event);
        match event {
            Event::Open(offer) => {
                self.meter.offered();
                self.in_hand = Some(self.runs.consider(offer));
            }
            Event::Start { phase, grant } => {
                self.meter.started(phase, clock::now().mono_ms);
                self.tell_run(RunCommand::Start(grant));
            }
            Event::Renewed(grant) => self.tell_run(RunCommand::Renewed(grant)),
            Event::Stop { .. } => self.tell_run(RunCommand::Stop),
            Event::Kill { lease, .. } => {
                self.desk.take(lease);
                self.tell_run(RunCommand::Kill);
            }
            Event::LeaseEnded { .. } => self.tell_run(RunCommand::LeaseEnded),
            Event::Reported { run, .. } => {
                tracing::info!(run_ulid = %run, "the report was taken");
            }
            Event::Drained(drained) => tracing::info!(drained, "draining changed"),
            Event::Cycle => {
                tracing::info!("the pool is cycled; this worker ends");
                self.ending.cycled = Some(clock::now().mono_ms);
                self.tell_run(RunCommand::Cycle);
            }
            Event::Fatal(reason) => return ControlFlow::Break(SessionEnd::Fatal(reason)),
        }
        ControlFlow::Continue(())
    }

    fn tell_run(&mut self, command: RunCommand) {
        if let Some(run) = &self.in_hand {
            run.tell(command);
        }
    }

    fn link_event(&mut self, event: LinkEvent) -> ControlFlow<SessionEnd> {
        match event {
            LinkEvent::Up { connection } => {
                self.outgoing = Outgoing { connection: Some(connection), ..Outgoing::default() };
                self.ending.connected_once = true;
                self.meter.connected();
                self.desk.tell(|| HostEvent::Connected { worker: self.session.worker() });
                tracing::info!(worker = %self.session.worker(), "connected");
                self.session.handle_connected(clock::now());
            }
            LinkEvent::Down(failure) => {
                tracing::warn!(reason = %failure, "not connected");
                self.outgoing = Outgoing::default();
                let mask = &self.runs.context.log_mask;
                self.desk.tell(|| HostEvent::Disconnected { reason: mask.text(&failure.to_string()) });
                self.meter.not_connected();
                self.session.handle_disconnected(clock::now());
                return self.connection_failed(failure);
            }
            LinkEvent::Message { bytes, token } => {
                self.session.handle_message(clock::now(), &bytes, &mut self.journal);
                // The answers go first, then the broker may forget the message.
                self.outgoing.owed = Some(token);
            }
        }
        ControlFlow::Continue(())
    }

    /// A lost connection is retried for ever; a first one that never comes about is a reason to end and say why. So is
    /// another process with this worker's name, but for a run in hand, which goes on to its report.
    fn connection_failed(&mut self, failure: LinkFailure) -> ControlFlow<SessionEnd> {
        self.ending.failures += 1;
        let limit = match failure.fault {
            Fault::Network => FIRST_ATTEMPTS,
            Fault::Configuration => MISCONFIGURED_ATTEMPTS,
            Fault::Duplicate if self.session.is_idle() => {
                return ControlFlow::Break(SessionEnd::Duplicate { reason: failure.reason });
            }
            Fault::Duplicate => u32::MAX,
        };
        if !self.ending.connected_once && self.ending.failures >= limit.saturating_mul(self.link.places) {
            return ControlFlow::Break(SessionEnd::NeverConnected { reason: failure.reason });
        }
        ControlFlow::Continue(())
    }

    fn report(&mut self, report: RunReport) {
        let now = clock::now();
        let result = match report {
            RunReport::Opened { lease, run, phase, stack, document } => match document {
                Some(document) => {
                    let offered = HostEvent::Offered { lease, run, phase, stack, document };
                    self.desk.ask(now.mono_ms, lease, offered);
                    Ok(())
                }
                None => self.session.opened(now, lease),
            },
            RunReport::Refused { lease, reason, note } => {
                self.in_hand = None;
                self.refuse(lease, reason, note)
            }
            RunReport::Progress { lease, state, state_version, note, answer } => {
                let result = self.session.progress(now, state, state_version, note);
                if result.is_ok() {
                    self.desk.tell(|| HostEvent::State { lease, state, version: state_version });
                }
                let _ = answer.send(result.clone());
                result
            }
            RunReport::Logs(manifest) => self.session.logs(now, manifest),
            RunReport::Finished { logs, report, masked } => {
                self.in_hand = None;
                self.meter.ended(report.outcome, now.mono_ms);
                self.meter.masked(masked);
                self.desk.tell(|| HostEvent::RunEnded {
                    lease: report.lease,
                    run: report.run,
                    outcome: report.outcome,
                    reason: report.reason.clone(),
                });
                if let Some(Err(error)) = logs.map(|manifest| self.session.logs(now, manifest)) {
                    tracing::warn!(%error, "the session did not take the last manifest of the log");
                }
                self.session.finished(now, report, &mut self.journal)
            }
        };
        if let Err(error) = result {
            tracing::warn!(%error, "the session did not take what the run reported");
        }
    }

    fn command(&mut self, command: HostCommand) {
        self.ending.shutdown.get_or_insert_with(|| clock::now().mono_ms);
        self.session.shutdown(clock::now());
        match command {
            HostCommand::Shutdown => tracing::info!("shutting down: the run in hand is awaited"),
            HostCommand::Notice { within } => {
                tracing::warn!(
                    seconds = within.as_secs(),
                    "this machine goes: the run in hand is ended before"
                );
                let grace = self.runs.context.settings.timeouts.stop_grace_ms.saturating_add(LAST_WORDS_MS);
                let within = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
                self.ending.wait_until(clock::now().mono_ms.saturating_add(within.saturating_sub(grace)));
            }
            HostCommand::StopRun => self.tell_run(RunCommand::Shutdown),
            HostCommand::KillRun => {
                self.ending.forced = true;
                self.tell_run(RunCommand::Kill);
            }
        }
    }

    /// The host hears of everything that it may need to know.
    fn tell_host(&self, event: &Event) {
        match *event {
            Event::Start { phase, ref grant } => {
                self.desk.tell(|| HostEvent::Started { lease: grant.lease, run: grant.run, phase });
            }
            Event::Renewed(ref grant) => self.desk.tell(|| HostEvent::Renewed { lease: grant.lease }),
            Event::Stop { lease, .. } => self.desk.tell(|| HostEvent::Stop { lease }),
            Event::Kill { lease, .. } => self.desk.tell(|| HostEvent::Kill { lease }),
            Event::LeaseEnded { lease, .. } => self.desk.tell(|| HostEvent::LeaseEnded { lease }),
            Event::Reported { run, .. } => self.desk.tell(|| HostEvent::Reported { run }),
            Event::Drained(drained) => self.desk.tell(|| HostEvent::Drained { drained }),
            Event::Cycle => self.desk.tell(|| HostEvent::Cycle),
            // One is told once it is open, the other by how the loop ends.
            Event::Open(_) | Event::Fatal(_) => {}
        }
    }

    fn refuse(&mut self, lease: Lease, reason: NackReason, note: Option<String>) -> Result<(), CommandError> {
        self.in_hand = None;
        self.meter.refused();
        self.desk.tell(|| HostEvent::Refused { lease, reason, note: note.clone() });
        self.session.refuse(clock::now(), lease, reason, note)
    }

    /// An offer that the host does not answer is given back, so that another worker can have it.
    fn look_at_desk(&mut self) {
        if let Some(lease) = self.desk.overdue(clock::now().mono_ms) {
            tracing::warn!(%lease, "an offer is refused: the host did not answer in time");
            let note = Some("the host of the worker did not answer in time".to_owned());
            let _ = self.refuse(lease, NackReason::Expired, note);
        }
    }

    fn wish(&mut self, id: OperationId, wish: Wish) {
        let result = match wish {
            Wish::Accept { lease } => self
                .asked(lease)
                .and_then(|()| self.session.opened(clock::now(), lease).map_err(|error| error.to_string())),
            Wish::Refuse { lease, reason, note } => self.asked(lease).and_then(|()| {
                let note = note.map(|note| self.runs.context.log_mask.text(&note));
                self.refuse(lease, reason, note).map_err(|error| error.to_string())
            }),
            Wish::Command(command) => {
                self.command(command);
                Ok(())
            }
        };
        self.desk.answer(id, result);
    }

    fn asked(&mut self, lease: Lease) -> Result<(), String> {
        if self.desk.take(lease) {
            Ok(())
        } else {
            Err(format!("no offer with lease {lease} waits for an answer"))
        }
    }

    /// Says what is still to be said, then goodbye, and disconnects.
    async fn leave(mut self, end: SessionEnd) -> SessionEnd {
        let words = async {
            self.say_all().await;
            self.session.goodbye(clock::now());
            let mut last = None;
            while let Some(transmit) = self.session.poll_transmit() {
                if let (Some(bytes), Some(connection)) =
                    (last.replace(transmit.bytes), self.outgoing.connection)
                {
                    let _ = self.link.commands.send(LinkCommand::Send { connection, bytes }).await;
                }
            }
            if self.link.commands.send(LinkCommand::Close(last)).await.is_ok() {
                // The transport ends its side when the other end has the goodbye, or after its own limit.
                while self.link.events.recv().await.is_some() {}
            }
        };
        if tokio::time::timeout(LEAVE_TIMEOUT, words).await.is_err() {
            tracing::debug!("the transport did not take the goodbye in time");
        }
        end
    }

    async fn say_all(&mut self) {
        loop {
            self.outgoing.fill(&mut self.session);
            let Some(command) = self.outgoing.next.take() else { return };
            if self.link.commands.send(command).await.is_err() {
                return;
            }
        }
    }
}
