//! The other end of the wire, as a script: it says what a test tells it to say, and keeps what it heard.

use super::super::Session;
use crate::ids::{Lease, MessageId, RunId, WorkerId};
use crate::protocol::message::*;
use crate::protocol::{Event, Journal, JournalFailure, JournalRecord, Now, SessionConfig};

/// A journal in memory: survives the session, and fails when told to.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    pub(super) record: Option<JournalRecord>,
    pub(super) broken: bool,
    pub(super) saves: usize,
}

impl Journal for Disk {
    fn save(&mut self, record: &JournalRecord) -> Result<(), JournalFailure> {
        self.saves += 1;
        if self.broken {
            return Err(JournalFailure::new("no space left on device"));
        }
        self.record = Some(record.clone());
        Ok(())
    }
}

/// A worker's session, its disk, the time, and what it has said and told so far.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) session: Session,
    pub(super) disk: Disk,
    pub(super) now: u64,
    pub(super) heard: Vec<WorkerMessage>,
    pub(super) events: Vec<Event>,
    said: u128,
}

pub(super) fn worker() -> WorkerId {
    WorkerId::from_parts(1, 1)
}

pub(super) fn run(number: u128) -> RunId {
    RunId::from_parts(2, number)
}

pub(super) fn lease(counter: u64) -> Lease {
    Lease { generation: 1, counter }
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(worker(), 7, Disk::default())
    }

    /// A fresh process, and so another worker, with what an earlier one left on the disk.
    pub(super) fn reborn(disk: Disk) -> Self {
        Self::with(WorkerId::from_parts(1, 2), 8 << 64, disk)
    }

    fn with(worker: WorkerId, seed: u128, disk: Disk) -> Self {
        let session = Session::new(SessionConfig::new(worker), seed, disk.record.clone());
        Self { session, disk, now: 1_000_000, heard: Vec::new(), events: Vec::new(), said: 0 }
    }

    pub(super) fn connected() -> Self {
        let mut bench = Self::new();
        bench.connect();
        bench
    }

    pub(super) fn at(&self) -> Now {
        Now { mono_ms: self.now, unix_ms: 1_700_000_000_000_u64.saturating_add(self.now) }
    }

    pub(super) fn at_the_end_of_time(&self) -> Now {
        Now { mono_ms: self.now, unix_ms: u64::MAX }
    }

    pub(super) fn connect(&mut self) {
        self.session.handle_connected(self.at());
        self.poll();
    }

    pub(super) fn disconnect(&mut self) {
        self.session.handle_disconnected(self.at());
        self.poll();
    }

    /// Lets time pass, stopping at each deadline on the way.
    pub(super) fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        for _ in 0..10_000 {
            match self.session.poll_timeout().filter(|at| *at <= end) {
                Some(at) => self.now = self.now.max(at),
                None => break,
            }
            self.session.handle_timeout(self.at());
            self.poll();
        }
        assert!(self.session.poll_timeout().is_none_or(|at| at > end), "the timers never rest");
        self.now = end;
    }

    /// The control plane says something; returns its id.
    pub(super) fn say(&mut self, body: ControlBody) -> MessageId {
        self.said += 1;
        let id = MessageId::from_parts(9, self.said);
        self.deliver(&ControlMessage { id, ts: 0, body }.encode());
        id
    }

    pub(super) fn deliver(&mut self, bytes: &[u8]) {
        self.session.handle_message(self.at(), bytes, &mut self.disk);
        self.poll();
    }

    pub(super) fn poll(&mut self) {
        while let Some(transmit) = self.session.poll_transmit() {
            let message = WorkerMessage::decode(&transmit.bytes).unwrap();
            assert_eq!(message.id, transmit.id);
            self.heard.push(message);
        }
        while let Some(event) = self.session.poll_event() {
            self.events.push(event);
        }
    }

    pub(super) fn offer(&mut self, number: u128, counter: u64, phase: Phase) -> MessageId {
        self.say(ControlBody::Offer(offer(number, counter, phase)))
    }

    /// Offers, opens and accepts; returns the id of the accept.
    pub(super) fn accept(&mut self, number: u128, counter: u64, phase: Phase) -> MessageId {
        self.offer(number, counter, phase);
        self.session.opened(self.at(), lease(counter)).unwrap();
        self.poll();
        self.accept_id(counter)
    }

    pub(super) fn accept_id(&self, counter: u64) -> MessageId {
        let accept = |message: &&WorkerMessage| matches!(&message.body, WorkerBody::Accept(accept) if accept.lease == lease(counter));
        self.heard.iter().rev().find(accept).unwrap().id
    }

    /// Offers, opens, accepts and starts with a lease of 90 s.
    pub(super) fn begin(&mut self, number: u128, counter: u64, phase: Phase) {
        let re = self.accept(number, counter, phase);
        self.say(ControlBody::Start(grant(number, counter, re)));
    }

    pub(super) fn renew(&mut self, number: u128, counter: u64) -> MessageId {
        let re = self.last_status().0;
        self.say(ControlBody::Renew(grant(number, counter, re)))
    }

    pub(super) fn progress(&mut self, state: RunState, version: u64) {
        self.session.progress(self.at(), state, version, None).unwrap();
        self.poll();
    }

    pub(super) fn finish(&mut self, number: u128, counter: u64) -> MessageId {
        self.session.finished(self.at(), finished(number, counter), &mut self.disk).unwrap();
        self.poll();
        self.disk.record.as_ref().unwrap().outcome.as_ref().unwrap().message
    }

    pub(super) fn ack(&mut self, re: MessageId) {
        self.say(ControlBody::Ack(Ack { re }));
    }

    pub(super) fn last_status(&self) -> (MessageId, Status) {
        let found = self.heard.iter().rev().find_map(|message| match &message.body {
            WorkerBody::Status(status) => Some((message.id, status.clone())),
            _ => None,
        });
        found.unwrap()
    }

    /// What was answered to a message.
    pub(super) fn answers(&self, to: MessageId) -> Vec<Option<NackReason>> {
        self.heard
            .iter()
            .filter_map(|message| match &message.body {
                WorkerBody::Ack(ack) if ack.re == to => Some(None),
                WorkerBody::Nack(nack) if nack.re == to => Some(Some(nack.reason)),
                _ => None,
            })
            .collect()
    }

    /// The id of the accept of a lease that was just opened.
    pub(super) fn accept_id_after_poll(&mut self, counter: u64) -> MessageId {
        self.poll();
        self.accept_id(counter)
    }

    pub(super) fn opens(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::Open(_))).count()
    }

    pub(super) fn starts(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::Start { .. })).count()
    }

    pub(super) fn heard(&self, what: impl Fn(&WorkerBody) -> bool) -> usize {
        self.heard.iter().filter(|message| what(&message.body)).count()
    }
}

pub(super) fn offer(number: u128, counter: u64, phase: Phase) -> Offer {
    Offer {
        cmd_seq: counter,
        expires_at: None,
        run: run(number),
        phase,
        lease: lease(counter),
        sealed: SealedPart::Inline("c2VhbGVk".into()),
        sig: None,
    }
}

pub(super) fn grant(number: u128, counter: u64, re: MessageId) -> Grant {
    Grant {
        cmd_seq: counter,
        run: run(number),
        lease: lease(counter),
        re,
        ttl_ms: 90_000,
        sealed: None,
        sig: None,
    }
}

pub(super) fn halt(number: u128, counter: u64) -> Halt {
    Halt { cmd_seq: counter, run: run(number), lease: lease(counter) }
}

pub(super) fn finished(number: u128, counter: u64) -> Finished {
    Finished {
        run: run(number),
        lease: lease(counter),
        outcome: Outcome::Succeeded,
        cause: None,
        exit_code: None,
        reason: None,
        state_version: 3,
        workspace: None,
        outputs: None,
    }
}
