//! `endpoint.json`: where a serving process listens, so that commands on the same machine find it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::store::{DataDir, private_file};

/// Why the server is not found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// There is no such file.
    #[error("no mothership has served {} yet; start one with: mothership serve --data {}", .0.display(), .0.display())]
    Missing(PathBuf),
    /// The file cannot be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{} is damaged; start the mothership again", .0.display())]
    Damaged(PathBuf),
}

/// Where a serving process listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// HTTPS, without a path: `https://127.0.0.1:8443`.
    pub url: String,
    /// Where HTTPS listens on this machine, whatever the name in the URL resolves to here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// The broker's address as it stands in tokens.
    pub broker: String,
    /// The serving process.
    pub pid: u32,
}

impl Endpoint {
    /// Writes the file, after everything listens.
    ///
    /// # Errors
    /// [`EndpointError::File`].
    pub fn write(&self, dir: &DataDir) -> Result<(), EndpointError> {
        let path = dir.endpoint();
        let text = serde_json::to_vec_pretty(self).map_err(|_| EndpointError::Damaged(path.clone()))?;
        private_file::replace(&path, &text).map_err(|source| EndpointError::File { path, source })
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`EndpointError::Missing`] when nobody has served the folder.
    pub fn read(dir: &DataDir) -> Result<Self, EndpointError> {
        let path = dir.endpoint();
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|_| EndpointError::Damaged(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(EndpointError::Missing(dir.path().to_owned()))
            }
            Err(source) => Err(EndpointError::File { path, source }),
        }
    }
}
