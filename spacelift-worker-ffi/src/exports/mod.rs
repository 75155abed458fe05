//! The functions of the header, by what they are about. Each takes its pointers through `boundary::Call` and calls the core.

#![expect(
    clippy::missing_safety_doc,
    reason = "the header states the rules for pointers once, for all functions"
)]

mod cobblestone;
#[cfg(feature = "session")]
mod config;
#[cfg(feature = "session")]
mod event;
mod failures;
#[cfg(feature = "test-hooks")]
mod hooks;
mod keys;
mod library;
mod mask;
mod policy;
#[cfg(feature = "session")]
mod runtime;
mod seal;
#[cfg(feature = "session")]
mod session;
#[cfg(test)]
mod tests;
mod token;
mod unseal;

pub use cobblestone::*;
#[cfg(feature = "session")]
pub use config::*;
#[cfg(feature = "session")]
pub use event::*;
pub use failures::*;
#[cfg(feature = "test-hooks")]
pub use hooks::*;
pub use keys::*;
pub use library::*;
pub use mask::*;
pub use policy::*;
#[cfg(feature = "session")]
pub use runtime::*;
pub use seal::*;
#[cfg(feature = "session")]
pub use session::*;
pub use token::*;
pub use unseal::*;
