//! The tree that an archive's entries become, one open folder at a time.
//!
//! Every step down opens one name below a folder that is already open and refuses links, so that no path is resolved
//! twice and no link made by the archive is ever written through.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::rc::Rc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawMode, Timespec, Timestamps};
use rustix::io::Errno;
use tar::{Archive, Entry, EntryType, PaxExtensions};

use super::links::Links;
use super::unpack::{Limits, Plain, Refusal, UnpackError, Unpacked};

/// The longest path of a file or text of a link, in bytes: Linux's `PATH_MAX`.
const MAX_PATH: u64 = 4096;

/// How many folders may stand around each other: each entry is reached by opening them one by one.
pub(super) const MAX_DEPTH: usize = 256;

/// The longest set of PAX records of one entry, in bytes.
const MAX_RECORDS: u64 = 64 * 1024;

/// What keeping one path in memory takes besides its bytes, about.
const KEPT: u64 = 64;

pub(super) const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Unix seconds, and nanoseconds of the second.
type Time = (i64, u32);

/// What earlier entries said about the next one.
#[derive(Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    mtime: Option<Time>,
}

/// What was unpacked so far, below one open folder.
pub(super) struct Tree {
    root: Rc<OwnedFd>,
    /// The folder of the entry before: neighbours in an archive are neighbours in the tree.
    last: Option<(Vec<u8>, Rc<OwnedFd>)>,
    /// Modes and times of the folders made, by path; they wait until everything in them was written.
    folders: BTreeMap<Vec<u8>, (u32, Option<Time>)>,
    links: Links,
    /// Memory that `folders` and `links` take.
    kept: u64,
    limits: Limits,
    pub(super) done: Unpacked,
}

impl Tree {
    pub(super) fn new(root: OwnedFd, limits: Limits) -> Self {
        let (folders, links) = (BTreeMap::new(), Links::default());
        Self { root: Rc::new(root), last: None, folders, links, kept: 0, limits, done: Unpacked::default() }
    }

    /// Reads the archive and its end: the end mark, and the compressed stream to its checksum.
    pub(super) fn read<R: Read>(&mut self, plain: &mut Plain<R>) -> Result<(), UnpackError> {
        let mut archive = Archive::new(&mut *plain);
        let mut said = Extensions::default();
        for entry in archive.entries().map_err(UnpackError::Archive)?.raw(true) {
            let mut entry = entry.map_err(UnpackError::Archive)?;
            match entry.header().entry_type() {
                EntryType::GNULongName => said.path = Some(text(&mut entry, MAX_PATH)?),
                EntryType::GNULongLink => said.link = Some(text(&mut entry, MAX_PATH)?),
                EntryType::XHeader => records(&mut entry, &mut said)?,
                EntryType::XGlobalHeader => {
                    let mut for_all = Extensions::default();
                    records(&mut entry, &mut for_all)?;
                    // A name for all entries is none for any of them; `git archive` has a comment here.
                    if for_all.path.is_some() || for_all.link.is_some() {
                        return Err(unsupported("a PAX record gives all entries one path"));
                    }
                }
                _ => self.entry(&mut entry, std::mem::take(&mut said))?,
            }
        }
        // Between two entries the bytes may end, too: only the end mark tells a whole archive from a cut one.
        if plain.ended {
            return Err(UnpackError::Cut);
        }
        padding(plain).map_err(UnpackError::Archive)
    }

