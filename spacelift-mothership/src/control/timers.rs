//! What is late: silent workers, unanswered offers, leases of workers that are gone, unanswered commands.

use std::collections::HashSet;

use spacelift_worker_core::ids::WorkerId;

use super::composer::Composer;
use super::judge::{Due, due, is_silent};
use super::task::{Control, ControlError};
use crate::store::Ledger;

impl<L: Ledger, C: Composer> Control<L, C> {
    pub(super) async fn handle_tick(&mut self, now: u64) -> Result<(), ControlError> {
        self.memory.tick(now);
        let mut is_there = HashSet::new();
        for pool in self.store.pools().await? {
            for worker in self.store.workers(pool.pool).await? {
                if is_silent(&worker, self.memory.listening_since, &self.timings, now) {
                    tracing::warn!(worker = %worker.id, pool = %pool.pool, "a worker fell silent");
                    self.leave(worker.id, true, now).await?;
                } else {
                    is_there.insert(worker.id);
                    self.send_again(worker.id, false, now).await?;
                }
            }
        }
        self.look_at_leases(&is_there, now).await
    }

    async fn look_at_leases(&mut self, is_there: &HashSet<WorkerId>, now: u64) -> Result<(), ControlError> {
        for lease in self.store.open_leases().await? {
            match due(&lease, is_there.contains(&lease.worker), &self.timings, now) {
                Due::Nothing => {}
                Due::Withdraw => {
                    self.memory.refused(lease.run, lease.worker);
                    // It may still be under way: a worker that gets it afterwards must not begin.
                    let worker = self.store.worker(lease.worker).await?;
                    if worker.gone_at.is_none() || worker.crashed {
                        self.kill(&lease, now).await?;
                    }
                    self.conclude(&lease, "not answered", None, None, now).await?;
                }
                Due::Unreachable => {
                    if self.store.run(lease.run).await?.unreachable_since.is_none() {
                        let since = self.store.worker(lease.worker).await?.last_seen;
                        self.store.set_unreachable(lease.run, Some(since)).await?;
                    }
                }
                Due::GiveUp => self.give_up(&lease, now).await?,
            }
        }
        Ok(())
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
