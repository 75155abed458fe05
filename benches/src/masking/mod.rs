//! What the benchmarks of masking share: the log, the secrets, and the rival that is written here.

mod log;
mod plain_walk;

pub use log::{Random, log, secrets};
pub use plain_walk::{PlainPatterns, PlainWalk};
