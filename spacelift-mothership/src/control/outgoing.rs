//! Commands and answers: numbered and stored before they are sent, and sent again until they are answered.

use bytes::Bytes;
use spacelift_worker_core::ids::{Lease, MessageId, PoolId, WorkerId};
use spacelift_worker_core::protocol::message::{Ack, ControlBody, ControlMessage, Message, Nack, NackReason};

use super::composer::Composer;
use super::task::{Control, ControlError};
use crate::store::{CommandKind, LeaseError, LeaseState, Ledger, SentCommand};
use crate::wire::WireCommand;

/// After so many milliseconds without an answer a command is sent again.
const RESEND: u64 = 10_000;

impl<L: Ledger, C: Composer> Control<L, C> {
    /// Tells the worker that its message was taken care of.
    pub(super) async fn ack(
        &mut self,
        pool: PoolId,
        worker: WorkerId,
        re: MessageId,
        now: u64,
    ) -> Result<(), ControlError> {
        self.tell(pool, worker, ControlBody::Ack(Ack { re }), now).await
    }

    /// Tells the worker that its message was refused.
    pub(super) async fn nack(
        &mut self,
        (pool, worker): (PoolId, WorkerId),
        re: MessageId,
        lease: Option<Lease>,
        reason: NackReason,
        now: u64,
    ) -> Result<(), ControlError> {
        let nack = Nack { re, lease, reason, note: None };
        self.tell(pool, worker, ControlBody::Nack(nack), now).await
    }

    /// Sends something that nobody waits for: when it is lost, what it answers comes again.
    pub(super) async fn tell(
        &mut self,
        pool: PoolId,
        worker: WorkerId,
        body: ControlBody,
        now: u64,
    ) -> Result<(), ControlError> {
        let message = Message { id: self.composer.message_id(now)?, ts: now, body };
        self.publish(pool, worker, message.encode()).await
    }

    /// Numbers a command, stores it and sends it; from then on it is sent again until it is answered.
    pub(super) async fn order(
        &mut self,
        (pool, worker): (PoolId, WorkerId),
        kind: CommandKind,
        body: impl FnOnce(u64) -> ControlBody,
        now: u64,
    ) -> Result<u64, ControlError> {
        let cmd_seq = self.store.next_cmd_seq(pool).await?;
        let message = Message { id: self.composer.message_id(now)?, ts: now, body: body(cmd_seq) };
        self.send_stored((pool, worker), kind, cmd_seq, &message, now).await?;
        Ok(cmd_seq)
    }

    /// Stores a command that has its number, and sends it.
    pub(super) async fn send_stored(
        &mut self,
        (pool, worker): (PoolId, WorkerId),
        kind: CommandKind,
        cmd_seq: u64,
        message: &ControlMessage,
        now: u64,
    ) -> Result<(), ControlError> {
        let command = SentCommand {
            pool,
            cmd_seq,
            worker,
            kind,
            message: message.id,
            body: message.encode(),
            sent_at: now,
        };
        self.store.record_command(&command).await?;
        self.send_first(command, now).await
    }

    /// Sends a command that is stored.
    pub(super) async fn send_first(&mut self, command: SentCommand, now: u64) -> Result<(), ControlError> {
        self.memory.sent(command.message, now);
        self.publish(command.pool, command.worker, command.body).await
    }

    async fn publish(&mut self, pool: PoolId, worker: WorkerId, bytes: Vec<u8>) -> Result<(), ControlError> {
        let command = WireCommand::Publish { pool, worker, bytes: Bytes::from(bytes) };
        self.wire.send(command).await.map_err(|_| ControlError::WireClosed)
    }

    /// Sends again what a worker has not answered: what is due, or all of it.
    pub(super) async fn send_again(
        &mut self,
        worker: WorkerId,
        all: bool,
        now: u64,
    ) -> Result<(), ControlError> {
        for command in self.store.open_commands(worker).await? {
            if !self.is_still_meant(&command).await? {
                self.store.ack_command(worker, command.message, now).await?;
                self.memory.answered(command.message);
                continue;
            }
            let last = self.memory.last_sent(command.message).unwrap_or(command.sent_at);
            if all || now.saturating_sub(last) >= RESEND {
                self.memory.sent(command.message, now);
                self.publish(command.pool, worker, command.body).await?;
            }
        }
        Ok(())
    }

    /// Sends the start of a lease again, if it was not answered. False when there is none to send.
    pub(super) async fn start_again(
        &mut self,
        worker: WorkerId,
        lease: Lease,
        now: u64,
    ) -> Result<bool, ControlError> {
        for command in self.store.open_commands(worker).await? {
            if command.kind == CommandKind::Start && lease_of(&command) == Some(lease) {
                self.memory.sent(command.message, now);
                self.publish(command.pool, worker, command.body).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a command still makes sense: what belongs to a lease ends with it, but for the order to end.
    async fn is_still_meant(&self, command: &SentCommand) -> Result<bool, ControlError> {
        let wanted = match command.kind {
            CommandKind::Offer => LeaseState::Offered,
            CommandKind::Start | CommandKind::Stop => LeaseState::Started,
            _ => return Ok(true),
        };
        let Some(lease) = lease_of(command) else { return Ok(false) };
        match self.store.lease(command.pool, lease).await {
            Ok(record) => Ok(record.state == wanted),
            Err(LeaseError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// The lease that a command is about.
pub(super) fn lease_of(command: &SentCommand) -> Option<Lease> {
    match ControlMessage::decode(&command.body).ok()?.body {
        ControlBody::Offer(offer) => Some(offer.lease),
        ControlBody::Start(grant) | ControlBody::Renew(grant) => Some(grant.lease),
        ControlBody::Stop(halt) | ControlBody::Kill(halt) => Some(halt.lease),
        _ => None,
    }
}
