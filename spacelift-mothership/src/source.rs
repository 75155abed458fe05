//! A folder of source code as one file: tar compressed with zstd, the same bytes for the same content.
//!
//! Regular files, folders and symbolic links are packed, with the owner's execute bit alone of all metadata; `.git` is left
//! out. Devices, sockets and pipes are refused by name, so that nothing is silently missing.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use spacelift_worker_core::crypto::Sha256;

/// Compression level of zstd: its default, a good trade for source code.
const LEVEL: i32 = 3;

/// Why a folder was not packed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// It is not a folder.
    #[error("{} is not a folder; name the folder that holds the source code", .0.display())]
    NotAFolder(PathBuf),
    /// Something in it cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something in it is no file, folder or link.
    #[error("{} is neither a file nor a folder nor a link; remove it from the source", .0.display())]
    Special(PathBuf),
    /// The packed file cannot be written.
    #[error("the packed source cannot be written to the temporary folder")]
    Write(#[from] io::Error),
}

/// A packed folder, in a temporary file that goes away with it.
#[derive(Debug)]
pub struct PackedSource {
    file: File,
    /// Length in bytes.
    pub len: u64,
    /// SHA-256 in lower-case hex.
    pub sha256: String,
}

impl PackedSource {
    /// The bytes, from the beginning.
    pub fn into_file(self) -> File {
        self.file
    }
}

/// Packs a folder.
///
/// # Errors
/// [`SourceError`] names what could not be packed.
pub fn pack(folder: &Path) -> Result<PackedSource, SourceError> {
    if !folder.is_dir() {
        return Err(SourceError::NotAFolder(folder.to_owned()));
    }
    let file = tempfile::tempfile()?;
    let encoder = zstd::stream::write::Encoder::new(BufWriter::new(file), LEVEL)?;
    let mut archive = tar::Builder::new(encoder);
    pack_folder(&mut archive, folder, Path::new(""))?;
    let mut file = archive.into_inner()?.finish()?.into_inner().map_err(|error| error.into_error())?;
    file.rewind()?;
    let (sha256, len) = digest(&mut file)?;
    file.rewind()?;
    Ok(PackedSource { file, len, sha256 })
}

fn pack_folder<W: Write>(
    archive: &mut tar::Builder<W>,
    root: &Path,
    inner: &Path,
) -> Result<(), SourceError> {
    let folder = root.join(inner);
    let unread = |path: &Path| {
        let path = path.to_owned();
        move |source| SourceError::Read { path, source }
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unread(&folder))? {
        names.push(entry.map_err(unread(&folder))?.file_name());
    }
    names.sort();
    for name in names.into_iter().filter(|name| name != ".git") {
        let (inner, path) = (inner.join(&name), folder.join(&name));
        let about = fs::symlink_metadata(&path).map_err(unread(&path))?;
        let mut header = tar::Header::new_gnu();
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        if about.is_dir() {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o755);
            header.set_size(0);
            archive.append_data(&mut header, &inner, io::empty())?;
            pack_folder(archive, root, &inner)?;
        } else if about.is_symlink() {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_mode(0o777);
            header.set_size(0);
            archive.append_link(&mut header, &inner, fs::read_link(&path).map_err(unread(&path))?)?;
        } else if about.is_file() {
            let file = File::open(&path).map_err(unread(&path))?;
            header.set_entry_type(tar::EntryType::Regular);
            header.set_mode(if is_executable(&about) { 0o755 } else { 0o644 });
            header.set_size(about.len());
            // A file that grows meanwhile must not spoil the archive; one that shrinks is an error below.
            let mut content = BufReader::new(file).take(about.len());
            archive.append_data(&mut header, &inner, &mut content).map_err(unread(&path))?;
            if content.limit() > 0 {
                let source = io::Error::new(io::ErrorKind::UnexpectedEof, "it shrank while it was read");
                return Err(SourceError::Read { path, source });
            }
        } else {
            return Err(SourceError::Special(path));
        }
    }
    Ok(())
}

#[cfg(unix)]
fn is_executable(about: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    about.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_about: &fs::Metadata) -> bool {
    false
}

fn digest(file: &mut File) -> io::Result<(String, u64)> {
    let (mut hash, mut len, mut buffer) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(buffer.get(..read).unwrap_or_default());
        len += u64::try_from(read).unwrap_or(u64::MAX);
    }
    Ok((hash.finish().iter().map(|byte| format!("{byte:02x}")).collect(), len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("b/empty")).unwrap();
        fs::create_dir_all(folder.path().join(".git")).unwrap();
        fs::write(folder.path().join(".git/config"), "secret").unwrap();
        fs::write(folder.path().join("b/main.tf"), "resource").unwrap();
        fs::write(folder.path().join("a.sh"), "#!/bin/sh").unwrap();
        folder
    }

    fn entries(source: PackedSource) -> Vec<(String, u32, String)> {
        let mut archive = tar::Archive::new(zstd::Decoder::new(source.into_file()).unwrap());
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            (name, entry.header().mode().unwrap(), text)
        });
        entries.collect()
    }

    #[test]
    fn a_folder_is_packed_in_order_without_its_history() {
        let folder = folder();
        let packed = pack(folder.path()).unwrap();
        assert_eq!(packed.sha256.len(), 64);
        let found = entries(packed);
        let expected = [
            ("a.sh", 0o644, "#!/bin/sh"),
            ("b", 0o755, ""),
            ("b/empty", 0o755, ""),
            ("b/main.tf", 0o644, "resource"),
        ];
        assert_eq!(found, expected.map(|(name, mode, text)| (name.to_owned(), mode, text.to_owned())));
    }

    #[test]
    fn the_same_content_gives_the_same_bytes() {
        let (one, other) = (folder(), folder());
        assert_eq!(pack(one.path()).unwrap().sha256, pack(other.path()).unwrap().sha256);
        fs::write(other.path().join("a.sh"), "#!/bin/bash").unwrap();
        assert_ne!(pack(one.path()).unwrap().sha256, pack(other.path()).unwrap().sha256);
    }

    #[test]
    fn what_is_no_folder_is_refused_by_name() {
        let error = pack(Path::new("/nowhere")).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere is not a folder"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_links_and_special_files_are_refused() {
        let folder = folder();
        std::os::unix::fs::symlink("a.sh", folder.path().join("link")).unwrap();
        let mut archive =
            tar::Archive::new(zstd::Decoder::new(pack(folder.path()).unwrap().into_file()).unwrap());
        let links = archive
            .entries()
            .unwrap()
            .filter_map(|entry| entry.unwrap().link_name().unwrap().map(|l| l.into_owned()));
        assert_eq!(links.collect::<Vec<_>>(), [Path::new("a.sh")]);
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        assert!(matches!(pack(folder.path()), Err(SourceError::Special(_))));
    }
}
