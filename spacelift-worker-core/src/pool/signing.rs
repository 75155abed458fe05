//! What a control plane signs about an offer, and how a worker verifies it.
//!
//! The pool's key never signs an offer, and the control plane's never a workspace: they are different types.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::key::{PoolKeyError, PoolPublicKey, private_from_pem, private_to_pem, public_from};
use crate::crypto::{CryptoError, RsaPrivateKey, sha256};
use crate::secret::SecretText;

/// Goes before the SHA-256 of an offer's sealed bytes when a control plane signs it.
pub const OFFER_SIGNATURE_PREFIX: &[u8] = b"spacelift-worker/offer/v1\n";

/// Why the signature of an offer is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OfferSignatureError {
    /// It is not base64url without padding.
    #[error("the offer's signature is not base64url without padding")]
    Form,
    /// It is not one of these bytes by this key.
    #[error("the offer was not signed by the control plane that the token names")]
    Foreign,
}

/// The key with which a control plane signs its offers. A token carries the public half.
pub struct ControlKey(RsaPrivateKey);

impl ControlKey {
    /// Makes a key of 2048, 3072, 4096 or 8192 bits.
    ///
    /// # Errors
    /// [`PoolKeyError::Key`]
    pub fn generate(bits: u32) -> Result<Self, PoolKeyError> {
        RsaPrivateKey::generate(bits).map(Self).map_err(PoolKeyError::Key)
    }

    /// Reads the first block of a PEM text: PKCS#8 or PKCS#1, unencrypted.
    ///
    /// # Errors
    /// [`PoolKeyError`]
    pub fn from_pem(text: &SecretText) -> Result<Self, PoolKeyError> {
        private_from_pem(text).map(Self)
    }

    /// The key as PKCS#8 in PEM.
    ///
    /// # Errors
    /// [`CryptoError::Backend`] when there is no memory for it.
    pub fn to_pem(&self) -> Result<SecretText, CryptoError> {
        private_to_pem(&self.0)
    }

    /// The public half, which goes into tokens.
    pub fn public_key(&self) -> PoolPublicKey {
        public_from(self.0.public_key().clone())
    }

    /// Signs an offer by the SHA-256 of all its sealed bytes: base64url, without padding, of RSASSA-PSS with SHA-256.
    ///
    /// # Errors
    /// [`CryptoError::Backend`] when there is no memory for it.
    pub fn sign_offer(&self, sealed_sha256: &[u8; 32]) -> Result<String, CryptoError> {
        self.0
            .sign_pss_sha256(&offer_message(sealed_sha256))
            .map(|signature| URL_SAFE_NO_PAD.encode(signature))
    }
}

impl fmt::Debug for ControlKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlKey").field("kid", &self.public_key().kid()).finish_non_exhaustive()
    }
}

/// Verifies what [`ControlKey::sign_offer`] made over `sealed`, before anything of it is opened.
///
/// # Errors
/// [`OfferSignatureError`]
pub fn verify_offer(key: &PoolPublicKey, sealed: &[u8], signature: &str) -> Result<(), OfferSignatureError> {
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| OfferSignatureError::Form)?;
    key.verify(OFFER_SIGNATURE_PREFIX, &sha256(sealed), &signature).map_err(|_| OfferSignatureError::Foreign)
}

fn offer_message(sealed_sha256: &[u8; 32]) -> Vec<u8> {
    [OFFER_SIGNATURE_PREFIX, sealed_sha256].concat()
}
