//! SIGTERM and SIGINT: the first drains, the second stops the run, the third kills it.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::driver::HostCommand;

/// Listens from now on.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Turns signals into commands until nobody reads them any more.
    pub(super) async fn forward(mut self, commands: mpsc::Sender<HostCommand>) {
        for command in [HostCommand::Shutdown, HostCommand::StopRun, HostCommand::KillRun] {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
                () = commands.closed() => return,
            }
            if commands.send(command).await.is_err() {
                return;
            }
        }
    }
}
