//! Verification over the crates of RustCrypto: each function is one call of the library.

use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa::signature::Verifier;
use rsa::{BoxedUint, PublicKey};
use sha2::{Sha256, Sha384, Sha512};

use super::{JwsCurve, JwsHash, RsaNumbers};
use crate::crypto::CryptoError;

/// The library says no more.
fn refused<E>(_: E) -> CryptoError {
    CryptoError::Authentication
}

pub(super) fn verify_hmac(hash: JwsHash, key: &[u8], message: &[u8], tag: &[u8]) -> Result<(), CryptoError> {
    match hash {
        JwsHash::Sha256 => verify_mac::<Hmac<Sha256>>(key, message, tag),
        JwsHash::Sha384 => verify_mac::<Hmac<Sha384>>(key, message, tag),
        JwsHash::Sha512 => verify_mac::<Hmac<Sha512>>(key, message, tag),
    }
}

fn verify_mac<M: Mac + KeyInit>(key: &[u8], message: &[u8], tag: &[u8]) -> Result<(), CryptoError> {
    let mut mac = <M as KeyInit>::new_from_slice(key).map_err(refused)?;
    mac.update(message);
    mac.verify_slice(tag).map_err(refused)
}

pub(super) fn verify_pkcs1(
    hash: JwsHash,
    key: RsaNumbers<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    let key = rsa(key)?;
    match hash {
        JwsHash::Sha256 => key.pkcs1v15_verify::<Sha256>(message, signature),
        JwsHash::Sha384 => key.pkcs1v15_verify::<Sha384>(message, signature),
        JwsHash::Sha512 => key.pkcs1v15_verify::<Sha512>(message, signature),
    }
    .map_err(refused)
}

pub(super) fn verify_pss(
    hash: JwsHash,
    key: RsaNumbers<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    let key = rsa(key)?;
    match hash {
        JwsHash::Sha256 => key.pss_verify::<Sha256>(message, signature),
        JwsHash::Sha384 => key.pss_verify::<Sha384>(message, signature),
        JwsHash::Sha512 => key.pss_verify::<Sha512>(message, signature),
    }
    .map_err(refused)
}

fn rsa((modulus, exponent): RsaNumbers<'_>) -> Result<PublicKey, CryptoError> {
    let number = BoxedUint::from_be_slice_vartime;
    PublicKey::new(number(modulus), number(exponent)).map_err(refused)
}

pub(super) fn is_on_curve(curve: JwsCurve, point: &[u8]) -> bool {
    match curve {
        JwsCurve::P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).is_ok(),
        JwsCurve::P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(point).is_ok(),
        JwsCurve::P521 => p521::ecdsa::VerifyingKey::from_sec1_bytes(point).is_ok(),
    }
}

/// A key, a signature, and what the library says of them, in a curve's own types.
macro_rules! ecdsa {
    ($curve:ident, $point:ident, $message:ident, $signature:ident) => {{
        let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes($point).map_err(refused)?;
        let signature = $curve::ecdsa::Signature::from_slice($signature).map_err(refused)?;
        key.verify($message, &signature).map_err(refused)
    }};
}

pub(super) fn verify_ecdsa(
    curve: JwsCurve,
    point: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    match curve {
        JwsCurve::P256 => ecdsa!(p256, point, message, signature),
        JwsCurve::P384 => ecdsa!(p384, point, message, signature),
        JwsCurve::P521 => ecdsa!(p521, point, message, signature),
    }
}

pub(super) fn verify_ed25519(key: &[u8; 32], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(key).map_err(refused)?;
    let signature = ed25519_dalek::Signature::from_slice(signature).map_err(refused)?;
    key.verify(message, &signature).map_err(refused)
}
