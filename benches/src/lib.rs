//! What the benchmarks share. They stand in `benches/benches`, each with its rival in the same group.

mod clock;
pub mod masking;
mod sizes;

pub use clock::cpu_time;
pub use sizes::in_test_mode;
