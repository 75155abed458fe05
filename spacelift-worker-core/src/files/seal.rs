//! Sealing and unsealing from file to file.
//!
//! The target appears whole or not at all: it is written beside its place into a new file that only the owner may read,
//! synced, renamed, and its folder synced. It never holds more than a few chunks in memory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::atomic::temporary_name;
use crate::envelope::{SealError, SealedDigest, Sealer, UnsealError, Unsealer};

const BATCH: usize = 256 * 1024;
/// Room for what a batch becomes: a pending chunk more, its tags, the header.
const OUTPUT: usize = BATCH + 64 * 1024;

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

/// Seals `source` into `target`, which is replaced if it is there. `sealer` gets the length of the plaintext; a source
/// that changes its length meanwhile is an error.
///
/// ```no_run
/// # use spacelift_worker_core::{envelope::{workspace, Context}, files::seal_file, pool::PoolKey};
/// # fn seal(key: &PoolKey, context: &Context) -> Result<(), Box<dyn std::error::Error>> {
/// let sealed = seal_file("workspace.tar.zst".as_ref(), "workspace.sealed".as_ref(), |len| {
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
) -> Result<SealedFile, SealFileError> {
    let failed = |error| SealFileError::Seal { path: source.to_owned(), source: error };
    let mut input = Input::open(source, target)?;
    let mut sealer = sealer(input.len).map_err(failed)?;
    let mut output = Output::create(target)?;
    let mut digest = SealedDigest::new();
    let mut len = 0;
    let mut sealed = Vec::with_capacity(OUTPUT);
    let mut put = |sealed: &mut Vec<u8>| {
        digest.update(sealed);
        len += sealed.len() as u64;
        output.write(sealed)?;
        sealed.clear();
        Ok(())
    };
    while let Some(plain) = input.next()? {
        sealer.update(plain, &mut sealed).map_err(failed)?;
        put(&mut sealed)?;
    }
    sealer.finish(&mut sealed).map_err(failed)?;
    put(&mut sealed)?;
    output.keep()?;
    Ok(SealedFile { len, sha256: digest.finish() })
}

/// Opens the sealed file `source` into `target`, which is replaced if it is there, and gives the plaintext's length.
///
/// # Errors
/// [`SealFileError`]
pub fn unseal_file(source: &Path, target: &Path, mut unsealer: Unsealer<'_>) -> Result<u64, SealFileError> {
    let failed = |error| SealFileError::Unseal { path: source.to_owned(), source: error };
    let mut input = Input::open(source, target)?;
    let mut output = Output::create(target)?;
    let mut len = 0;
    let mut plain = Zeroizing::new(Vec::with_capacity(OUTPUT));
    while let Some(sealed) = input.next()? {
        unsealer.update(sealed, &mut plain).map_err(failed)?;
        output.write(&plain)?;
        len += plain.len() as u64;
        plain.clear();
    }
    unsealer.finish(&mut plain).map_err(failed)?;
    output.write(&plain)?;
    len += plain.len() as u64;
    output.keep()?;
    Ok(len)
}

struct Input<'a> {
    path: &'a Path,
    file: File,
    len: u64,
    batch: Zeroizing<Vec<u8>>,
}

impl<'a> Input<'a> {
    fn open(path: &'a Path, target: &Path) -> Result<Self, SealFileError> {
        let failed = |source| SealFileError::Read { path: path.to_owned(), source };
        // Asked before it is opened: opening a pipe waits for its other end.
        if !fs::metadata(path).map_err(failed)?.is_file() {
            return Err(SealFileError::NotAFile { path: path.to_owned() });
        }
        let file = File::open(path).map_err(failed)?;
        let facts = file.metadata().map_err(failed)?;
        if let Ok(target) = fs::metadata(target)
            && (target.dev(), target.ino()) == (facts.dev(), facts.ino())
        {
            return Err(SealFileError::SameFile { path: path.to_owned() });
        }
        Ok(Self { path, file, len: facts.len(), batch: Zeroizing::new(vec![0; BATCH]) })
    }

    /// The next batch; `None` at the end of the file.
    fn next(&mut self) -> Result<Option<&[u8]>, SealFileError> {
        loop {
            match self.file.read(&mut self.batch) {
                Ok(0) => return Ok(None),
                Ok(len) => return Ok(self.batch.get(..len)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(SealFileError::Read { path: self.path.to_owned(), source }),
            }
        }
    }
}

/// A new file beside the target, removed unless it is kept.
struct Output<'a> {
    target: &'a Path,
    folder: &'a Path,
    temporary: PathBuf,
    file: File,
    kept: bool,
}

impl<'a> Output<'a> {
    fn create(target: &'a Path) -> Result<Self, SealFileError> {
        let failed = |source| SealFileError::Write { path: target.to_owned(), source };
        let name = target.file_name().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        let folder = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let temporary = folder.join(temporary_name(name));
        let file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).map_err(failed)?;
        Ok(Self { target, folder, temporary, file, kept: false })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SealFileError> {
        self.file.write_all(bytes).map_err(|source| self.failed(source))
    }

    fn keep(mut self) -> Result<(), SealFileError> {
        let renamed = self.file.sync_all().and_then(|()| fs::rename(&self.temporary, self.target));
        renamed.map_err(|source| self.failed(source))?;
        self.kept = true;
        // Without this the rename itself may not survive a power cut.
        let synced = File::open(self.folder).and_then(|folder| folder.sync_all());
        synced.map_err(|source| SealFileError::Unsure { path: self.target.to_owned(), source })
    }

    fn failed(&self, source: io::Error) -> SealFileError {
        SealFileError::Write { path: self.target.to_owned(), source }
    }
}

impl Drop for Output<'_> {
    fn drop(&mut self) {
        if !self.kept {
            // Nobody is left to tell; what matters is the error on its way.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::LazyLock;

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

    fn seal(source: &Path, target: &Path) -> Result<SealedFile, SealFileError> {
        seal_file(source, target, |len| workspace::sealer(&POOL, &context(), Some(len)))
    }

    fn unseal(source: &Path, target: &Path) -> Result<u64, SealFileError> {
        unseal_file(source, target, workspace::unsealer(&[&POOL], &context()))
    }

    #[test]
    fn a_file_comes_back_as_it_was_and_only_the_owner_may_read_either_target() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for len in [0, 1, BATCH, 3 * BATCH + 5] {
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
