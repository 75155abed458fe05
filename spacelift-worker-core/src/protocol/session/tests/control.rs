//! A small control plane for the pair: keeps to the protocol, forgets nothing, and shares no code with the session.

use std::collections::BTreeMap;

use super::plane::{lease, offer, run};
use crate::ids::{Lease, MessageId, RunId, WorkerId};
use crate::protocol::message::*;

const RESEND_MS: u64 = 5_000;
const TTL_MS: u64 = 90_000;
/// No earlier than send time + ttl + stop grace + kill time + a tenth.
const OFFER_AGAIN_MS: u64 = TTL_MS + 10_000 + 10_000 + 11_000;
const LOST_MS: u64 = 600_000;

/// Where a run stands, as far as the control plane knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    Waiting,
    Offered {
        lease: u64,
        to: WorkerId,
    },
    Started {
        lease: u64,
        to: WorkerId,
        sent: u64,
    },
    /// How often a terminal report counted is what the pair watches.
    Ended,
}

#[derive(Debug)]
pub(super) struct Plane {
    pub(super) runs: Vec<(Phase, Stand)>,
    pub(super) verdicts: Vec<usize>,
    pub(super) out: Vec<(WorkerId, Vec<u8>)>,
    /// The worker that said hello last, and its newest status.
    worker: Option<WorkerId>,
    status: BTreeMap<WorkerId, (MessageId, Status)>,
    /// Commands that were neither acknowledged nor refused, with their next sending.
    pending: Vec<(WorkerId, ControlMessage, u64)>,
    last_lease: u64,
    said: u128,
}

