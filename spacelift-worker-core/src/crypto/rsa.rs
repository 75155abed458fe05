//! RSA keys: which are acceptable, and the one way in which each is written.
//!
//! Acceptable is a modulus of 2048 to 8192 bits with the public exponent 65537. It never signs or decrypts for
//! a caller outside this crate.

use std::fmt;

use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::{CryptoError, backend};
use crate::secret::SecretBytes;

const MIN_BITS: usize = 2048;
const MAX_BITS: usize = 8192;
const EXPONENT: [u8; 3] = [1, 0, 1];

/// `SEQUENCE { OBJECT IDENTIFIER rsaEncryption, NULL }` (RFC 8017, A.1: "The parameters field … shall have a value of
/// type NULL").
const RSA_ENCRYPTION: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// Why a key is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RsaKeyError {
    /// The DER does not hold an RSA key of a supported size, or its numbers do not belong together.
    #[error("this is no RSA key of 2048 to 8192 bits, or it is damaged")]
    Damaged,
    /// The public exponent is another one.
    #[error("the RSA key has another public exponent than 65537; make a new key")]
    Exponent,
    /// The library could not make a key.
    #[error("the key could not be made: the cryptography library refused")]
    Generation,
    /// The key is too long.
    #[error("the RSA key has {bits} bits, more than 8192; make a key of 4096 bits")]
    TooLong {
        /// Bits of the modulus.
        bits: usize,
    },
    /// The key is too short to be safe.
    #[error("the RSA key has {bits} bits, fewer than 2048; make a key of 4096 bits")]
    TooShort {
        /// Bits of the modulus.
        bits: usize,
    },
    /// Keys of this size are not made.
    #[error("keys are made with 2048, 3072, 4096 or 8192 bits")]
    UnsupportedSize,
}

/// An acceptable RSA public key.
#[derive(Clone)]
pub struct RsaPublicKey {
    inner: backend::RsaPublic,
    modulus: Vec<u8>,
}

impl RsaPublicKey {
    /// Reads a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) of the algorithm rsaEncryption.
    ///
    /// # Errors
    /// [`RsaKeyError`], also for trailing bytes.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, RsaKeyError> {
        let (rest, info) = SubjectPublicKeyInfo::from_der(der).map_err(|_| RsaKeyError::Damaged)?;
        if !rest.is_empty() {
            return Err(RsaKeyError::Damaged);
        }
        match info.parsed() {
            Ok(PublicKey::RSA(key)) => Self::from_numbers(key.modulus, key.exponent),
            _ => Err(RsaKeyError::Damaged),
        }
    }

    pub(super) fn from_numbers(modulus: &[u8], exponent: &[u8]) -> Result<Self, RsaKeyError> {
        let modulus = without_leading_zeros(modulus);
        let bits = match modulus.first() {
            Some(first) => modulus.len() * 8 - first.leading_zeros() as usize,
            None => return Err(RsaKeyError::Damaged),
        };
        if bits < MIN_BITS {
            return Err(RsaKeyError::TooShort { bits });
        }
        if bits > MAX_BITS {
            return Err(RsaKeyError::TooLong { bits });
        }
        if without_leading_zeros(exponent) != EXPONENT {
            return Err(RsaKeyError::Exponent);
        }
        let inner = backend::RsaPublic::from_numbers(modulus, &EXPONENT).map_err(|_| RsaKeyError::Damaged)?;
        Ok(Self { inner, modulus: modulus.to_vec() })
    }

    /// The SubjectPublicKeyInfo in DER, with NULL parameters: one form per key.
    pub fn to_spki_der(&self) -> Vec<u8> {
        let mut bits = vec![0]; // no unused bits
        bits.extend(self.to_pkcs1_der());
        let mut info = RSA_ENCRYPTION.to_vec();
        info.extend(der(0x03, &bits));
        der(0x30, &info)
    }

    /// The RSAPublicKey in DER (RFC 8017, A.1.1).
    pub(super) fn to_pkcs1_der(&self) -> Vec<u8> {
        let mut numbers = der_unsigned(&self.modulus);
        numbers.extend(der_unsigned(&EXPONENT));
        der(0x30, &numbers)
    }

    /// Length of the modulus in bytes, and so of each signature and wrapped key.
    pub fn modulus_len(&self) -> usize {
        self.modulus.len()
    }

    /// RSA-OAEP with SHA-256, MGF1 with SHA-256, empty label (RFC 8017, 7.1.1).
    ///
    /// # Errors
    /// [`CryptoError::Backend`] when `plain` is longer than the modulus less 66 bytes.
    pub fn encrypt_oaep_sha256(&self, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.inner.encrypt_oaep(plain)
    }

    /// Verifies RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes (RFC 8017, 8.1.2).
    ///
    /// # Errors
    /// [`CryptoError::Authentication`] when `signature` is not one of `message` by this key.
    pub fn verify_pss_sha256(&self, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        self.inner.verify_pss(message, signature)
    }
}

