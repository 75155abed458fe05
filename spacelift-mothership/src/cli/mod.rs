//! The commands, and how their results are shown.

mod tls;

pub use tls::https_client;
