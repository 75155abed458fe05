//! Who is there, and what it holds: hello, status, goodbye.
//!
//! A status is level-triggered and whole: it is compared with what the store says, and whatever differs is put right.

use spacelift_worker_core::ids::{MessageId, WorkerId};
use spacelift_worker_core::protocol::message::{
    ControlBody, Goodbye, Grant, Halt, Hello, NackReason, RunInHand, Status, VERSION,
};

use super::composer::Composer;
use super::inbound::{Answer, From};
use super::judge::{ms, renew_every, until, urls_until};
use super::reports::NOT_BEGUN;
use super::task::{Control, ControlError};
use super::verdict;
use crate::store::{CommandKind, LeaseError, LeaseRecord, LeaseState, Ledger, StoreError};

/// The words for a worker that told, by what it holds, that it never began.
const NEVER_BEGAN: &str = "the worker did not start the run";

impl<L: Ledger, C: Composer> Control<L, C> {
    /// A worker connected: it is there, and gets again what it has not answered.
    pub(super) async fn welcome(&mut self, from: From, hello: Hello) -> Result<Answer, ControlError> {
        let is_news = match self.store.worker(from.worker).await {
            Ok(before) => before.status_seq < hello.status.status_seq,
            Err(StoreError::NotFound { .. }) => true,
            Err(error) => return Err(error.into()),
        };
        match self.store.worker_hello(from.pool, &hello, from.now).await {
            Ok(_) => {}
            Err(StoreError::NotFound { .. }) => return Ok(Answer::Nack(NackReason::Unsupported)),
            Err(error) => return Err(error.into()),
        }
        self.memory.hear(from.worker);
        self.memory.is_dirty = true;
        self.send_again(from.worker, true, from.now).await?;
        if is_news {
            self.compare(from, &hello.status).await?;
        }
        Ok(Answer::Ack)
    }

    pub(super) async fn on_status(&mut self, from: From, status: &Status) -> Result<Answer, ControlError> {
        // One with a number that was there already came late, or twice.
        if !self.store.worker_status(from.worker, status, from.now).await? {
            return Ok(Answer::Ack);
        }
        let worker = self.store.worker(from.worker).await?;
        if worker.gone_at.is_some() {
            // It was given up, and is there after all.
            let hello = Hello {
                worker: worker.id,
                versions: vec![VERSION],
                library: worker.library,
                metadata: worker.metadata,
                capabilities: Vec::new(),
                status: status.clone(),
            };
            self.store.worker_hello(from.pool, &hello, from.now).await?;
        }
        self.memory.is_dirty = true;
        self.compare(from, status).await?;
        Ok(Answer::Ack)
    }

    /// Compares what the worker says it holds with what it was given.
    async fn compare(&mut self, from: From, status: &Status) -> Result<(), ControlError> {
        let in_hand = status.run.as_ref();
        self.memory.claims(from.worker, None);
        if let Some(held) = self.store.open_lease_of_worker(from.worker).await? {
            if in_hand.is_some_and(|hand| hand.lease == held.lease && hand.run == held.run) {
                return self.go_on(from, &held).await;
            }
            // A status from before the offer says nothing about it.
            if status.last_lease_seen >= Some(held.lease) {
                self.never_began(&held, from.now).await?;
            }
        }
        match in_hand {
            Some(hand) => self.end_what_is_not_meant(from, hand).await,
            None => Ok(()),
        }
    }

    /// The worker holds what it was given: its lease is renewed when it is time.
    async fn go_on(&mut self, from: From, held: &LeaseRecord) -> Result<(), ControlError> {
        if held.state != LeaseState::Started {
            return Ok(());
        }
        if self.store.run(held.run).await?.unreachable_since.is_some() {
            self.store.set_unreachable(held.run, None).await?;
        }
        let last = self.memory.last_grant(held.pool, held.lease);
        if last.is_some_and(|last| from.now.saturating_sub(last) < renew_every(&self.timings)) {
            return Ok(());
        }
        self.renew(held, from.id, from.now).await
    }

    async fn renew(&mut self, held: &LeaseRecord, re: MessageId, now: u64) -> Result<(), ControlError> {
        let until = until(&self.timings, now);
        self.store.extend_lease(held.pool, held.lease, Some(until.expires_at), until.deadline).await?;
        let grant = Grant {
            cmd_seq: self.store.next_cmd_seq(held.pool).await?,
            run: held.run,
            lease: held.lease,
            re,
            ttl_ms: ms(self.timings.lease),
            sealed: None,
            sig: None,
        };
        let until = urls_until(&self.timings, now);
        let body = self.composer.renewal(held, grant, until).await?;
        self.memory.granted(held.pool, held.lease, now);
        // Not stored: one that is lost is followed by the next, and an old one is of no use.
        self.tell(held.pool, held.worker, body, now).await
    }

    /// The worker has seen the lease and does not hold it: it refused or gave up, and its word on that was lost.
    pub(super) async fn never_began(&mut self, held: &LeaseRecord, now: u64) -> Result<(), ControlError> {
        if held.state == LeaseState::Started {
            let about = self.circumstances(held, None).await?;
            let verdict = verdict::never_began(about, NEVER_BEGAN);
            return self.conclude(held, NOT_BEGUN, Some(verdict), None, now).await;
        }
        self.memory.refused(held.run, held.worker, now);
        self.conclude(held, "refused", None, None, now).await
    }

    /// The worker holds what is no longer its own. A phase that may be changing something is left alone.
    async fn end_what_is_not_meant(&mut self, from: From, hand: &RunInHand) -> Result<(), ControlError> {
        let record = match self.store.lease(from.pool, hand.lease).await {
            Ok(record) => record,
            // It may be changing something: nobody else gets that run as long as this worker is there and holds it.
            Err(LeaseError::NotFound { .. }) => {
                self.memory.claims(from.worker, Some((from.pool, hand.run)));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let began = record.times.started_at.is_some();
        let is_its_own = record.worker == from.worker && record.run == hand.run;
        if record.state != LeaseState::Ended || !is_its_own || (began && !hand.phase.may_be_offered_again()) {
            return Ok(());
        }
        self.kill(&record, from.now).await
    }

    /// Orders the end of a lease, once.
    pub(super) async fn kill(&mut self, record: &LeaseRecord, now: u64) -> Result<(), ControlError> {
        for command in self.store.open_commands(record.worker).await? {
            if command.kind == CommandKind::Kill && super::outgoing::lease_of(&command) == Some(record.lease)
            {
                return Ok(());
            }
        }
        let (run, lease) = (record.run, record.lease);
        let body = |cmd_seq| ControlBody::Kill(Halt { cmd_seq, run, lease });
        self.order((record.pool, record.worker), CommandKind::Kill, body, now).await?;
        Ok(())
    }

    pub(super) async fn on_goodbye(&mut self, from: From, goodbye: &Goodbye) -> Result<Answer, ControlError> {
        self.leave(from.worker, goodbye.crashed, from.now).await?;
        Ok(Answer::Ack)
    }

    /// A worker is gone. What it holds is dealt with when it is time.
    pub(super) async fn leave(
        &mut self,
        worker: WorkerId,
        crashed: bool,
        now: u64,
    ) -> Result<(), ControlError> {
        self.store.worker_gone(worker, crashed, now).await?;
        self.memory.forget_worker(worker);
        if !crashed {
            self.store.forget_all_commands(worker).await?;
        }
        self.memory.is_dirty = true;
        Ok(())
    }
}
