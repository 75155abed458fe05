//! Parts of a sealed file without the rest of it.
//!
//! The head is opened as a whole file's is, and the last chunk is verified before any other: a range past the end is an
//! error, never a short read. It reads the head, the last chunk, and the chunks that a range touches, nothing else.

use std::fmt;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

use zeroize::Zeroizing;

use super::cobblestone::{Damaged, OutOfRange, PREFIX_LEN, RangeDecryptor, RangeError, last_chunk};
use super::unseal::{MAX_START_LEN, UnsealError, Unsealer};
use crate::secret::SecretBytes;

/// A head with a key of 4096 bits and a usual context has half of this.
const USUAL_START_LEN: usize = 4096;

/// Why a part of a sealed file is not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RangeUnsealError {
    /// The range does not lie within the plaintext.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// The file could not be read.
    #[error("the sealed file cannot be read")]
    Read(#[source] io::Error),
    /// The file is not opened.
    #[error(transparent)]
    Unseal(#[from] UnsealError),
}

impl From<Damaged> for RangeUnsealError {
    fn from(_: Damaged) -> Self {
        Self::Unseal(UnsealError::Damaged)
    }
}

impl From<RangeError> for RangeUnsealError {
    fn from(error: RangeError) -> Self {
        match error {
            RangeError::Damaged(damaged) => damaged.into(),
            RangeError::OutOfRange(error) => Self::OutOfRange(error),
        }
    }
}

/// Opens parts of one sealed file, in any order. What it gives is verified; that the rest of the file is sound is not said.
///
/// ```no_run
/// # use spacelift_worker_core::{envelope::{workspace, Context, RangeUnsealer}, pool::PoolKey};
/// # fn look(key: &PoolKey, context: &Context) -> Result<(), Box<dyn std::error::Error>> {
/// let file = std::fs::File::open("workspace.sealed")?;
/// let mut sealed = RangeUnsealer::open(file, workspace::unsealer(&[key], context))?;
/// let end = sealed.plain_len();
/// let mut plain = Vec::new();
/// sealed.read(end - 1024, 1024, &mut plain)?;
/// # Ok(()) }
/// ```
pub struct RangeUnsealer<R> {
    inner: R,
    body: RangeDecryptor,
    /// Where the body begins in the file.
    body_at: u64,
}

impl<R: Read + Seek> RangeUnsealer<R> {
    /// Opens the head with `unsealer`, which was not used before, and verifies the last chunk.
    ///
    /// # Errors
    /// [`RangeUnsealError`]
    pub fn open(mut inner: R, unsealer: Unsealer<'_>) -> Result<Self, RangeUnsealError> {
        let len = inner.seek(SeekFrom::End(0)).map_err(RangeUnsealError::Read)?;
        let start = read_start(&mut inner, len)?;
        let (input_key, head, rest) = unsealer.open_head(&start)?;
        let prefix = rest.get(..PREFIX_LEN).ok_or(Damaged)?;
        let body_at = head.len() as u64;
        let body_len = len - body_at;
        let last_at = last_chunk(body_len).ok_or(Damaged)?;
        let last = read_at(&mut inner, body_at + last_at.start, last_at.end - last_at.start)?;
        let body = RangeDecryptor::new(&input_key, head, prefix, body_len, &last)?;
        Ok(Self { inner, body, body_at })
    }

    /// Length of the plaintext in bytes, authenticated.
    pub fn plain_len(&self) -> u64 {
        self.body.plain_len()
    }

    /// Appends exactly the `len` bytes of plaintext from `offset` on to `out`.
    ///
    /// # Errors
    /// [`RangeUnsealError`]; nothing was appended then. Other ranges may still be read.
    pub fn read(&mut self, offset: u64, len: u64, out: &mut Vec<u8>) -> Result<(), RangeUnsealError> {
        let at = self.body.sealed_range(offset, len)?;
        let sealed = read_at(&mut self.inner, self.body_at + at.start, at.end - at.start)?;
        Ok(self.body.decrypt(offset, len, &sealed, out)?)
    }
}

impl<R> fmt::Debug for RangeUnsealer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RangeUnsealer").field("body", &self.body).finish_non_exhaustive()
    }
}

/// Opens the `len` bytes of plaintext from `offset` on, out of a sealed file of any length.
///
/// # Errors
/// [`RangeUnsealError`]
pub fn unseal_range(
    inner: impl Read + Seek,
    unsealer: Unsealer<'_>,
    offset: u64,
    len: u64,
) -> Result<SecretBytes, RangeUnsealError> {
    let mut plain = Zeroizing::new(Vec::new());
    RangeUnsealer::open(inner, unsealer)?.read(offset, len, &mut plain)?;
    Ok(SecretBytes::new(std::mem::take(&mut *plain)))
}

