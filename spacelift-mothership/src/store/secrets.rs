//! Secrets at rest: environment values are encrypted in the database, under a key that lies in a file beside it.
//!
//! ```text
//! sealed = 0x01, salt (32 random bytes), AES-256-GCM ciphertext, tag
//! key, nonce = HKDF-Expand-SHA-512(secrets.key, "mothership/secrets/v1" 0x00 salt place)
//! ```
//! Each value has its own key, bound to its place, so a value that is copied to another stack or variable does not open.
//! Whoever reads the data folder whole reads the secrets: this protects a copied or leaked database file.

use std::io;
use std::path::{Path, PathBuf};

use spacelift_worker_core::crypto::{Aes256Gcm, CryptoError, fill_random, hkdf_expand_sha512};
use spacelift_worker_core::secret::{SecretBytes, SecretText};

use super::private_file::write_new;

const FORM: u8 = 1;
const SALT_LEN: usize = 32;
const INFO: &[u8] = b"mothership/secrets/v1\0";

/// Why a secret was not written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretsKeyError {
    /// The key file cannot be read or made.
    #[error("cannot use the key file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key file does not hold a key.
    #[error("the key file {} must hold 32 bytes; restore it from a backup", path.display())]
    Length {
        /// The file.
        path: PathBuf,
    },
    /// The value was sealed with another key or for another place, or is damaged.
    #[error("a secret in the database does not open with secrets.key; restore both from the same backup")]
    Open,
    /// The cryptography library or the operating system's randomness failed.
    #[error("a secret could not be encrypted")]
    Crypto(#[from] CryptoError),
}

/// The key under which secrets in the database are encrypted.
pub struct SecretsKey([u8; 32]);

impl std::fmt::Debug for SecretsKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretsKey").finish_non_exhaustive()
    }
}

impl SecretsKey {
    /// Reads the key, or makes one where there is no file (mode 0600).
    ///
    /// # Errors
    /// The file cannot be read or made, or holds something else.
    pub fn load_or_create(path: &Path) -> Result<Self, SecretsKeyError> {
        let failed = |source| SecretsKeyError::File { path: path.to_owned(), source };
        if !path.exists() {
            let mut key = [0; 32];
            fill_random(&mut key)?;
            write_new(path, &key).map_err(failed)?;
        }
        let bytes = std::fs::read(path).map_err(failed)?;
        let key = bytes.try_into().map_err(|_| SecretsKeyError::Length { path: path.to_owned() })?;
        Ok(Self(key))
    }

    /// Encrypts a text for one place.
    ///
    /// # Errors
    /// [`SecretsKeyError::Crypto`].
    pub fn seal(&self, place: &str, text: &str) -> Result<Vec<u8>, SecretsKeyError> {
        let mut salt = [0; SALT_LEN];
        fill_random(&mut salt)?;
        let (cipher, nonce) = self.cipher(&salt, place)?;
        let mut body = text.as_bytes().to_vec();
        let tag = cipher.seal_in_place(&nonce, &mut body)?;
        Ok([&[FORM], salt.as_slice(), &body, &tag].concat())
    }

    /// Decrypts what was sealed for that place.
    ///
    /// # Errors
    /// [`SecretsKeyError::Open`], whatever the reason.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<SecretText, SecretsKeyError> {
        let (&form, rest) = sealed.split_first().ok_or(SecretsKeyError::Open)?;
        let (salt, body) = rest.split_first_chunk::<SALT_LEN>().ok_or(SecretsKeyError::Open)?;
        if form != FORM {
            return Err(SecretsKeyError::Open);
        }
        let (cipher, nonce) = self.cipher(salt, place)?;
        let mut body = body.to_vec();
        let len = cipher.open_in_place(&nonce, &mut body).map_err(|_| SecretsKeyError::Open)?;
        body.truncate(len);
        String::from_utf8(body).map(SecretText::new).map_err(|_| SecretsKeyError::Open)
    }

    /// A key for another purpose, which neither tells this one nor another purpose's.
    ///
    /// # Errors
    /// [`SecretsKeyError::Crypto`].
    pub fn derive(&self, purpose: &str) -> Result<SecretBytes, SecretsKeyError> {
        let mut derived = vec![0; 32];
        hkdf_expand_sha512(&self.0, &[b"mothership/derived/v1\0", purpose.as_bytes()], &mut derived)?;
        Ok(SecretBytes::new(derived))
    }

    fn cipher(&self, salt: &[u8; SALT_LEN], place: &str) -> Result<(Aes256Gcm, [u8; 12]), SecretsKeyError> {
        let mut derived = [0; 44];
        hkdf_expand_sha512(&self.0, &[INFO, salt, place.as_bytes()], &mut derived)?;
        let (mut key, mut nonce) = ([0; 32], [0; 12]);
        key.copy_from_slice(&derived[..32]);
        nonce.copy_from_slice(&derived[32..]);
        Ok((Aes256Gcm::new(&key)?, nonce))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_in_its_place_alone_and_whole_alone() {
        let key = SecretsKey([7; 32]);
        let sealed = key.seal("stack_environment/a/TOKEN", "hunter2").unwrap();
        assert_eq!(key.open("stack_environment/a/TOKEN", &sealed).unwrap(), SecretText::from("hunter2"));
        assert!(key.open("stack_environment/b/TOKEN", &sealed).is_err());
        assert!(SecretsKey([8; 32]).open("stack_environment/a/TOKEN", &sealed).is_err());
        for cut in 0..sealed.len() {
            assert!(key.open("stack_environment/a/TOKEN", &sealed[..cut]).is_err(), "{cut}");
        }
        assert_ne!(sealed, key.seal("stack_environment/a/TOKEN", "hunter2").unwrap());
    }

    #[test]
    fn the_key_stays_the_same_and_is_for_the_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.key");
        let sealed = SecretsKey::load_or_create(&path).unwrap().seal("p", "x").unwrap();
        assert_eq!(SecretsKey::load_or_create(&path).unwrap().open("p", &sealed).unwrap().expose(), "x");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(format!("{:?}", SecretsKey([0; 32])), "SecretsKey { .. }");
    }
}
