//! Sealing and unsealing whole chunks where they stand, as files need it.

use super::cobblestone::{CHUNK_LEN, ChunkDecryptor, ChunkEncryptor, PREFIX_LEN, SealedChunk, TAG_LEN};
use super::seal::{Length, SealError, Sealer};
use super::unseal::{UnsealError, Unsealer};

impl Sealer {
    /// The beginning of the sealed file, and a sealer of the chunks behind it.
    pub(crate) fn into_chunks(self) -> Result<(Vec<u8>, ChunkSealer), SealError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let (prefix, inner) = self.encryptor.into_chunks().ok_or(SealError::Started)?;
        let mut head = self.head;
        head.extend(prefix);
        Ok((head, ChunkSealer { inner, length: self.length }))
    }
}

/// Seals whole chunks where they stand. Who calls it stops at the first error.
pub(crate) struct ChunkSealer {
    inner: ChunkEncryptor,
    length: Length,
}

impl ChunkSealer {
    /// Seals chunks of 16 KiB of plaintext, each followed by room for its tag.
    pub(crate) fn seal_in_place(&mut self, batch: &mut [SealedChunk]) -> Result<(), SealError> {
        self.length.give(batch.len() * CHUNK_LEN)?;
        Ok(self.inner.seal_in_place(batch)?)
    }

    /// Seals the end: less than 16 KiB of plaintext, followed by room for its tag.
    pub(crate) fn finish_in_place(mut self, last: &mut [u8]) -> Result<(), SealError> {
        self.length.give(last.len().saturating_sub(TAG_LEN))?;
        self.length.end()?;
        Ok(self.inner.finish_in_place(last)?)
    }
}

impl Unsealer<'_> {
    /// Opens the two lines at the beginning of a file and checks the commitment behind them. `start` is the whole file or
    /// its first [`MAX_START_LEN`] bytes; gives the decryptor of the chunks and where they begin.
    pub(crate) fn begin(self, start: &[u8]) -> Result<(ChunkDecryptor, usize), UnsealError> {
        let (input_key, head, body) = self.open_head(start)?;
        let prefix = body.get(..PREFIX_LEN).ok_or(UnsealError::Damaged)?;
        let chunks = ChunkDecryptor::new(&input_key, head, prefix)?;
        Ok((chunks, head.len() + PREFIX_LEN))
    }
}
