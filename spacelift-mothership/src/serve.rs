//! The composition: what a serving control plane starts, and in which order.

mod config;

pub use config::{BrokerConfig, ClientFiles, ServeConfig, Timings};
