//! The folder of one run on this machine: made empty, private, and removed with everything in it at the end.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::exec::WORKSPACE;
use crate::files::workspace::removal::remove_tree;
use crate::ids::{Lease, RunId};

/// The name of the source in the workspace.
pub(super) const SOURCE: &str = "source";

/// A run's folder. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Place(PathBuf);

impl Place {
    /// Makes the folder, with mode 0700.
    pub(super) fn create(scratch: &Path, run: RunId, lease: Lease) -> io::Result<Self> {
        let path = scratch.join(format!("{run}-{lease}"));
        fs::DirBuilder::new().mode(0o700).recursive(false).create(&path)?;
        let place = Self(path);
        // Whoever sees it, in a container, may look into it and change nothing but what is below.
        fs::DirBuilder::new().mode(0o755).recursive(false).create(place.shared())?;
        Ok(place)
    }

    /// The folder that commands may see: the workspace is all there is in it.
    pub(super) fn shared(&self) -> PathBuf {
        self.0.join("shared")
    }

    /// What is packed, sealed and handed on.
    pub(super) fn workspace(&self) -> PathBuf {
        self.shared().join(WORKSPACE)
    }

    /// The same to be read from, after commands ran in it.
    ///
    /// # Errors
    /// When one of them put something else in its place, which may lead anywhere.
    pub(super) fn workspace_left(&self) -> io::Result<PathBuf> {
        let path = self.workspace();
        match fs::symlink_metadata(&path)?.is_dir() {
            true => Ok(path),
            false => Err(io::Error::other("it is no folder any more")),
        }
    }

    /// Where the source is.
    pub(super) fn source(&self) -> PathBuf {
        self.workspace().join(SOURCE)
    }

    /// A file of the worker's own beside the workspace.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = remove_tree(&self.0) {
            tracing::error!(%error, path = %self.0.display(), "the folder of a run could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::files::workspace::removal::tests::{deepen, passes_with_few_descriptors};

    #[test]
    fn a_place_is_private_and_goes_with_everything_in_it() {
        let scratch = tempfile::tempdir().unwrap();
        let place = Place::create(scratch.path(), RunId::from_parts(1, 1), "1.1".parse().unwrap()).unwrap();
        fs::create_dir_all(place.source().join("locked")).unwrap();
        fs::write(place.source().join("locked/file"), "x").unwrap();
        fs::set_permissions(place.source().join("locked"), fs::Permissions::from_mode(0o500)).unwrap();
        let root = place.0.clone();
        assert_eq!(place.workspace_left().unwrap(), place.workspace());
        fs::rename(place.workspace(), place.file("elsewhere")).unwrap();
        std::os::unix::fs::symlink(place.file("elsewhere"), place.workspace()).unwrap();
        assert_eq!(place.workspace_left().unwrap_err().to_string(), "it is no folder any more");
        assert_eq!(fs::metadata(&root).unwrap().permissions().mode() & 0o777, 0o700);
        drop(place);
        assert!(!root.exists());
    }

    #[test]
    fn a_place_goes_however_deep_its_folders_are() {
        let test = "driver::run::place::tests::a_place_with_deep_folders_goes";
        assert!(passes_with_few_descriptors(test));
    }

    #[test]
    #[ignore = "the test above starts it, where there are few descriptors"]
    fn a_place_with_deep_folders_goes() {
        let scratch = tempfile::tempdir().unwrap();
        let place = Place::create(scratch.path(), RunId::from_parts(1, 1), "1.1".parse().unwrap()).unwrap();
        fs::create_dir_all(place.source()).unwrap();
        deepen(&place.source());
        let root = place.0.clone();
        drop(place);
        assert!(!root.exists());
    }
}
