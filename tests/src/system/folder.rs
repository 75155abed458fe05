//! A temporary folder with what tests look for in it.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder that goes with its handle.
#[derive(Debug)]
pub struct Folder(TempDir);

impl Folder {
    /// A fresh one.
    ///
    /// # Panics
    /// When there is no room for it.
    pub fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A path in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, with the folders above it.
    ///
    /// # Panics
    /// When that fails.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).expect("folders above the file");
        }
        fs::write(&path, text).expect("writing the file");
        path
    }

    /// Leaves it where it is when this handle ends.
    pub fn keep(&mut self) {
        self.0.disable_cleanup(true);
    }

    /// Every file below that has these bytes in it.
    pub fn files_with(&self, bytes: &[u8]) -> Vec<PathBuf> {
        files_with(self.path(), bytes)
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

/// Every file below `folder` that has these bytes in it.
pub fn files_with(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, bytes));
        } else if fs::read(&path)
            .is_ok_and(|content| content.windows(bytes.len()).any(|window| window == bytes))
        {
            found.push(path);
        }
    }
    found
}
