//! Sealing and unsealing from file to file.
//!
//! The target appears whole or not at all: it is written beside its place into a new file that only the owner may read,
//! synced, renamed, and its folder synced. Chunks are read to where they are sealed or opened and written from there; two
//! threads take turns, so that one reads and transforms while the other writes, and two batches are all that is ever in memory.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::batch::{Batch, Room};
use super::new_file::{KeepError, NewFile};
use super::pump::{Fill, pump};
use crate::envelope::cobblestone::{CHUNK_LEN, TAG_LEN};
use crate::envelope::{MAX_START_LEN, SealError, SealedDigest, Sealer, UnsealError, Unsealer};

/// Why a file was not sealed or unsealed. The target is as it was before, but for [`SealFileError::Unsure`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealFileError {
    /// The source is a folder, a pipe or alike.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The source.
        path: PathBuf,
    },
    /// The source could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The source.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// Source and target are one file.
    #[error("{} cannot be its own target; name another one", path.display())]
    SameFile {
        /// The file.
        path: PathBuf,
    },
    /// Sealing failed.
    #[error("cannot seal {}", path.display())]
    Seal {
        /// The source.
        path: PathBuf,
        /// Why.
        #[source]
        source: SealError,
    },
    /// The source did not open.
    #[error("cannot open the sealed file {}", path.display())]
    Unseal {
        /// The source.
        path: PathBuf,
        /// Why.
        #[source]
        source: UnsealError,
    },
    /// The target is in place, but its folder could not be synced: a power cut may take it away again.
    #[error("{} was written, but its folder could not be synced", path.display())]
    Unsure {
        /// The target.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The target could not be written.
    #[error("cannot write {}: check the folder's permissions and free space", path.display())]
    Write {
        /// The target.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
}

/// A file that was sealed: what a message says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedFile {
    /// Length in bytes.
    pub len: u64,
    /// SHA-256 over all of it.
    pub sha256: [u8; 32],
}

/// Seals `source` into `target`, which is replaced if it is there, and gives the sealed file's length. `sealer` gets the
/// length of the plaintext; a source that changes its length meanwhile is an error.
///
/// ```no_run
/// # use spacelift_worker_core::{envelope::{workspace, Context}, files::seal_file, pool::PoolKey};
/// # fn seal(key: &PoolKey, context: &Context) -> Result<(), Box<dyn std::error::Error>> {
/// let len = seal_file("workspace.tar.zst".as_ref(), "workspace.sealed".as_ref(), |len| {
///     workspace::sealer(key, context, Some(len))
/// })?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`SealFileError`]
pub fn seal_file(
    source: &Path,
    target: &Path,
    sealer: impl FnOnce(u64) -> Result<Sealer, SealError>,
) -> Result<u64, SealFileError> {
    seal(source, target, sealer, None).map(|(len, _)| len)
}

/// As [`seal_file`], with the digest by which messages name the sealed file. The digest costs several times as much as
/// sealing itself.
///
/// # Errors
/// [`SealFileError`]
pub fn seal_file_with_digest(
    source: &Path,
    target: &Path,
    sealer: impl FnOnce(u64) -> Result<Sealer, SealError>,
) -> Result<SealedFile, SealFileError> {
    let (len, digest) = seal(source, target, sealer, Some(SealedDigest::new()))?;
    Ok(SealedFile { len, sha256: digest.unwrap_or_default().finish() })
}

fn seal(
    source: &Path,
    target: &Path,
    sealer: impl FnOnce(u64) -> Result<Sealer, SealError>,
    mut digest: Option<SealedDigest>,
) -> Result<(u64, Option<SealedDigest>), SealFileError> {
    let failed = |error| SealFileError::Seal { path: source.to_owned(), source: error };
    let unread = |error| read_error(source, error);
    let unwritten = |error| write_error(target, error);
    let (input, plain_len) = open_source(source, target)?;
    let (head, chunks) = sealer(plain_len).and_then(Sealer::into_chunks).map_err(failed)?;
    let mut output = NewFile::create(target).map_err(unwritten)?;
    output.file.write_all(&head).map_err(unwritten)?;
    if let Some(digest) = &mut digest {
        digest.update(&head);
    }
    let mut len = head.len() as u64;
    // The last batch takes it.
    let mut chunks = Some(chunks);
    let fill = |batch: &mut Batch<'_>| {
        let end = batch.read_plain(&input).map_err(unread)?;
        if let Some(chunks) = &mut chunks {
            chunks.seal_in_place(batch.full_mut()).map_err(failed)?;
        }
        if end && let Some(chunks) = chunks.take() {
            let last = batch.last_mut(TAG_LEN);
            chunks.finish_in_place(last).map_err(failed)?;
            let last = last.len();
            batch.set_last(last);
        }
        if let Some(digest) = &mut digest {
            digest.update(batch.sealed());
        }
        len += batch.sealed().len() as u64;
        Ok(if end { Fill::End } else { Fill::More })
    };
    let room = Room::to_seal(chunks_of(plain_len), head.len());
    pump(room, fill, |batch| output.file.write_all(batch.sealed()).map_err(unwritten))?;
    keep(output, target)?;
    Ok((len, digest))
}

