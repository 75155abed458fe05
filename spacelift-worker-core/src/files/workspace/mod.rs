//! A folder as one stream, a tar archive compressed with zstd, and back: source code, and workspaces that wait.
//!
//! An archive is hostile until proven otherwise. Unpacking never writes outside its target, never follows a link while
//! it writes, makes nothing but folders, regular files and links, and leaves nothing behind when it refuses.
//! Owners, extended attributes and holes in files are not kept.

mod links;
mod pack;
pub(crate) mod removal;
#[cfg(test)]
mod tests;
mod tree;
mod unpack;

pub use pack::{PackError, Packed, SkipReason, Skipped, pack};
pub use unpack::{Limits, Refusal, UnpackError, Unpacked, unpack};
