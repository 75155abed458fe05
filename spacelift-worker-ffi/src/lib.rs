//! The C ABI of spacelift-worker. Its manual opens the header, `include/spacelift/worker.h`, which is generated from here.
//!
//! ```text
//! exports     one function of the header each: pointers in, a status out. Nothing is decided here
//! boundary    what makes a pointer of a caller safe to use, or an error code: handles, texts, buffers, panics, forks
//! the rest    safe code between the boundary and the core: streams over buffers, errors, options
//! ```
//!
//! `unsafe` stands in `exports` and `boundary` alone. Nothing here does what the core could do.

#[cfg(panic = "abort")]
compile_error!("the C ABI turns panics into error codes, which takes panic = \"unwind\"");

mod boundary;
mod choices;
#[cfg(feature = "session")]
mod events;
pub mod exports;
mod failure;
mod handles;
#[cfg(feature = "session")]
mod hosting;
#[cfg(feature = "session")]
mod logging;
mod masking;
mod shown;
mod status;
mod streams;
mod text;

pub use exports::*;
pub use handles::*;
pub use status::*;
