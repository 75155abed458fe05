//! Sessions: whatever comes in whatever order, nothing panics, what is sent can be read, and there is at most one run.

use spacelift_worker_core::ids::{Lease, MessageId, RunId, WorkerId};
use spacelift_worker_core::protocol::message::{
    Ack, ControlBody, Cycle, Drain, EndCause, Finished, Grant, Halt, MAX_MESSAGE_LEN, Message, Nack,
    NackReason, Offer, Outcome, Phase, RunState, SealedPart, WorkerBody, WorkerMessage,
};
use spacelift_worker_core::protocol::{
    Event, Journal, JournalFailure, JournalRecord, Now, Session, SessionConfig,
};

/// Operations, each one byte with its argument in the next.
pub fn session(data: &[u8]) {
    let mut bench = Bench::new();
    let mut rest = data;
    while let [operation, argument, after @ ..] = rest {
        rest = after;
        if *operation == b'=' {
            let (raw, after) = rest.split_at(rest.len().min(usize::from(*argument)));
            rest = after;
            bench.session.handle_message(bench.now, raw, &mut bench.disk);
        } else {
            bench.operate(*operation, u64::from(*argument));
        }
        bench.poll();
    }
}

/// What stands in the journal, and whether it can be written.
#[derive(Default)]
struct Disk {
    record: Option<JournalRecord>,
    fails: bool,
}

impl Journal for Disk {
    fn save(&mut self, record: &JournalRecord) -> Result<(), JournalFailure> {
        if self.fails {
            return Err(JournalFailure::new("no space left on device"));
        }
        self.record = Some(record.clone());
        Ok(())
    }
}

struct Bench {
    session: Session,
    disk: Disk,
    now: Now,
    /// The id of the next message of the control plane.
    next_id: u64,
    /// What was sent last.
    sent: Vec<MessageId>,
    last_accept: Option<MessageId>,
    last_status: Option<MessageId>,
    /// The lease that was started and not reported.
    in_hand: Option<Lease>,
    /// The highest lease that was ever started.
    started: Option<Lease>,
}

fn fresh(seed: u64, restored: Option<JournalRecord>) -> Session {
    let worker = WorkerId::from_parts(1, u128::from(seed));
    Session::new(SessionConfig::new(worker), u128::from(seed), restored)
}

fn lease(argument: u64) -> Lease {
    Lease { generation: 1, counter: argument }
}

/// Few runs, so that leases of the same one follow each other.
fn run(argument: u64) -> RunId {
    RunId::from_parts(1, u128::from(argument % 4))
}

impl Bench {
    fn new() -> Self {
        Self {
            session: fresh(0, None),
            disk: Disk::default(),
            now: Now { mono_ms: 0, unix_ms: 1_700_000_000_000 },
            next_id: 0,
            sent: Vec::new(),
            last_accept: None,
            last_status: None,
            in_hand: None,
            started: None,
        }
    }