/// The beginning of a file of `len` bytes, which holds both lines and the prefix behind them if the file does.
fn read_start(inner: &mut (impl Read + Seek), len: u64) -> Result<Vec<u8>, RangeUnsealError> {
    let start = read_at(inner, 0, len.min(USUAL_START_LEN as u64))?;
    let mut lines = start.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    match lines.nth(1) {
        Some(head_len) if start.len() >= head_len + PREFIX_LEN => Ok(start),
        _ => read_at(inner, 0, len.min(MAX_START_LEN as u64)),
    }
}

fn read_at(inner: &mut (impl Read + Seek), at: u64, len: u64) -> Result<Vec<u8>, RangeUnsealError> {
    let mut read = || {
        inner.seek(SeekFrom::Start(at))?;
        let len = usize::try_from(len).map_err(|_| io::Error::from(ErrorKind::OutOfMemory))?;
        let mut bytes = vec![0; len];
        inner.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(RangeUnsealError::Read)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::LazyLock;

    use super::*;
    use crate::envelope::{Context, workspace};
    use crate::pool::PoolKey;

    static POOL: LazyLock<PoolKey> = LazyLock::new(|| PoolKey::generate(2048).unwrap());

    fn context() -> Context {
        Context::new([("purpose", "workspace")]).unwrap()
    }

    fn unsealer() -> Unsealer<'static> {
        workspace::unsealer(&[&POOL], &context())
    }

    fn sealed(len: usize) -> (Vec<u8>, Vec<u8>) {
        let plain: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        let mut out = Vec::new();
        let mut sealer = workspace::sealer(&POOL, &context(), None).unwrap();
        sealer.update(&plain, &mut out).unwrap();
        sealer.finish(&mut out).unwrap();
        (plain, out)
    }

    /// Counts what is read.
    struct Counted<R>(R, usize);

    impl<R: Read> Read for Counted<R> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let len = self.0.read(out)?;
            self.1 += len;
            Ok(len)
        }
    }

    impl<R: Seek> Seek for Counted<R> {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    #[test]
    fn a_range_is_what_stands_there_and_little_more_is_read() {
        let (plain, bytes) = sealed(3_000_000);
        let mut counted = Counted(Cursor::new(bytes), 0);
        let part = unseal_range(&mut counted, unsealer(), 1_000_001, 65_536).unwrap();
        assert!(part.expose() == &plain[1_000_001..][..65_536]);
        assert!(counted.1 <= 128 * 1024, "{} bytes were read", counted.1);
    }

    #[test]
    fn a_cut_file_gives_no_range_and_a_range_past_the_end_no_bytes() {
        let (_, bytes) = sealed(100_000);
        let read = |bytes: &[u8], offset, len| unseal_range(Cursor::new(bytes), unsealer(), offset, len);
        for cut in [1, 16, 17, 5_000, 16_400, 40_000] {
            let error = read(&bytes[..bytes.len() - cut], 0, 10).unwrap_err();
            assert!(matches!(error, RangeUnsealError::Unseal(UnsealError::Damaged)), "{cut}: {error}");
        }
        let error = read(&bytes[..100], 0, 1).unwrap_err();
        assert!(matches!(error, RangeUnsealError::Unseal(UnsealError::CutShort)), "{error}");
        let error = read(&bytes, 99_999, 2).unwrap_err();
        assert!(matches!(error, RangeUnsealError::OutOfRange(OutOfRange { plain_len: 100_000, .. })));
        assert!(read(&bytes, 100_000, 0).unwrap().expose().is_empty());
    }

    #[test]
    fn a_range_is_held_to_context_and_trust_like_the_whole() {
        let (_, bytes) = sealed(10);
        let other = Context::new([("purpose", "offer")]).unwrap();
        let error =
            unseal_range(Cursor::new(&bytes), workspace::unsealer(&[&POOL], &other), 0, 1).unwrap_err();
        assert!(matches!(error, RangeUnsealError::Unseal(UnsealError::Context { .. })));
    }

    #[test]
    fn a_head_longer_than_usual_is_read_whole() {
        let wide =
            Context::new((b'a'..=b'p').map(|key| ((key as char).to_string(), "x".repeat(256)))).unwrap();
        let mut bytes = Vec::new();
        let mut sealer = workspace::sealer(&POOL, &wide, None).unwrap();
        sealer.update(&[5; 20_000], &mut bytes).unwrap();
        sealer.finish(&mut bytes).unwrap();
        let unsealer = workspace::unsealer(&[&POOL], &wide);
        assert_eq!(unseal_range(Cursor::new(bytes), unsealer, 19_999, 1).unwrap().expose(), [5]);
    }

    #[test]
    fn an_unsealer_that_was_used_opens_no_file() {
        let (_, bytes) = sealed(10);
        let mut used = unsealer();
        used.update(&bytes[..5], &mut Vec::new()).unwrap();
        let error = RangeUnsealer::open(Cursor::new(bytes), used).unwrap_err();
        assert!(matches!(error, RangeUnsealError::Unseal(UnsealError::Started)));
    }
}
