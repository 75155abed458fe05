//! Hashes, HMAC, HKDF, AES-256-GCM and randomness, documented once over whichever backend serves.
//!
//! It never chooses a nonce, and compares secrets in constant time alone.

use std::fmt;

use subtle::ConstantTimeEq;

use super::{CryptoError, backend};
use crate::secret::SecretBytes;

/// SHA-256 of `data` (FIPS 180-4).
pub fn sha256(data: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(data);
    hasher.finish()
}

/// SHA-512 of `data` (FIPS 180-4).
pub fn sha512(data: &[u8]) -> [u8; 64] {
    backend::sha512(data)
}

/// SHA-256 of what comes in pieces (FIPS 180-4).
#[derive(Clone)]
pub struct Sha256(backend::Sha256);

impl Sha256 {
    /// A hash of nothing yet.
    pub fn new() -> Self {
        Self(backend::Sha256::new())
    }

    /// Takes the next piece.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The hash of all pieces in order.
    pub fn finish(self) -> [u8; 32] {
        self.0.finish()
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sha256").finish_non_exhaustive()
    }
}

/// HMAC-SHA-256 of `message` under `key` (RFC 2104).
pub fn hmac_sha256(key: &SecretBytes, message: &[u8]) -> [u8; 32] {
    backend::hmac_sha256(key.expose(), message)
}

/// Whether `tag` is the HMAC-SHA-256 of `message` under `key`, compared in constant time.
pub fn hmac_sha256_verify(key: &SecretBytes, message: &[u8], tag: &[u8]) -> bool {
    constant_time_eq(&hmac_sha256(key, message), tag)
}

/// HKDF-Expand with SHA-512 (RFC 5869, 2.3) of a uniformly random key; `info` is the concatenation of its parts.
///
/// # Errors
/// [`CryptoError::Backend`] when `out` is longer than 16,320 bytes.
pub fn hkdf_expand_sha512(key: &[u8; 32], info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError> {
    backend::hkdf_expand_sha512(key, info, out)
}

/// Fills `out` from the operating system's generator: the one door to randomness of the pure floors.
///
/// # Errors
/// [`CryptoError::Randomness`] when there is none; then nothing must be made from `out`.
pub fn fill_random(out: &mut [u8]) -> Result<(), CryptoError> {
    backend::fill_random(out)
}

/// Whether two byte strings are equal, in a time that depends on their lengths alone.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// A key for AES-256-GCM without associated data (NIST SP 800-38D). The caller never uses a nonce twice.
pub struct Aes256Gcm(backend::Aes256Gcm);

impl Aes256Gcm {
    /// Bytes that sealing adds: the tag.
    pub const TAG_LEN: usize = 16;

    /// Expands `key`.
    ///
    /// # Errors
    /// [`CryptoError::Backend`] when the library has no memory for it.
    pub fn new(key: &[u8; 32]) -> Result<Self, CryptoError> {
        backend::Aes256Gcm::new(key).map(Self)
    }

    /// Encrypts `in_out` in place and gives its tag.
    ///
    /// # Errors
    /// [`CryptoError::Backend`] when `in_out` is longer than AES-GCM allows.
    pub fn seal_in_place(
        &self,
        nonce: &[u8; 12],
        in_out: &mut [u8],
    ) -> Result<[u8; Self::TAG_LEN], CryptoError> {
        self.0.seal_in_place(nonce, in_out)
    }

    /// Encrypts `plain` into `out`, which is longer by the tag.
    ///
    /// # Errors
    /// [`CryptoError::Backend`] when `plain` is longer than AES-GCM allows, or `out` is not of that length.
    pub fn seal_into(&self, nonce: &[u8; 12], plain: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
        match out.split_last_chunk_mut::<{ Self::TAG_LEN }>() {
            Some((text, tag)) if text.len() == plain.len() => self.0.seal_into(nonce, plain, text, tag),
            _ => Err(CryptoError::Backend),
        }
    }

    /// Verifies and decrypts `in_out`, ciphertext and tag, in place; gives the length of the plaintext at its start.
    ///
    /// # Errors
    /// [`CryptoError::Authentication`] when the tag does not fit; `in_out` then holds nothing of use.
    pub fn open_in_place(&self, nonce: &[u8; 12], in_out: &mut [u8]) -> Result<usize, CryptoError> {
        self.0.open_in_place(nonce, in_out)
    }

    /// Verifies `sealed`, ciphertext and tag, and decrypts it into `out`, which is as long as the ciphertext.
    ///
    /// # Errors
    /// [`CryptoError::Authentication`] when the tag or a length does not fit; `out` then holds nothing of use.
    pub fn open_into(&self, nonce: &[u8; 12], sealed: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
        match sealed.split_last_chunk::<{ Self::TAG_LEN }>() {
            Some((text, tag)) if text.len() == out.len() => self.0.open_into(nonce, text, tag, out),
            _ => Err(CryptoError::Authentication),
        }
    }
}

impl fmt::Debug for Aes256Gcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aes256Gcm").finish_non_exhaustive()
    }
}
