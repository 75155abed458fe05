//! The control plane that answers private workers.

pub mod api;
pub mod broker;
pub mod ca;
pub mod cli;
pub mod control;
pub mod fresh;
pub mod http;
pub mod schedule;
pub mod serve;
pub mod source;
pub mod store;
pub mod wire;