    fn entry<R: Read>(&mut self, entry: &mut Entry<'_, R>, said: Extensions) -> Result<(), UnpackError> {
        let header = entry.header();
        let path = said.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let refused = |why| refused(&path, why);
        let parts = parts(&path).map_err(refused)?;
        let kind = header.entry_type();
        let is_file = matches!(kind, EntryType::Regular | EntryType::Continuous);
        // Readers that disagree about whether content follows see different archives in the same bytes.
        if !is_file && entry.size() != 0 {
            return Err(refused(Refusal::Content));
        }
        let Some((name, folder)) = parts.split_last() else {
            // "./" is the folder itself, as many programs write it.
            return if kind == EntryType::Directory { Ok(()) } else { Err(refused(Refusal::NoName)) };
        };
        if kind != EntryType::Directory && path.ends_with(b"/") {
            return Err(refused(Refusal::NoName));
        }
        let mode = header.mode().map_err(UnpackError::Archive)?;
        if (is_file || kind == EntryType::Directory) && mode & 0o6000 != 0 {
            return Err(refused(Refusal::SetId));
        }
        let whole = header.mtime().ok().and_then(|seconds| i64::try_from(seconds).ok());
        let mtime = said.mtime.or_else(|| whole.map(|seconds| (seconds, 0)));

        let link =
            said.link.or_else(|| header.link_name_bytes().map(|link| link.into_owned())).unwrap_or_default();
        if matches!(kind, EntryType::Symlink | EntryType::Link) && link.len() as u64 >= MAX_PATH {
            return Err(refused(Refusal::TooLong));
        }
        if kind == EntryType::Symlink && (link.is_empty() || link.contains(&0)) {
            return Err(refused(Refusal::NoName));
        }
        let place =
            Place { folder: self.folder(folder, &path)?, name, path: &path, joined: parts.join(&b'/') };
        match kind {
            EntryType::Directory => self.make_folder(place, mode & 0o1777, mtime),
            _ if is_file => self.make_file(place, entry, mode & 0o1777, mtime),
            EntryType::Symlink => self.make_symbolic_link(place, link, mtime),
            EntryType::Link => self.make_hard_link(&place, &link),
            _ => Err(refused(Refusal::Kind)),
        }
    }

    fn count(&mut self) -> Result<(), UnpackError> {
        self.done.entries += 1;
        if self.done.entries > self.limits.entries {
            return Err(UnpackError::TooManyEntries { limit: self.limits.entries });
        }
        Ok(())
    }

    /// Counts the memory that a path takes which is kept to the end.
    fn keep(&mut self, len: usize) -> Result<(), UnpackError> {
        self.kept += len as u64 + KEPT;
        if self.kept > self.limits.names {
            return Err(UnpackError::TooManyNames { limit: self.limits.names });
        }
        Ok(())
    }

    /// Opens the folder at `parts`, making what is missing, through folders alone.
    fn folder(&mut self, parts: &[&[u8]], path: &[u8]) -> Result<Rc<OwnedFd>, UnpackError> {
        let joined = parts.join(&b'/');
        if let Some((last, folder)) = &self.last
            && *last == joined
        {
            return Ok(Rc::clone(folder));
        }
        let mut at = Rc::clone(&self.root);
        for (depth, part) in parts.iter().enumerate() {
            let opened = match open_folder(&at, part) {
                Err(Errno::NOENT) => {
                    self.count()?;
                    let implied = parts[..=depth].join(&b'/');
                    self.keep(implied.len())?;
                    self.folders.insert(implied, (0o755, None));
                    rustix::fs::mkdirat(&at, os(part), Mode::RWXU).and_then(|()| open_folder(&at, part))
                }
                other => other,
            };
            at = Rc::new(opened.map_err(|errno| folder_error(path, errno))?);
        }
        self.last = Some((joined, Rc::clone(&at)));
        Ok(at)
    }

    fn make_folder(&mut self, place: Place<'_>, mode: u32, mtime: Option<Time>) -> Result<(), UnpackError> {
        self.count()?;
        match rustix::fs::mkdirat(&place.folder, os(place.name), Mode::RWXU) {
            // Named twice, or implied by an entry before it: then this is where its mode stands.
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(place.write_error(errno)),
        }
        open_folder(&place.folder, place.name).map_err(|errno| folder_error(place.path, errno))?;
        self.keep(place.joined.len())?;
        self.folders.insert(place.joined, (mode, mtime));
        Ok(())
    }

