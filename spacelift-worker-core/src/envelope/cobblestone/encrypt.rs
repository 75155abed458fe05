//! Encryption of a message that comes in pieces.

use std::fmt;

use zeroize::Zeroizing;

use super::chunks::Chunks;
use super::{CHUNK_LEN, EncryptError, SALT_LEN};
use crate::crypto;
use crate::envelope::key::derive;
use crate::output::Output;

/// Encrypts the chunks of one message in their order, and stays failed once it failed.
pub(crate) struct ChunkEncryptor {
    chunks: Chunks,
    next: u64,
    failed: Option<EncryptError>,
}

impl ChunkEncryptor {
    pub(super) fn step(
        &mut self,
        seal: impl FnOnce(&Chunks, u64) -> Result<(), EncryptError>,
    ) -> Result<(), EncryptError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let number = self.next;
        // Before it is used: whatever happens, no number is said twice.
        self.next += 1;
        seal(&self.chunks, number).inspect_err(|error| self.failed = Some(*error))
    }

    fn append(&mut self, plain: &[u8], out: &mut dyn Output) -> Result<(), EncryptError> {
        self.step(|chunks, number| chunks.seal(number, plain, out))
    }
}

/// Encrypts one message that comes in pieces. Not `Clone`: two ends of one stream would use a nonce twice.
pub struct Encryptor {
    pub(super) inner: ChunkEncryptor,
    /// Salt and commitment, until they are written.
    pub(super) prefix: Vec<u8>,
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
    pub(in crate::envelope) fn with_salt(
        key: &[u8; 32],
        context: &[u8],
        salt: [u8; SALT_LEN],
    ) -> Result<Self, EncryptError> {
        let keys = derive(key, &salt, context).map_err(EncryptError::Crypto)?;
        let chunks = Chunks::new(&keys).map_err(EncryptError::Crypto)?;
        Ok(Self {
            inner: ChunkEncryptor { chunks, next: 0, failed: None },
            prefix: [&salt[..], &keys.commitment].concat(),
            pending: Zeroizing::default(),
        })
    }

    /// Takes the next piece of plaintext and appends what is ready to `out`.
    ///
    /// # Errors
    /// [`EncryptError`], the same one again at each further call.
    pub fn update(&mut self, plain: &[u8], out: &mut dyn Output) -> Result<(), EncryptError> {
        if let Some(error) = self.inner.failed {
            return Err(error);
        }
        out.push_all(&std::mem::take(&mut self.prefix));
        let mut rest = plain;
        if !self.pending.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(CHUNK_LEN - self.pending.len()));
            self.pending.extend_from_slice(head);
            rest = tail;
            if self.pending.len() == CHUNK_LEN {
                self.inner.append(&self.pending, out)?;
                self.pending.clear();
            }
        }
        let (full, tail) = rest.as_chunks::<CHUNK_LEN>();
        for chunk in full {
            self.inner.append(chunk, out)?;
        }
        if !tail.is_empty() {
            // All at once, so that growing leaves no plaintext behind.
            self.pending.reserve_exact(CHUNK_LEN);
            self.pending.extend_from_slice(tail);
        }
        Ok(())
    }

    /// Appends the last chunk to `out`.
    ///
    /// # Errors
    /// [`EncryptError`]
    pub fn finish(mut self, out: &mut dyn Output) -> Result<(), EncryptError> {
        out.push_all(&std::mem::take(&mut self.prefix));
        self.inner.append(&self.pending, out)
    }
}

impl fmt::Debug for Encryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encryptor").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MAX_CHUNKS, PREFIX_LEN};
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
    fn the_first_error_stays_and_nothing_more_comes_out() {
        let mut encryptor = Encryptor::new(&[1; 32], b"").unwrap();
        encryptor.inner.next = MAX_CHUNKS;
        let mut out = Vec::new();
        for _ in 0..3 {
            assert_eq!(encryptor.update(&[0; CHUNK_LEN], &mut out), Err(EncryptError::TooLong));
            assert_eq!(out.len(), PREFIX_LEN);
        }
        assert_eq!(encryptor.update(b"", &mut out), Err(EncryptError::TooLong));
        assert_eq!(encryptor.finish(&mut out), Err(EncryptError::TooLong));
        assert_eq!(out.len(), PREFIX_LEN);
    }
}
