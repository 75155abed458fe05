//! The bearer token of the admin API: whoever reads the data folder may do everything.

use std::io;
use std::path::{Path, PathBuf};

use spacelift_worker_core::crypto::{CryptoError, constant_time_eq};
use spacelift_worker_core::secret::SecretText;

use crate::fresh;
use crate::store::private_file;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminTokenError {
    /// The file cannot be read or written.
    #[error("cannot use {}; commands must run as the owner of the data folder", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no randomness.
    #[error("the admin token could not be made")]
    Randomness(#[from] CryptoError),
}

/// The bearer token of the admin API.
#[derive(Clone, Debug)]
pub struct AdminToken(SecretText);

impl AdminToken {
    /// Reads the token, or makes a random one where there is no file (mode 0600).
    ///
    /// # Errors
    /// [`AdminTokenError`]
    pub fn load_or_create(path: &Path) -> Result<Self, AdminTokenError> {
        if !path.exists() {
            let random: [u8; 32] = fresh::random()?;
            let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            let text = SecretText::new(text);
            private_file::write_new(path, text.expose().as_bytes())
                .map_err(|source| AdminTokenError::File { path: path.to_owned(), source })?;
        }
        Self::load(path)
    }

    /// Reads the token.
    ///
    /// # Errors
    /// [`AdminTokenError::File`].
    pub fn load(path: &Path) -> Result<Self, AdminTokenError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| AdminTokenError::File { path: path.to_owned(), source })?;
        Ok(Self(SecretText::new(text.trim().to_owned())))
    }

    /// The value of an `Authorization` header.
    pub fn header(&self) -> SecretText {
        SecretText::new(format!("Bearer {}", self.0.expose()))
    }

    /// Whether an `Authorization` header carries this token, in a time that depends on its length alone. An empty token
    /// lets nobody in.
    pub(super) fn admits(&self, header: &[u8]) -> bool {
        !self.0.is_empty() && constant_time_eq(self.header().expose().as_bytes(), header)
    }
}
