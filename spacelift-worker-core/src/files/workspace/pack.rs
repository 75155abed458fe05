//! Packing a folder: looked through first, decided, then written in one fixed order.
//!
//! Never follows a symbolic link and never opens anything but folders and regular files.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tar::{Builder, EntryType, Header};
use zstd::stream::write::Encoder;

use super::links::Links;
use super::tree::MAX_DEPTH;

/// The level that zstd itself takes for its default.
const ZSTD_LEVEL: i32 = 3;

/// What was packed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packed {
    /// Folders, files and links in the archive.
    pub entries: u64,
    /// Bytes of file content, before compression.
    pub bytes: u64,
    /// What was left out or changed, in the order of the archive. A person should be told.
    pub skipped: Vec<Skipped>,
}

/// Something that an archive does not hold as the folder does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// Path below the folder.
    pub path: PathBuf,
    /// Why.
    pub reason: SkipReason,
}

/// Why something was left out or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SkipReason {
    /// A block or character device.
    #[error("a device was left out")]
    Device,
    /// A named pipe.
    #[error("a named pipe was left out")]
    Fifo,
    /// A symbolic link that leads out of the folder; unpacking would refuse it.
    #[error("a link that leads out of the workspace was left out")]
    LinkLeaves,
    /// The file or folder is in the archive without its set-user-id and set-group-id bits.
    #[error("the set-user-id and set-group-id bits were left out")]
    SetId,
    /// A socket.
    #[error("a socket was left out")]
    Socket,
}

impl SkipReason {
    /// For what is neither a folder nor a regular file nor a link.
    pub(super) fn of(kind: FileType) -> Self {
        if kind.is_socket() {
            Self::Socket
        } else if kind.is_fifo() {
            Self::Fifo
        } else {
            Self::Device
        }
    }
}

