//! Runs a step as a local process in a process group of its own; nothing that it starts survives it.

mod execution;
mod tree;
pub(super) mod usage;

pub use execution::ProcessExecutor;
pub(crate) use tree::end_left_over;
