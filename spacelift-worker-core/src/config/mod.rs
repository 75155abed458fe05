//! The launcher's configuration, parsed from an environment with every problem at once.
//!
//! [`LauncherConfig::from_pairs`] takes any iterator of pairs and never looks at the process's own environment.
//! [`vars`] is the one table of names, kinds, defaults and help; [`reference()`] prints it as a page. Nothing here
//! opens a file, resolves a name or checks a key: a path or a token is passed on as it was found.

mod boolean;
mod containers;
pub mod duration;
mod list;
mod mount;
mod parse;
mod problem;
mod reader;
mod reference;
mod root_cas;
mod settings;
mod storage_host;
mod tables;
#[cfg(test)]
mod tests;
mod variable;
pub mod vars;

pub use containers::{ContainerLimit, Docker, ExecutorKind, ImagePull};
pub use list::{AllowedVariable, When};
pub use mount::Mount;
pub use parse::{Parsed, parse};
pub use problem::{ConfigError, Found, Problem, Warning};
pub use reference::reference;
pub use settings::{
    ChildEnvironment, Comms, CommsProtocol, Identity, LauncherConfig, Logs, PolicySettings, Proxy, Spot,
    Storage, Timeouts, VcsMapping,
};
pub use storage_host::StorageHost;
pub use tables::{LAYERS, Layer, METADATA, PASSING};
