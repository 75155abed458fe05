//! Keeps the pool's key out of reach of the runs: no core file, no reading of the launcher's memory.
//!
//! Source: prctl(2), `PR_SET_DUMPABLE`: a process that is not dumpable cannot be traced, and its files below `/proc`
//! belong to root. A run that is root itself is not kept out; give runs another user where that matters.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Applies to the whole process, so a launcher calls it and a library does not.
///
/// # Errors
/// What the system answered. Go on only if the runs are trusted as much as the launcher is.
pub fn protect_process() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}
