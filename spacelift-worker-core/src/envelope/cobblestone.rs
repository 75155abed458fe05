//! Cobblestone-256: chunked encryption as c2sp.org/chunked-encryption specifies it, over SHA-512 and AES-256-GCM.
//!
//! ```text
//! ciphertext = salt (24) commitment (32) chunk …          chunk = AES-256-GCM of 16 KiB, the last one shorter
//! ```
//!
//! Usable alone with a random 32-byte key and a context. A chunk is handed out only when it is verified; a text that was
//! cut, reordered, extended or made under another key or context is refused, and so is all that follows it.
//! It never knows what the key was wrapped to or who signed.
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

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

use super::key::{BodyKeys, InputKey, derive};
use crate::crypto::{self, Aes256Gcm, CryptoError};

/// Bytes of plaintext in every chunk but the last, which has fewer.
pub const CHUNK_LEN: usize = 16 * 1024;
/// Bytes before the first chunk: salt and commitment.
pub const PREFIX_LEN: usize = SALT_LEN + COMMITMENT_LEN;

const SALT_LEN: usize = 24;
const COMMITMENT_LEN: usize = 32;
const TAG_LEN: usize = Aes256Gcm::TAG_LEN;
const SEALED_CHUNK_LEN: usize = CHUNK_LEN + TAG_LEN;
/// "The message MUST NOT exceed 2³⁸ chunks (4 PiB)."
const MAX_CHUNKS: u64 = 1 << 38;

/// Why nothing can be encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptError {
    /// The operating system or the library refused.
    #[error("encryption is not possible here")]
    Crypto(#[source] CryptoError),
    /// The stream failed before.
    #[error("encryption failed before; begin again with a new stream")]
    Failed,
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

/// A key for the chunks of one message, and the number of the next one.
struct Chunks {
    aead: Aes256Gcm,
    base_nonce: Zeroizing<[u8; 12]>,
    next: u64,
}

impl Chunks {
    fn new(keys: &BodyKeys) -> Result<Self, CryptoError> {
        Ok(Self { aead: Aes256Gcm::new(&keys.key)?, base_nonce: keys.base_nonce.clone(), next: 0 })
    }

    /// "The XOR of the base nonce and the chunk number as a big-endian integer as wide as the base nonce"; `None`
    /// when the counter reaches 2³⁸.
    fn next_nonce(&mut self) -> Option<[u8; 12]> {
        if self.next >= MAX_CHUNKS {
            return None;
        }
        let mut nonce = *self.base_nonce;
        for (byte, number) in nonce.iter_mut().skip(4).zip(self.next.to_be_bytes()) {
            *byte ^= number;
        }
        self.next += 1;
        Some(nonce)
    }

    /// Appends one encrypted chunk to `out`.
    fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), EncryptError> {
        let nonce = self.next_nonce().ok_or(EncryptError::TooLong)?;
        let start = out.len();
        out.reserve(plain.len() + TAG_LEN);
        out.extend_from_slice(plain);
        match self.aead.seal_in_place(&nonce, out.get_mut(start..).unwrap_or_default()) {
            Ok(tag) => {
                out.extend_from_slice(&tag);
                Ok(())
            }
            Err(error) => {
                wipe_from(out, start);
                Err(EncryptError::Crypto(error))
            }
        }
    }

    /// Appends one decrypted chunk to `out`, or nothing.
    fn open(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), Damaged> {
        let nonce = self.next_nonce().ok_or(Damaged)?;
        let start = out.len();
        out.extend_from_slice(sealed);
        match self.aead.open_in_place(&nonce, out.get_mut(start..).unwrap_or_default()) {
            Ok(len) => {
                out.truncate(start + len);
                Ok(())
            }
            Err(_) => {
                wipe_from(out, start);
                Err(Damaged)
            }
        }
    }
}

fn wipe_from(out: &mut Vec<u8>, start: usize) {
    out.get_mut(start..).unwrap_or_default().zeroize();
    out.truncate(start);
}

/// Encrypts one message that comes in pieces. Not `Clone`: two ends of one stream would use a nonce twice.
pub struct Encryptor {
    chunks: Option<Chunks>,
    /// Salt and commitment, until they are written.
    prefix: Vec<u8>,
    /// Less than one chunk of plaintext.
    pending: Zeroizing<Vec<u8>>,
}

