//! RSA keys: which are acceptable, and the one way in which each is written.
//!
//! Acceptable is a modulus of 2048 to 8192 bits, the product of two primes of one length, with the public exponent 65537.
//! It never signs or decrypts for a caller outside this crate.

mod der;

use std::fmt;

use self::der::{PrivateNumbers, PublicNumbers};
use super::{CryptoError, backend};
use crate::secret::SecretBytes;

const MIN_BITS: usize = 2048;
const MAX_BITS: usize = 8192;
const EXPONENT: [u8; 3] = [1, 0, 1];
/// Sizes that are made, in bits.
const MADE: [u32; 4] = [2048, 3072, 4096, 8192];

/// Why a key is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RsaKeyError {
    /// A key of another algorithm, or for one padding alone.
    #[error("this is no RSA key (of the algorithm rsaEncryption); make an RSA key of 4096 bits")]
    Algorithm,
    /// Not the DER of an RSA key, or not its whole.
    #[error("this is no RSA key in DER, or it is damaged or cut short; copy it again")]
    Damaged,
    /// The public exponent is even.
    #[error("the RSA key has an even public exponent, with which nothing can be decrypted; make a new key")]
    EvenExponent,
    /// The public exponent is another one.
    #[error("the RSA key has another public exponent than 65537; make a new key")]
    Exponent,
    /// The library could not make a key.
    #[error("the key could not be made: the cryptography library refused")]
    Generation,
    /// The private half does not belong to the public one, or its numbers not to each other.
    #[error(
        "the numbers of the RSA key do not belong together: it is damaged, or made of two keys; copy it again"
    )]
    Mismatched,
    /// More than two primes, or one longer than half of the modulus.
    #[error("the RSA key is not made of two primes of one length; make a new key")]
    Primes,
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
        Self::from_numbers(PublicNumbers::from_spki(der)?)
    }

    fn from_numbers(numbers: PublicNumbers<'_>) -> Result<Self, RsaKeyError> {
        let PublicNumbers { modulus, exponent } = numbers;
        let bits = bits(modulus);
        if bits < MIN_BITS {
            return Err(RsaKeyError::TooShort { bits });
        }
        if bits > MAX_BITS {
            return Err(RsaKeyError::TooLong { bits });
        }
        if is_even(exponent) {
            return Err(RsaKeyError::EvenExponent);
        }
        if exponent != EXPONENT {
            return Err(RsaKeyError::Exponent);
        }
        // The product of two odd primes is odd.
        if is_even(modulus) {
            return Err(RsaKeyError::Damaged);
        }
        let inner = backend::RsaPublic::from_numbers(modulus, exponent).map_err(|_| RsaKeyError::Damaged)?;
        Ok(Self { inner, modulus: modulus.to_vec() })
    }

    fn numbers(&self) -> PublicNumbers<'_> {
        PublicNumbers { modulus: &self.modulus, exponent: &EXPONENT }
    }

    /// The SubjectPublicKeyInfo in DER, with NULL parameters: one form per key.
    pub fn to_spki_der(&self) -> Vec<u8> {
        self.numbers().to_spki()
    }

    /// The RSAPublicKey in DER (RFC 8017, A.1.1).
    pub(super) fn to_pkcs1_der(&self) -> Vec<u8> {
        self.numbers().to_pkcs1()
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
        if !MADE.contains(&bits) {
            return Err(RsaKeyError::UnsupportedSize);
        }
        let inner = backend::RsaPrivate::generate(bits).map_err(|_| RsaKeyError::Generation)?;
        let der = inner.to_pkcs8().map_err(|_| RsaKeyError::Generation)?;
        let public = RsaPublicKey::from_numbers(PrivateNumbers::from_pkcs8(der.expose())?.public)?;
        Ok(Self { inner, public })
    }

    /// Reads an unencrypted PKCS#8 PrivateKeyInfo (RFC 5208, 5), or a OneAsymmetricKey (RFC 5958, 2).
    ///
    /// # Errors
    /// [`RsaKeyError`]
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, RsaKeyError> {
        Self::from_numbers(&PrivateNumbers::from_pkcs8(der)?)
    }

    /// Reads an RSAPrivateKey (PKCS#1; RFC 8017, A.1.2).
    ///
    /// # Errors
    /// [`RsaKeyError`]
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, RsaKeyError> {
        Self::from_numbers(&PrivateNumbers::from_pkcs1(der)?)
    }

    /// Reads PKCS#8 or PKCS#1, whichever it is.
    ///
    /// # Errors
    /// [`RsaKeyError`]
    pub fn from_der(der: &[u8]) -> Result<Self, RsaKeyError> {
        Self::from_numbers(&PrivateNumbers::from_either(der)?)
    }

    fn from_numbers(numbers: &PrivateNumbers<'_>) -> Result<Self, RsaKeyError> {
        let public = RsaPublicKey::from_numbers(numbers.public)?;
        let half = bits(&public.modulus).div_ceil(2);
        if numbers.primes.iter().any(|prime| bits(prime) > half) {
            return Err(RsaKeyError::Primes);
        }
        if numbers.exponent.len() > public.modulus.len()
            || numbers.remainders.iter().any(|remainder| bits(remainder) > half)
        {
            return Err(RsaKeyError::Mismatched);
        }
        // The form is right, and so are all that can be seen from outside: what a backend refuses now, or
        // calculates anew and writes differently, are numbers that do not belong together.
        let pkcs8 = numbers.to_pkcs8();
        let inner = backend::RsaPrivate::from_pkcs8(pkcs8.expose()).map_err(|_| RsaKeyError::Mismatched)?;
        match inner.to_pkcs8() {
            Ok(written) if written == pkcs8 => Ok(Self { inner, public }),
            _ => Err(RsaKeyError::Mismatched),
        }
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

/// Length in bits of a number without leading zeros.
fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

fn is_even(number: &[u8]) -> bool {
    number.last().is_none_or(|last| last & 1 == 0)
}

#[cfg(test)]
mod tests;
