//! What must hold for any bytes: one module a target, one function in each that panics when it does not.
//!
//! cargo-fuzz calls them with bytes it invents, and `tests/tests/corpora.rs` with the bytes in `corpus/`, in an ordinary
//! build. Nothing here knows of a fuzzer, a network or a clock.

pub mod abi;
pub mod backends;
pub mod cobblestone;
pub mod config;
pub mod cuts;
pub mod envelope;
pub mod mask;
pub mod message;
pub mod outputs;
pub mod policy;
pub mod seal;
pub mod session;
pub mod token;
pub mod workspace;
