//! A message from a worker: decoded, handed on, answered. Bytes from the network end here.

use spacelift_worker_core::ids::{MessageId, PoolId, WorkerId};
use spacelift_worker_core::protocol::message::{
    Hello, Malformed, NackReason, VERSION, WorkerBody, WorkerMessage,
};

use super::composer::Composer;
use super::task::{Control, ControlError};
use crate::store::{Ledger, StoreError};

/// Who speaks, by which message, and when it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct From {
    /// From the topic, which the broker's access control ties to the certificate.
    pub(super) pool: PoolId,
    /// From the topic, likewise.
    pub(super) worker: WorkerId,
    /// The message.
    pub(super) id: MessageId,
    /// Unix milliseconds.
    pub(super) now: u64,
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Ack,
    Nack(NackReason),
    /// `ack` and `nack` are never answered, and some messages are answered by a command.
    Nothing,
}

impl<L: Ledger, C: Composer> Control<L, C> {
    pub(super) async fn handle_message(
        &mut self,
        pool: PoolId,
        worker: WorkerId,
        bytes: &[u8],
        now: u64,
    ) -> Result<(), ControlError> {
        let WorkerMessage { id, body, .. } = match WorkerMessage::decode(bytes) {
            Ok(message) => message,
            Err(Malformed { id: Some(id), reason }) => {
                return self.nack((pool, worker), id, None, reason, now).await;
            }
            Err(_) => {
                tracing::warn!(%pool, %worker, "a message without an identifier was dropped");
                return Ok(());
            }
        };
        let from = From { pool, worker, id, now };
        if !self.recognize(from).await? {
            tracing::warn!(%pool, %worker, "a worker speaks from a pool that is not its own");
            return Ok(());
        }
        let lease = lease_of(&body);
        let answer = match body {
            WorkerBody::Hello(hello) => self.on_hello(from, hello).await?,
            WorkerBody::Status(status) => self.on_status(from, &status).await?,
            WorkerBody::Goodbye(goodbye) => self.on_goodbye(from, &goodbye).await?,
            WorkerBody::Accept(accept) => self.on_accept(from, &accept).await?,
            WorkerBody::Ack(ack) => self.on_ack(from, ack.re).await?,
            WorkerBody::Nack(nack) => self.on_nack(from, nack).await?,
            WorkerBody::Progress(progress) => self.on_progress(from, progress).await?,
            WorkerBody::Logs(manifest) => self.on_logs(from, &manifest).await?,
            WorkerBody::Finished(finished) => self.on_finished(from, &finished).await?,
            WorkerBody::Interrupted(interrupted) => self.on_interrupted(from, &interrupted).await?,
            _ => Answer::Nack(NackReason::UnknownType),
        };
        match answer {
            Answer::Ack => self.ack(pool, worker, id, now).await,
            Answer::Nack(reason) => self.nack((pool, worker), id, lease, reason, now).await,
            Answer::Nothing => Ok(()),
        }
    }

    /// Whether the worker is new, or belongs to the pool whose certificate it came with; a known one was heard.
    async fn recognize(&mut self, from: From) -> Result<bool, ControlError> {
        match self.store.worker(from.worker).await {
            Ok(worker) if worker.pool != from.pool => Ok(false),
            Ok(_) => {
                self.memory.hear(from.worker);
                self.store.worker_seen(from.worker, from.now).await?;
                Ok(true)
            }
            Err(StoreError::NotFound { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    async fn on_hello(&mut self, from: From, hello: Hello) -> Result<Answer, ControlError> {
        if hello.worker != from.worker {
            return Ok(Answer::Nack(NackReason::Malformed));
        }
        if !hello.versions.contains(&VERSION) {
            return Ok(Answer::Nack(NackReason::Unsupported));
        }
        self.welcome(from, hello).await
    }
}

fn lease_of(body: &WorkerBody) -> Option<spacelift_worker_core::ids::Lease> {
    match body {
        WorkerBody::Accept(accept) => Some(accept.lease),
        WorkerBody::Progress(progress) => Some(progress.lease),
        WorkerBody::Logs(manifest) => Some(manifest.lease),
        WorkerBody::Finished(finished) => Some(finished.lease),
        WorkerBody::Interrupted(interrupted) => Some(interrupted.lease),
        _ => None,
    }
}