    fn operate(&mut self, operation: u8, argument: u64) {
        let (now, lease, run, session) = (self.now, lease(argument), run(argument), &mut self.session);
        let cmd_seq = self.next_id;
        // A message that was sent, counted back from the last one
        let counted = self.sent.iter().rev().nth(argument as usize).copied();
        let re = counted.unwrap_or_else(|| MessageId::from_parts(0, 0));
        let halt = Halt { cmd_seq, run, lease };
        let grant = |re| Grant { cmd_seq, run, lease, re, ttl_ms: 90_000, sealed: None, sig: None };
        match operation {
            b'a' => self.say(ControlBody::Ack(Ack { re })),
            b'b' => self.say(ControlBody::Renew(grant(self.last_status.unwrap_or(re)))),
            b'c' => session.handle_connected(now),
            b'd' => session.handle_disconnected(now),
            b'e' => {
                let finished = Finished {
                    run,
                    lease,
                    outcome: Outcome::Failed,
                    cause: Some(EndCause::Command),
                    exit_code: Some(1),
                    reason: None,
                    state_version: 0,
                    workspace: None,
                    outputs: None,
                };
                let _ = session.finished(now, finished, &mut self.disk);
            }
            b'f' => self.disk.fails = argument % 2 == 1,
            b'g' => session.goodbye(now),
            b'h' => session.shutdown(now),
            b'k' => self.say(ControlBody::Kill(halt)),
            b'l' => self.say(ControlBody::Stop(halt)),
            b'n' => self.say(ControlBody::Nack(Nack {
                re,
                lease: None,
                reason: NackReason::Unsupported,
                note: None,
            })),
            b'o' => self.offer(lease, run),
            b'p' => drop(session.progress(now, RunState::Planning, argument, None)),
            b'q' => drop(session.progress(now, RunState::Applying, argument, None)),
            b'r' => drop(session.refuse(now, lease, NackReason::PolicyDenied, None)),
            b's' => self.say(ControlBody::Start(grant(self.last_accept.unwrap_or(re)))),
            b't' => self.pass(argument * 500),
            b'u' => self.restart(argument),
            b'w' => drop(session.last_will(now)),
            b'x' => self.say(ControlBody::Drain(Drain { cmd_seq, drain: argument % 2 == 1 })),
            b'y' => self.say(ControlBody::Cycle(Cycle { cmd_seq })),
            b'z' => drop(session.opened(now, lease)),
            _ => {}
        }
    }

    fn say(&mut self, body: ControlBody) {
        self.next_id += 1;
        let id = MessageId::from_parts(2, u128::from(self.next_id));
        let message = Message { id, ts: self.now.unix_ms, body }.encode();
        self.session.handle_message(self.now, &message, &mut self.disk);
    }

    fn offer(&mut self, lease: Lease, run: RunId) {
        let sealed = SealedPart::Inline(String::new());
        let (cmd_seq, phase) = (self.next_id, Phase::Plan);
        self.say(ControlBody::Offer(Offer {
            cmd_seq,
            expires_at: None,
            run,
            phase,
            lease,
            sealed,
            sig: None,
        }));
    }

    /// Time goes by, and the deadline that is due is kept.
    fn pass(&mut self, ms: u64) {
        self.now.mono_ms += ms;
        self.now.unix_ms += ms;
        self.session.handle_timeout(self.now);
        let next = self.session.poll_timeout();
        assert!(next.is_none_or(|at| at > self.now.mono_ms), "a deadline that is over stays due for ever");
    }

    /// The process died; the next one finds the journal.
    fn restart(&mut self, seed: u64) {
        let record = self.disk.record.clone();
        self.in_hand = record.as_ref().and_then(|record| record.begun).map(|begun| begun.lease);
        self.session = fresh(seed, record);
        self.sent.clear();
        (self.last_accept, self.last_status) = (None, None);
    }

    fn poll(&mut self) {
        while let Some(transmit) = self.session.poll_transmit() {
            assert!(transmit.bytes.len() <= MAX_MESSAGE_LEN);
            let message = WorkerMessage::decode(&transmit.bytes);
            assert_eq!(message.as_ref().map(|message| message.id), Ok(transmit.id));
            match message.map(|message| message.body) {
                Ok(WorkerBody::Accept(_)) => self.last_accept = Some(transmit.id),
                Ok(WorkerBody::Status(_)) => self.last_status = Some(transmit.id),
                _ => {}
            }
            self.sent.push(transmit.id);
        }
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Start { phase, grant } => {
                    assert_eq!(self.in_hand, None, "a second run was started");
                    assert!(self.started < Some(grant.lease), "a lease was started twice");
                    let begun = self.disk.record.as_ref().and_then(|record| record.begun);
                    let begun = begun.map(|begun| (begun.run, begun.lease, begun.phase));
                    assert_eq!(
                        begun,
                        Some((grant.run, grant.lease, phase)),
                        "started before it was written down"
                    );
                    (self.in_hand, self.started) = (Some(grant.lease), Some(grant.lease));
                }
                Event::Reported { lease, .. } => {
                    assert_eq!(self.in_hand.take(), Some(lease), "something else was reported");
                }
                _ => {}
            }
        }
    }
}
