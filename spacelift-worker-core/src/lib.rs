//! Private workers for infrastructure-as-code, as a library.

pub mod config;
pub mod crypto;
#[cfg(feature = "driver")]
pub mod driver;
pub mod envelope;
pub mod exec;
#[cfg(feature = "files")]
pub mod files;
pub mod ids;
#[cfg(feature = "driver")]
pub mod launcher;
pub mod mask;
pub mod output;
pub mod policy;
pub mod pool;
#[cfg(feature = "driver")]
pub mod preflight;
pub mod protocol;
pub mod run;
pub mod run_env;
pub mod secret;
