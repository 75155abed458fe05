//! Verification in a build with both backends: by the one that serves this thread.

use super::{JwsCurve, JwsHash, RsaNumbers, aws_lc, pure};
use crate::crypto::CryptoError;
use crate::crypto::both::{Backend, serving};

/// A function of the same name and arguments in each backend.
macro_rules! by_who_serves {
    ($($name:ident ($($argument:ident : $kind:ty),*) -> $result:ty;)*) => {
        $(
            pub(super) fn $name($($argument: $kind),*) -> $result {
                match serving() {
                    Backend::AwsLc => aws_lc::$name($($argument),*),
                    Backend::PureRust => pure::$name($($argument),*),
                }
            }
        )*
    };
}

by_who_serves! {
    verify_hmac(hash: JwsHash, key: &[u8], message: &[u8], tag: &[u8]) -> Result<(), CryptoError>;
    verify_pkcs1(hash: JwsHash, key: RsaNumbers<'_>, message: &[u8], signature: &[u8]) -> Result<(), CryptoError>;
    verify_pss(hash: JwsHash, key: RsaNumbers<'_>, message: &[u8], signature: &[u8]) -> Result<(), CryptoError>;
    is_on_curve(curve: JwsCurve, point: &[u8]) -> bool;
    verify_ecdsa(curve: JwsCurve, point: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError>;
    verify_ed25519(key: &[u8; 32], message: &[u8], signature: &[u8]) -> Result<(), CryptoError>;
}
