//! What the benchmarks share. They stand in `benches/benches`, each with its rival in the same group.

mod sizes;

pub use sizes::in_test_mode;
