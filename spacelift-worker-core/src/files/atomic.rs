//! Replacing a small file so that a reader, and a machine that lost power, sees the old content or the new.
//!
//! Never writes into the file that stands there, and never leaves a temporary behind when it fails.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::new_file::{KeepError, NewFile};

/// Why a file could not be replaced. What stood there stands there still, but for [`ReplaceError::Unsure`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceError {
    /// The path has no name at its end, such as `/` or `..`.
    #[error("{} names no file", path.display())]
    NoName {
        /// The path.
        path: PathBuf,
    },
    /// The new content could not be written beside the file, or put into its place.
    #[error("cannot {doing} for {}: check the folder's permissions and free space", path.display())]
    Write {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The new content is in place, but the folder could not be synced: a power cut may bring the old one back.
    #[error("{} was replaced, but its folder could not be synced", path.display())]
    Unsure {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
}

/// Puts `bytes` at `path` in one step: written to a new file of mode 0600 beside it, synced, renamed over it, the
/// folder synced. A symbolic link at `path` is replaced, not followed.
pub fn replace_atomically(path: &Path, bytes: &[u8]) -> Result<(), ReplaceError> {
    if path.file_name().is_none() {
        return Err(ReplaceError::NoName { path: path.to_owned() });
    }
    let failed = |doing| move |source| ReplaceError::Write { doing, path: path.to_owned(), source };
    let mut new = NewFile::create(path).map_err(failed("create a temporary file"))?;
    new.file.write_all(bytes).map_err(failed("write a temporary file"))?;
    new.keep().map_err(|error| match error {
        KeepError::Sync(source) => failed("write a temporary file")(source),
        KeepError::Rename(source) => failed("rename a temporary file")(source),
        KeepError::Unsure(source) => ReplaceError::Unsure { path: path.to_owned(), source },
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn names_in(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn the_new_content_takes_the_place_of_the_old_and_only_the_owner_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        fs::write(&path, "old and longer").unwrap();
        replace_atomically(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names_in(folder.path()), ["journal"]);
    }

    #[test]
    fn a_failure_leaves_the_old_content_and_no_temporary() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), "x").unwrap();
        assert!(matches!(replace_atomically(&path, b"new"), Err(ReplaceError::Write { .. })));
        assert_eq!(names_in(folder.path()), ["journal"]);
        assert_eq!(fs::read(path.join("inside")).unwrap(), b"x");
    }

    #[test]
    fn a_symbolic_link_is_replaced_and_what_it_points_to_is_untouched() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "kept").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        replace_atomically(&link, b"new").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"kept");
        assert!(fs::symlink_metadata(&link).unwrap().is_file());
    }

    #[test]
    fn a_path_without_a_name_is_refused() {
        assert!(matches!(replace_atomically(Path::new("/"), b""), Err(ReplaceError::NoName { .. })));
    }
}