/// Opens the sealed file `source` into `target`, which is replaced if it is there, and gives the plaintext's length.
///
/// # Errors
/// [`SealFileError`]
pub fn unseal_file(source: &Path, target: &Path, unsealer: Unsealer<'_>) -> Result<u64, SealFileError> {
    let failed = |error| SealFileError::Unseal { path: source.to_owned(), source: error };
    let unread = |error| read_error(source, error);
    let unwritten = |error| write_error(target, error);
    let (mut input, sealed_len) = open_source(source, target)?;
    let mut start = Vec::with_capacity(MAX_START_LEN);
    (&input).take(MAX_START_LEN as u64).read_to_end(&mut start).map_err(unread)?;
    let (chunks, body_at) = unsealer.begin(&start).map_err(failed)?;
    input.seek(SeekFrom::Start(body_at as u64)).map_err(unread)?;
    let output = NewFile::create(target).map_err(unwritten)?;
    let mut len = 0;
    // The last batch takes it.
    let mut chunks = Some(chunks);
    let damaged = |_| failed(UnsealError::Damaged);
    let fill = |batch: &mut Batch<'_>| {
        let end = batch.read_sealed(&input).map_err(unread)?;
        if let Some(chunks) = &mut chunks {
            chunks.open_in_place(batch.full_mut()).map_err(damaged)?;
        }
        if end && let Some(chunks) = chunks.take() {
            let last = chunks.finish_in_place(batch.last_mut(0)).map_err(damaged)?;
            batch.set_last(last);
        }
        len += batch.plain_len() as u64;
        Ok(if end { Fill::End } else { Fill::More })
    };
    let room = Room::to_open(chunks_of(sealed_len), body_at);
    pump(room, fill, |batch| batch.write_plain(&output.file).map_err(unwritten))?;
    keep(output, target)?;
    Ok(len)
}

/// The source and its length, when it is a regular file and not the target.
fn open_source(source: &Path, target: &Path) -> Result<(File, u64), SealFileError> {
    let failed = |error| read_error(source, error);
    // Asked before it is opened: opening a pipe waits for its other end.
    if !fs::metadata(source).map_err(failed)?.is_file() {
        return Err(SealFileError::NotAFile { path: source.to_owned() });
    }
    let file = File::open(source).map_err(failed)?;
    let facts = file.metadata().map_err(failed)?;
    if let Ok(target) = fs::metadata(target)
        && (target.dev(), target.ino()) == (facts.dev(), facts.ino())
    {
        return Err(SealFileError::SameFile { path: source.to_owned() });
    }
    Ok((file, facts.len()))
}

/// Chunks that a file of `len` bytes needs, the end of it among them.
fn chunks_of(len: u64) -> usize {
    usize::try_from(len / CHUNK_LEN as u64 + 1).unwrap_or(usize::MAX)
}

fn keep(output: NewFile<'_>, target: &Path) -> Result<(), SealFileError> {
    output.keep().map_err(|error| match error {
        KeepError::Sync(source) | KeepError::Rename(source) => write_error(target, source),
        KeepError::Unsure(source) => SealFileError::Unsure { path: target.to_owned(), source },
    })
}

fn read_error(path: &Path, source: io::Error) -> SealFileError {
    SealFileError::Read { path: path.to_owned(), source }
}

