//! How much a benchmark works on. Measures nothing itself.

/// Whether a benchmark only shows that it runs, once and on small inputs, since `cargo bench` did not start it.
pub fn in_test_mode() -> bool {
    !std::env::args().any(|argument| argument == "--bench")
}
