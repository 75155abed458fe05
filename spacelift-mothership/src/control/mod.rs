//! The worker protocol from the control plane's side: offers, leases, heartbeats, commands.

mod handle;

pub use handle::{Command, ControlHandle};
