//! Signatures of JSON Web Signature: verified, never made (RFC 7515; algorithms of RFC 7518, 3.1, and RFC 8037, 3.1).
//!
//! An algorithm fixes the kind of its key, its curve, its hash and the length of its signature, as the RFC has it; a key of
//! another kind verifies nothing. It reads no text: base64url, PEM and JSON are read by the caller.

use std::fmt;

use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_SIG_ED25519,
};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::CryptoError;
use crate::secret::SecretBytes;

#[cfg(feature = "aws-lc")]
mod aws_lc;
#[cfg(all(feature = "aws-lc", feature = "pure-rust"))]
mod both;
#[cfg(feature = "pure-rust")]
mod pure;

#[cfg(all(feature = "aws-lc", not(feature = "pure-rust")))]
use aws_lc as backend;
#[cfg(all(feature = "aws-lc", feature = "pure-rust"))]
use both as backend;
#[cfg(all(feature = "pure-rust", not(feature = "aws-lc")))]
use pure as backend;

/// Modulus and exponent of an RSA key, big-endian.
type RsaNumbers<'a> = (&'a [u8], &'a [u8]);

/// The shortest RSA modulus that is used (RFC 7518, 3.3: "A key of size 2048 bits or larger MUST be used").
const MIN_RSA_BITS: usize = 2048;

/// The longest, since the time of a verification grows with it.
const MAX_RSA_BITS: usize = 8192;

/// A hash function of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JwsHash {
    Sha256,
    Sha384,
    Sha512,
}

/// A signature algorithm by its name in a token's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JwsAlgorithm {
    /// HMAC: HS256, HS384, HS512.
    Hs(JwsHash),
    /// RSASSA-PKCS1-v1_5: RS256, RS384, RS512.
    Rs(JwsHash),
    /// RSASSA-PSS with a salt as long as the hash: PS256, PS384, PS512.
    Ps(JwsHash),
    /// ECDSA on the curve that belongs to the hash: ES256, ES384, ES512.
    Es(JwsHash),
    /// Ed25519.
    EdDsa,
}

impl JwsAlgorithm {
    /// The algorithm of a name; none for others, `none` among them.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let hash = match name.get(2..)? {
            "256" => JwsHash::Sha256,
            "384" => JwsHash::Sha384,
            "512" => JwsHash::Sha512,
            _ => return (name == "EdDSA").then_some(Self::EdDsa),
        };
        match name.get(..2)? {
            "HS" => Some(Self::Hs(hash)),
            "RS" => Some(Self::Rs(hash)),
            "PS" => Some(Self::Ps(hash)),
            "ES" => Some(Self::Es(hash)),
            _ => None,
        }
    }
}

/// A curve of ECDSA (RFC 7518, 6.2.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JwsCurve {
    P256,
    P384,
    P521,
}

impl JwsCurve {
    /// The curve of a name in a JSON Web Key.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "P-256" => Some(Self::P256),
            "P-384" => Some(Self::P384),
            "P-521" => Some(Self::P521),
            _ => None,
        }
    }

    /// Bytes of a coordinate, and of each half of a signature.
    pub(crate) fn coordinate_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// RFC 7518, 3.4: each hash has its curve.
    fn of(hash: JwsHash) -> Self {
        match hash {
            JwsHash::Sha256 => Self::P256,
            JwsHash::Sha384 => Self::P384,
            JwsHash::Sha512 => Self::P521,
        }
    }
}

/// A key that verifies.
#[derive(Clone)]
pub(crate) struct JwsKey(Kind);

#[derive(Clone)]
enum Kind {
    Symmetric(SecretBytes),
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// The point uncompressed (SEC 1, 2.3.3).
    Ec(JwsCurve, Vec<u8>),
    Ed25519([u8; 32]),
    /// A key of a kind that no algorithm here has.
    Other,
}

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JwsKeyError {
    #[error("this is no key, or it is damaged")]
    Damaged,
    #[error("the RSA key has {bits} bits; keys of 2048 to 8192 bits are used")]
    RsaSize { bits: usize },
}

