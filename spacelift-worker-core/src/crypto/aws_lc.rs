//! The backend over aws-lc-rs: each function is one call of the library.
//!
//! It decides nothing: which keys are acceptable stands in `rsa`, which nonce is used with the caller.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use aws_lc_rs::signature::{
    KeyPair, RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use aws_lc_rs::{aead, constant_time, digest, hkdf, hmac, rand};
use zeroize::Zeroizing;

use super::CryptoError;
use crate::secret::SecretBytes;

/// SHA-256 of `data` (FIPS 180-4).
pub fn sha256(data: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(data);
    hasher.finish()
}

/// SHA-512 of `data` (FIPS 180-4).
pub fn sha512(data: &[u8]) -> [u8; 64] {
    let mut out = [0; 64];
    out.copy_from_slice(digest::digest(&digest::SHA512, data).as_ref());
    out
}

/// SHA-256 of what comes in pieces (FIPS 180-4).
#[derive(Clone)]
pub struct Sha256(digest::Context);

impl Sha256 {
    /// A hash of nothing yet.
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Takes the next piece.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The hash of all pieces in order.
    pub fn finish(self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.finish().as_ref());
        out
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
    let mut out = [0; 32];
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.expose()), message);
    out.copy_from_slice(tag.as_ref());
    out
}

/// Whether `tag` is the HMAC-SHA-256 of `message` under `key`, compared in constant time.
pub fn hmac_sha256_verify(key: &SecretBytes, message: &[u8], tag: &[u8]) -> bool {
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key.expose()), message, tag).is_ok()
}

struct OutputLen(usize);

impl hkdf::KeyType for OutputLen {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand with SHA-512 (RFC 5869, 2.3) of a uniformly random key; `info` is the concatenation of its parts.
///
/// # Errors
/// [`CryptoError::Backend`] when `out` is longer than 16,320 bytes.
pub fn hkdf_expand_sha512(key: &[u8; 32], info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError> {
    hkdf::Prk::new_less_safe(hkdf::HKDF_SHA512, key)
        .expand(info, OutputLen(out.len()))
        .and_then(|okm| okm.fill(out))
        .map_err(|_| CryptoError::Backend)
}

/// Fills `out` from the operating system's generator: the one door to randomness of the pure floors.
///
/// # Errors
/// [`CryptoError::Randomness`] when there is none; then nothing must be made from `out`.
pub fn fill_random(out: &mut [u8]) -> Result<(), CryptoError> {
    rand::fill(out).map_err(|_| CryptoError::Randomness)
}

/// Whether two byte strings are equal, in a time that depends on their lengths alone.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// A key for AES-256-GCM without associated data (NIST SP 800-38D). The caller never uses a nonce twice.
pub struct Aes256Gcm(aead::LessSafeKey);

impl Aes256Gcm {
    /// Bytes that sealing adds: the tag.
    pub const TAG_LEN: usize = 16;

    /// Expands `key`.
    ///
    /// # Errors
    /// [`CryptoError::Backend`] when the library has no memory for it.
    pub fn new(key: &[u8; 32]) -> Result<Self, CryptoError> {
        let key = aead::UnboundKey::new(&aead::AES_256_GCM, key).map_err(|_| CryptoError::Backend)?;
        Ok(Self(aead::LessSafeKey::new(key)))
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
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, aead::Aad::empty(), in_out)
            .map_err(|_| CryptoError::Backend)?;
        let mut out = [0; Self::TAG_LEN];
        out.copy_from_slice(tag.as_ref());
        Ok(out)
    }

    /// Verifies and decrypts `in_out`, ciphertext and tag, in place; gives the length of the plaintext at its start.
    ///
    /// # Errors
    /// [`CryptoError::Authentication`] when the tag does not fit; `in_out` then holds nothing of use.
    pub fn open_in_place(&self, nonce: &[u8; 12], in_out: &mut [u8]) -> Result<usize, CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        match self.0.open_in_place(nonce, aead::Aad::empty(), in_out) {
            Ok(plain) => Ok(plain.len()),
            Err(_) => Err(CryptoError::Authentication),
        }
    }
}

impl fmt::Debug for Aes256Gcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aes256Gcm").finish_non_exhaustive()
    }
}

/// An RSA private key as the library holds it: once to sign, once to decrypt.
pub(super) struct RsaPrivate {
    signing: RsaKeyPair,
    decrypting: OaepPrivateDecryptingKey,
}