impl Encryptor {
    /// A new message under `key`, which must be random, for `context`. The salt is the operating system's randomness.
    ///
    /// # Errors
    /// [`EncryptError::Crypto`]
    pub fn new(key: &[u8; 32], context: &[u8]) -> Result<Self, EncryptError> {
        let mut salt = [0; SALT_LEN];
        crypto::fill_random(&mut salt).map_err(EncryptError::Crypto)?;
        Self::with_salt(key, context, salt)
    }

    /// As [`Encryptor::new`] with a salt that the caller never used with this key before.
    pub(super) fn with_salt(
        key: &[u8; 32],
        context: &[u8],
        salt: [u8; SALT_LEN],
    ) -> Result<Self, EncryptError> {
        let keys = derive(key, &salt, context).map_err(EncryptError::Crypto)?;
        Ok(Self {
            chunks: Some(Chunks::new(&keys).map_err(EncryptError::Crypto)?),
            prefix: [&salt[..], &keys.commitment].concat(),
            pending: Zeroizing::new(Vec::with_capacity(CHUNK_LEN)),
        })
    }

    /// Takes the next piece of plaintext and appends what is ready to `out`.
    ///
    /// # Errors
    /// [`EncryptError`]; the stream has then failed for good.
    pub fn update(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), EncryptError> {
        let mut chunks = self.chunks.take().ok_or(EncryptError::Failed)?;
        out.append(&mut self.prefix);
        let mut rest = plain;
        if !self.pending.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(CHUNK_LEN - self.pending.len()));
            self.pending.extend_from_slice(head);
            rest = tail;
            if self.pending.len() == CHUNK_LEN {
                chunks.seal(&self.pending, out)?;
                self.pending.clear();
            }
        }
        let (full, tail) = rest.as_chunks::<CHUNK_LEN>();
        for chunk in full {
            chunks.seal(chunk, out)?;
        }
        self.pending.extend_from_slice(tail);
        self.chunks = Some(chunks);
        Ok(())
    }

    /// Appends the last chunk to `out`.
    ///
    /// # Errors
    /// [`EncryptError`]
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), EncryptError> {
        let mut chunks = self.chunks.take().ok_or(EncryptError::Failed)?;
        out.append(&mut self.prefix);
        chunks.seal(&self.pending, out)
    }
}

impl fmt::Debug for Encryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encryptor").finish_non_exhaustive()
    }
}

enum DecryptorState {
    /// Salt and commitment are not there yet.
    Prefix {
        key: InputKey,
        context: Vec<u8>,
    },
    Chunks(Chunks),
    Failed,
}

/// Decrypts one message that comes in pieces.
pub struct Decryptor {
    state: DecryptorState,
    /// Ciphertext of less than a prefix or a chunk.
    pending: Vec<u8>,
}

impl Decryptor {
    /// A message under `key` for `context`.
    pub fn new(key: &[u8; 32], context: &[u8]) -> Self {
        let state = DecryptorState::Prefix { key: Zeroizing::new(*key), context: context.to_vec() };
        Self { state, pending: Vec::with_capacity(SEALED_CHUNK_LEN) }
    }

    /// Takes the next piece of ciphertext and appends what is verified to `out`.
    ///
    /// # Errors
    /// [`Damaged`]; the stream has then failed for good. What was appended before is verified, but not the whole message.
    pub fn update(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), Damaged> {
        // The state is put back only when all went well, so that the first error stays.
        self.state = match std::mem::replace(&mut self.state, DecryptorState::Failed) {
            DecryptorState::Prefix { key, context } => {
                let (head, rest) = sealed.split_at(sealed.len().min(PREFIX_LEN - self.pending.len()));
                self.pending.extend_from_slice(head);
                if self.pending.len() < PREFIX_LEN {
                    DecryptorState::Prefix { key, context }
                } else {
                    let mut chunks = commit(&key, &context, &self.pending)?;
                    self.pending.clear();
                    self.open_full(&mut chunks, rest, out)?;
                    DecryptorState::Chunks(chunks)
                }
            }
            DecryptorState::Chunks(mut chunks) => {
                self.open_full(&mut chunks, sealed, out)?;
                DecryptorState::Chunks(chunks)
            }
            DecryptorState::Failed => return Err(Damaged),
        };
        Ok(())
    }

