//! Verification over aws-lc-rs: each function is one call of the library.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    EcdsaVerificationAlgorithm, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::{JwsCurve, JwsHash, RsaNumbers};
use crate::crypto::CryptoError;

/// The library says no more.
fn refused<E>(_: E) -> CryptoError {
    CryptoError::Authentication
}

pub(super) fn verify_hmac(hash: JwsHash, key: &[u8], message: &[u8], tag: &[u8]) -> Result<(), CryptoError> {
    let algorithm = match hash {
        JwsHash::Sha256 => hmac::HMAC_SHA256,
        JwsHash::Sha384 => hmac::HMAC_SHA384,
        JwsHash::Sha512 => hmac::HMAC_SHA512,
    };
    hmac::verify(&hmac::Key::new(algorithm, key), message, tag).map_err(refused)
}

pub(super) fn verify_pkcs1(
    hash: JwsHash,
    key: RsaNumbers<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    let parameters = match hash {
        JwsHash::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
        JwsHash::Sha384 => &RSA_PKCS1_2048_8192_SHA384,
        JwsHash::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
    };
    verify_rsa(parameters, key, message, signature)
}

pub(super) fn verify_pss(
    hash: JwsHash,
    key: RsaNumbers<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    let parameters = match hash {
        JwsHash::Sha256 => &RSA_PSS_2048_8192_SHA256,
        JwsHash::Sha384 => &RSA_PSS_2048_8192_SHA384,
        JwsHash::Sha512 => &RSA_PSS_2048_8192_SHA512,
    };
    verify_rsa(parameters, key, message, signature)
}

fn verify_rsa(
    parameters: &RsaParameters,
    (n, e): RsaNumbers<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).map_err(refused)
}

fn ecdsa(curve: JwsCurve) -> &'static EcdsaVerificationAlgorithm {
    match curve {
        JwsCurve::P256 => &ECDSA_P256_SHA256_FIXED,
        JwsCurve::P384 => &ECDSA_P384_SHA384_FIXED,
        JwsCurve::P521 => &ECDSA_P521_SHA512_FIXED,
    }
}

pub(super) fn is_on_curve(curve: JwsCurve, point: &[u8]) -> bool {
    ParsedPublicKey::new(ecdsa(curve), point).is_ok()
}

pub(super) fn verify_ecdsa(
    curve: JwsCurve,
    point: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    UnparsedPublicKey::new(ecdsa(curve), point).verify(message, signature).map_err(refused)
}

pub(super) fn verify_ed25519(key: &[u8; 32], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
    UnparsedPublicKey::new(&ED25519, key).verify(message, signature).map_err(refused)
}
