//! Objects up and down by pre-signed URLs: HTTPS only, no redirects, no private addresses, lengths and digests
//! enforced.

mod client;

pub(crate) use client::Source;
pub use client::{BlobClient, BlobError, BlobLimits};
