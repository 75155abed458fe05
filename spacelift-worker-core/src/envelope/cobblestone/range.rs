//! Random access: parts of a message without the rest of it.
//!
//! The last chunk is verified before anything else is: it alone says where the message ends, so that a range past the
//! end is an error and never a short answer. It never reads: the caller brings the bytes that it asks for.

use std::fmt;
use std::ops::Range;

use super::chunks::{Chunks, wipe_from};
use super::{CHUNK_LEN, Damaged, PREFIX_LEN, SEALED_CHUNK_LEN, TAG_LEN, plain_len};

/// The range does not lie within the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the range of {len} bytes from {offset} on does not lie within the {plain_len} bytes of the plaintext"
)]
pub struct OutOfRange {
    /// Where it begins, in bytes of plaintext.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u64,
    /// Length of the plaintext in bytes.
    pub plain_len: u64,
}

/// Why a range is not decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// The chunks are not those of the message.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// The range does not lie within the message.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
}

/// Where the last chunk of a ciphertext of `sealed_len` bytes stands in it; `None` when no ciphertext has that length.
pub fn last_chunk(sealed_len: u64) -> Option<Range<u64>> {
    let full = plain_len(sealed_len)? / CHUNK_LEN as u64;
    Some(PREFIX_LEN as u64 + full * SEALED_CHUNK_LEN as u64..sealed_len)
}

/// Decrypts parts of one message, in any order.
///
/// ```
/// use spacelift_worker_core::envelope::cobblestone::{Encryptor, PREFIX_LEN, RangeDecryptor, last_chunk};
///
/// let key = [7; 32]; // in earnest: from the operating system's generator
/// let mut encryptor = Encryptor::new(&key, b"what it is for")?;
/// let mut sealed = Vec::new();
/// encryptor.update(&[1; 50_000], &mut sealed)?;
/// encryptor.finish(&mut sealed)?;
///
/// let part = |range: std::ops::Range<u64>| &sealed[range.start as usize..range.end as usize];
/// let len = sealed.len() as u64;
/// let last = part(last_chunk(len).ok_or("no ciphertext")?);
/// let message = RangeDecryptor::new(&key, b"what it is for", part(0..PREFIX_LEN as u64), len, last)?;
/// let mut plain = Vec::new();
/// message.decrypt(40_000, 100, part(message.sealed_range(40_000, 100)?), &mut plain)?;
/// assert_eq!(plain, [1; 100]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RangeDecryptor {
    chunks: Chunks,
    plain_len: u64,
}

impl RangeDecryptor {
    /// A message under `key` for `context`: `prefix` is its first [`PREFIX_LEN`] bytes, `sealed_len` the length of
    /// its ciphertext, `last` the bytes at [`last_chunk`].
    ///
    /// # Errors
    /// [`Damaged`], also when the ciphertext was cut or extended.
    pub fn new(
        key: &[u8; 32],
        context: &[u8],
        prefix: &[u8],
        sealed_len: u64,
        last: &[u8],
    ) -> Result<Self, Damaged> {
        if prefix.len() != PREFIX_LEN {
            return Err(Damaged);
        }
        let plain_len = plain_len(sealed_len).ok_or(Damaged)?;
        let chunks = Chunks::committed(key, context, prefix)?;
        let expected = plain_len % CHUNK_LEN as u64 + TAG_LEN as u64;
        if last.len() as u64 != expected {
            return Err(Damaged);
        }
        let mut out = Vec::with_capacity(last.len());
        chunks.open(plain_len / CHUNK_LEN as u64, last, &mut out)?;
        wipe_from(&mut out, 0);
        Ok(Self { chunks, plain_len })
    }

    /// Length of the plaintext in bytes, authenticated.
    pub fn plain_len(&self) -> u64 {
        self.plain_len
    }

    /// Where the chunks that hold a range of plaintext stand in the ciphertext; empty for an empty range.
    ///
    /// # Errors
    /// [`OutOfRange`]
    pub fn sealed_range(&self, offset: u64, len: u64) -> Result<Range<u64>, OutOfRange> {
        let (first, end) = self.numbers(offset, len)?;
        let at = |number: u64| PREFIX_LEN as u64 + number * SEALED_CHUNK_LEN as u64;
        let ciphertext_end =
            at(self.plain_len / CHUNK_LEN as u64) + self.plain_len % CHUNK_LEN as u64 + TAG_LEN as u64;
        Ok(at(first)..at(end).min(ciphertext_end).max(at(first)))
    }

    /// The numbers of the first chunk that holds a range, and of the one after the last.
    fn numbers(&self, offset: u64, len: u64) -> Result<(u64, u64), OutOfRange> {
        let end = offset.checked_add(len).filter(|end| *end <= self.plain_len);
        let end = end.ok_or(OutOfRange { offset, len, plain_len: self.plain_len })?;
        let first = offset / CHUNK_LEN as u64;
        Ok((first, if len == 0 { first } else { end.div_ceil(CHUNK_LEN as u64) }))
    }

