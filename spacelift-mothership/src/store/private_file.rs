//! Files for their owner alone, which appear under their names whole or not at all.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Writes a file for the owner alone (mode 0600), durably and whole, where there is none. False when there is one.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    match temporary(path, bytes)?.persist_noclobber(path) {
        Ok(_) => sync_parent(path).map(|()| true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

/// Writes a file for the owner alone (mode 0600), durably and whole; whoever reads it sees the old one or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    temporary(path, bytes)?.persist(path).map_err(|error| error.error)?;
    sync_parent(path)
}

fn temporary(path: &Path, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder_of(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Whether a file could be written there, found out by making a temporary one.
pub(crate) fn check_folder(path: &Path) -> io::Result<()> {
    tempfile::Builder::new().prefix(".new-").tempfile_in(folder_of(path)).map(drop)
}