fn write_error(path: &Path, source: io::Error) -> SealFileError {
    SealFileError::Write { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::LazyLock;

    use super::super::batch::CHUNKS;
    use super::*;
    use crate::envelope::{Context, sealed_len, workspace};
    use crate::pool::PoolKey;

    static POOL: LazyLock<PoolKey> = LazyLock::new(|| PoolKey::generate(2048).unwrap());

    fn context() -> Context {
        Context::new([("purpose", "workspace")]).unwrap()
    }

    fn names_in(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    const BATCH: usize = CHUNKS * CHUNK_LEN;

    fn seal(source: &Path, target: &Path) -> Result<SealedFile, SealFileError> {
        seal_file_with_digest(source, target, |len| workspace::sealer(&POOL, &context(), Some(len)))
    }

    fn unseal(source: &Path, target: &Path) -> Result<u64, SealFileError> {
        unseal_file(source, target, workspace::unsealer(&[&POOL], &context()))
    }

    #[test]
    fn a_file_comes_back_as_it_was_and_only_the_owner_may_read_either_target() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for len in [0, 1, CHUNK_LEN - 1, CHUNK_LEN, BATCH - 1, BATCH, BATCH + 1, 6 * BATCH + 5] {
            let plain: Vec<u8> = (0..len).map(|at| (at % 253) as u8).collect();
            fs::write(at("plain"), &plain).unwrap();
            let sealed = seal(&at("plain"), &at("sealed")).unwrap();
            let bytes = fs::read(at("sealed")).unwrap();
            let mut digest = SealedDigest::new();
            digest.update(&bytes);
            assert_eq!(sealed, SealedFile { len: bytes.len() as u64, sha256: digest.finish() });
            let key = POOL.public_key();
            assert_eq!(sealed.len, sealed_len(&key, &context(), Some(&key), len as u64).unwrap());
            assert_eq!(unseal(&at("sealed"), &at("opened")).unwrap(), len as u64);
            assert!(fs::read(at("opened")).unwrap() == plain);
            for name in ["sealed", "opened"] {
                assert_eq!(fs::metadata(at(name)).unwrap().permissions().mode() & 0o777, 0o600);
            }
        }
        assert_eq!(names_in(folder.path()), ["opened", "plain", "sealed"]);
    }

    #[test]
    fn a_damaged_file_leaves_the_target_as_it_was_and_no_temporary() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("plain"), vec![7; 2 * BATCH]).unwrap();
        seal(&at("plain"), &at("sealed")).unwrap();
        let mut bytes = fs::read(at("sealed")).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(at("sealed"), &bytes).unwrap();
        fs::write(at("opened"), "before").unwrap();
        let error = unseal(&at("sealed"), &at("opened")).unwrap_err();
        assert!(matches!(error, SealFileError::Unseal { source: UnsealError::Damaged, .. }));
        assert_eq!(fs::read(at("opened")).unwrap(), b"before");
        assert_eq!(names_in(folder.path()), ["opened", "plain", "sealed"]);
    }

    #[test]
    fn a_source_that_is_its_own_target_is_refused_by_whatever_name() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "kept").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        for (source, target) in [(&file, &file), (&link, &file), (&file, &link)] {
            assert!(matches!(seal(source, target), Err(SealFileError::SameFile { .. })));
            assert!(matches!(unseal(source, target), Err(SealFileError::SameFile { .. })));
        }
        assert_eq!(fs::read(&file).unwrap(), b"kept");
    }

    #[test]
    fn a_source_of_another_length_than_declared_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, sealed) = (folder.path().join("plain"), folder.path().join("sealed"));
        fs::write(&plain, "12345").unwrap();
        let result = seal_file(&plain, &sealed, |len| {
            fs::write(&plain, "1234").unwrap();
            workspace::sealer(&POOL, &context(), Some(len))
        });
        let expected = SealError::Length { declared: 5, given: 4 };
        assert!(matches!(result, Err(SealFileError::Seal { source, .. }) if source == expected));
        assert_eq!(names_in(folder.path()), ["plain"]);
    }

    #[test]
    fn folders_and_missing_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        assert!(matches!(seal(folder.path(), &target), Err(SealFileError::NotAFile { .. })));
        assert!(matches!(seal(&folder.path().join("absent"), &target), Err(SealFileError::Read { .. })));
        fs::write(folder.path().join("plain"), "x").unwrap();
        let nowhere = folder.path().join("absent").join("target");
        assert!(matches!(seal(&folder.path().join("plain"), &nowhere), Err(SealFileError::Write { .. })));
    }
}