    fn make_file<R: Read>(
        &mut self,
        place: Place<'_>,
        entry: &mut Entry<'_, R>,
        mode: u32,
        mtime: Option<Time>,
    ) -> Result<(), UnpackError> {
        self.make_room(&place)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let owner_only = Mode::RUSR | Mode::WUSR;
        let opened = rustix::fs::openat(&place.folder, os(place.name), flags, owner_only);
        let mut file = fs::File::from(opened.map_err(|errno| place.write_error(errno))?);

        let len = entry.size();
        let mut buffer = [0; 64 * 1024];
        let mut copied = 0;
        loop {
            let read = match entry.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(UnpackError::Archive(error)),
            };
            file.write_all(&buffer[..read]).map_err(|error| place.write_error(error))?;
            copied += read as u64;
        }
        if copied != len {
            return Err(UnpackError::Cut);
        }
        self.done.bytes += copied;
        set(&file, mode, mtime).map_err(|errno| place.write_error(errno))
    }

    fn make_symbolic_link(
        &mut self,
        place: Place<'_>,
        text: Vec<u8>,
        mtime: Option<Time>,
    ) -> Result<(), UnpackError> {
        self.make_room(&place)?;
        let made =
            rustix::fs::symlinkat(os(&text), &place.folder, os(place.name)).and_then(|()| match mtime {
                Some(mtime) => rustix::fs::utimensat(
                    &place.folder,
                    os(place.name),
                    &times(mtime),
                    AtFlags::SYMLINK_NOFOLLOW,
                ),
                None => Ok(()),
            });
        made.map_err(|errno| place.write_error(errno))?;
        self.keep(place.joined.len() + text.len())?;
        self.links.insert(place.joined, text);
        Ok(())
    }

    fn make_hard_link(&mut self, place: &Place<'_>, to: &[u8]) -> Result<(), UnpackError> {
        let bad = || refused(place.path, Refusal::HardLink);
        let parts = parts(to).map_err(|_| bad())?;
        let (name, folder) = parts.split_last().ok_or_else(bad)?;
        // Nothing is made for a link's sake: what it names must be there.
        let mut at = Rc::clone(&self.root);
        for part in folder {
            at = Rc::new(open_folder(&at, part).map_err(|_| bad())?);
        }
        let stat = rustix::fs::statat(&at, os(name), AtFlags::SYMLINK_NOFOLLOW).map_err(|_| bad())?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(bad());
        }
        if parts.join(&b'/') == place.joined {
            return Err(bad());
        }
        self.make_room(place)?;
        rustix::fs::linkat(&at, os(name), &place.folder, os(place.name), AtFlags::empty())
            .map_err(|errno| place.write_error(errno))
    }

    /// Removes a file or link that an earlier entry put here: the last one counts, as in every tar. A folder stays.
    fn make_room(&mut self, place: &Place<'_>) -> Result<(), UnpackError> {
        self.count()?;
        match rustix::fs::unlinkat(&place.folder, os(place.name), AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            Ok(()) => {
                self.links.remove(&place.joined);
                Ok(())
            }
            // Linux says EISDIR, POSIX EPERM.
            Err(Errno::ISDIR | Errno::PERM) => Err(refused(place.path, Refusal::NotAFolder)),
            Err(errno) => Err(place.write_error(errno)),
        }
    }

    /// Judges the links, then gives the folders their modes and times, the deepest first.
    pub(super) fn finish(&mut self) -> Result<(), UnpackError> {
        if let Some(path) = self.links.leaving().map_err(|_| UnpackError::Tangled)?.first() {
            return Err(refused(path, Refusal::LinkLeaves));
        }
        for (path, (mode, mtime)) in self.folders.iter().rev() {
            let mut at = Rc::clone(&self.root);
            for part in path.split(|byte| *byte == b'/') {
                at = Rc::new(open_folder(&at, part).map_err(|errno| folder_error(path, errno))?);
            }
            set(&at, *mode, *mtime).map_err(|errno| write_error(path, errno))?;
        }
        Ok(())
    }
}

/// Where an entry goes: a name in an open folder.
struct Place<'a> {
    folder: Rc<OwnedFd>,
    name: &'a [u8],
    /// The path as the archive has it, for errors.
    path: &'a [u8],
    /// The path from the root, parts separated by one `/`.
    joined: Vec<u8>,
}

impl Place<'_> {
    fn write_error(&self, source: impl Into<io::Error>) -> UnpackError {
        write_error(self.path, source)
    }
}

/// The parts of an entry's path, or of a hard link's target. None for the folder itself.
fn parts(path: &[u8]) -> Result<Vec<&[u8]>, Refusal> {
    if path.starts_with(b"/") {
        return Err(Refusal::AbsolutePath);
    }
    if path.len() as u64 >= MAX_PATH {
        return Err(Refusal::TooLong);
    }
    if path.contains(&0) {
        return Err(Refusal::NoName);
    }
    let parts: Vec<&[u8]> =
        path.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b".")).collect();
    if parts.len() > MAX_DEPTH {
        return Err(Refusal::TooLong);
    }
    if parts.contains(&&b".."[..]) { Err(Refusal::ParentPath) } else { Ok(parts) }
}

