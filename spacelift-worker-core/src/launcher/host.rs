//! A launcher in the hands of a host that pulls events.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::Launcher;
use crate::driver::{Counter, HostOptions, HostSession, LineSink, Offers, Steps};

impl Launcher {
    /// Starts to work on `runtime`, in the hands of the caller: see [`HostSession`]. No signal is listened to. The runtime
    /// has to run by itself (of several threads, or with a thread that drives it) for as long as the session lives.
    ///
    /// # Errors
    /// No descriptor is left for what the host waits on.
    pub fn start(mut self, runtime: &Handle, options: &HostOptions) -> std::io::Result<HostSession> {
        let counter = Counter::new(options)?;
        if options.steps == Steps::Host {
            self.context.executor = Arc::new(counter.executor());
            self.session.capabilities = vec!["host".to_owned()];
        }
        if options.lines {
            let lines = counter.lines();
            self.context.lines = Some(match self.context.lines.take() {
                Some(others) => LineSink::and(others, lines),
                None => lines,
            });
        }
        self.context.describes = options.offers == Offers::Ask;
        let metrics = self.metrics();
        Ok(counter.open(runtime, metrics, |desk| async move {
            // Commands come over the desk; nobody holds the other end of this.
            let (_, commands) = mpsc::channel(1);
            let end = self.work(commands, desk).await;
            let reason = (end.code() != 0).then(|| end.to_string());
            (end.code(), reason)
        }))
    }
}
