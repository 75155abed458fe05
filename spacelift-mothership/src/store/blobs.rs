//! Blobs: files that are written once and never overwritten.
//!
//! A blob is written to a temporary file, synced, and then linked under its name; linking fails where the name is
//! taken, so two writers cannot both win. Nothing here knows who may read or write: `http` does.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The name of a blob: path segments of letters, digits, `.`, `_` and `-`, separated by `/`; at most 200 bytes. No segment
/// begins with a dot, so that no name leaves the folder or meets a temporary file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobName(String);

/// A text is no name of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a blob name: letters, digits, '.', '_', '-' and '/', at most 200 bytes")]
pub struct NotABlobName;

impl FromStr for BlobName {
    type Err = NotABlobName;

    fn from_str(text: &str) -> Result<Self, NotABlobName> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let segment = |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(letter);
        let valid = text.len() <= 200 && text.split('/').all(segment);
        if valid { Ok(Self(text.to_owned())) } else { Err(NotABlobName) }
    }
}

impl fmt::Display for BlobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl BlobName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a blob was not written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// There is none of that name.
    #[error("there is no blob {name}")]
    NotFound {
        /// The name.
        name: BlobName,
    },
    /// There is one of that name with other bytes; it stays as it is.
    #[error("blob {name} exists with other bytes and is never overwritten")]
    Exists {
        /// The name.
        name: BlobName,
    },
    /// More bytes came than are allowed.
    #[error("more than {limit} bytes were sent")]
    TooLong {
        /// The limit.
        limit: u64,
    },
    /// The disk failed.
    #[error("the blob folder failed")]
    Disk(#[from] io::Error),
}

/// What a finished write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The blob is new.
    Created,
    /// It was there already, with the same bytes.
    Same,
}

/// The folder of blobs. Clones share it.
#[derive(Clone, Debug)]
pub struct Blobs {
    root: PathBuf,
}

/// A blob that is being written. Dropped before [`PutBlob::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct PutBlob {
    file: File,
    temporary: tempfile::TempPath,
    target: PathBuf,
    name: BlobName,
    written: u64,
    limit: u64,
}

impl Blobs {
    /// Over a folder that exists.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Begins to write a blob of at most `limit` bytes.
    ///
    /// # Errors
    /// The disk failed.
    pub async fn put(&self, name: BlobName, limit: u64) -> Result<PutBlob, BlobError> {
        let target = self.root.join(name.as_str());
        let folder = target.parent().unwrap_or(&self.root).to_owned();
        fs::create_dir_all(&folder).await?;
        let (file, temporary) = tempfile::Builder::new().prefix(".put-").tempfile_in(&folder)?.into_parts();
        Ok(PutBlob { file: File::from_std(file), temporary, target, name, written: 0, limit })
    }

    /// Writes a short blob whole.
    ///
    /// # Errors
    /// As [`PutBlob::finish`].
    pub async fn put_bytes(&self, name: BlobName, bytes: &[u8]) -> Result<Put, BlobError> {
        let mut put = self.put(name, u64::MAX).await?;
        put.write(bytes).await?;
        put.finish().await
    }

    /// Opens a blob; its length comes with it.
    ///
    /// # Errors
    /// [`BlobError::NotFound`].
    pub async fn open(&self, name: &BlobName) -> Result<(File, u64), BlobError> {
        let file = match File::open(self.root.join(name.as_str())).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BlobError::NotFound { name: name.clone() });
            }
            Err(error) => return Err(error.into()),
        };
        let about = file.metadata().await?;
        if about.is_file() {
            Ok((file, about.len()))
        } else {
            Err(BlobError::NotFound { name: name.clone() })
        }
    }

    /// Removes a blob. False when there was none.
    ///
    /// # Errors
    /// The disk failed.
    pub async fn remove(&self, name: &BlobName) -> Result<bool, BlobError> {
        match fs::remove_file(self.root.join(name.as_str())).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl PutBlob {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`BlobError::TooLong`] past the limit.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        let more = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.written = self.written.saturating_add(more);
        if self.written > self.limit {
            return Err(BlobError::TooLong { limit: self.limit });
        }
        Ok(self.file.write_all(bytes).await?)
    }

    /// Puts the blob in its place, durably.
    ///
    /// # Errors
    /// [`BlobError::Exists`] when one with other bytes has that name.
    pub async fn finish(mut self) -> Result<Put, BlobError> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        match fs::hard_link(&self.temporary, &self.target).await {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return if same_bytes(&self.temporary, &self.target).await? {
                    Ok(Put::Same)
                } else {
                    Err(BlobError::Exists { name: self.name })
                };
            }
            Err(error) => return Err(error.into()),
        }
        if let Some(folder) = self.target.parent() {
            File::open(folder).await?.sync_all().await?;
        }
        Ok(Put::Created)
    }
}

/// Compares in pieces, so that memory stays constant.
async fn same_bytes(left: &Path, right: &Path) -> io::Result<bool> {
    const PIECE: u64 = 64 * 1024;
    let (mut left, mut right) = (File::open(left).await?, File::open(right).await?);
    if left.metadata().await?.len() != right.metadata().await?.len() {
        return Ok(false);
    }
    loop {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        (&mut left).take(PIECE).read_to_end(&mut one).await?;
        (&mut right).take(PIECE).read_to_end(&mut other).await?;
        if one != other {
            return Ok(false);
        }
        if one.is_empty() {
            return Ok(true);
        }
    }
}
