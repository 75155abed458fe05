//! What people ask for: drain, cycle, stop, kill, reset. Each is idempotent.

use spacelift_worker_core::ids::{PoolId, RunId, WorkerId};
use spacelift_worker_core::protocol::message::{ControlBody, Cycle, Drain, Halt, RunState};

use super::composer::Composer;
use super::handle::Command;
use super::task::{Control, ControlError};
use crate::store::{Change, CommandKind, LeaseState, Ledger, StoreError, TransitionError};
use crate::wire::WireCommand;

impl<L: Ledger, C: Composer> Control<L, C> {
    pub(super) async fn handle_command(&mut self, command: Command, now: u64) -> Result<(), ControlError> {
        self.memory.is_dirty = true;
        let done = match command {
            Command::Poke => self.withdraw_what_has_ended(now).await,
            Command::Drain { worker, drain } => self.drain(worker, drain, now).await,
            Command::Cycle { pool } => self.cycle(pool, now).await,
            Command::Stop { run } => self.halt(run, CommandKind::Stop, now).await,
            Command::Kill { run } => self.halt(run, CommandKind::Kill, now).await,
            Command::Reset { pool } => self.reset(pool, now).await,
        };
        match done {
            // Whoever asked has been told by the store.
            Err(ControlError::Store(StoreError::NotFound { .. })) => Ok(()),
            done => done,
        }
    }

    /// Offers of runs that a person ended meanwhile are taken back.
    async fn withdraw_what_has_ended(&mut self, now: u64) -> Result<(), ControlError> {
        for lease in self.store.open_leases().await? {
            let waits = lease.state != LeaseState::Started;
            if waits && self.store.run(lease.run).await?.state.is_terminal() {
                self.kill(&lease, now).await?;
                self.conclude(&lease, "no longer meant", None, None, now).await?;
            }
        }
        Ok(())
    }

    async fn drain(&mut self, worker: WorkerId, drain: bool, now: u64) -> Result<(), ControlError> {
        let row = self.store.set_drained(worker, drain).await?;
        let body = |cmd_seq| ControlBody::Drain(Drain { cmd_seq, drain });
        let seq = self.order((row.pool, worker), CommandKind::Drain, body, now).await?;
        // "Of several, the one with the highest cmd_seq holds."
        Ok(self.store.forget_commands(worker, CommandKind::Drain, seq.saturating_sub(1)).await?)
    }

    async fn cycle(&mut self, pool: PoolId, now: u64) -> Result<(), ControlError> {
        for worker in self.store.workers(pool).await? {
            let body = |cmd_seq| ControlBody::Cycle(Cycle { cmd_seq });
            self.order((pool, worker.id), CommandKind::Cycle, body, now).await?;
        }
        Ok(())
    }

    /// Asks whoever holds the run to end it. Before its start there is nothing to be gentle with, and where nobody holds
    /// it, it ends here.
    async fn halt(&mut self, run: RunId, kind: CommandKind, now: u64) -> Result<(), ControlError> {
        let Some(lease) = self.store.open_lease_of_run(run).await? else {
            return self.end_what_waits(run, now).await;
        };
        if lease.state != LeaseState::Started {
            self.kill(&lease, now).await?;
            self.conclude(&lease, "no longer meant", None, None, now).await?;
            return self.end_what_waits(run, now).await;
        }
        // Before the worker is asked: what it reports from now on, over a restart as well, goes no further.
        self.store.halt_lease(lease.pool, lease.lease).await?;
        if kind == CommandKind::Kill {
            return self.kill(&lease, now).await;
        }
        let body = |cmd_seq| ControlBody::Stop(Halt { cmd_seq, run, lease: lease.lease });
        self.order((lease.pool, lease.worker), kind, body, now).await?;
        Ok(())
    }

    /// Ends a run that no worker holds. Whoever asked may have seen it on a worker that reported the end of its phase, or
    /// gave it back, before the request was read here.
    async fn end_what_waits(&mut self, run: RunId, now: u64) -> Result<(), ControlError> {
        loop {
            let state = self.store.run(run).await?.state;
            let to = match state {
                RunState::None | RunState::Queued | RunState::Ready | RunState::PendingReview => {
                    RunState::Canceled
                }
                RunState::Unconfirmed => RunState::Discarded,
                RunState::Confirmed => RunState::Stopped,
                // It has ended.
                _ => return Ok(()),
            };
            let note = Some("a person asked for its end".to_owned());
            match self.store.transition(&Change { note, ..Change::new(run, state, to, now) }).await {
                Ok(_) => return Ok(()),
                // A person confirmed, discarded or canceled it meanwhile. No run goes round in these states for ever.
                Err(TransitionError::Moved { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn reset(&mut self, pool: PoolId, now: u64) -> Result<(), ControlError> {
        self.wire.send(WireCommand::Revoked { pool }).await.map_err(|_| ControlError::WireClosed)?;
        for worker in self.store.workers(pool).await? {
            self.leave(worker.id, false, now).await?;
        }
        Ok(())
    }
}
