//! The control loop over records in memory, one input at a time: plain data with no task, no clock and no randomness, so
//! that a model checker can walk it. The decisions are the loop's own; what is sealed holds one number and no secret.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use spacelift_worker_core::crypto::CryptoError;
use spacelift_worker_core::ids::{MessageId, WorkerId};
use spacelift_worker_core::protocol::message::{
    ControlBody, ControlMessage, Grant, Message, Offer, SealedPart,
};
use tokio::sync::mpsc;

use super::composer::{ComposeError, Composer};
use super::handle::Command;
use super::memory::Memory;
use super::task::Control;
use crate::serve::Timings;
use crate::store::{Book, LeaseRecord, Run};
use crate::wire::{WireCommand, WireEvent};

/// Identifiers of one input; more are never made.
const IDS_AN_INPUT: u128 = 1 << 16;

/// A control plane: what it keeps, and what a restart forgets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Desk {
    book: Book,
    memory: Memory,
}

/// What a control plane is given.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DeskInput {
    /// A worker spoke.
    Message {
        /// Which worker, from the topic.
        worker: WorkerId,
        /// What it said.
        bytes: Vec<u8>,
    },
    /// A person asks for something.
    Command(Command),
    /// Time went on.
    Tick,
}

/// What goes wrong while an input is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeskFault {
    /// So many writes succeed, and the next one fails; the loop goes on with the next input.
    Fails(u32),
    /// So many writes succeed, then the process dies; another one goes on from the records.
    Dies(u32),
}

impl Desk {
    /// A control plane that begins to listen, over these records.
    pub fn new(book: Book, now: u64) -> Self {
        Self { book, memory: Memory::new(now) }
    }

    /// The records.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// A run is triggered.
    pub fn trigger(&mut self, run: Run) {
        self.book.add_run(run);
        self.memory.is_dirty = true;
    }

    /// Another process goes on from the records.
    pub fn restart(&mut self, now: u64) {
        self.memory = Memory::new(now);
    }

    /// Forgets what is kept for workers that no longer exist, once it is known here that they are gone: so that control
    /// planes which will act alike are equal.
    pub fn forget_the_dead(&mut self, lives: &dyn Fn(WorkerId) -> bool) {
        let dead = self.book.known_workers().filter(|worker| worker.gone_at.is_some() && !lives(worker.id));
        let dead: Vec<WorkerId> = dead.map(|worker| worker.id).collect();
        let messages = self.book.forget_the_dead(&dead);
        self.memory.forget_the_dead(&dead, &messages);
    }

    /// Handles one input and offers what can be offered then. Returns the messages to workers in order, and whether the
    /// fault struck.
    pub fn handle(
        &mut self,
        input: DeskInput,
        fault: Option<DeskFault>,
        timings: &Timings,
        now: u64,
    ) -> (Vec<(WorkerId, Vec<u8>)>, bool) {
        let (sender, mut wire) = mpsc::channel(1_024);
        let mut book = self.book.clone();
        book.fail_after(fault.map(|(DeskFault::Fails(writes) | DeskFault::Dies(writes))| writes + 1));
        let composer = Plain { next: u128::from(book.cmd_seq()) * IDS_AN_INPUT };
        let mut control =
            Control { store: book, composer, wire: sender, timings: *timings, memory: self.memory.clone() };
        finish(async {
            let done = match input {
                DeskInput::Message { worker, bytes } => {
                    let pool = control.store.pool();
                    let event = WireEvent::Message { pool, worker, bytes: bytes.into() };
                    control.handle_event(event, now).await
                }
                DeskInput::Command(command) => control.handle_command(command, now).await,
                DeskInput::Tick => control.handle_tick(now).await,
            };
            // What failed is tried again by whoever asked, or at the next tick.
            let _ = match done {
                Ok(()) => control.schedule(now).await,
                failed => failed,
            };
        });
        let struck = control.store.has_failed();
        control.store.fail_after(None);
        control.store.forget_the_unread();
        (self.book, self.memory) = (control.store, control.memory);
        if struck && matches!(fault, Some(DeskFault::Dies(_))) {
            self.restart(now);
        }
        let mut sent = Vec::new();
        while let Ok(command) = wire.try_recv() {
            if let WireCommand::Publish { worker, bytes, .. } = command {
                sent.push((worker, bytes.to_vec()));
            }
        }
        (sent, struck)
    }
}

/// Identifiers that follow from the number of the last command, and sealed parts that are not sealed.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) next: u128,
}

impl Composer for Plain {
    fn message_id(&mut self, _now: u64) -> Result<MessageId, CryptoError> {
        self.next += 1;
        Ok(MessageId::from_parts(0, self.next))
    }

    /// What a worker needs of the payload is the version of its first state.
    async fn offer(
        &self,
        run: &Run,
        record: &LeaseRecord,
        _until: u64,
    ) -> Result<ControlMessage, ComposeError> {
        let body = ControlBody::Offer(Offer {
            cmd_seq: record.cmd_seq,
            expires_at: None,
            run: run.id,
            phase: record.phase,
            lease: record.lease,
            sealed: SealedPart::Inline((run.state_version + 1).to_string()),
            sig: None,
        });
        Ok(Message { id: record.offer_message, ts: 0, body })
    }

    async fn forget_offer(&self, _record: &LeaseRecord) {}

    async fn renewal(
        &self,
        _record: &LeaseRecord,
        grant: Grant,
        _until: u64,
    ) -> Result<ControlBody, ComposeError> {
        Ok(ControlBody::Renew(grant))
    }
}

/// Finishes a future that waits for nothing: memory answers at once.
fn finish<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