/// The text of a GNU entry for a long name, without the NUL at its end.
fn text<R: Read>(entry: &mut Entry<'_, R>, limit: u64) -> Result<Vec<u8>, UnpackError> {
    let shown = entry.header().path_bytes().into_owned();
    let mut text = Vec::new();
    entry.take(limit + 1).read_to_end(&mut text).map_err(UnpackError::Archive)?;
    if text.len() as u64 > limit {
        return Err(refused(&shown, Refusal::TooLong));
    }
    if text.last() == Some(&0) {
        text.pop();
    }
    Ok(text)
}

/// What follows the end mark is filling, up to a whole record: nothing that another reader could take for entries.
fn padding(mut plain: impl Read) -> io::Result<()> {
    let mut buffer = [0; 64 * 1024];
    loop {
        match plain.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) if buffer[..read].iter().all(|byte| *byte == 0) => {}
            Ok(_) => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "something follows the end mark"));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn unsupported(why: &'static str) -> UnpackError {
    UnpackError::Archive(io::Error::new(io::ErrorKind::Unsupported, why))
}

/// The PAX records that matter here. A size of its own is refused: readers that disagree about where an entry ends
/// see different archives in the same bytes.
fn records<R: Read>(entry: &mut Entry<'_, R>, said: &mut Extensions) -> Result<(), UnpackError> {
    let bytes = text(entry, MAX_RECORDS)?;
    for record in PaxExtensions::new(&bytes) {
        let record = record.map_err(UnpackError::Archive)?;
        match record.key_bytes() {
            b"path" => said.path = Some(record.value_bytes().to_vec()),
            b"linkpath" => said.link = Some(record.value_bytes().to_vec()),
            b"mtime" => said.mtime = record.value().ok().and_then(time),
            b"size" => {
                return Err(unsupported("an entry gives its size in a PAX record; write it as GNU tar does"));
            }
            key if key.starts_with(b"GNU.sparse.") => {
                return Err(unsupported("a file has holes; write it without, as GNU tar does unless asked"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A PAX time: seconds with an optional fraction. None before 1970, which no file of a workspace is.
fn time(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let nanos = format!("{:0<9}", fraction.get(..9).unwrap_or(fraction));
    let seconds = whole.parse::<i64>().ok().filter(|seconds| *seconds >= 0)?;
    Some((seconds, nanos.parse().ok()?))
}

/// Opens the folder in which a tree will grow.
pub(super) fn open_root(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, FOLDER, Mode::empty())?)
}

pub(super) fn open_folder(at: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(at, os(name), FOLDER, Mode::empty())
}

fn set(file: impl std::os::fd::AsFd, mode: u32, mtime: Option<Time>) -> Result<(), Errno> {
    // The type is narrower on some systems; these bits fit everywhere.
    rustix::fs::fchmod(&file, Mode::from_raw_mode(mode as RawMode))?;
    mtime.map_or(Ok(()), |mtime| rustix::fs::futimens(&file, &times(mtime)))
}

fn times((seconds, nanos): Time) -> Timestamps {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanos.into() };
    Timestamps { last_access: time, last_modification: time }
}

fn os(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

fn refused(path: &[u8], why: Refusal) -> UnpackError {
    UnpackError::Refused { path: path.escape_ascii().to_string(), why }
}

fn write_error(path: &[u8], source: impl Into<io::Error>) -> UnpackError {
    let source = source.into();
    match Errno::from_io_error(&source) {
        // One name of the path is longer than the file system takes.
        Some(Errno::NAMETOOLONG) => refused(path, Refusal::TooLong),
        _ => UnpackError::Write { path: path.escape_ascii().to_string(), source },
    }
}

fn folder_error(path: &[u8], errno: Errno) -> UnpackError {
    match errno {
        // What O_DIRECTORY with O_NOFOLLOW says of a file and of a link.
        Errno::NOTDIR | Errno::LOOP => refused(path, Refusal::NotAFolder),
        errno => write_error(path, errno),
    }
}
