//! `mothership worker …`

use clap::Subcommand;
use spacelift_worker_core::ids::WorkerId;

/// `mothership worker …`
#[derive(Clone, Debug, Subcommand)]
pub enum WorkerArgs {
    /// The workers of a pool, with tags, status and creation time
    List {
        /// The pool's id or name
        pool: String,
    },
    /// Give a worker no new runs; it finishes what it holds
    Drain {
        /// The worker's id
        worker: WorkerId,
    },
    /// Give a drained worker runs again
    Undrain {
        /// The worker's id
        worker: WorkerId,
    },
}
