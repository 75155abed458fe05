//! A batch of chunks: read into, sealed or opened where it stands, and written from.
//!
//! Sealed chunks stand behind each other as they do in a file. Plaintext stands in the same places, with a gap after
//! each 16 KiB where its tag goes or was, so that nothing is copied between reading and writing.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read as _, Write as _};

use zeroize::Zeroizing;

use crate::envelope::cobblestone::{CHUNK_LEN, SEALED_CHUNK_LEN, SealedChunk};

/// Chunks in a batch of usual size: 256 KiB.
pub(super) const CHUNKS: usize = 16;

/// Memory of so many chunks, for all batches together: one allocation, so that the allocator keeps nothing of it.
pub(super) fn room(chunks: usize) -> Zeroizing<Vec<SealedChunk>> {
    Zeroizing::new(vec![[0; SEALED_CHUNK_LEN]; chunks])
}

/// Room for chunks, and how many of them hold something.
pub(super) struct Batch<'room> {
    chunks: &'room mut [SealedChunk],
    /// How many whole chunks there are.
    full: usize,
    /// Bytes in the chunk after them.
    last: usize,
}

impl<'room> Batch<'room> {
    /// An empty one.
    pub(super) fn new(chunks: &'room mut [SealedChunk]) -> Self {
        Self { chunks, full: 0, last: 0 }
    }

    /// Fills the places of plaintext from `file`; whether its end was met, which leaves the last chunk not full.
    pub(super) fn read_plain(&mut self, mut file: &File) -> io::Result<bool> {
        let mut filled = 0;
        let end = loop {
            let mut places: Vec<IoSliceMut<'_>> = self
                .chunks
                .iter_mut()
                .filter_map(|chunk| chunk.get_mut(..CHUNK_LEN))
                .map(IoSliceMut::new)
                .collect();
            let mut rest = &mut places[..];
            IoSliceMut::advance_slices(&mut rest, filled);
            if rest.is_empty() {
                break false;
            }
            match uninterrupted(|| file.read_vectored(rest))? {
                0 => break true,
                read => filled += read,
            }
        };
        (self.full, self.last) = (filled / CHUNK_LEN, filled % CHUNK_LEN);
        Ok(end)
    }

    /// Fills the whole batch with sealed bytes from `file`; whether its end was met.
    pub(super) fn read_sealed(&mut self, mut file: &File) -> io::Result<bool> {
        let mut rest = self.chunks.as_flattened_mut();
        let room = rest.len();
        while !rest.is_empty() {
            match uninterrupted(|| file.read(rest))? {
                0 => break,
                read => rest = rest.get_mut(read..).unwrap_or_default(),
            }
        }
        let (filled, end) = (room - rest.len(), !rest.is_empty());
        (self.full, self.last) = (filled / SEALED_CHUNK_LEN, filled % SEALED_CHUNK_LEN);
        Ok(end)
    }

    /// The whole chunks.
    pub(super) fn full_mut(&mut self) -> &mut [SealedChunk] {
        self.chunks.get_mut(..self.full).unwrap_or_default()
    }

    /// What there is of the chunk after the whole ones, with `room` more bytes.
    pub(super) fn last_mut(&mut self, room: usize) -> &mut [u8] {
        let chunk = self.chunks.get_mut(self.full).map(|chunk| &mut chunk[..]);
        chunk.unwrap_or_default().get_mut(..self.last + room).unwrap_or_default()
    }

    /// Says how many bytes there are of it now.
    pub(super) fn set_last(&mut self, len: usize) {
        self.last = len;
    }

    /// All of it when it is sealed.
    pub(super) fn sealed(&self) -> &[u8] {
        self.chunks.as_flattened().get(..self.full * SEALED_CHUNK_LEN + self.last).unwrap_or_default()
    }

    /// Bytes of all of it when it is plaintext.
    pub(super) fn plain_len(&self) -> usize {
        self.full * CHUNK_LEN + self.last
    }

    /// Writes all of it when it is plaintext.
    pub(super) fn write_plain(&self, mut file: &File) -> io::Result<()> {
        let lens = std::iter::repeat_n(CHUNK_LEN, self.full).chain([self.last]);
        let mut pieces: Vec<IoSlice<'_>> = self
            .chunks
            .iter()
            .zip(lens)
            .filter_map(|(chunk, len)| chunk.get(..len))
            .map(IoSlice::new)
            .collect();
        let mut rest = &mut pieces[..];
        // Leaves out empty pieces, so that nothing left to write is told from a file that takes nothing.
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match uninterrupted(|| file.write_vectored(rest))? {
                0 => return Err(ErrorKind::WriteZero.into()),
                written => IoSlice::advance_slices(&mut rest, written),
            }
        }
        Ok(())
    }
}

/// A system call, again when a signal came in between.
fn uninterrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn plaintext_passes_through_its_places_and_back_into_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        for len in [0, 1, CHUNK_LEN - 1, CHUNK_LEN, 2 * CHUNK_LEN, 2 * CHUNK_LEN + 5, 3 * CHUNK_LEN] {
            let plain: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            fs::write(&from, &plain).unwrap();
            let mut room = room(3);
            let mut batch = Batch::new(&mut room);
            let end = batch.read_plain(&File::open(&from).unwrap()).unwrap();
            assert_eq!((end, batch.plain_len()), (len < 3 * CHUNK_LEN, len));
            batch.write_plain(&File::create(&to).unwrap()).unwrap();
            assert!(fs::read(&to).unwrap() == plain);
        }
    }

    #[test]
    fn sealed_bytes_stand_as_they_do_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        for len in [0, 1, SEALED_CHUNK_LEN, SEALED_CHUNK_LEN + 20, 2 * SEALED_CHUNK_LEN] {
            let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            fs::write(&from, &bytes).unwrap();
            let mut room = room(2);
            let mut batch = Batch::new(&mut room);
            let end = batch.read_sealed(&File::open(&from).unwrap()).unwrap();
            assert_eq!(end, len < 2 * SEALED_CHUNK_LEN);
            assert!(batch.sealed() == bytes);
            assert_eq!(batch.full_mut().len(), len / SEALED_CHUNK_LEN);
            assert_eq!(batch.last_mut(0).len(), len % SEALED_CHUNK_LEN);
        }
    }
}