impl PartialEq for RsaPublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.modulus == other.modulus
    }
}

impl Eq for RsaPublicKey {}

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaPublicKey").field("modulus_len", &self.modulus.len()).finish_non_exhaustive()
    }
}

/// An acceptable RSA private key.
pub struct RsaPrivateKey {
    inner: backend::RsaPrivate,
    public: RsaPublicKey,
}

impl RsaPrivateKey {
    /// Makes a key from the operating system's randomness: 2048, 3072, 4096 or 8192 bits. Takes seconds for long ones.
    ///
    /// # Errors
    /// [`RsaKeyError::UnsupportedSize`], [`RsaKeyError::Generation`].
    pub fn generate(bits: u32) -> Result<Self, RsaKeyError> {
        let key = backend::RsaPrivate::generate(bits).ok_or(RsaKeyError::UnsupportedSize)?;
        Self::from_backend(key.map_err(|_| RsaKeyError::Generation)?)
    }

    /// Reads an unencrypted PKCS#8 PrivateKeyInfo (RFC 5208, 5).
    ///
    /// # Errors
    /// [`RsaKeyError`]
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, RsaKeyError> {
        Self::from_backend(backend::RsaPrivate::from_pkcs8(der).map_err(|_| RsaKeyError::Damaged)?)
    }

    /// Reads an RSAPrivateKey (PKCS#1; RFC 8017, A.1.2).
    ///
    /// # Errors
    /// [`RsaKeyError`]
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, RsaKeyError> {
        Self::from_backend(backend::RsaPrivate::from_pkcs1(der).map_err(|_| RsaKeyError::Damaged)?)
    }

    fn from_backend(inner: backend::RsaPrivate) -> Result<Self, RsaKeyError> {
        let (modulus, exponent) = inner.public_numbers();
        let public = RsaPublicKey::from_numbers(&modulus, &exponent)?;
        Ok(Self { inner, public })
    }

    /// The PKCS#8 PrivateKeyInfo in DER.
    ///
    /// # Errors
    /// [`CryptoError::Backend`] when the library has no memory for it.
    pub fn to_pkcs8_der(&self) -> Result<SecretBytes, CryptoError> {
        self.inner.to_pkcs8()
    }

    /// The public half.
    pub fn public_key(&self) -> &RsaPublicKey {
        &self.public
    }

    /// RSA-OAEP with SHA-256, MGF1 with SHA-256, empty label (RFC 8017, 7.1.2), in constant time.
    pub(crate) fn decrypt_oaep_sha256(&self, ciphertext: &[u8]) -> Result<SecretBytes, CryptoError> {
        self.inner.decrypt_oaep(ciphertext)
    }

    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes (RFC 8017, 8.1.1).
    pub(crate) fn sign_pss_sha256(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.inner.sign_pss(message)
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, 8.2.1), for certificate requests alone.
    pub(super) fn sign_pkcs1_sha256(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.inner.sign_pkcs1(message)
    }
}

impl fmt::Debug for RsaPrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaPrivateKey").field("public", &self.public).finish_non_exhaustive()
    }
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// One DER value (X.690, 8.1 and 10.1) shorter than 64 KiB.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let [.., high, low] = content.len().to_be_bytes();
    match (high, low) {
        (0, 0..=0x7f) => out.push(low),
        (0, _) => out.extend([0x81, low]),
        _ => out.extend([0x82, high, low]),
    }
    out.extend_from_slice(content);
    out
}

fn der_unsigned(number: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(number.len() + 1);
    // A leading bit would make it negative (X.690, 8.3).
    if number.first().is_some_and(|first| first & 0x80 != 0) {
        content.push(0);
    }
    content.extend_from_slice(number);
    der(0x02, &content)
}