    fn open_full(&mut self, chunks: &mut Chunks, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), Damaged> {
        let mut rest = sealed;
        if !self.pending.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(SEALED_CHUNK_LEN - self.pending.len()));
            self.pending.extend_from_slice(head);
            rest = tail;
            if self.pending.len() == SEALED_CHUNK_LEN {
                chunks.open(&self.pending, out)?;
                self.pending.clear();
            }
        }
        let (full, tail) = rest.as_chunks::<SEALED_CHUNK_LEN>();
        for chunk in full {
            chunks.open(chunk, out)?;
        }
        self.pending.extend_from_slice(tail);
        Ok(())
    }

    /// Verifies the end of the message and appends its last bytes to `out`. Only now is the message whole.
    ///
    /// # Errors
    /// [`Damaged`]
    pub fn finish(self, out: &mut Vec<u8>) -> Result<(), Damaged> {
        match self.state {
            // "The final chunk … MUST be shorter than 16 KiB": a full one never stays pending, and nothing pending is
            // too short to be a chunk.
            DecryptorState::Chunks(mut chunks) if self.pending.len() >= TAG_LEN => {
                chunks.open(&self.pending, out)
            }
            _ => Err(Damaged),
        }
    }
}

/// "Implementations MUST check the commitment matches the derived value before continuing."
fn commit(key: &[u8; 32], context: &[u8], prefix: &[u8]) -> Result<Chunks, Damaged> {
    let (salt, commitment) = prefix.split_first_chunk::<SALT_LEN>().ok_or(Damaged)?;
    let keys = derive(key, salt, context).map_err(|_| Damaged)?;
    if !crypto::constant_time_eq(&keys.commitment, commitment) {
        return Err(Damaged);
    }
    Chunks::new(&keys).map_err(|_| Damaged)
}

impl fmt::Debug for Decryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decryptor").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_salt_gives_the_bytes_that_another_implementation_made() {
        // Python's cryptography 50, cobblestone.Cobblestone256Encryptor(bytes(range(32)), b"ctx"), of b"plain".
        const MADE: &str = concat!(
            "b09fffb44d1bf499260bc216133d70cdd805be5b32157421b34d082b1b59a355d1c9a62e171a9",
            "bc8f565dc936d0796b1978c1b12de1f0cdca05dae609f864b4930731cf8cb7e191d292bc31381",
        );
        let made: Vec<u8> =
            (0..MADE.len()).step_by(2).map(|at| u8::from_str_radix(&MADE[at..at + 2], 16).unwrap()).collect();
        let key = std::array::from_fn(|at| at as u8);
        let salt = made[..SALT_LEN].try_into().unwrap();
        let mut encryptor = Encryptor::with_salt(&key, b"ctx", salt).unwrap();
        let mut out = Vec::new();
        encryptor.update(b"plain", &mut out).unwrap();
        encryptor.finish(&mut out).unwrap();
        assert_eq!(out, made);
    }

    #[test]
    fn the_chunk_number_fills_the_end_of_the_nonce_and_stops_at_4_pib() {
        let keys = derive(&[1; 32], &[2; SALT_LEN], b"").unwrap();
        let mut chunks = Chunks::new(&keys).unwrap();
        assert_eq!(chunks.next_nonce(), Some(*keys.base_nonce));
        chunks.next = MAX_CHUNKS - 1;
        let mut last = *keys.base_nonce;
        for (byte, mask) in last[7..].iter_mut().zip([0x3f, 0xff, 0xff, 0xff, 0xff]) {
            *byte ^= mask;
        }
        assert_eq!(chunks.next_nonce(), Some(last));
        assert_eq!(chunks.next_nonce(), None);
        assert_eq!(chunks.seal(b"", &mut Vec::new()), Err(EncryptError::TooLong));
        assert_eq!(chunks.open(&[0; TAG_LEN], &mut Vec::new()), Err(Damaged));
    }
}
