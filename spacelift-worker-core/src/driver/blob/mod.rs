//! Objects up and down by pre-signed URLs: HTTPS only, no redirects, no private addresses, lengths and digests
//! enforced.

mod access;
mod client;

pub use access::AllowedHost;
pub(crate) use client::Source;
pub use client::{BlobClient, BlobError};
