//! The door through which HTTP handlers ask the control loop for something.

use spacelift_worker_core::ids::{PoolId, RunId, WorkerId};
use tokio::sync::mpsc;

/// A request to the control loop. Each is idempotent; its effect shows in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Something in the store changed: look again what can be scheduled.
    Poke,
    /// Drain a worker, or take it back.
    Drain {
        /// The worker.
        worker: WorkerId,
        /// On or off.
        drain: bool,
    },
    /// Send the self-destruct signal to every worker of a pool.
    Cycle {
        /// The pool.
        pool: PoolId,
    },
    /// Ask a run on a worker to end.
    Stop {
        /// The run.
        run: RunId,
    },
    /// End a run on a worker.
    Kill {
        /// The run.
        run: RunId,
    },
    /// The credentials of a pool were replaced: cut whoever uses the old ones.
    Reset {
        /// The pool.
        pool: PoolId,
    },
}

/// Sends requests to the control loop.
#[derive(Clone, Debug)]
pub struct ControlHandle(mpsc::Sender<Command>);

impl ControlHandle {
    /// A handle, and what the control loop reads.
    pub fn channel() -> (Self, mpsc::Receiver<Command>) {
        let (sender, receiver) = mpsc::channel(256);
        (Self(sender), receiver)
    }

    /// Sends one request; waits while the loop is behind. False when the loop has ended.
    pub async fn send(&self, command: Command) -> bool {
        self.0.send(command).await.is_ok()
    }
}
