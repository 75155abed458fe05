//! The protocol's journal as a file, replaced as a whole and synced each time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::chain::chain;
use crate::files::replace_atomically;
use crate::ids::PoolId;
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
    /// A run of another pool may not have ended: only that pool can be told.
    #[error(
        "{path} is the journal of pool {pool}, with a run whose end that pool was not told: start the launcher with its token once more, \
         or move the journal away after looking what its run did", path = .path.display()
    )]
    AnotherPool {
        /// The file.
        path: PathBuf,
        /// The pool.
        pool: PoolId,
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
    pool: PoolId,
    /// Held open for its lock.
    _lock: File,
}

impl FileJournal {
    /// Opens the journal of a folder for a worker of `pool`, and reads what an earlier process left in it. What one of another
    /// pool left says nothing here, since its leases do not compare with these, unless a run of it may not have ended.
    ///
    /// # Errors
    /// [`JournalError`] says what to do.
    pub fn open(folder: &Path, pool: PoolId) -> Result<(Self, Option<JournalRecord>), JournalError> {
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
                let stored: Stored = serde_json::from_slice(&bytes)
                    .map_err(|_| JournalError::Unreadable { path: path.clone() })?;
                match stored.pool.filter(|owner| *owner != pool) {
                    Some(pool) if stored.record.begun.is_some() => {
                        return Err(JournalError::AnotherPool { path, pool });
                    }
                    Some(_) => None,
                    None => Some(stored.record),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(fail(&path)(error)),
        };
        Ok((Self { path, pool, _lock: lock }, record))
    }
}

/// The file: a record, and whose it is.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pool: Option<PoolId>,
    #[serde(flatten)]
    record: JournalRecord,
}

impl Journal for FileJournal {
    fn save(&mut self, record: &JournalRecord) -> Result<(), JournalFailure> {
        let stored = Stored { pool: Some(self.pool), record: record.clone() };
        let bytes = serde_json::to_vec(&stored).map_err(|error| JournalFailure::new(error.to_string()))?;
        replace_atomically(&self.path, &bytes).map_err(|error| JournalFailure::new(chain(&error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{RunId, WorkerId};
    use crate::protocol::{Begun, message::Phase};

    fn pool() -> PoolId {
        PoolId::from_parts(1, 1)
    }

    #[test]
    fn a_second_launcher_in_the_same_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let first = FileJournal::open(folder.path(), pool()).unwrap();
        assert!(matches!(FileJournal::open(folder.path(), pool()), Err(JournalError::Taken { .. })));
        drop(first);
        assert!(FileJournal::open(folder.path(), pool()).is_ok());
    }

    #[test]
    fn rubbish_in_the_journal_is_not_taken_for_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("journal.json"), b"{").unwrap();
        let opened = FileJournal::open(folder.path(), pool());
        assert!(matches!(opened, Err(JournalError::Unreadable { .. })));
    }

    /// A folder in which a worker of the pool left this.
    fn left(begun: Option<Begun>) -> (tempfile::TempDir, JournalRecord) {
        let folder = tempfile::tempdir().unwrap();
        let floor = "1.10000".parse().unwrap();
        let record = JournalRecord { floor, begun, ..JournalRecord::new(WorkerId::from_parts(1, 2)) };
        FileJournal::open(folder.path(), pool()).unwrap().0.save(&record).unwrap();
        (folder, record)
    }

    #[test]
    fn what_a_worker_of_the_same_pool_left_is_read() {
        let (folder, record) = left(None);
        assert_eq!(FileJournal::open(folder.path(), pool()).unwrap().1, Some(record));
    }

    #[test]
    fn a_file_that_names_no_pool_is_taken_for_this_one_s() {
        let (folder, record) = left(None);
        fs::write(folder.path().join("journal.json"), serde_json::to_vec(&record).unwrap()).unwrap();
        assert_eq!(FileJournal::open(folder.path(), pool()).unwrap().1, Some(record));
    }

    #[test]
    fn leases_of_another_pool_say_nothing() {
        let (folder, _) = left(None);
        assert_eq!(FileJournal::open(folder.path(), PoolId::from_parts(1, 3)).unwrap().1, None);
    }

    #[test]
    fn a_run_of_another_pool_that_may_not_have_ended_is_not_forgotten() {
        let lease = "1.10000".parse().unwrap();
        let (folder, record) = left(Some(Begun { run: RunId::from_parts(3, 4), lease, phase: Phase::Apply }));
        let error = FileJournal::open(folder.path(), PoolId::from_parts(1, 3)).unwrap_err();
        assert!(matches!(error, JournalError::AnotherPool { pool: owner, .. } if owner == pool()), "{error}");
        assert_eq!(FileJournal::open(folder.path(), pool()).unwrap().1, Some(record));
    }
}
