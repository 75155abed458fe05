//! Performs what a run's supervisor asks for: opens, fetches, starts, signals, seals, uploads, reports.
//!
//! One task a run. It talks with the session through [`RunReport`](super::session::RunReport) and [`RunCommand`].

mod context;
mod drive;
mod open;
mod outputs;
mod owner;
mod perform;
mod place;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use super::session::RunReport;
use crate::protocol::message::{Grant, Offer};

pub(crate) use context::{RunContext, masked};

/// What the session tells a run.
#[derive(Debug)]
pub(crate) enum RunCommand {
    /// Begin: the lease is ours.
    Start(Grant),
    /// The lease goes on.
    Renewed(Grant),
    /// Somebody asked the run to end.
    Stop,
    /// Somebody wants it ended now.
    Kill,
    /// The lease ended.
    LeaseEnded,
    /// The pool is cycled.
    Cycle,
    /// The launcher ends.
    Shutdown,
}

/// A run in hand. Dropping it ends the run with everything that it started.
#[derive(Debug)]
pub(crate) struct RunHandle {
    commands: mpsc::UnboundedSender<RunCommand>,
    task: JoinHandle<()>,
}

impl RunHandle {
    /// Passes a command on; a run that has ended needs none.
    pub(crate) fn tell(&self, command: RunCommand) {
        let _ = self.commands.send(command);
    }
}

impl Drop for RunHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes offers.
#[derive(Debug)]
pub(crate) struct RunHost {
    pub(crate) context: Arc<RunContext>,
    pub(crate) reports: mpsc::Sender<RunReport>,
}

impl RunHost {
    /// Opens an offer in a task of its own, which goes on to run it once it is started.
    pub(crate) fn consider(&self, offer: Offer) -> RunHandle {
        // A session sends a handful of commands in a run's life, and at most one renewal for each of its statuses, which it
        // paces; a run takes one sooner than the next can come.
        let (commands, receiver) = mpsc::unbounded_channel();
        let span = tracing::info_span!(
            "run",
            run_ulid = %offer.run,
            phase = offer.phase.as_str(),
            lease = %offer.lease
        );
        let run = drive::run(self.context.clone(), self.reports.clone(), offer, receiver);
        let task = tokio::spawn(run.instrument(span));
        RunHandle { commands, task }
    }
}
