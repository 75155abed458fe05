//! The composition: what a serving control plane starts, and in which order.
//!
//! ```text
//! data folder, locked -> store, authority, keys -> HTTPS bound (URLs need its port) -> broker -> control loop -> HTTPS
//! ```
//! Nothing is decided here. The end comes in the reverse order.

mod bridges;
mod compose;
mod config;
mod tls;
mod wires;

#[cfg(test)]
mod tests;

pub use compose::{ServeError, Serving, serve};
pub use config::{BrokerConfig, ClientFiles, ServeConfig, Timings};
pub use tls::TlsError;
