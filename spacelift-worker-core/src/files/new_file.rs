//! A new file beside the place that it will take, so that a reader, and a machine that lost power, sees the old content
//! or the new, and never a part.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Only its owner may read it (mode 0600). It is removed again unless it is kept.
pub(super) struct NewFile<'a> {
    target: &'a Path,
    folder: &'a Path,
    temporary: PathBuf,
    /// Open for writing.
    pub(super) file: File,
    kept: bool,
}

/// At which step keeping a file failed. Only after the last of them the target has changed.
pub(super) enum KeepError {
    /// The content could not be synced.
    Sync(io::Error),
    /// The file could not be put into its place.
    Rename(io::Error),
    /// It is in its place, but the folder could not be synced: a power cut may bring the old content back.
    Unsure(io::Error),
}

impl<'a> NewFile<'a> {
    /// Creates an empty one for `target`, which must have a name at its end.
    pub(super) fn create(target: &'a Path) -> io::Result<Self> {
        let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let folder = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let temporary = folder.join(temporary_name(name));
        let file = create_new(&temporary)?;
        Ok(Self { target, folder, temporary, file, kept: false })
    }

    /// Syncs it, puts it into its place, and syncs the folder. A symbolic link there is replaced, not followed.
    pub(super) fn keep(mut self) -> Result<(), KeepError> {
        self.file.sync_all().map_err(KeepError::Sync)?;
        fs::rename(&self.temporary, self.target).map_err(KeepError::Rename)?;
        self.kept = true;
        // Without this the rename itself may not survive a power cut.
        File::open(self.folder).and_then(|folder| folder.sync_all()).map_err(KeepError::Unsure)
    }
}

impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        if !self.kept {
            // Nobody is left to tell; what matters is the error on its way.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// A hidden name made from `name`, different at each call and in each process.
pub(super) fn temporary_name(name: &OsStr) -> OsString {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let mut hidden = OsString::from(".");
    hidden.push(name);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    hidden.push(format!(".{}-{call}.tmp", std::process::id()));
    hidden
}

/// Creates `path` for writing, mode 0600. One left by a process that was killed and had our id makes way: it is ours by name.
fn create_new(path: &Path) -> io::Result<File> {
    let open = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match open() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            open()
        }
        other => other,
    }
}
