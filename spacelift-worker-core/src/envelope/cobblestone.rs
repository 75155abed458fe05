//! Cobblestone-256: chunked encryption as c2sp.org/chunked-encryption specifies it, over SHA-512 and AES-256-GCM.
//!
//! ```text
//! ciphertext = salt (24) commitment (32) chunk …          chunk = AES-256-GCM of 16 KiB, the last one shorter
//! ```
//!
//! Usable alone with a random 32-byte key and a context: [`Encryptor`] and [`Decryptor`] take a message in pieces,
//! [`RangeDecryptor`] reads from its middle, [`sealed_len`] and [`plain_len`] know lengths beforehand. A chunk is handed
//! out only when it is verified; a text that was cut, reordered, extended or made under another key or context is
//! refused, and so is all that follows it. It never knows what the key was wrapped to or who signed.
//!
//! ```
//! use spacelift_worker_core::envelope::cobblestone::{Decryptor, Encryptor};
//!
//! let key = [7; 32]; // in earnest: from the operating system's generator
//! let mut encryptor = Encryptor::new(&key, b"what it is for")?;
//! let mut sealed = Vec::new();
//! encryptor.update(b"plain", &mut sealed)?;
//! encryptor.finish(&mut sealed)?;
//!
//! let mut decryptor = Decryptor::new(&key, b"what it is for");
//! let mut plain = Vec::new();
//! decryptor.update(&sealed, &mut plain)?;
//! decryptor.finish(&mut plain)?;
//! assert_eq!(plain, b"plain");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chunks;
mod decrypt;
mod encrypt;
#[cfg(feature = "files")]
mod in_place;
mod range;

#[cfg(feature = "files")]
pub(crate) use decrypt::ChunkDecryptor;
pub use decrypt::Decryptor;
#[cfg(feature = "files")]
pub(crate) use encrypt::ChunkEncryptor;
pub use encrypt::Encryptor;
#[cfg(feature = "files")]
pub(crate) use in_place::SealedChunk;
pub use range::{OutOfRange, RangeDecryptor, RangeError, last_chunk};

use crate::crypto::{Aes256Gcm, CryptoError};

/// Bytes of plaintext in every chunk but the last, which has fewer.
pub const CHUNK_LEN: usize = 16 * 1024;
/// Bytes before the first chunk: salt and commitment.
pub const PREFIX_LEN: usize = SALT_LEN + COMMITMENT_LEN;

const SALT_LEN: usize = 24;
const COMMITMENT_LEN: usize = 32;
pub(crate) const TAG_LEN: usize = Aes256Gcm::TAG_LEN;
pub(crate) const SEALED_CHUNK_LEN: usize = CHUNK_LEN + TAG_LEN;
/// "The message MUST NOT exceed 2³⁸ chunks (4 PiB)."
const MAX_CHUNKS: u64 = 1 << 38;

/// Why nothing can be encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptError {
    /// The operating system or the library refused.
    #[error("encryption is not possible here")]
    Crypto(#[source] CryptoError),
    /// More than 4 PiB.
    #[error("the plaintext is longer than 4 PiB")]
    TooLong,
}

/// The one thing that decryption says: this is not what was encrypted under this key for this context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ciphertext is damaged, cut short, or made with another key or context")]
pub struct Damaged;

/// Length of the ciphertext of `plain_len` bytes; `None` from 4 PiB on.
pub fn sealed_len(plain_len: u64) -> Option<u64> {
    let chunks = plain_len / CHUNK_LEN as u64 + 1;
    (chunks <= MAX_CHUNKS).then(|| PREFIX_LEN as u64 + plain_len + chunks * TAG_LEN as u64)
}

/// Length of the plaintext of a ciphertext of `sealed_len` bytes; `None` when no ciphertext has that length.
pub fn plain_len(sealed_len: u64) -> Option<u64> {
    let body = sealed_len.checked_sub(PREFIX_LEN as u64)?;
    let (full, last) = (body / SEALED_CHUNK_LEN as u64, body % SEALED_CHUNK_LEN as u64);
    let last = last.checked_sub(TAG_LEN as u64)?;
    (full < MAX_CHUNKS).then_some(full * CHUNK_LEN as u64 + last)
}