impl JwsKey {
    /// A secret of HMAC.
    pub(crate) fn symmetric(secret: SecretBytes) -> Self {
        Self(Kind::Symmetric(secret))
    }

    /// An RSA key by its numbers, big-endian.
    pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, JwsKeyError> {
        let modulus = without_leading_zeros(modulus);
        let Some(first) = modulus.first() else { return Err(JwsKeyError::Damaged) };
        let bits = modulus.len() * 8 - first.leading_zeros() as usize;
        if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
            return Err(JwsKeyError::RsaSize { bits });
        }
        let exponent = without_leading_zeros(exponent);
        // RFC 8017, 3.1: an odd number from 3 on. The library knows none of more than 33 bits.
        let odd = exponent.last().is_some_and(|last| last & 1 == 1);
        if !odd || exponent == [1] || exponent.len() > 4 {
            return Err(JwsKeyError::Damaged);
        }
        Ok(Self(Kind::Rsa { modulus: modulus.to_vec(), exponent: exponent.to_vec() }))
    }

    /// A point of a curve by its coordinates.
    pub(crate) fn ec(curve: JwsCurve, x: &[u8], y: &[u8]) -> Result<Self, JwsKeyError> {
        let len = curve.coordinate_len();
        if x.len() != len || y.len() != len {
            return Err(JwsKeyError::Damaged);
        }
        Self::ec_point(curve, [&[4], x, y].concat())
    }

    fn ec_point(curve: JwsCurve, point: Vec<u8>) -> Result<Self, JwsKeyError> {
        let uncompressed = point.first() == Some(&4) && point.len() == 1 + 2 * curve.coordinate_len();
        if !uncompressed || !backend::is_on_curve(curve, &point) {
            return Err(JwsKeyError::Damaged);
        }
        Ok(Self(Kind::Ec(curve, point)))
    }

    /// A key of Ed25519.
    pub(crate) fn ed25519(key: &[u8]) -> Result<Self, JwsKeyError> {
        Ok(Self(Kind::Ed25519(key.try_into().map_err(|_| JwsKeyError::Damaged)?)))
    }

    /// The key in a certificate. Nobody asks here who signed it, or when it ends.
    pub(crate) fn from_certificate_der(der: &[u8]) -> Result<Self, JwsKeyError> {
        match X509Certificate::from_der(der) {
            Ok(([], certificate)) => Self::from_spki(certificate.public_key()),
            _ => Err(JwsKeyError::Damaged),
        }
    }

    /// A SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
    pub(crate) fn from_spki_der(der: &[u8]) -> Result<Self, JwsKeyError> {
        match SubjectPublicKeyInfo::from_der(der) {
            Ok(([], info)) => Self::from_spki(&info),
            _ => Err(JwsKeyError::Damaged),
        }
    }

    fn from_spki(info: &SubjectPublicKeyInfo<'_>) -> Result<Self, JwsKeyError> {
        let algorithm = &info.algorithm.algorithm;
        if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
            let parameters = info.algorithm.parameters.as_ref();
            let curve = match parameters.and_then(|parameters| parameters.as_oid().ok()) {
                Some(oid) if oid == OID_EC_P256 => JwsCurve::P256,
                Some(oid) if oid == OID_NIST_EC_P384 => JwsCurve::P384,
                Some(oid) if oid == OID_NIST_EC_P521 => JwsCurve::P521,
                _ => return Err(JwsKeyError::Damaged),
            };
            return Self::ec_point(curve, info.subject_public_key.data.to_vec());
        }
        if *algorithm == OID_SIG_ED25519 {
            return Self::ed25519(&info.subject_public_key.data);
        }
        match info.parsed() {
            Ok(PublicKey::RSA(key)) => Self::rsa(key.modulus, key.exponent),
            Ok(_) => Ok(Self(Kind::Other)),
            Err(_) => Err(JwsKeyError::Damaged),
        }
    }

    /// Verifies a signature over `message`.
    ///
    /// # Errors
    /// [`CryptoError::Authentication`] when it is none by this key, or the key is of another kind than the algorithm's.
    pub(crate) fn verify(
        &self,
        algorithm: JwsAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        match (algorithm, &self.0) {
            (JwsAlgorithm::Hs(hash), Kind::Symmetric(secret)) => {
                backend::verify_hmac(hash, secret.expose(), message, signature)
            }
            (JwsAlgorithm::Rs(hash), Kind::Rsa { modulus, exponent }) => {
                backend::verify_pkcs1(hash, (modulus, exponent), message, signature)
            }
            (JwsAlgorithm::Ps(hash), Kind::Rsa { modulus, exponent }) => {
                backend::verify_pss(hash, (modulus, exponent), message, signature)
            }
            (JwsAlgorithm::Es(hash), Kind::Ec(curve, point)) if JwsCurve::of(hash) == *curve => {
                backend::verify_ecdsa(*curve, point, message, signature)
            }
            (JwsAlgorithm::EdDsa, Kind::Ed25519(key)) => backend::verify_ed25519(key, message, signature),
            _ => Err(CryptoError::Authentication),
        }
    }
}

