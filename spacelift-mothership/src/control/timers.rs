//! What is late: silent workers, unanswered offers, leases of workers that are gone, unanswered commands.

use std::collections::HashSet;
use std::error::Error;

use super::composer::Composer;
use super::judge::{Due, due, is_silent};
use super::task::{Control, ControlError};
use crate::store::{LeaseRecord, Ledger, Worker};

impl<L: Ledger, C: Composer> Control<L, C> {
    /// Looks at every worker and every open lease. What fails about one is logged and tried again at the next tick, and
    /// the others go on: nobody's record may keep those of other pools from being looked at.
    pub(super) async fn handle_tick(&mut self, now: u64) -> Result<(), ControlError> {
        self.memory.tick(now);
        let mut is_there = HashSet::new();
        for pool in self.store.pools().await? {
            for worker in self.store.workers(pool.pool).await? {
                let is_silent = is_silent(&worker, self.memory.listening_since, &self.timings, now);
                if !is_silent {
                    is_there.insert(worker.id);
                }
                if let Err(error) = self.look_at_worker(&worker, is_silent, now).await {
                    let error = unless_closed(error)?;
                    tracing::error!(
                        worker = %worker.id,
                        error = &error as &dyn Error,
                        "what is due about a worker was not done; it is tried again"
                    );
                }
            }
        }
        for lease in self.store.open_leases().await? {
            let due = due(&lease, is_there.contains(&lease.worker), &self.timings, now);
            if let Err(error) = self.look_at_lease(&lease, due, now).await {
                let error = unless_closed(error)?;
                tracing::error!(
                    run = %lease.run,
                    lease = %lease.lease,
                    error = &error as &dyn Error,
                    "what is due about a lease was not done; it is tried again"
                );
            }
        }
        Ok(())
    }

    async fn look_at_worker(
        &mut self,
        worker: &Worker,
        is_silent: bool,
        now: u64,
    ) -> Result<(), ControlError> {
        if !is_silent {
            return self.send_again(worker.id, false, now).await;
        }
        tracing::warn!(worker = %worker.id, pool = %worker.pool, "a worker fell silent");
        self.leave(worker.id, true, now).await
    }

    async fn look_at_lease(&mut self, lease: &LeaseRecord, due: Due, now: u64) -> Result<(), ControlError> {
        match due {
            Due::Nothing => Ok(()),
            Due::Withdraw => {
                self.memory.refused(lease.run, lease.worker, now);
                // It may still be under way: a worker that gets it afterwards must not begin.
                let worker = self.store.worker(lease.worker).await?;
                if worker.gone_at.is_none() || worker.crashed {
                    self.kill(lease, now).await?;
                }
                self.conclude(lease, "not answered", None, None, now).await
            }
            Due::Unreachable => {
                if self.store.run(lease.run).await?.unreachable_since.is_none() {
                    let since = self.store.worker(lease.worker).await?.last_seen;
                    self.store.set_unreachable(lease.run, Some(since)).await?;
                }
                Ok(())
            }
            Due::GiveUp => self.give_up(lease, now).await,
        }
    }

    /// The connection to the broker is new: what was sent on the one before may be lost.
    pub(super) async fn handle_connected(&mut self, now: u64) -> Result<(), ControlError> {
        for pool in self.store.pools().await? {
            for worker in self.store.workers(pool.pool).await? {
                self.send_again(worker.id, true, now).await?;
            }
        }
        Ok(())
    }
}

/// An error that leaves the rest of a tick as it is; without the broker nothing more can be done.
fn unless_closed(error: ControlError) -> Result<ControlError, ControlError> {
    match error {
        ControlError::WireClosed => Err(error),
        error => Ok(error),
    }
}
