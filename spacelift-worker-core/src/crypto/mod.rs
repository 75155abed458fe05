//! The narrow seam to cryptography: RSA, AES-256-GCM, HKDF, HMAC, hashes, randomness. The one owner of all of them.
//!
//! Two layers. A backend (`aws_lc`, `pure`) wraps one library and decides nothing. The seam above it (`symmetric`, `rsa`,
//! `csr`, `x509`) decides which keys are acceptable and how they are written, so that the backends agree byte for byte.
//! No type of a backend leaves this module.
//!
//! | feature | library | |
//! | --- | --- | --- |
//! | `aws-lc` | aws-lc-rs | the default: several times faster; its build takes a C compiler |
//! | `pure-rust` | RustCrypto | Rust alone; with `aws-lc` beside it, it serves nobody and is what tests compare with |
//!
//! | what | how |
//! | --- | --- |
//! | wrapping a key | RSA-OAEP, SHA-256, MGF1 with SHA-256, empty label (RFC 8017, 7.1) |
//! | signatures | RSASSA-PSS, SHA-256, salt of 32 bytes (RFC 8017, 8.1) |
//! | authenticated encryption | AES-256-GCM, tag of 16 bytes, no associated data (NIST SP 800-38D) |
//! | derivation | HKDF-Expand with SHA-512 (RFC 5869, 2.3) |
//! | tokens that a policy is given | the algorithms of JSON Web Signature, verified alone (RFC 7518, 3.1; RFC 8037, 3.1) |
//! | bearer values of a server | HMAC-SHA-256 (RFC 2104), compared in constant time |
//!
//! It never chooses a nonce, and it never signs for a caller outside this crate: what may be signed, and under which
//! prefix, is said in `pool` and `envelope`. Two doors lead to the operating system: [`fill_random`] and
//! [`RsaPrivateKey::generate`] (OAEP and PSS draw their salts there, too).

#[cfg(not(any(feature = "aws-lc", feature = "pure-rust")))]
compile_error!(
    "spacelift-worker-core needs a backend of cryptography: enable the feature `aws-lc` or `pure-rust`"
);

#[cfg(feature = "aws-lc")]
mod aws_lc;
#[cfg(all(feature = "aws-lc", feature = "pure-rust"))]
mod both;
mod csr;
mod digests;
mod hex;
mod jws;
#[cfg(feature = "pure-rust")]
mod pure;
mod rsa;
mod symmetric;
mod x509;

#[cfg(all(feature = "aws-lc", not(feature = "pure-rust")))]
use aws_lc as backend;
#[cfg(all(feature = "aws-lc", feature = "pure-rust"))]
use both as backend;
#[cfg(all(feature = "pure-rust", not(feature = "aws-lc")))]
use pure as backend;

pub use self::rsa::{RsaKeyError, RsaPrivateKey, RsaPublicKey};
#[cfg(all(feature = "aws-lc", feature = "pure-rust"))]
#[doc(hidden)]
pub use both::{Backend, with_backend};
pub(crate) use csr::certificate_request_der;
#[cfg(test)]
pub(crate) use csr::self_signed_der;
pub(crate) use digests::{Digest, digest, hmac};
pub use hex::hex;
pub(crate) use jws::{JwsAlgorithm, JwsCurve, JwsHash, JwsKey, JwsKeyError};
pub use symmetric::{
    Aes256Gcm, Sha256, constant_time_eq, fill_random, hkdf_expand_sha512, hmac_sha256, hmac_sha256_verify,
    sha256, sha512,
};
#[cfg(feature = "driver")]
pub(crate) use x509::certificate_validity;
pub use x509::{CertificateError, CertificateFacts};

/// A cryptographic operation that did not succeed. It says no more, so that nobody learns from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// A tag, a signature or a padding is not what it must be.
    #[error("what was given does not authenticate under this key")]
    Authentication,
    /// The library could not do it: no memory, or lengths that it does not support.
    #[error("the cryptography library refused the operation")]
    Backend,
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Randomness,
}

#[cfg(test)]
mod tests;