/// Why a folder could not be packed. What was written so far is no archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// A file's length changed while it was read.
    #[error("{} changed while the workspace was packed: something still writes to it", path.display())]
    Changed {
        /// Path below the folder.
        path: PathBuf,
    },
    /// The folder or something in it could not be read.
    #[error("cannot read {} to pack the workspace", path.display())]
    Read {
        /// Path on disk.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// There are so many links through links that working out where they lead was given up.
    #[error("the workspace has too many symbolic links that lead through each other")]
    Tangled,
    /// Folders stand deeper within each other than unpacking takes.
    #[error("{} lies deeper than {MAX_DEPTH} folders: the next phase could not unpack it", path.display())]
    TooDeep {
        /// Path below the folder.
        path: PathBuf,
    },
    /// The archive could not be written.
    #[error("cannot write the packed workspace")]
    Write(#[source] io::Error),
}

/// Packs everything below `folder` into `to`: the same tree gives the same bytes, wherever it lies.
///
/// Kept are names, content, permission bits, modification times to the nanosecond, symbolic links and hard links
/// between packed files. The folder itself is no entry. `to` is flushed, not synced.
pub fn pack(folder: &Path, to: impl Write) -> Result<Packed, PackError> {
    let mut tree = Tree { root: folder.to_owned(), ..Tree::default() };
    tree.walk(Path::new(""))?;
    tree.leave_out_links_that_leave()?;

    let mut zstd = Encoder::new(to, ZSTD_LEVEL).map_err(PackError::Write)?;
    zstd.include_checksum(true).map_err(PackError::Write)?;
    let mut writer = Writer { builder: Builder::new(zstd), root: folder, bytes: 0 };
    for entry in &tree.entries {
        writer.entry(entry)?;
    }
    let bytes = writer.bytes;
    let finished = writer.builder.into_inner().and_then(Encoder::finish);
    finished.and_then(|mut to| to.flush()).map_err(PackError::Write)?;
    Ok(Packed { entries: tree.entries.len() as u64, bytes, skipped: tree.skipped })
}

/// One thing to write.
struct Entry {
    path: PathBuf,
    mode: u32,
    mtime: (u64, u32),
    content: Content,
}

enum Content {
    Folder,
    File { len: u64 },
    HardLink { to: PathBuf },
    SymbolicLink { text: Vec<u8> },
}

/// What a folder holds, looked through but not yet read.
#[derive(Default)]
struct Tree {
    root: PathBuf,
    entries: Vec<Entry>,
    skipped: Vec<Skipped>,
    links: Links,
    /// The first path of each file that has several, by device and inode.
    several: HashMap<(u64, u64), PathBuf>,
}

impl Tree {
    /// Adds what is below `below`, names in the order of their bytes, each folder before its content.
    fn walk(&mut self, below: &Path) -> Result<(), PackError> {
        // A stack of our own: a run may nest folders deeper than a thread's stack is.
        let mut ahead = self.children(below)?;
        while let Some(path) = ahead.pop() {
            if path.components().count() > MAX_DEPTH {
                return Err(PackError::TooDeep { path });
            }
            let full = self.root.join(&path);
            let metadata = fs::symlink_metadata(&full).map_err(|source| read_error(&full, source))?;
            let kind = metadata.file_type();
            if kind.is_dir() {
                let children = self.children(&path)?;
                self.add(path, &metadata, Content::Folder);
                ahead.extend(children);
            } else if kind.is_file() {
                self.add_file(path, &metadata);
            } else if kind.is_symlink() {
                let text = fs::read_link(&full).map_err(|source| read_error(&full, source))?;
                let text = text.into_os_string().into_vec();
                self.links.insert(path.as_os_str().as_bytes().to_vec(), text.clone());
                self.add(path, &metadata, Content::SymbolicLink { text });
            } else {
                self.skipped.push(Skipped { path, reason: SkipReason::of(kind) });
            }
        }
        Ok(())
    }

    /// The paths in one folder, the last by the order of bytes first.
    fn children(&self, below: &Path) -> Result<Vec<PathBuf>, PackError> {
        let full = self.root.join(below);
        let names = fs::read_dir(&full).and_then(|listing| {
            listing
                .map(|entry| entry.map(|entry| below.join(entry.file_name())))
                .collect::<io::Result<Vec<_>>>()
        });
        let mut paths = names.map_err(|source| read_error(&full, source))?;
        paths.sort_unstable_by(|a, b| b.as_os_str().cmp(a.as_os_str()));
        Ok(paths)
    }

    fn add_file(&mut self, path: PathBuf, metadata: &Metadata) {
        let mut content = Content::File { len: metadata.len() };
        if metadata.nlink() > 1 {
            match self.several.get(&(metadata.dev(), metadata.ino())) {
                Some(first) => content = Content::HardLink { to: first.clone() },
                None => {
                    self.several.insert((metadata.dev(), metadata.ino()), path.clone());
                }
            }
        }
        self.add(path, metadata, content);
    }

    fn add(&mut self, path: PathBuf, metadata: &Metadata, content: Content) {
        // Unpacking refuses these bits; a folder often has one without anybody's intent, inherited from its parent.
        let settable = matches!(content, Content::Folder | Content::File { .. });
        if settable && metadata.mode() & 0o6000 != 0 {
            self.skipped.push(Skipped { path: path.clone(), reason: SkipReason::SetId });
        }
        let seconds = u64::try_from(metadata.mtime()).unwrap_or(0);
        let nanos = u32::try_from(metadata.mtime_nsec()).unwrap_or(0);
        self.entries.push(Entry { path, mode: metadata.mode() & 0o1777, mtime: (seconds, nanos), content });
    }

    fn leave_out_links_that_leave(&mut self) -> Result<(), PackError> {
        let leaving = self.links.leaving().map_err(|_| PackError::Tangled)?;
        let leaving: HashSet<&Path> =
            leaving.into_iter().map(|path| Path::new(OsStr::from_bytes(path))).collect();
        self.entries.retain(|entry| !leaving.contains(entry.path.as_path()));
        let mut paths: Vec<PathBuf> = leaving.into_iter().map(Path::to_owned).collect();
        paths.sort_unstable();
        self.skipped.extend(paths.into_iter().map(|path| Skipped { path, reason: SkipReason::LinkLeaves }));
        Ok(())
    }
}

struct Writer<'a, W: Write> {
    builder: Builder<Encoder<'a, W>>,
    root: &'a Path,
    bytes: u64,
}

