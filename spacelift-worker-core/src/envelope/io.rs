//! `Write` and `Read` over the push-style core. They never buffer more than one batch.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::seal::Sealer;
use super::unseal::{UnsealError, Unsealer};

const BATCH: usize = 256 * 1024;

/// Seals what is written to it into another writer. Without [`SealWriter::finish`] the file does not open.
pub struct SealWriter<W> {
    sealer: Sealer,
    inner: W,
    batch: Vec<u8>,
    /// The first error. A failed write may have left a hole, and what follows a hole does not open.
    failed: Option<Failure>,
}

impl<W: Write> SealWriter<W> {
    /// Seals into `inner`.
    pub fn new(sealer: Sealer, inner: W) -> Self {
        Self { sealer, inner, batch: Vec::new(), failed: None }
    }

    /// Writes the end of the sealed file, flushes, and gives the inner writer back.
    ///
    /// # Errors
    /// The inner writer's; `InvalidData` with a [`SealError`](super::SealError) inside when sealing fails.
    pub fn finish(mut self) -> io::Result<W> {
        if let Some(failure) = &self.failed {
            return Err(failure.again());
        }
        self.batch.clear();
        self.sealer.finish(&mut self.batch).map_err(invalid)?;
        self.inner.write_all(&self.batch)?;
        self.inner.flush()?;
        Ok(self.inner)
    }

    fn push(&mut self, piece: &[u8]) -> io::Result<()> {
        self.batch.clear();
        self.sealer.update(piece, &mut self.batch).map_err(invalid)?;
        self.inner.write_all(&self.batch)
    }
}

impl<W: Write> Write for SealWriter<W> {
    /// The first error comes again at each further call.
    fn write(&mut self, plain: &[u8]) -> io::Result<usize> {
        if let Some(failure) = &self.failed {
            return Err(failure.again());
        }
        let piece = plain.get(..plain.len().min(BATCH)).unwrap_or_default();
        match self.push(piece) {
            Ok(()) => Ok(piece.len()),
            Err(error) => {
                let failure = Failure { kind: error.kind(), error: Arc::new(error) };
                let again = failure.again();
                self.failed = Some(failure);
                Err(again)
            }
        }
    }

    /// Flushes the inner writer; up to one chunk of plaintext stays pending until more comes.
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W> fmt::Debug for SealWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealWriter").field("sealer", &self.sealer).finish_non_exhaustive()
    }
}

/// Reads the plaintext of a sealed file from another reader. Only when it reports the end of the file is the
/// plaintext whole: what came before may be used for nothing that cannot be undone.
pub struct UnsealReader<'a, R> {
    progress: Progress<'a>,
    inner: R,
    sealed: Vec<u8>,
    plain: Zeroizing<Vec<u8>>,
    at: usize,
}

enum Progress<'a> {
    Reading(Unsealer<'a>),
    Whole,
    Failed(UnsealError),
}

impl<'a, R: Read> UnsealReader<'a, R> {
    /// Opens what `inner` gives.
    pub fn new(unsealer: Unsealer<'a>, inner: R) -> Self {
        // Room for a batch and a pending chunk, so that plaintext is not left behind by growing.
        let plain = Zeroizing::new(Vec::with_capacity(BATCH + 32 * 1024));
        Self { progress: Progress::Reading(unsealer), inner, sealed: vec![0; BATCH], plain, at: 0 }
    }

    /// Fills `plain`; false at the end.
    fn refill(&mut self) -> io::Result<bool> {
        self.plain.clear();
        self.at = 0;
        while self.plain.is_empty() {
            let unsealer = match &mut self.progress {
                Progress::Reading(unsealer) => unsealer,
                Progress::Whole => return Ok(false),
                Progress::Failed(error) => return Err(invalid(error.clone())),
            };
            let len = match self.inner.read(&mut self.sealed) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other?,
            };
            let step = if len > 0 {
                unsealer.update(self.sealed.get(..len).unwrap_or_default(), &mut self.plain)
            } else {
                match std::mem::replace(&mut self.progress, Progress::Whole) {
                    Progress::Reading(unsealer) => unsealer.finish(&mut self.plain),
                    Progress::Whole | Progress::Failed(_) => Ok(()),
                }
            };
            if let Err(error) = step {
                self.plain.clear();
                self.progress = Progress::Failed(error);
            }
        }
        Ok(true)
    }
}

impl<R: Read> Read for UnsealReader<'_, R> {
    /// `InvalidData` with an [`UnsealError`] inside when the file does not open, the same one again at each further call.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() || (self.at == self.plain.len() && !self.refill()?) {
            return Ok(0);
        }
        let ready = self.plain.get(self.at..).unwrap_or_default();
        let len = ready.len().min(out.len());
        out.iter_mut().zip(ready).for_each(|(to, from)| *to = *from);
        self.at += len;
        Ok(len)
    }
}

impl<R> fmt::Debug for UnsealReader<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsealReader").finish_non_exhaustive()
    }
}

/// An error of a writer, which can be given more than once.
struct Failure {
    kind: ErrorKind,
    error: Arc<io::Error>,
}

impl Failure {
    fn again(&self) -> io::Error {
        io::Error::new(self.kind, Arc::clone(&self.error))
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}
