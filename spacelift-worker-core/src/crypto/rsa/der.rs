//! RSA keys in DER (X.690, 10): PKCS#1, PKCS#8 and SubjectPublicKeyInfo, read strictly and written in one form.
//!
//! It never copies a private number but into what is wiped, and never calculates with one.

use zeroize::Zeroizing;

use super::RsaKeyError;
use crate::secret::SecretBytes;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
/// `attributes [0]` and `publicKey [1]` of a private key (RFC 5958, 2).
const ATTRIBUTES: u8 = 0xa0;
const PUBLIC_KEY: u8 = 0x81;

/// `OBJECT IDENTIFIER rsaEncryption, NULL` (RFC 8017, A.1: "The parameters field … shall have a value of type NULL").
const RSA_ENCRYPTION: [u8; 13] =
    [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// Bytes of it that are the identifier.
const IDENTIFIER_LEN: usize = 11;

/// Numbers of a public key, big-endian without leading zeros.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct PublicNumbers<'a> {
    pub(super) modulus: &'a [u8],
    pub(super) exponent: &'a [u8],
}

impl<'a> PublicNumbers<'a> {
    /// Reads a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
    pub(super) fn from_spki(der: &'a [u8]) -> Result<Self, RsaKeyError> {
        let mut info = Reader::only(der, SEQUENCE)?;
        rsa_encryption(info.value(SEQUENCE)?)?;
        let key = info.value(BIT_STRING)?;
        info.end()?;
        Self::from_bit_string(key)
    }

    /// Reads an RSAPublicKey (RFC 8017, A.1.1) out of a BIT STRING.
    fn from_bit_string(bits: &'a [u8]) -> Result<Self, RsaKeyError> {
        let Some((0, der)) = bits.split_first() else { return Err(RsaKeyError::Damaged) };
        let mut key = Reader::only(der, SEQUENCE)?;
        let numbers = Self { modulus: key.unsigned()?, exponent: key.unsigned()? };
        key.end()?;
        Ok(numbers)
    }

    /// The SubjectPublicKeyInfo.
    pub(super) fn to_spki(self) -> Vec<u8> {
        let mut bits = vec![0]; // no unused bits
        bits.extend(self.to_pkcs1());
        let mut info = Vec::new();
        put(&mut info, SEQUENCE, &RSA_ENCRYPTION);
        put(&mut info, BIT_STRING, &bits);
        let mut out = Vec::new();
        put(&mut out, SEQUENCE, &info);
        out
    }

    /// The RSAPublicKey.
    pub(super) fn to_pkcs1(self) -> Vec<u8> {
        let mut numbers = Vec::new();
        put_unsigned(&mut numbers, self.modulus);
        put_unsigned(&mut numbers, self.exponent);
        let mut out = Vec::new();
        put(&mut out, SEQUENCE, &numbers);
        out
    }
}