impl<W: Write> Writer<'_, W> {
    fn entry(&mut self, entry: &Entry) -> Result<(), PackError> {
        let mut name = entry.path.as_os_str().as_bytes().to_vec();
        let mut header = Header::new_gnu();
        header.set_mode(entry.mode);
        header.set_mtime(entry.mtime.0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        let mut link: &[u8] = &[];
        match &entry.content {
            Content::Folder => {
                header.set_entry_type(EntryType::Directory);
                name.push(b'/');
            }
            Content::File { len } => {
                header.set_entry_type(EntryType::Regular);
                header.set_size(*len);
            }
            Content::HardLink { to } => {
                header.set_entry_type(EntryType::Link);
                link = to.as_os_str().as_bytes();
            }
            Content::SymbolicLink { text } => {
                header.set_entry_type(EntryType::Symlink);
                link = text;
            }
        }
        if entry.mtime.1 != 0 {
            let precise = format!("{}.{:09}", entry.mtime.0, entry.mtime.1);
            let records = [("mtime", precise.as_bytes())];
            self.builder.append_pax_extensions(records).map_err(PackError::Write)?;
        }
        if let Some(gnu) = header.as_gnu_mut() {
            let fits = (put(&mut gnu.name, &name), put(&mut gnu.linkname, link));
            if !fits.0 {
                self.long(EntryType::GNULongName, &name)?;
            }
            if !fits.1 {
                self.long(EntryType::GNULongLink, link)?;
            }
        }
        header.set_cksum();
        match entry.content {
            Content::File { len } => self.file(&entry.path, &header, len),
            _ => self.builder.append(&header, io::empty()).map_err(PackError::Write),
        }
    }

    /// A GNU entry that carries a name too long for the next entry's header.
    fn long(&mut self, kind: EntryType, text: &[u8]) -> Result<(), PackError> {
        let mut header = Header::new_gnu();
        if let Some(gnu) = header.as_gnu_mut() {
            put(&mut gnu.name, b"././@LongLink");
        }
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(text.len() as u64 + 1);
        header.set_cksum();
        self.builder.append(&header, text.chain(&b"\0"[..])).map_err(PackError::Write)
    }

    fn file(&mut self, path: &Path, header: &Header, len: u64) -> Result<(), PackError> {
        let full = self.root.join(path);
        let file = open_regular(&full).map_err(|source| read_error(&full, source))?;
        let mut content = Exactly { file, left: len, ended: None };
        let appended = self.builder.append(header, &mut content);
        match content.ended.take() {
            Some(Ended::Short) => return Err(PackError::Changed { path: path.to_owned() }),
            Some(Ended::Failed(source)) => return Err(read_error(&full, source)),
            None => appended.map_err(PackError::Write)?,
        }
        if content.file.read(&mut [0]).map_err(|source| read_error(&full, source))? > 0 {
            return Err(PackError::Changed { path: path.to_owned() });
        }
        self.bytes += len;
        Ok(())
    }
}

/// The first `left` bytes of a file, and why there are fewer. The archive's writer pads whatever it is given, so that
/// a file that shrank would shift everything behind it.
struct Exactly {
    file: File,
    left: u64,
    ended: Option<Ended>,
}

enum Ended {
    Failed(io::Error),
    Short,
}

impl io::Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        let ended = match self.file.read(&mut buffer[..wanted]) {
            Ok(0) => Ended::Short,
            Ok(read) => {
                self.left -= read as u64;
                return Ok(read);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => Ended::Failed(error),
        };
        self.ended = Some(ended);
        Err(io::Error::other("the file being packed ended"))
    }
}

/// Opens a regular file, and neither a link nor a pipe that took its place meanwhile.
fn open_regular(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("no longer a regular file")) }
}

/// Copies as much of `text` as fits into a header's field; whether all of it did.
fn put(field: &mut [u8], text: &[u8]) -> bool {
    let fits = text.len().min(field.len());
    field[..fits].copy_from_slice(&text[..fits]);
    fits == text.len()
}

fn read_error(path: &Path, source: io::Error) -> PackError {
    PackError::Read { path: path.to_owned(), source }
}
