//! The functions of the header, by what they are about. Each takes its pointers through `boundary::Call` and calls the core.

#![expect(clippy::missing_safety_doc, reason = "the header states the rules for pointers once, for all functions")]

mod cobblestone;
mod failures;
#[cfg(feature = "test-hooks")]
mod hooks;
mod keys;
mod library;
mod mask;
mod policy;
mod seal;
mod token;
mod unseal;

pub use cobblestone::*;
pub use failures::*;
#[cfg(feature = "test-hooks")]
pub use hooks::*;
pub use keys::*;
pub use library::*;
pub use mask::*;
pub use policy::*;
pub use seal::*;
pub use token::*;
pub use unseal::*;