impl RsaPrivate {
    /// A new key of 2048, 3072, 4096 or 8192 bits; `None` for other sizes.
    pub(super) fn generate(bits: u32) -> Option<Result<Self, CryptoError>> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            8192 => KeySize::Rsa8192,
            _ => return None,
        };
        Some(RsaKeyPair::generate(size).map_err(|_| CryptoError::Backend).and_then(Self::from_pair))
    }

    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Self, CryptoError> {
        RsaKeyPair::from_pkcs8(der).map_err(|_| CryptoError::Backend).and_then(Self::from_pair)
    }

    pub(super) fn from_pkcs1(der: &[u8]) -> Result<Self, CryptoError> {
        RsaKeyPair::from_der(der).map_err(|_| CryptoError::Backend).and_then(Self::from_pair)
    }

    fn from_pair(signing: RsaKeyPair) -> Result<Self, CryptoError> {
        let pkcs8: Pkcs8V1Der<'_> = signing.as_der().map_err(|_| CryptoError::Backend)?;
        let decrypting =
            PrivateDecryptingKey::from_pkcs8(pkcs8.as_ref())
                .map_err(|_| CryptoError::Backend)
                .and_then(|key| OaepPrivateDecryptingKey::new(key).map_err(|_| CryptoError::Backend))?;
        Ok(Self { signing, decrypting })
    }

    pub(super) fn to_pkcs8(&self) -> Result<SecretBytes, CryptoError> {
        let der: Pkcs8V1Der<'_> = self.signing.as_der().map_err(|_| CryptoError::Backend)?;
        Ok(SecretBytes::new(der.as_ref().to_vec()))
    }

    /// Modulus and exponent, big-endian.
    pub(super) fn public_numbers(&self) -> (Vec<u8>, Vec<u8>) {
        let public = self.signing.public_key();
        (
            public.modulus().big_endian_without_leading_zero().to_vec(),
            public.exponent().big_endian_without_leading_zero().to_vec(),
        )
    }

    pub(super) fn decrypt_oaep(&self, ciphertext: &[u8]) -> Result<SecretBytes, CryptoError> {
        let mut buffer = Zeroizing::new(vec![0; self.decrypting.min_output_size()]);
        match self.decrypting.decrypt(&OAEP_SHA256_MGF1SHA256, ciphertext, &mut buffer, None) {
            Ok(plain) => Ok(SecretBytes::new(plain.to_vec())),
            Err(_) => Err(CryptoError::Authentication),
        }
    }

    pub(super) fn sign_pss(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let mut signature = vec![0; self.signing.public_modulus_len()];
        self.signing
            .sign(&RSA_PSS_SHA256, &rand::SystemRandom::new(), message, &mut signature)
            .map_err(|_| CryptoError::Backend)?;
        Ok(signature)
    }

    pub(super) fn sign_pkcs1(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let mut signature = vec![0; self.signing.public_modulus_len()];
        self.signing
            .sign(&RSA_PKCS1_SHA256, &rand::SystemRandom::new(), message, &mut signature)
            .map_err(|_| CryptoError::Backend)?;
        Ok(signature)
    }
}

/// An RSA public key as the library holds it.
#[derive(Clone)]
pub(super) struct RsaPublic {
    numbers: RsaPublicKeyComponents<Vec<u8>>,
    encrypting: PublicEncryptingKey,
}

impl RsaPublic {
    pub(super) fn from_numbers(modulus: &[u8], exponent: &[u8]) -> Result<Self, CryptoError> {
        let numbers = RsaPublicKeyComponents { n: modulus.to_vec(), e: exponent.to_vec() };
        let encrypting = RsaPublicKeyComponents { n: modulus, e: exponent }
            .try_into()
            .map_err(|_: aws_lc_rs::error::Unspecified| CryptoError::Backend)?;
        Ok(Self { numbers, encrypting })
    }

    pub(super) fn encrypt_oaep(&self, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let key = OaepPublicEncryptingKey::new(self.encrypting.clone()).map_err(|_| CryptoError::Backend)?;
        let mut buffer = vec![0; key.ciphertext_size()];
        let len = key
            .encrypt(&OAEP_SHA256_MGF1SHA256, plain, &mut buffer, None)
            .map_err(|_| CryptoError::Backend)?
            .len();
        buffer.truncate(len);
        Ok(buffer)
    }

    pub(super) fn verify_pss(&self, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        self.numbers
            .verify(&RSA_PSS_2048_8192_SHA256, message, signature)
            .map_err(|_| CryptoError::Authentication)
    }
}
