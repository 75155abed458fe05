//! From an offer to its start, or to its refusal.

use spacelift_worker_core::ids::MessageId;
use spacelift_worker_core::protocol::message::{Accept, ControlBody, Grant, Message, Nack, NackReason};

use super::composer::Composer;
use super::inbound::{Answer, From};
use super::judge::{ms, until};
use super::outgoing::lease_of;
use super::task::{Control, ControlError};
use super::verdict;
use crate::store::{CommandKind, LeaseError, LeaseRecord, LeaseState, Ledger, SentCommand};

impl<L: Ledger, C: Composer> Control<L, C> {
    /// The worker takes an offer. It starts if the offer is still meant, and once.
    pub(super) async fn on_accept(&mut self, from: From, accept: &Accept) -> Result<Answer, ControlError> {
        let stale = Answer::Nack(NackReason::Stale);
        let record = match self.store.lease(from.pool, accept.lease).await {
            Ok(record) if record.worker == from.worker && record.run == accept.run => record,
            Ok(_) | Err(LeaseError::NotFound { .. }) => return Ok(stale),
            Err(error) => return Err(error.into()),
        };
        match record.state {
            LeaseState::Offered | LeaseState::Accepted => self.start(from, &record).await,
            // It came twice: the first one counted, and its start goes again if it was lost.
            LeaseState::Started => {
                self.start_again(from.worker, record.lease, from.now).await?;
                Ok(Answer::Ack)
            }
            _ => Ok(stale),
        }
    }

    async fn start(&mut self, from: From, record: &LeaseRecord) -> Result<Answer, ControlError> {
        let From { pool, worker, now, .. } = from;
        let until = until(&self.timings, now);
        let message = self.composer.message_id(now)?;
        let (run, lease, re, ttl_ms) = (record.run, record.lease, from.id, ms(self.timings.lease));
        let command = |cmd_seq| {
            let grant = Grant { cmd_seq, run, lease, re, ttl_ms, sealed: None, sig: None };
            let body = Message { id: message, ts: now, body: ControlBody::Start(grant) }.encode();
            SentCommand { pool, cmd_seq, worker, kind: CommandKind::Start, message, body, sent_at: now }
        };
        let command = match self.store.start_lease(pool, lease, worker, until, now, command).await {
            Ok(command) => command,
            // Canceled or discarded meanwhile.
            Err(LeaseError::Transition(_)) => {
                self.conclude(record, "no longer meant", None, None, now).await?;
                return Ok(Answer::Nack(NackReason::Stale));
            }
            Err(error) => return Err(error.into()),
        };
        self.memory.granted(pool, lease, now);
        self.memory.started(run);
        self.send_first(command, now).await?;
        self.store.ack_command(worker, record.offer_message, now).await?;
        self.memory.answered(record.offer_message);
        Ok(Answer::Ack)
    }

    /// The worker has a command.
    pub(super) async fn on_ack(&mut self, from: From, re: MessageId) -> Result<Answer, ControlError> {
        self.settle(from, re).await?;
        Ok(Answer::Nothing)
    }

    /// The worker refuses a command.
    pub(super) async fn on_nack(&mut self, from: From, nack: Nack) -> Result<Answer, ControlError> {
        let open = self.store.open_commands(from.worker).await?;
        let command = open.iter().find(|command| command.message == nack.re);
        let refuses_start_of =
            command.filter(|command| command.kind == CommandKind::Start).and_then(lease_of);
        if let Some(held) = self.store.open_lease_of_worker(from.worker).await? {
            if held.state == LeaseState::Started {
                // A refused start never begins. A refused renewal or stop leaves the run to its own end.
                if refuses_start_of == Some(held.lease) {
                    self.never_began(&held, from.now).await?;
                }
            } else if held.offer_message == nack.re {
                match verdict::refused(nack.reason, nack.note.as_deref()) {
                    Some(verdict) => {
                        self.conclude(&held, "refused for good", Some(verdict), None, from.now).await?;
                    }
                    None => self.never_began(&held, from.now).await?,
                }
            }
        }
        self.settle(from, nack.re).await?;
        Ok(Answer::Nothing)
    }

    /// A command was answered: it is not sent again. An order to end that was answered covers its lease.
    async fn settle(&mut self, from: From, re: MessageId) -> Result<(), ControlError> {
        let open = self.store.open_commands(from.worker).await?;
        let Some(command) = open.iter().find(|command| command.message == re) else { return Ok(()) };
        if let (CommandKind::Kill, Some(lease)) = (command.kind, lease_of(command)) {
            self.memory.covered(from.worker, lease);
            self.memory.is_dirty = true;
        }
        self.store.ack_command(from.worker, re, from.now).await?;
        self.memory.answered(re);
        Ok(())
    }
}
