//! The commands, and how their results are shown.
//!
//! A command finds the serving process by the data folder, asks its API, and prints a table for a person or, with `--json`,
//! one JSON document a line for a program. Exit code 0: done; 1: it did not succeed, with one line why; 2: wrong usage.
//! Only `serve` opens the database; every other command is a client.

pub mod args;
mod ask;
mod client;
mod main;
mod output;
mod pool;
mod run;
mod stack;
mod tls;
mod worker;

pub use ask::AskError;
pub use client::ClientError;
pub use main::{CommandError, main};
pub use pool::PoolFileError;
pub use run::WaitError;
pub use stack::VariableError;
pub use tls::https_client;

#[cfg(test)]
mod tests;
