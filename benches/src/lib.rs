//! What the benchmarks share. They stand in `benches/benches`, each with its rival in the same group.

mod clock;
mod keys;
pub mod masking;
mod processes;
mod sizes;
mod statistics;

pub use clock::cpu_time;
pub use keys::{context, pool_key, pool_key_pem};
pub use processes::{Own, Usage, memory_peak, memory_peak_reset, run};
pub use sizes::in_test_mode;
pub use statistics::{Pairs, median};
