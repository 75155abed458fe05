//! What a run prints, on its way out: masked first, then to standard output and to storage.
//!
//! Nothing behind the masker sees a byte that did not pass through it.

mod json;
mod lines;
mod log_mask;
mod panics;
mod run_log;
#[cfg(test)]
mod shared;
mod spool;
mod threads;
mod timestamp;
mod upload;

pub use json::JsonLayer;
pub use lines::LineSink;
pub(crate) use log_mask::LogMask;
pub(crate) use panics::report_panics;
pub(crate) use run_log::{RunLog, RunLogOptions};
pub use threads::log_on_this_thread;
pub(crate) use upload::Places;
