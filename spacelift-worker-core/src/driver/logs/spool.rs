//! Masked output on its way to storage, kept in a file: the run never waits for the network, and memory stays constant.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::crypto::Sha256;
use crate::protocol::message::RunState;

/// The most that is kept for storage; what comes after it is left out, and a last line says so.
const MAX_LEN: u64 = 1 << 30;
/// How much is read at once.
const READ_LEN: usize = 64 * 1024;
const CUT_NOTE: &[u8] = b"\n[the log ends here: it is longer than 1 GiB]\n";

/// Where in the run a byte was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) state: RunState,
    pub(super) state_version: u64,
}

/// A piece of the spool, all printed in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) mark: Mark,
}

/// The file, and which part of it was printed in which state.
#[derive(Debug)]
pub(super) struct Spool {
    file: File,
    path: PathBuf,
    inner: Mutex<Inner>,
    /// Told when there is more, or the end.
    pub(super) changed: Notify,
}

#[derive(Debug)]
struct Inner {
    len: u64,
    /// Offsets at which states began, rising.
    marks: Vec<(u64, Mark)>,
    finished: bool,
}

/// How far the spool is.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpoolStatus {
    pub(super) len: u64,
    pub(super) finished: bool,
}

impl Spool {
    pub(super) fn create(path: &Path, mark: Mark) -> io::Result<Self> {
        let file = File::options().create_new(true).read(true).write(true).open(path)?;
        let inner = Inner { len: 0, marks: vec![(0, mark)], finished: false };
        Ok(Self { file, path: path.to_owned(), inner: Mutex::new(inner), changed: Notify::new() })
    }

    pub(super) fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.is_empty() || inner.len >= MAX_LEN {
            return Ok(());
        }
        (&self.file).write_all(bytes)?;
        inner.len += bytes.len() as u64;
        if inner.len >= MAX_LEN {
            (&self.file).write_all(CUT_NOTE)?;
            inner.len += CUT_NOTE.len() as u64;
        }
        Ok(())
    }

    /// What follows is printed in another state.
    pub(super) fn mark(&self, mark: Mark) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let offset = inner.len;
        inner.marks.push((offset, mark));
    }

    /// Nothing follows.
    pub(super) fn finish(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).finished = true;
        self.changed.notify_one();
    }

    pub(super) fn status(&self) -> SpoolStatus {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        SpoolStatus { len: inner.len, finished: inner.finished }
    }

    /// The next piece from `offset`: at most `max_len` bytes of one state, or all that is left, whatever its states.
    pub(super) fn piece(&self, offset: u64, max_len: Option<u64>) -> Piece {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let at = inner.marks.iter().rposition(|(start, _)| *start <= offset).unwrap_or(0);
        let mark = inner.marks[at].1;
        let end = match max_len {
            None => inner.len,
            Some(max_len) => {
                let state_end = inner.marks.get(at + 1).map_or(inner.len, |(start, _)| *start);
                state_end.min(offset + max_len)
            }
        };
        Piece { offset, len: end - offset, mark }
    }

    /// The digest of a piece, read in small pieces.
    pub(super) fn sha256(&self, piece: Piece) -> io::Result<[u8; 32]> {
        let (mut hash, mut buffer) = (Sha256::new(), vec![0; READ_LEN]);
        let (mut at, end) = (piece.offset, piece.offset + piece.len);
        while at < end {
            let len = usize::try_from(end - at).map_or(READ_LEN, |left| left.min(READ_LEN));
            self.file.read_exact_at(&mut buffer[..len], at)?;
            hash.update(&buffer[..len]);
            at += len as u64;
        }
        Ok(hash.finish())
    }

    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::sha256;

    const PLANNING: Mark = Mark { state: RunState::Planning, state_version: 2 };
    const APPLYING: Mark = Mark { state: RunState::Applying, state_version: 3 };

    fn spool() -> Spool {
        Spool::create(&tempfile::tempdir().unwrap().path().join("spool"), PLANNING).unwrap()
    }

    #[test]
    fn a_piece_ends_where_the_state_does() {
        let spool = spool();
        spool.append(b"plan").unwrap();
        spool.mark(APPLYING);
        spool.append(b"apply").unwrap();
        let first = spool.piece(0, Some(100));
        assert_eq!((spool.sha256(first).unwrap(), first.mark), (sha256(b"plan"), PLANNING));
        let second = spool.piece(4, Some(100));
        assert_eq!((spool.sha256(second).unwrap(), second.mark), (sha256(b"apply"), APPLYING));
        assert_eq!(spool.sha256(spool.piece(4, Some(2))).unwrap(), sha256(b"ap"));
        assert_eq!(spool.sha256(spool.piece(0, None)).unwrap(), sha256(b"planapply"));
    }

    #[test]
    fn a_long_piece_has_the_digest_of_its_bytes() {
        let (spool, long) = (spool(), vec![7; 3 * READ_LEN + 1]);
        spool.append(&long).unwrap();
        assert_eq!(spool.sha256(spool.piece(1, None)).unwrap(), sha256(&long[1..]));
    }

    #[test]
    fn an_empty_state_takes_no_piece() {
        let spool = spool();
        spool.mark(APPLYING);
        spool.append(b"apply").unwrap();
        assert_eq!(spool.piece(0, Some(100)).mark, APPLYING);
    }
}