    /// Decrypts `sealed`, the bytes at [`RangeDecryptor::sealed_range`], and appends exactly the range to `out`.
    ///
    /// # Errors
    /// [`RangeError`]; nothing was appended then.
    pub fn decrypt(&self, offset: u64, len: u64, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), RangeError> {
        let range = self.sealed_range(offset, len)?;
        if sealed.len() as u64 != range.end - range.start {
            return Err(Damaged.into());
        }
        let start = out.len();
        // Room for all of it beforehand, so that growing leaves no plaintext behind.
        out.reserve(sealed.len());
        let (first, _) = self.numbers(offset, len)?;
        for (number, chunk) in (first..).zip(sealed.chunks(SEALED_CHUNK_LEN)) {
            if let Err(error) = self.chunks.open(number, chunk, out) {
                wipe_from(out, start);
                return Err(error.into());
            }
        }
        // What of the first and the last chunk does not belong to it goes.
        let before = usize::try_from(offset - first * CHUNK_LEN as u64).map_err(|_| Damaged)?;
        let len = usize::try_from(len).map_err(|_| Damaged)?;
        if len > 0 {
            out.copy_within(start + before..start + before + len, start);
        }
        wipe_from(out, start + len);
        Ok(())
    }
}

impl fmt::Debug for RangeDecryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RangeDecryptor").field("plain_len", &self.plain_len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Encryptor;
    use super::*;

    const KEY: [u8; 32] = [3; 32];

    fn sealed(len: usize) -> (Vec<u8>, Vec<u8>) {
        let plain: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        let mut out = Vec::new();
        let mut encryptor = Encryptor::new(&KEY, b"ctx").unwrap();
        encryptor.update(&plain, &mut out).unwrap();
        encryptor.finish(&mut out).unwrap();
        (plain, out)
    }

    fn part(sealed: &[u8], range: Range<u64>) -> &[u8] {
        &sealed[range.start as usize..range.end as usize]
    }

    fn open(sealed: &[u8]) -> Result<RangeDecryptor, Damaged> {
        let len = sealed.len() as u64;
        let last = part(sealed, last_chunk(len).ok_or(Damaged)?);
        RangeDecryptor::new(&KEY, b"ctx", &sealed[..PREFIX_LEN], len, last)
    }

    fn read(sealed: &[u8], offset: u64, len: u64) -> Result<Vec<u8>, RangeError> {
        let message = open(sealed)?;
        let mut out = b"kept".to_vec();
        message.decrypt(offset, len, part(sealed, message.sealed_range(offset, len)?), &mut out)?;
        assert_eq!(out.drain(..4).as_slice(), b"kept");
        Ok(out)
    }

    #[test]
    fn every_range_gives_what_the_whole_message_has_there() {
        const C: u64 = CHUNK_LEN as u64;
        for len in [0, 1, C - 1, C, C + 1, 2 * C, 3 * C + 100] {
            let (plain, sealed) = sealed(len as usize);
            let edges = [0, 1, C - 1, C, C + 1, 2 * C - 1, 2 * C, 3 * C, 3 * C + 99, len];
            for from in edges.into_iter().filter(|from| *from <= len) {
                for to in edges.into_iter().filter(|to| (from..=len).contains(to)) {
                    let expected = &plain[from as usize..to as usize];
                    assert!(read(&sealed, from, to - from).unwrap() == expected, "{from}..{to} of {len}");
                }
            }
        }
    }

    #[test]
    fn a_range_past_the_end_is_an_error_and_never_a_short_answer() {
        let (_, sealed) = sealed(CHUNK_LEN + 5);
        let plain_len = CHUNK_LEN as u64 + 5;
        for (offset, len) in
            [(0, plain_len + 1), (plain_len, 1), (plain_len + 1, 0), (u64::MAX, 2), (5, u64::MAX)]
        {
            let error = OutOfRange { offset, len, plain_len };
            assert_eq!(read(&sealed, offset, len), Err(RangeError::OutOfRange(error)));
        }
    }

    #[test]
    fn a_message_cut_or_extended_anywhere_gives_no_range_at_all() {
        let (_, sealed) = sealed(2 * CHUNK_LEN + 100);
        for cut in
            [1, TAG_LEN, 100, 116, 117, SEALED_CHUNK_LEN, SEALED_CHUNK_LEN + 116, sealed.len() - PREFIX_LEN]
        {
            assert_eq!(open(&sealed[..sealed.len() - cut]).unwrap_err(), Damaged, "{cut}");
        }
        assert_eq!(open(&[&sealed[..], &[0]].concat()).unwrap_err(), Damaged);
        assert_eq!(last_chunk(PREFIX_LEN as u64), None);
    }

    #[test]
    fn a_damaged_chunk_gives_nothing_and_spares_the_others() {
        let (plain, mut sealed) = sealed(3 * CHUNK_LEN);
        sealed[PREFIX_LEN + SEALED_CHUNK_LEN + 5] ^= 1;
        assert_eq!(read(&sealed, 0, 2 * CHUNK_LEN as u64), Err(RangeError::Damaged(Damaged)));
        assert!(read(&sealed, 2 * CHUNK_LEN as u64, 10).unwrap() == plain[2 * CHUNK_LEN..][..10]);
        let message = open(&sealed).unwrap();
        let mut out = b"kept".to_vec();
        let range = part(&sealed, message.sealed_range(0, 40_000).unwrap());
        message.decrypt(0, 40_000, range, &mut out).unwrap_err();
        assert_eq!(out, b"kept");
        message.decrypt(0, 40_000, &range[1..], &mut out).unwrap_err();
        assert_eq!(out, b"kept");
    }
}