/// Numbers of a private key with two primes (RFC 8017, 3.2), big-endian without leading zeros.
pub(super) struct PrivateNumbers<'a> {
    pub(super) public: PublicNumbers<'a>,
    /// d
    pub(super) exponent: &'a [u8],
    /// p and q
    pub(super) primes: [&'a [u8]; 2],
    /// dP, dQ and qInv
    pub(super) remainders: [&'a [u8]; 3],
}

impl<'a> PrivateNumbers<'a> {
    /// Reads PKCS#8 or PKCS#1, whichever it is: an algorithm or a number stands behind the version.
    pub(super) fn from_either(der: &'a [u8]) -> Result<Self, RsaKeyError> {
        let mut key = Reader::only(der, SEQUENCE)?;
        key.unsigned()?;
        match key.0.first() {
            Some(&SEQUENCE) => Self::from_pkcs8(der),
            Some(&INTEGER) => Self::from_pkcs1(der),
            _ => Err(RsaKeyError::Damaged),
        }
    }

    /// Reads a PrivateKeyInfo (RFC 5208, 5) or a OneAsymmetricKey (RFC 5958, 2); attributes are skipped.
    pub(super) fn from_pkcs8(der: &'a [u8]) -> Result<Self, RsaKeyError> {
        let mut info = Reader::only(der, SEQUENCE)?;
        let has_public_key = match info.unsigned()? {
            [] => false,
            [1] => true,
            _ => return Err(RsaKeyError::Damaged),
        };
        rsa_encryption(info.value(SEQUENCE)?)?;
        let numbers = Self::from_pkcs1(info.value(OCTET_STRING)?)?;
        if info.0.first() == Some(&ATTRIBUTES) {
            info.value(ATTRIBUTES)?;
        }
        if has_public_key && info.0.first() == Some(&PUBLIC_KEY) {
            let public = PublicNumbers::from_bit_string(info.value(PUBLIC_KEY)?)?;
            if public != numbers.public {
                return Err(RsaKeyError::Mismatched);
            }
        }
        info.end()?;
        Ok(numbers)
    }

    /// Reads an RSAPrivateKey (RFC 8017, A.1.2).
    pub(super) fn from_pkcs1(der: &'a [u8]) -> Result<Self, RsaKeyError> {
        let mut key = Reader::only(der, SEQUENCE)?;
        match key.unsigned()? {
            [] => {}
            // "Version is … 1 if multi-prime is used."
            [1] => return Err(RsaKeyError::Primes),
            _ => return Err(RsaKeyError::Damaged),
        }
        let numbers = Self {
            public: PublicNumbers { modulus: key.unsigned()?, exponent: key.unsigned()? },
            exponent: key.unsigned()?,
            primes: [key.unsigned()?, key.unsigned()?],
            remainders: [key.unsigned()?, key.unsigned()?, key.unsigned()?],
        };
        key.end()?;
        Ok(numbers)
    }

    /// The PrivateKeyInfo: version 0, no attributes.
    pub(super) fn to_pkcs8(&self) -> SecretBytes {
        let PublicNumbers { modulus, exponent } = self.public;
        let [p, q] = self.primes;
        let [dp, dq, q_inverse] = self.remainders;
        let all = [&[], modulus, exponent, self.exponent, p, q, dp, dq, q_inverse];
        // Room enough from the start, so that growing leaves no copies behind.
        let room = all.iter().map(|number| number.len() + 5).sum::<usize>() + 64;
        let buffer = || Zeroizing::new(Vec::with_capacity(room));
        let (mut numbers, mut key, mut info, mut out) = (buffer(), buffer(), buffer(), buffer());
        for number in all {
            put_unsigned(&mut numbers, number);
        }
        put(&mut key, SEQUENCE, &numbers);
        put_unsigned(&mut info, &[]);
        put(&mut info, SEQUENCE, &RSA_ENCRYPTION);
        put(&mut info, OCTET_STRING, &key);
        put(&mut out, SEQUENCE, &info);
        SecretBytes::new(std::mem::take(&mut *out))
    }
}

/// Whether an AlgorithmIdentifier's content is that of RSA.
fn rsa_encryption(algorithm: &[u8]) -> Result<(), RsaKeyError> {
    let identifier = RSA_ENCRYPTION.get(..IDENTIFIER_LEN).unwrap_or_default();
    match algorithm {
        _ if algorithm == RSA_ENCRYPTION => Ok(()),
        [0x06, ..] if !algorithm.starts_with(identifier) => Err(RsaKeyError::Algorithm),
        _ => Err(RsaKeyError::Damaged),
    }
}

/// Values one after the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The inside of the one value that `der` is, with nothing behind it.
    fn only(der: &'a [u8], tag: u8) -> Result<Self, RsaKeyError> {
        let mut outer = Self(der);
        let content = outer.value(tag)?;
        outer.end()?;
        Ok(Self(content))
    }

    /// The content of the next value, shorter than 64 KiB and its length in the shortest form (X.690, 10.1).
    fn value(&mut self, tag: u8) -> Result<&'a [u8], RsaKeyError> {
        let (len, rest) = match *self.0 {
            [found, len @ 0..=0x7f, ref rest @ ..] if found == tag => (usize::from(len), rest),
            [found, 0x81, len @ 0x80..=0xff, ref rest @ ..] if found == tag => (usize::from(len), rest),
            [found, 0x82, high @ 1..=0xff, low, ref rest @ ..] if found == tag => {
                (usize::from(u16::from_be_bytes([high, low])), rest)
            }
            _ => return Err(RsaKeyError::Damaged),
        };
        let (content, rest) = rest.split_at_checked(len).ok_or(RsaKeyError::Damaged)?;
        self.0 = rest;
        Ok(content)
    }

    /// The next INTEGER, which is not negative and in its shortest form (X.690, 8.3.2), without leading zeros.
    fn unsigned(&mut self) -> Result<&'a [u8], RsaKeyError> {
        match self.value(INTEGER)? {
            [0] => Ok(&[]),
            [0, rest @ ..] if matches!(rest, [0x80..=0xff, ..]) => Ok(rest),
            number @ [1..=0x7f, ..] => Ok(number),
            _ => Err(RsaKeyError::Damaged),
        }
    }

    fn end(&self) -> Result<(), RsaKeyError> {
        if self.0.is_empty() { Ok(()) } else { Err(RsaKeyError::Damaged) }
    }
}

/// Appends one value shorter than 64 KiB.
fn put(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    put_head(out, tag, content.len());
    out.extend_from_slice(content);
}

fn put_head(out: &mut Vec<u8>, tag: u8, len: usize) {
    let [.., high, low] = len.to_be_bytes();
    match (high, low) {
        (0, 0..=0x7f) => out.extend([tag, low]),
        (0, _) => out.extend([tag, 0x81, low]),
        _ => out.extend([tag, 0x82, high, low]),
    }
}

/// Appends an INTEGER. A leading bit would make it negative (X.690, 8.3.3), and no byte is no number.
fn put_unsigned(out: &mut Vec<u8>, number: &[u8]) {
    let zero = number.first().is_none_or(|first| first & 0x80 != 0);
    put_head(out, INTEGER, number.len() + usize::from(zero));
    if zero {
        out.push(0);
    }
    out.extend_from_slice(number);
}