impl fmt::Debug for JwsKey {
    /// The kind alone: a secret has no other face.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Symmetric(_) => "JwsKey(symmetric)",
            Kind::Rsa { .. } => "JwsKey(RSA)",
            Kind::Ec(..) => "JwsKey(EC)",
            Kind::Ed25519(_) => "JwsKey(Ed25519)",
            Kind::Other => "JwsKey(other)",
        })
    }
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
#[cfg(all(feature = "aws-lc", feature = "pure-rust"))]
mod tests;

#[cfg(test)]
mod keys {
    use super::*;

    #[test]
    fn names_are_exact_and_none_is_no_algorithm() {
        assert_eq!(JwsAlgorithm::from_name("ES384"), Some(JwsAlgorithm::Es(JwsHash::Sha384)));
        assert_eq!(JwsAlgorithm::from_name("EdDSA"), Some(JwsAlgorithm::EdDsa));
        for name in
            ["none", "None", "", "R", "RS", "RS1", "rs256", "RS2566", "XS256", "EDDSA", "ES256K", "é256"]
        {
            assert_eq!(JwsAlgorithm::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_key_of_another_kind_verifies_nothing() {
        let key = JwsKey::symmetric(SecretBytes::new(b"secret".to_vec()));
        for name in ["RS256", "PS256", "ES256", "EdDSA"] {
            let algorithm = JwsAlgorithm::from_name(name).unwrap();
            assert_eq!(key.verify(algorithm, b"m", b"s"), Err(CryptoError::Authentication), "{name}");
        }
        assert_eq!(format!("{key:?}"), "JwsKey(symmetric)");
    }

    #[test]
    fn rsa_keys_are_neither_short_nor_long_and_have_an_odd_exponent() {
        let bits = |bytes: usize| vec![0xff; bytes];
        assert_eq!(JwsKey::rsa(&bits(128), &[1, 0, 1]).unwrap_err(), JwsKeyError::RsaSize { bits: 1024 });
        assert_eq!(JwsKey::rsa(&bits(1025), &[1, 0, 1]).unwrap_err(), JwsKeyError::RsaSize { bits: 8200 });
        for exponent in [&[][..], &[1], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
            assert_eq!(JwsKey::rsa(&bits(256), exponent).unwrap_err(), JwsKeyError::Damaged, "{exponent:?}");
        }
        assert!(JwsKey::rsa(&bits(256), &[0, 1, 0, 1]).is_ok());
    }

    #[test]
    fn a_point_beside_its_curve_is_no_key() {
        assert_eq!(JwsKey::ec(JwsCurve::P256, &[1; 32], &[1; 32]).unwrap_err(), JwsKeyError::Damaged);
        assert_eq!(JwsKey::ec(JwsCurve::P384, &[1; 32], &[1; 32]).unwrap_err(), JwsKeyError::Damaged);
    }
}
