//! Where a policy is evaluated: in a process of its own under a limit of memory, or on a thread of this one.
//!
//! A thread is bounded in time and stack, and nothing that goes wrong on it allows a run; but it shares this process's
//! memory, so a policy that makes more and more lists can end the launcher. A process of its own is the full answer.

mod child;
mod host;
mod programs;
#[cfg(test)]
mod tests;

pub use child::{MEMORY_LIMIT, PolicyProgram, asked_by, child_main, child_work, main_if_asked};
pub use host::PolicyIsolation;
pub(crate) use host::{PolicyHost, PolicyHostError};
