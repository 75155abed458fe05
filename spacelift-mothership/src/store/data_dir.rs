//! The data folder: the names of what lies in it, and that one process serves it at a time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// It cannot be made or its permissions cannot be set.
    #[error("cannot make the data folder {}; name another with --data", path.display())]
    Create {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its lock file cannot be opened.
    #[error("cannot open {}", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process serves it.
    #[error("the data folder {} is in use by another mothership; stop that one first", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
}

/// The data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDir(PathBuf);

/// Held by the process that serves a data folder; released when dropped, also by a crash.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

impl DataDir {
    /// Makes the folder and its inner ones where they are missing, for the owner alone (mode 0700).
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, DataDirError> {
        let dir = Self(path.into());
        for folder in [dir.0.clone(), dir.blobs(), dir.ca()] {
            make_private(&folder).map_err(|source| DataDirError::Create { path: folder, source })?;
        }
        Ok(dir)
    }

    /// Names the folder without touching it: for clients, which read two files of it.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Takes the folder for this process.
    ///
    /// # Errors
    /// [`DataDirError::InUse`] when another process has it.
    pub fn lock(&self) -> Result<DataDirLock, DataDirError> {
        let path = self.0.join("lock");
        let opened = File::options().create(true).truncate(false).write(true).open(&path);
        let file = opened.map_err(|source| DataDirError::Lock { path: path.clone(), source })?;
        match file.try_lock() {
            Ok(()) => Ok(DataDirLock { _file: file }),
            Err(fs::TryLockError::WouldBlock) => Err(DataDirError::InUse { path: self.0.clone() }),
            Err(fs::TryLockError::Error(source)) => Err(DataDirError::Lock { path, source }),
        }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.0.join("mothership.db")
    }

    /// The folder of blobs.
    pub fn blobs(&self) -> PathBuf {
        self.0.join("blobs")
    }

    /// The folder of the certificate authority.
    pub fn ca(&self) -> PathBuf {
        self.0.join("ca")
    }

    /// The control plane's RSA key, with which offers are signed (PEM).
    pub fn signing_key(&self) -> PathBuf {
        self.0.join("signing.key")
    }

    /// The key under which secrets in the database are encrypted.
    pub fn secrets_key(&self) -> PathBuf {
        self.0.join("secrets.key")
    }

    /// The bearer token of the admin API.
    pub fn admin_token(&self) -> PathBuf {
        self.0.join("admin.token")
    }

    /// Where the serving process listens.
    pub fn endpoint(&self) -> PathBuf {
        self.0.join("endpoint.json")
    }
}

#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}
