//! The pool's RSA key: made, read, written, and the requests it signs for a certificate.
//!
//! It never shows its private half and offers no arbitrary signature: purposes live in `signing` and `envelope`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::pem::{self, PemError};
use crate::crypto::{
    self, CertificateError, CertificateFacts, CryptoError, RsaKeyError, RsaPrivateKey, RsaPublicKey,
};
use crate::secret::{SecretBytes, SecretText};

/// Why a private key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolKeyError {
    /// The key is protected by a passphrase.
    #[error(
        "the private key is protected by a passphrase; decrypt it first (openssl pkcs8 -in spacelift.key)"
    )]
    Encrypted,
    /// The key is protected in a way that is not read.
    #[error(
        "how the private key is protected is not supported; protect it anew (openssl pkcs8 -topk8 -v2 aes-256-cbc)"
    )]
    Encryption,
    /// The key itself is not acceptable.
    #[error("the private key is not acceptable")]
    Key(#[source] RsaKeyError),
    /// There is a passphrase for a key that has none.
    #[error("the private key is not protected by a passphrase; leave the passphrase out, or protect the key")]
    NotEncrypted,
    /// The passphrase is another one, or the key is damaged.
    #[error("the passphrase does not open the private key: it is another one, or the key is damaged")]
    Passphrase,
    /// The text around the key is not right.
    #[error("the private key cannot be read")]
    Pem(#[source] PemError),
    /// Something else in PEM.
    #[error(
        "the PEM text's label is {found}, not PRIVATE KEY or RSA PRIVATE KEY; use the pool's private key"
    )]
    WrongLabel {
        /// The label that was found, as far as it is a known one.
        found: &'static str,
    },
}

/// Why a public key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublicKeyError {
    /// The certificate cannot be used.
    #[error("the certificate cannot be used")]
    Certificate(#[source] CertificateError),
    /// The key itself is not acceptable.
    #[error("the public key is not acceptable")]
    Key(#[source] RsaKeyError),
    /// The text around it is not right.
    #[error("the public key or certificate cannot be read")]
    Pem(#[source] PemError),
    /// Something else in PEM.
    #[error("the PEM text's label is {found}, not {expected}")]
    WrongLabel {
        /// The label that was found, as far as it is a known one.
        found: &'static str,
        /// The label that it must have.
        expected: &'static str,
    },
}

/// RFC 5280, appendix A.1: `ub-common-name`, in characters.
const MAX_COMMON_NAME: usize = 64;

/// Why there is no certificate request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrError {
    /// The name has no place in a certificate.
    #[error("the common name must have 1 to 64 characters, none of them a control character")]
    CommonName,
    /// It could not be made.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// The private key that all workers of a pool share: it opens run state and authenticates the worker in TLS.
pub struct PoolKey(RsaPrivateKey);

impl PoolKey {
    /// Makes a key. 4096 bits are what the documentation asks for; 2048, 3072 and 8192 are made, too.
    ///
    /// # Errors
    /// [`PoolKeyError::Key`]
    pub fn generate(bits: u32) -> Result<Self, PoolKeyError> {
        RsaPrivateKey::generate(bits).map(Self).map_err(PoolKeyError::Key)
    }

    /// Reads the first block of a PEM text: PKCS#8 (`PRIVATE KEY`) or PKCS#1 (`RSA PRIVATE KEY`), unencrypted.
    ///
    /// # Errors
    /// [`PoolKeyError`]
    pub fn from_pem(text: &SecretText) -> Result<Self, PoolKeyError> {
        private_from_pem(text).map(Self)
    }

    /// Reads the first block of a PEM text, a PKCS#8 key protected by a passphrase (`ENCRYPTED PRIVATE KEY`; RFC 5958,
    /// section 3, with PBES2 of RFC 8018: PBKDF2 or scrypt, and AES in CBC). How long that takes is chosen by whoever
    /// protected it.
    ///
    /// # Errors
    /// [`PoolKeyError`]
    #[cfg(feature = "encrypted-keys")]
    pub fn from_encrypted_pem(text: &SecretText, passphrase: &SecretBytes) -> Result<Self, PoolKeyError> {
        super::encrypted::from_pem(text, passphrase).map(Self)
    }

    /// Reads DER: PKCS#8 or PKCS#1, unencrypted.
    ///
    /// # Errors
    /// [`PoolKeyError::Key`]
    pub fn from_der(der: &SecretBytes) -> Result<Self, PoolKeyError> {
        RsaPrivateKey::from_der(der.expose()).map(Self).map_err(PoolKeyError::Key)
    }

    /// The key as PKCS#8 in PEM.
    ///
    /// # Errors
    /// [`CryptoError::Backend`] when there is no memory for it.
    pub fn to_pem(&self) -> Result<SecretText, CryptoError> {
        private_to_pem(&self.0)
    }

    /// The key as PKCS#8 in DER, for TLS.
    ///
    /// # Errors
    /// [`CryptoError::Backend`] when there is no memory for it.
    pub fn to_pkcs8_der(&self) -> Result<SecretBytes, CryptoError> {
        self.0.to_pkcs8_der()
    }

    /// The public half.
    pub fn public_key(&self) -> PoolPublicKey {
        PoolPublicKey(self.0.public_key().clone())
    }

    /// A certificate request in PEM with the subject `CN=common_name`, to create a pool with. The certificate's own
    /// subject is the pool's ULID, whatever the request says.
    ///
    /// # Errors
    /// [`CsrError`]
    pub fn csr(&self, common_name: &str) -> Result<String, CsrError> {
        let fits = (1..=MAX_COMMON_NAME).contains(&common_name.chars().count());
        if !fits || common_name.contains(char::is_control) {
            return Err(CsrError::CommonName);
        }
        let der = crypto::certificate_request_der(&self.0, common_name)?;
        Ok(pem::encode("CERTIFICATE REQUEST", &der).to_string())
    }

    /// RSA-OAEP of what was wrapped to this key.
    pub(crate) fn unwrap(&self, wrapped: &[u8]) -> Result<SecretBytes, CryptoError> {
        self.0.decrypt_oaep_sha256(wrapped)
    }

    /// RSASSA-PSS over `prefix` and `message`. The prefix names the purpose; see the module's documentation.
    pub(crate) fn sign(&self, prefix: &'static [u8], message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.0.sign_pss_sha256(&[prefix, message].concat())
    }
}

impl fmt::Debug for PoolKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolKey").field("kid", &self.public_key().kid()).finish_non_exhaustive()
    }
}

