//! Private keys that a passphrase protects: PKCS#8 with PBES2 (RFC 8018).

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::Decode;
use pkcs8::pkcs5::Error;

use super::key::{PoolKeyError, is_traditionally_encrypted, private_from_pem};
use super::pem;
use crate::crypto::{RsaKeyError, RsaPrivateKey};
use crate::secret::{SecretBytes, SecretText};

pub(super) fn from_pem(text: &SecretText, passphrase: &SecretBytes) -> Result<RsaPrivateKey, PoolKeyError> {
    if is_traditionally_encrypted(text) {
        return Err(PoolKeyError::Encryption);
    }
    let (label, der) = pem::first_block(text.expose()).map_err(PoolKeyError::Pem)?;
    if label != "ENCRYPTED PRIVATE KEY" {
        return Err(private_from_pem(text).err().unwrap_or(PoolKeyError::NotEncrypted));
    }
    let protected =
        EncryptedPrivateKeyInfoRef::from_der(der.expose()).map_err(|_| PoolKeyError::Encryption)?;
    let opened =
        protected.encryption_algorithm.decrypt(passphrase.expose(), protected.encrypted_data.as_bytes());
    let key = SecretBytes::new(opened.map_err(|error| match error {
        Error::DecryptFailed => PoolKeyError::Passphrase,
        _ => PoolKeyError::Encryption,
    })?);
    RsaPrivateKey::from_pkcs8_der(key.expose()).map_err(|error| match error {
        // One in 256 wrong passphrases gives a good padding, and then no DER.
        RsaKeyError::Damaged => PoolKeyError::Passphrase,
        error => PoolKeyError::Key(error),
    })
}
