//! The control plane's signing key: with it offers are signed, and workers know them by its public half in their token.

use std::io;
use std::path::{Path, PathBuf};

use spacelift_worker_core::crypto::CryptoError;
use spacelift_worker_core::pool::{ControlKey, PoolKeyError};
use spacelift_worker_core::secret::SecretText;

use crate::store::private_file;

/// Bits of a new key. 3072 give 128 bits of security (NIST SP 800-57, part 1, table 2) and are made in a moment.
const BITS: u32 = 3072;

/// Why there is no signing key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeyError {
    /// The file cannot be read or written.
    #[error("cannot use the signing key {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else, or no key could be made.
    #[error("the signing key {} cannot be used; restore it from a backup", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PoolKeyError,
    },
    /// The key cannot be written down.
    #[error("a signing key could not be made")]
    Crypto(#[from] CryptoError),
}

/// Reads the signing key, or makes one where there is no file (mode 0600). A new key makes every token out of date that
/// names the old one, so it is never replaced.
///
/// # Errors
/// [`SigningKeyError`]
pub fn load_or_create_signing_key(path: &Path) -> Result<ControlKey, SigningKeyError> {
    let file = |source| SigningKeyError::File { path: path.to_owned(), source };
    let key = |source| SigningKeyError::Key { path: path.to_owned(), source };
    if !path.exists() {
        let pem = ControlKey::generate(BITS).map_err(key)?.to_pem()?;
        private_file::write_new(path, pem.expose().as_bytes()).map_err(file)?;
    }
    let pem = SecretText::new(std::fs::read_to_string(path).map_err(file)?);
    ControlKey::from_pem(&pem).map_err(key)
}