/// A public key: of a pool, or of a control plane.
#[derive(Clone, PartialEq, Eq)]
pub struct PoolPublicKey(RsaPublicKey);

impl PoolPublicKey {
    /// Reads the first block of a PEM text, a SubjectPublicKeyInfo (`PUBLIC KEY`).
    ///
    /// # Errors
    /// [`PublicKeyError`]
    pub fn from_pem(text: &str) -> Result<Self, PublicKeyError> {
        let der = labelled(text, "PUBLIC KEY")?;
        RsaPublicKey::from_spki_der(der.expose()).map(Self).map_err(PublicKeyError::Key)
    }

    /// Takes the key out of the first certificate of a PEM text. The certificate's own signature is not looked at.
    ///
    /// # Errors
    /// [`PublicKeyError`]
    pub fn from_certificate_pem(text: &str) -> Result<Self, PublicKeyError> {
        certificate_facts(text).map(|facts| Self(facts.public_key))
    }

    /// The key as a SubjectPublicKeyInfo in PEM.
    pub fn to_pem(&self) -> String {
        pem::encode("PUBLIC KEY", &self.0.to_spki_der()).to_string()
    }

    /// Names the key: base64url, without padding, of SHA-256 over its SubjectPublicKeyInfo in DER; 43 characters.
    pub fn kid(&self) -> String {
        URL_SAFE_NO_PAD.encode(crypto::sha256(&self.0.to_spki_der()))
    }

    /// Length of the modulus in bytes, and so of each signature and wrapped key.
    pub fn modulus_len(&self) -> usize {
        self.0.modulus_len()
    }

    /// RSA-OAEP to this key.
    pub(crate) fn wrap(&self, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.0.encrypt_oaep_sha256(plain)
    }

    /// Verifies RSASSA-PSS over `prefix` and `message`.
    pub(crate) fn verify(
        &self,
        prefix: &'static [u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        self.0.verify_pss_sha256(&[prefix, message].concat(), signature)
    }
}

impl fmt::Debug for PoolPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolPublicKey").field("kid", &self.kid()).finish_non_exhaustive()
    }
}

pub(super) fn private_from_pem(text: &SecretText) -> Result<RsaPrivateKey, PoolKeyError> {
    if is_traditionally_encrypted(text) {
        return Err(PoolKeyError::Encrypted);
    }
    let (label, der) = pem::first_block(text.expose()).map_err(PoolKeyError::Pem)?;
    match label {
        "PRIVATE KEY" => RsaPrivateKey::from_pkcs8_der(der.expose()).map_err(PoolKeyError::Key),
        "RSA PRIVATE KEY" => RsaPrivateKey::from_pkcs1_der(der.expose()).map_err(PoolKeyError::Key),
        "ENCRYPTED PRIVATE KEY" => Err(PoolKeyError::Encrypted),
        other => Err(PoolKeyError::WrongLabel { found: known(other) }),
    }
}

/// Traditional writers keep the label and put the passphrase's parameters into headers (RFC 1421, 4.6.1.1).
pub(super) fn is_traditionally_encrypted(text: &SecretText) -> bool {
    text.expose().contains("Proc-Type: 4,ENCRYPTED")
}

pub(super) fn private_to_pem(key: &RsaPrivateKey) -> Result<SecretText, CryptoError> {
    let der = key.to_pkcs8_der()?;
    let mut text = pem::encode("PRIVATE KEY", der.expose());
    Ok(SecretText::new(std::mem::take(&mut *text)))
}

pub(super) fn certificate_facts(text: &str) -> Result<CertificateFacts, PublicKeyError> {
    let der = labelled(text, "CERTIFICATE")?;
    CertificateFacts::from_der(der.expose()).map_err(PublicKeyError::Certificate)
}

pub(super) fn public_from(key: RsaPublicKey) -> PoolPublicKey {
    PoolPublicKey(key)
}

fn labelled(text: &str, expected: &'static str) -> Result<SecretBytes, PublicKeyError> {
    let (label, der) = pem::first_block(text).map_err(PublicKeyError::Pem)?;
    if label == expected {
        Ok(der)
    } else {
        Err(PublicKeyError::WrongLabel { found: known(label), expected })
    }
}

/// The label as a constant: what a text claims to be never enters an error unchecked.
fn known(label: &str) -> &'static str {
    const LABELS: [&str; 7] = [
        "CERTIFICATE",
        "CERTIFICATE REQUEST",
        "EC PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "PRIVATE KEY",
        "PUBLIC KEY",
        "RSA PRIVATE KEY",
    ];
    LABELS.into_iter().find(|known| *known == label).unwrap_or("unknown")
}
