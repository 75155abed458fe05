//! From an assignment to an offer: a lease, and the message that offers it.

use super::composer::Composer;
use super::judge::{ms, urls_until};
use super::task::{Control, ControlError};
use super::verdict::Verdict;
use crate::schedule::Assignment;
use crate::store::{CommandKind, LeaseError, Ledger, NewLease};

impl<L: Ledger, C: Composer> Control<L, C> {
    /// Gives out a lease and sends the offer. What went wrong with the run itself ends the run, with the reason.
    pub(super) async fn offer(&mut self, assignment: Assignment, now: u64) -> Result<(), ControlError> {
        let run = self.store.run(assignment.run).await?;
        let Some(phase) = run.next_phase() else { return Ok(()) };
        let offer_message = self.composer.message_id(now)?;
        let new = NewLease {
            run: run.id,
            phase,
            worker: assignment.worker,
            offer_message,
            deadline: now + ms(self.timings.answer),
            now,
        };
        let record = match self.store.offer_lease(&new).await {
            Ok(record) => record,
            // Something moved since the snapshot was taken: the next one shows it.
            Err(LeaseError::RunNotWaiting { .. } | LeaseError::WorkerNotFree { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.memory.offered(record.worker, record.lease);
        let until = urls_until(&self.timings, now);
        match self.composer.offer(&run, &record, until).await {
            Ok(message) => {
                let to = (record.pool, record.worker);
                self.send_stored(to, CommandKind::Offer, record.cmd_seq, &message, now).await
            }
            Err(error) => {
                tracing::error!(run = %run.id, error = %chain(&error), "an offer could not be made");
                // It was never sent, so it can never be started.
                self.memory.covered(record.worker, record.lease);
                // What the disk or the database refuses may succeed later; everything else is the run's own.
                let why = (!error.may_pass())
                    .then(|| Verdict::failed(format!("job assignment failed: {}", chain(&error))));
                self.conclude(&record, "not offered", why, None, now).await
            }
        }
    }
}

/// An error with its causes, for a note.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
