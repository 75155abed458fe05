//! Pools, stacks, runs, workers, leases and commands in SQLite; blobs in files.
//!
//! ```text
//! data_dir   where everything lies            blobs      files, written once, never overwritten
//! database   connection, migrations           row        columns <-> typed values
//! secrets    what is encrypted in the file    life       which state may follow which: pure
//!                                             moves      what a move of a lease does: pure
//! ledger     what the control loop uses of it    book       the same in memory (feature `model`)
//! pools · counters · stacks · dependencies · runs · transitions · workers · leases · logs · commands   one table each
//! ```
//!
//! Every method is one transaction, durable when it returns (WAL, `synchronous = FULL`), so a restart forgets
//! nothing. Times are Unix milliseconds and come in as arguments; nothing here reads a clock. Nothing here
//! decides what happens next: it refuses what must not happen.

mod blobs;
#[cfg(feature = "model")]
mod book;
mod commands;
mod counters;
mod data_dir;
mod database;
mod dependencies;
mod lease_moves;
mod leases;
mod ledger;
mod life;
mod logs;
mod moves;
mod pools;
pub(crate) mod private_file;
mod row;
mod runs;
mod secrets;
mod stacks;
mod transitions;
mod workers;

pub use blobs::{BlobError, BlobName, Blobs, NotABlobName, Put, PutBlob};
#[cfg(feature = "model")]
pub use book::Book;
pub use commands::{CommandKind, SentCommand};
pub use data_dir::{DataDir, DataDirError, DataDirLock};
pub use database::{Store, StoreError};
pub use dependencies::{Dependency, DependencyError};
pub use lease_moves::{LeaseEnd, LeaseError, NewLease, Until};
pub use leases::{LeaseRecord, LeaseState, LeaseTimes};
pub(crate) use ledger::Ledger;
pub use life::{is_allowed, next_phase, started_state, state_name};
pub use logs::StoredSegment;
pub use pools::{NewPool, Pool, PoolCertificate, RevokedCertificate};
pub use runs::{NewRun, Run, RunInput, RunSpec, SealedResult};
pub use secrets::{SecretsKey, SecretsKeyError};
pub use stacks::{NewStack, Source, Stack, StackCode};
pub use transitions::{Change, Transition, TransitionError};
pub use workers::Worker;

#[cfg(test)]
mod tests;
