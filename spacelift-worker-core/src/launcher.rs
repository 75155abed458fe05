//! A ready launcher: configuration in, runs out.
//!
//! [`Launcher::from_env`] reads the documented variables, [`LauncherBuilder::build`] says everything that is wrong at
//! once, [`Launcher::run`] works until it is asked to end.

mod build;
mod comms;
mod end;
mod executor;
mod host;
mod preflight;
mod setup;
mod signals;
mod spot;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::Instrument as _;

use crate::driver::{
    self, Desk, Ending, FileJournal, HostCommand, JsonLayer, Meter, Metrics, Outgoing, RunContext, RunHost,
    SessionDriver,
};
use crate::files::Environment;
use crate::files::workspace::removal::remove_tree;
use crate::protocol::{JournalRecord, Session, SessionConfig};

use comms::Transport;
use spot::Notices;

pub use build::LauncherBuilder;
pub use end::LauncherEnd;
pub use setup::SetupError;

/// A worker, set up and ready to connect.
#[derive(Debug)]
pub struct Launcher {
    context: RunContext,
    session: SessionConfig,
    transport: Transport,
    journal: FileJournal,
    restored: Option<JournalRecord>,
    state: StateFolder,
    drain_grace: Duration,
    metrics: Metrics,
    notices: Notices,
    warnings: Vec<String>,
}

/// The launcher's folder, removed at the end when the launcher chose it.
#[derive(Debug)]
struct StateFolder {
    path: PathBuf,
    temporary: bool,
}

impl Drop for StateFolder {
    fn drop(&mut self) {
        if self.temporary {
            let _ = remove_tree(&self.path);
        }
    }
}

impl Launcher {
    /// A launcher of this process's environment.
    pub fn from_env() -> LauncherBuilder {
        LauncherBuilder::from_environment(crate::files::from_env())
    }

    /// A launcher of these variables.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> LauncherBuilder {
        Self::from_environment(Environment { pairs: pairs.into_iter().collect(), not_utf8: Vec::new() })
    }

    /// A launcher of an environment that was read before. One of its own variables that is not UTF-8 is a problem.
    pub fn from_environment(environment: Environment) -> LauncherBuilder {
        LauncherBuilder::from_environment(environment)
    }

    /// A layer for `tracing-subscriber` that writes the launcher's own log to `writer` as JSON lines with `ts`,
    /// `level`, `caller` and `msg`, every secret masked: the launcher's, and those of its run while it has one. The
    /// documented launcher writes them to standard error.
    pub fn log_layer(&self, writer: impl Write + Send + 'static) -> JsonLayer {
        JsonLayer::masked(writer, self.context.log_mask.clone())
    }

    /// Has a log that several launchers share mask what this one masks: its own secrets, and those of its run while it has one.
    pub fn mask_log(&self, layer: &JsonLayer) {
        layer.mask_with(self.context.log_mask.clone());
    }

    /// Writes panics to `writer` as lines of the launcher's own log, every secret masked, in the place of the standard
    /// message on standard error, which masks nothing. The hook is the process's: a program calls this once.
    pub fn log_panics(&self, writer: impl Write + Send + 'static) {
        driver::report_panics(writer, self.context.log_mask.clone());
    }

    /// What this worker does and how it is, for probes and for who collects metrics. Workers that were built together share it.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Works until SIGTERM or SIGINT, a cycle, or something that cannot be mended.
    ///
    /// The first signal drains and waits for the run in hand, `SPACELIFT_WORKER_DRAIN_GRACE` at most; a second one
    /// stops the run, a third one kills it.
    pub async fn run(self) -> LauncherEnd {
        let (sender, commands) = mpsc::channel(4);
        let signals = match signals::Signals::listen() {
            Ok(signals) => signals,
            Err(error) => {
                return LauncherEnd::Failed { reason: format!("cannot listen for signals: {error}") };
            }
        };
        let forwarding = tokio::spawn(signals.forward(sender));
        let end = self.run_until(commands).await;
        forwarding.abort();
        end
    }

    /// Works until a command asks it to end, a cycle, or something that cannot be mended. For hosts that handle
    /// signals themselves.
    pub async fn run_until(self, commands: mpsc::Receiver<HostCommand>) -> LauncherEnd {
        self.work(commands, Desk::empty()).await
    }

    async fn work(self, commands: mpsc::Receiver<HostCommand>, desk: Desk) -> LauncherEnd {
        for warning in &self.warnings {
            tracing::warn!("{warning}");
        }
        let mask = self.context.log_mask.clone();
        let executor = self.context.executor.clone();
        if let Err(error) = executor.begin(&self.context.mark, &self.context.scratch).await {
            return LauncherEnd::Failed { reason: mask.text(&driver::chain(&error)) };
        }
        let seed = match driver::random_bits() {
            Ok(seed) => seed,
            Err(error) => return LauncherEnd::Failed { reason: error.to_string() },
        };
        let mut session = Session::new(self.session, seed, self.restored);
        let last_will = session.last_will(driver::now());
        tracing::info!(
            worker = %session.worker(),
            pool = %self.context.credentials.pool_id(),
            to = self.transport.shown(),
            "connecting"
        );
        let span = tracing::info_span!("worker", worker = %session.worker(), pool = %self.context.credentials.pool_id());
        let (sender, reports) = mpsc::channel(16);
        let (commands, _forwarding) = self.notices.join(commands);
        let end = SessionDriver {
            session,
            journal: self.journal,
            link: self.transport.connect(last_will),
            runs: RunHost { context: Arc::new(self.context), reports: sender },
            reports,
            commands,
            desk,
            outgoing: Outgoing::default(),
            in_hand: None,
            ending: Ending::new(self.drain_grace),
            meter: Meter::new(self.metrics),
        }
        .run()
        .instrument(span)
        .await;
        executor.close().await;
        drop(self.state);
        LauncherEnd::from(end).masked(|reason| mask.text(reason))
    }
}
