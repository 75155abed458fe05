//! Sealed run state, version 1: only a worker that holds the pool's private key can read it, and it can tell who
//! sealed it and for what.
//!
//! ```text
//! sealed         = header-line LF signature-line LF body
//! header-line    = one JSON object in a fixed form, at most 16,384 bytes: recipient, wrapped K, signer, context
//! signature-line = base64url of RSASSA-PSS-SHA-256 over "spacelift-worker/sealed/v1" LF header-line, or "-"
//! body           = Cobblestone-256 (c2sp.org/chunked-encryption) under K, its context the two lines with their LFs
//! ```
//!
//! | who | learns |
//! | --- | --- |
//! | anybody with the file | that it is sealed, to which key, by which, its context, its length |
//! | who holds the recipient's private key | the content |
//! | who is told whom to trust | whether one of those sealed it, for exactly the expected purpose |
//!
//! A reader checks in this order: bounds, form, expected context, trust and recipient, signature, one RSA-OAEP,
//! commitment, chunks. Before RSA-OAEP errors are specific, since they speak of public facts; from there on there is one.
//! Nothing is handed out before it is verified, and a stream that failed once stays failed.
//!
//! Left open: who steals the pool's private key reads what was sealed before (there is no forward secrecy) and can
//! forge run state for the whole pool, as can any of its workers. The length of a file is visible. Storage cannot
//! bring an older file back, since the expected context comes with the offer; a control plane that makes the offers can.
//! Wiping covers K, derived keys and buffers of this library, not swap and not the AEAD's own state.
//!
//! It never reads a clock or a file; the only thing that it takes from the operating system is randomness, at each seal.

pub mod cobblestone;
mod context;
mod digest;
mod header;
#[cfg(feature = "files")]
mod in_place;
mod io;
mod key;
pub mod offer;
pub mod outputs;
mod range;
mod seal;
mod unseal;
pub mod workspace;

pub use context::{Context, ContextError};
pub use digest::SealedDigest;
pub use header::Header;
pub use io::{SealWriter, UnsealReader};
pub use key::SIGNATURE_PREFIX;
pub use range::{RangeUnsealError, RangeUnsealer, unseal_range};
pub use seal::{SealError, Sealer, seal, sealed_len};
#[cfg(feature = "files")]
pub(crate) use unseal::MAX_START_LEN;
pub use unseal::{Trust, UnsealError, Unsealer, inspect, unseal};

/// The snippets of the page for users compile, and those with a `main` run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/sealed-state.md")]
mod page {}

#[cfg(test)]
mod tests;
