//! Unpacking an archive that may be hostile, into a fresh folder that takes its place only when all of it was sound.
//!
//! Leaves nothing behind when it refuses, and reads no more than its limits, whatever the archive claims.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use zstd::stream::read::Decoder;

use super::removal::remove_tree;
use super::tree::{Tree, open_root};
use crate::files::new_file::temporary_name;

/// Base-two logarithm of the largest window that is decompressed with: 8 MiB of memory, which RFC 8878 (3.1.1.1.2) asks
/// every decoder to support and every encoder to keep to.
const WINDOW_LOG: u32 = 23;

/// How much an archive may unpack to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries of the archive, folders that it only implies included. Default 1,000,000: an inode each.
    pub entries: u64,
    /// Bytes of the archive when decompressed, headers included. Default 64 GiB.
    pub bytes: u64,
    /// Bytes of memory for the paths of folders and links, which are kept until the last entry was read. Default 64 MiB,
    /// which is half a million of usual ones.
    pub names: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 1_000_000, bytes: 64 << 30, names: 64 << 20 }
    }
}

/// What was unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unpacked {
    /// Folders, files and links made.
    pub entries: u64,
    /// Bytes of file content.
    pub bytes: u64,
}

/// Why an entry is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The path begins with `/`.
    #[error("an absolute path")]
    AbsolutePath,
    /// Something that is no file says that content follows it.
    #[error("content behind something that is no file")]
    Content,
    /// A device, a named pipe, or a kind that is not known.
    #[error("neither a folder nor a regular file nor a link")]
    Kind,
    /// A hard link to something that is no regular file of the same archive, or that comes later.
    #[error("a hard link to something other than an earlier file of the archive")]
    HardLink,
    /// A symbolic link that leads out of the folder, alone or by way of others.
    #[error("a symbolic link that leads out of the workspace")]
    LinkLeaves,
    /// A folder on the way to it is a link or a file of the archive, or a folder stands where it should be.
    #[error("a folder and something else at the same place, or a path through a link")]
    NotAFolder,
    /// The path or the text of a link has no name in it or holds a NUL, or what is no folder ends in `/`.
    #[error("a path that names nothing")]
    NoName,
    /// A part of the path is `..`.
    #[error("a path with `..` in it")]
    ParentPath,
    /// The set-user-id or set-group-id bit is set.
    #[error("a set-user-id or set-group-id bit")]
    SetId,
    /// The path, a name in it or the text of the link is longer than it may be, or the path is deeper than 256 folders.
    #[error("a path that is too long or too deep")]
    TooLong,
}

/// Why an archive was not unpacked. Nothing of it is on disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// The bytes are no archive, are damaged, or could not be read.
    #[error("the archive is damaged, or could not be read to its end")]
    Archive(#[source] io::Error),
    /// The archive ends early.
    #[error("the archive is cut short")]
    Cut,
    /// An entry is not accepted.
    #[error("the archive was refused because of {path:?}: {why}")]
    Refused {
        /// The entry's path as the archive has it, with escapes for what is not printable ASCII.
        path: String,
        /// What is wrong with it.
        why: Refusal,
    },
    /// There are so many links through links that working out where they lead was given up.
    #[error("the archive has too many symbolic links that lead through each other")]
    Tangled,
    /// The target could not be prepared, or exists and is no empty folder.
    #[error("cannot put an unpacked archive at {}: it must not exist, or be an empty folder", path.display())]
    Target {
        /// The target.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// More bytes than the limit.
    #[error("the archive unpacks to more than {limit} bytes")]
    TooManyBytes {
        /// The limit.
        limit: u64,
    },
    /// More entries than the limit.
    #[error("the archive has more than {limit} entries")]
    TooManyEntries {
        /// The limit.
        limit: u64,
    },
    /// The paths of folders and links take more memory than the limit.
    #[error("the names of folders and links in the archive take more than {limit} bytes")]
    TooManyNames {
        /// The limit.
        limit: u64,
    },
    /// The disk did not take it.
    #[error("cannot write {path:?} while unpacking: check free space and permissions")]
    Write {
        /// The entry's path, as in [`UnpackError::Refused`].
        path: String,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
}

/// Unpacks an archive that [`pack`](super::pack()), or another tar with zstd, made, so that `target` is what was packed.
///
/// `target` must not exist or be an empty folder; its parent must exist. The folder itself gets mode 0700, and
/// everything in it belongs to this process. It appears by one rename, after the last byte was read and verified.
pub fn unpack(from: impl Read, target: &Path, limits: &Limits) -> Result<Unpacked, UnpackError> {
    let at_target = |source| UnpackError::Target { path: target.to_owned(), source };
    let name = target.file_name().ok_or_else(|| at_target(io::ErrorKind::InvalidInput.into()))?;
    let staging = Staging::create(target.with_file_name(temporary_name(name))).map_err(at_target)?;
    let root = open_root(&staging.path).map_err(at_target)?;

    let mut zstd = Decoder::new(from).map_err(UnpackError::Archive)?;
    zstd.window_log_max(WINDOW_LOG).map_err(UnpackError::Archive)?;
    let mut plain = Plain { inner: zstd, left: limits.bytes, over: false, ended: false };
    let mut tree = Tree::new(root, *limits);
    let read = tree.read(&mut plain);
    if plain.over {
        return Err(UnpackError::TooManyBytes { limit: limits.bytes });
    }
    read?;
    tree.finish()?;
    fs::rename(&staging.path, target).map_err(at_target)?;
    staging.published();
    Ok(tree.done)
}

/// The folder beside the target, removed unless it was published.
struct Staging {
    path: PathBuf,
    published: bool,
}

impl Staging {
    fn create(path: PathBuf) -> io::Result<Self> {
        let create = || fs::DirBuilder::new().mode(0o700).create(&path);
        match create() {
            // Left by a process that was killed and had our id: it is ours by name.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                remove_tree(&path)?;
                create()?;
            }
            other => other?,
        }
        Ok(Self { path, published: false })
    }

    fn published(mut self) {
        self.published = true;
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.published {
            // Nobody is left to tell; what matters is the error on its way.
            let _ = remove_tree(&self.path);
        }
    }
}

/// The decompressed archive, counted.
pub(super) struct Plain<R> {
    inner: R,
    left: u64,
    over: bool,
    /// Whether a read found the end.
    pub(super) ended: bool,
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.ended |= read == 0 && !buffer.is_empty();
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => {
                self.over = true;
                return Err(io::Error::other("over the limit"));
            }
        }
        Ok(read)
    }
}