impl Plane {
    pub(super) fn new(phases: &[Phase]) -> Self {
        Self {
            runs: phases.iter().map(|phase| (*phase, Stand::Waiting)).collect(),
            verdicts: vec![0; phases.len()],
            out: Vec::new(),
            worker: None,
            status: BTreeMap::new(),
            pending: Vec::new(),
            last_lease: 0,
            said: 0,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.runs.iter().all(|(_, stand)| *stand == Stand::Ended)
    }

    /// A command to the newest worker, said again until it is answered.
    pub(super) fn command(&mut self, now: u64, body: ControlBody) {
        if let Some(to) = self.worker {
            self.command_to(now, to, body);
        }
    }

    /// Something about the run that is out, such as a stop.
    pub(super) fn halt(&mut self, now: u64, how: fn(Halt) -> ControlBody) {
        let out = self.runs.iter().zip(0..).find_map(|((_, stand), number)| match stand {
            Stand::Offered { lease, to } | Stand::Started { lease, to, .. } => Some((number, *lease, *to)),
            _ => None,
        });
        if let Some((number, counter, to)) = out {
            let cmd_seq = self.next_seq();
            self.command_to(now, to, how(Halt { cmd_seq, run: run(number), lease: lease(counter) }));
        }
    }

    pub(super) fn next_seq(&mut self) -> u64 {
        self.last_lease += 1;
        self.last_lease
    }

    pub(super) fn hear(&mut self, now: u64, from: WorkerId, bytes: &[u8]) {
        let message = WorkerMessage::decode(bytes).unwrap();
        match message.body {
            WorkerBody::Hello(hello) => {
                if self.worker < Some(from) {
                    self.worker = Some(from);
                }
                self.note_status(from, message.id, hello.status);
            }
            WorkerBody::Status(status) => {
                self.note_status(from, message.id, status);
                self.renew(now, from, message.id);
            }
            WorkerBody::Ack(Ack { re }) => self.pending.retain(|(_, command, _)| command.id != re),
            WorkerBody::Nack(Nack { re, .. }) => self.refused(re),
            WorkerBody::Accept(accept) => {
                let number = number_of(accept.run);
                match self.runs[number].1 {
                    Stand::Offered { lease: counter, to } if to == from && lease(counter) == accept.lease => {
                        self.runs[number].1 = Stand::Started { lease: counter, to, sent: now };
                        let cmd_seq = self.next_seq();
                        let grant = grant(accept.run, accept.lease, message.id, cmd_seq);
                        self.command_to(now, from, ControlBody::Start(grant));
                    }
                    Stand::Started { lease: counter, to, .. }
                        if to == from && lease(counter) == accept.lease => {}
                    _ => self.say(
                        from,
                        ControlBody::Nack(Nack {
                            re: message.id,
                            lease: Some(accept.lease),
                            reason: NackReason::Stale,
                            note: None,
                        }),
                    ),
                }
            }
            WorkerBody::Finished(Finished { run, lease, .. })
            | WorkerBody::Interrupted(Interrupted { run, lease, .. }) => {
                self.say(from, ControlBody::Ack(Ack { re: message.id }));
                self.judge(run, lease);
            }
            WorkerBody::Progress(_) | WorkerBody::Logs(_) => {
                self.say(from, ControlBody::Ack(Ack { re: message.id }));
            }
            WorkerBody::Goodbye(_) => {}
        }
    }

    /// Says again what is unanswered, gives up what is lost, and offers what waits.
    pub(super) fn tick(&mut self, now: u64) {
        let due: Vec<_> =
            self.pending.iter().filter(|(_, _, at)| *at <= now).map(|(to, c, _)| (*to, c.encode())).collect();
        self.out.extend(due);
        for (_, _, at) in &mut self.pending {
            if *at <= now {
                *at = now + RESEND_MS;
            }
        }
        for number in 0..self.runs.len() {
            let (phase, stand) = self.runs[number];
            match stand {
                Stand::Started { sent, .. } => {
                    if phase.may_be_offered_again() && now >= sent + OFFER_AGAIN_MS {
                        self.runs[number].1 = Stand::Waiting;
                    } else if now >= sent + LOST_MS {
                        self.end(number);
                    }
                }
                // It was never started there, and that process is gone.
                Stand::Offered { to, .. } if Some(to) != self.worker => self.runs[number].1 = Stand::Waiting,
                _ => {}
            }
        }
        self.schedule(now);
    }

    fn schedule(&mut self, now: u64) {
        let Some(worker) = self.worker else { return };
        let Some((_, status)) = self.status.get(&worker) else { return };
        let waits = self.runs.iter().position(|(_, stand)| *stand == Stand::Waiting);
        let taken = self.runs.iter().any(|(_, stand)| match stand {
            Stand::Offered { to, .. } | Stand::Started { to, .. } => *to == worker,
            _ => false,
        });
        if let Some(number) = waits
            && status.status == WorkerStatus::Idle
            && !taken
        {
            let counter = self.next_seq();
            let phase = self.runs[number].0;
            self.runs[number].1 = Stand::Offered { lease: counter, to: worker };
            self.command_to(now, worker, ControlBody::Offer(offer(number as u128, counter, phase)));
        }
    }

    fn note_status(&mut self, from: WorkerId, id: MessageId, status: Status) {
        if self.status.get(&from).is_some_and(|(_, known)| known.status_seq >= status.status_seq) {
            return;
        }
        // Idle, although it has seen the lease: whatever it was told, it does not hold it and never will.
        for number in 0..self.runs.len() {
            if let Stand::Offered { lease: counter, to } | Stand::Started { lease: counter, to, .. } =
                self.runs[number].1
                && to == from
                && status.status == WorkerStatus::Idle
                && status.last_lease_seen >= Some(lease(counter))
            {
                self.back(number, counter);
            }
        }
        self.status.insert(from, (id, status));
    }

    fn renew(&mut self, now: u64, from: WorkerId, status: MessageId) {
        for number in 0..self.runs.len() {
            if let Stand::Started { lease: counter, to, sent } = self.runs[number].1
                && to == from
                && now >= sent + 30_000
                && now < sent + TTL_MS
            {
                self.runs[number].1 = Stand::Started { lease: counter, to, sent: now };
                let cmd_seq = self.next_seq();
                let grant = grant(run(number as u128), lease(counter), status, cmd_seq);
                self.say(from, ControlBody::Renew(grant));
            }
        }
    }

    fn refused(&mut self, re: MessageId) {
        let Some(at) = self.pending.iter().position(|(_, command, _)| command.id == re) else { return };
        let (_, command, _) = self.pending.remove(at);
        if let ControlBody::Offer(Offer { run, lease, .. }) | ControlBody::Start(Grant { run, lease, .. }) =
            command.body
        {
            self.back(number_of(run), lease.counter);
        }
    }

    /// A run that its worker does not hold waits again.
    fn back(&mut self, number: usize, counter: u64) {
        if let Stand::Offered { lease, .. } | Stand::Started { lease, .. } = self.runs[number].1
            && lease == counter
        {
            self.runs[number].1 = Stand::Waiting;
            self.pending.retain(|(_, command, _)| {
                !matches!(&command.body, ControlBody::Offer(Offer { lease, .. }) | ControlBody::Start(Grant { lease, .. }) if lease.counter == counter)
            });
        }
    }

    /// A terminal report: it counts for the lease that is out, and of several the first.
    fn judge(&mut self, run: RunId, reported: Lease) {
        let number = number_of(run);
        if let Stand::Started { lease: counter, .. } = self.runs[number].1
            && lease(counter) == reported
        {
            self.end(number);
        }
    }

    fn end(&mut self, number: usize) {
        self.runs[number].1 = Stand::Ended;
        self.verdicts[number] += 1;
    }

    fn command_to(&mut self, now: u64, to: WorkerId, body: ControlBody) {
        let message = self.compose(body);
        self.out.push((to, message.encode()));
        self.pending.push((to, message, now + RESEND_MS));
    }

    fn say(&mut self, to: WorkerId, body: ControlBody) {
        let message = self.compose(body);
        self.out.push((to, message.encode()));
    }

    fn compose(&mut self, body: ControlBody) -> ControlMessage {
        self.said += 1;
        ControlMessage { id: MessageId::from_parts(9, self.said), ts: 0, body }
    }
}

fn grant(run: RunId, lease: Lease, re: MessageId, cmd_seq: u64) -> Grant {
    Grant { cmd_seq, run, lease, re, ttl_ms: TTL_MS, sealed: None, sig: None }
}

fn number_of(id: RunId) -> usize {
    (0..16).find(|number| run(*number) == id).unwrap() as usize
}
