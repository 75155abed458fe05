//! The folder of one run on this machine: made empty, private, and removed with everything in it at the end.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::ids::{Lease, RunId};

/// A run's folder. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Place(PathBuf);

impl Place {
    /// Makes the folder, with mode 0700.
    pub(super) fn create(scratch: &Path, run: RunId, lease: Lease) -> io::Result<Self> {
        let path = scratch.join(format!("{run}-{lease}"));
        fs::DirBuilder::new().mode(0o700).recursive(false).create(&path)?;
        Ok(Self(path))
    }

    /// What is packed, sealed and handed on.
    pub(super) fn workspace(&self) -> PathBuf {
        self.0.join("workspace")
    }

    /// Where the source is.
    pub(super) fn source(&self) -> PathBuf {
        self.workspace().join("source")
    }

    /// A file of the worker's own beside the workspace.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            tracing::error!(%error, path = %self.0.display(), "the folder of a run could not be removed");
        }
    }
}

/// Removes a folder with everything in it, folders without write permission included.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            make_writable(path)?;
            fs::remove_dir_all(path)
        }
        result => result,
    }
}

fn make_writable(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_writable(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_private_and_goes_with_everything_in_it() {
        let scratch = tempfile::tempdir().unwrap();
        let place = Place::create(scratch.path(), RunId::from_parts(1, 1), "1.1".parse().unwrap()).unwrap();
        fs::create_dir_all(place.source().join("locked")).unwrap();
        fs::write(place.source().join("locked/file"), "x").unwrap();
        fs::set_permissions(place.source().join("locked"), fs::Permissions::from_mode(0o500)).unwrap();
        let root = place.0.clone();
        assert_eq!(fs::metadata(&root).unwrap().permissions().mode() & 0o777, 0o700);
        drop(place);
        assert!(!root.exists());
    }
}
