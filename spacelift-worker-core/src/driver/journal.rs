//! The protocol's journal as a file, replaced as a whole and synced each time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::chain::chain;
use crate::files::replace_atomically;
use crate::protocol::{Journal, JournalFailure, JournalRecord};

/// Why a journal could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The folder or the file cannot be used.
    #[error("cannot use the journal {path}: give SPACELIFT_WORKER_STATE_DIR a folder of this launcher alone", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// Another launcher uses the same folder.
    #[error("another launcher uses {path}: give each launcher a SPACELIFT_WORKER_STATE_DIR of its own", path = .path.display())]
    Taken {
        /// The lock.
        path: PathBuf,
    },
    /// The file is no journal of this version.
    #[error("{path} is not a journal that this version can read: move it away after looking what its run did", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
}

/// A journal in a folder, locked against a second launcher.
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    /// Held open for its lock.
    _lock: File,
}

impl FileJournal {
    /// Opens the journal of a folder, and reads what an earlier process left in it.
    ///
    /// # Errors
    /// [`JournalError`] says what to do.
    pub fn open(folder: &Path) -> Result<(Self, Option<JournalRecord>), JournalError> {
        let path = folder.join("journal.json");
        let lock_path = folder.join("lock");
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |source| JournalError::Io { path, source }
        };
        fs::create_dir_all(folder).map_err(fail(folder))?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(fail(&lock_path))?;
        lock.try_lock().map_err(|_| JournalError::Taken { path: lock_path })?;
        let record = match fs::read(&path) {
            Ok(bytes) => {
                let record = serde_json::from_slice(&bytes);
                Some(record.map_err(|_| JournalError::Unreadable { path: path.clone() })?)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(fail(&path)(error)),
        };
        Ok((Self { path, _lock: lock }, record))
    }
}

impl Journal for FileJournal {
    fn save(&mut self, record: &JournalRecord) -> Result<(), JournalFailure> {
        let bytes = serde_json::to_vec(record).map_err(|error| JournalFailure::new(error.to_string()))?;
        replace_atomically(&self.path, &bytes).map_err(|error| JournalFailure::new(chain(&error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_launcher_in_the_same_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let first = FileJournal::open(folder.path()).unwrap();
        assert!(matches!(FileJournal::open(folder.path()), Err(JournalError::Taken { .. })));
        drop(first);
        assert!(FileJournal::open(folder.path()).is_ok());
    }

    #[test]
    fn rubbish_in_the_journal_is_not_taken_for_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("journal.json"), b"{").unwrap();
        assert!(matches!(FileJournal::open(folder.path()), Err(JournalError::Unreadable { .. })));
    }
}
