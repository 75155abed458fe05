//! A batch of chunks: read into, sealed or opened where it stands, and written from.
//!
//! Sealed chunks stand behind each other as they do in a file. Plaintext stands in the same places, with a gap after
//! each 16 KiB where its tag goes or was, so that nothing is copied between reading and writing.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read as _, Write as _};

use zeroize::Zeroizing;

use crate::envelope::cobblestone::{CHUNK_LEN, SEALED_CHUNK_LEN, SealedChunk};

/// Chunks in a batch of a large file: 1.5 MiB. A system call for more than that is hardly cheaper a byte.
pub(super) const CHUNKS: usize = 96;

/// Chunks of a file that are not worth a second batch: 256 KiB.
const FEW: usize = 16;

/// Bytes of a cache line.
///
/// x86 copies between a file's page and memory at a third of its speed where the address that is written lies 1 to 15 bytes
/// behind the one that is read, modulo 4096, and at its best where both are alike modulo 16 and are not that close. Batches
/// are whole lines, so that this stays as the first one has it; on a large file it is a twentieth of all work.
const LINE: usize = 64;

/// Memory for two batches at most: one allocation, so that the allocator keeps nothing of it.
pub(super) struct Room {
    bytes: Zeroizing<Vec<u8>>,
    /// Where the first batch begins.
    begin: usize,
    /// Chunks of the first batch, and of the second.
    chunks: [usize; 2],
}

impl Room {
    /// Room for what is to be sealed, `chunks` chunks as far as is known, and written from `position` of a file on.
    pub(super) fn to_seal(chunks: usize, position: usize) -> Self {
        Self::new(chunks, position)
    }

    /// Room for what is read from `position` of a sealed file on. Plaintext is written from each 16 KiB of it, so it begins
    /// at a multiple of 16.
    pub(super) fn to_open(chunks: usize, position: usize) -> Self {
        Self::new(chunks, position.next_multiple_of(16) + LINE / 2)
    }

    fn new(chunks: usize, into_line: usize) -> Self {
        let first =
            if chunks <= FEW { chunks.max(1) } else { chunks.div_ceil(2).next_multiple_of(4).min(CHUNKS) };
        let second = chunks.saturating_sub(first).min(first);
        let bytes = Zeroizing::new(vec![0; (first + second) * SEALED_CHUNK_LEN + LINE]);
        let begin = into_line.wrapping_sub(bytes.as_ptr().addr()) % LINE;
        Self { bytes, begin, chunks: [first, second] }
    }

    /// The first batch, and the second one of a file that is worth it.
    pub(super) fn batches(&mut self) -> (Batch<'_>, Option<Batch<'_>>) {
        let [first, second] = self.chunks;
        let bytes = self.bytes.get_mut(self.begin..).unwrap_or_default();
        let (chunks, _) = bytes.as_chunks_mut();
        let (one, rest) = chunks.split_at_mut_checked(first).unwrap_or_default();
        let two = rest.get_mut(..second).filter(|chunks| !chunks.is_empty());
        (Batch::new(one), two.map(Batch::new))
    }
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
    fn a_room_has_all_chunks_of_a_small_file_and_two_batches_of_a_large_one() {
        for chunks in [0, 1, FEW, FEW + 1, 50, 2 * CHUNKS - 1, 2 * CHUNKS, 1 << 40] {
            let mut room = Room::to_seal(chunks, 0);
            let (one, two) = room.batches();
            assert_eq!(two.is_some(), chunks > FEW);
            let len = one.chunks.len() + two.map_or(0, |two| two.chunks.len());
            assert_eq!(len, chunks.clamp(1, 2 * CHUNKS));
        }
    }

    #[test]
    fn no_batch_begins_where_copying_is_slow() {
        let after = |at: usize, from: usize| at.wrapping_sub(from) % LINE;
        let begins = |mut room: Room| {
            let (one, two) = room.batches();
            [one, two.unwrap()].map(|batch| batch.chunks.as_ptr().addr())
        };
        for position in 0..LINE {
            let positions = [position, position + CHUNKS * SEALED_CHUNK_LEN];
            for (position, begin) in positions.into_iter().zip(begins(Room::to_seal(1000, position))) {
                assert_eq!(after(position, begin), 0, "written from there");
            }
            for (position, begin) in positions.into_iter().zip(begins(Room::to_open(1000, position))) {
                assert!((32..48).contains(&after(begin, position)), "read to there");
                assert_eq!(begin % 16, 0);
            }
        }
    }

    #[test]
    fn plaintext_passes_through_its_places_and_back_into_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        for len in [0, 1, CHUNK_LEN - 1, CHUNK_LEN, 2 * CHUNK_LEN, 2 * CHUNK_LEN + 5, 3 * CHUNK_LEN] {
            let plain: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            fs::write(&from, &plain).unwrap();
            let mut room = Room::to_seal(3, 0);
            let (mut batch, _) = room.batches();
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
            let mut room = Room::to_open(2, 7);
            let (mut batch, _) = room.batches();
            let end = batch.read_sealed(&File::open(&from).unwrap()).unwrap();
            assert_eq!(end, len < 2 * SEALED_CHUNK_LEN);
            assert!(batch.sealed() == bytes);
            assert_eq!(batch.full_mut().len(), len / SEALED_CHUNK_LEN);
            assert_eq!(batch.last_mut(0).len(), len % SEALED_CHUNK_LEN);
        }
    }
}
