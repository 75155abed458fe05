//! The functions that the launcher adds to the engine's, and those it withholds.
//!
//! A helper is total, or its failure denies the run: none makes a rule silently disappear.

mod catalogue;
mod regex;
mod register;
mod sanitized;
mod sprintf;

pub(super) use catalogue::withheld;
pub(super) use register::{known_arity, register};
pub(super) use sanitized::sanitized;
