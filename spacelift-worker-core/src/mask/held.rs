//! The bytes of a stream that were read and not let go.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::output::Output;

/// The bytes that were read and not let go, and where they stand in the stream.
#[derive(Default)]
pub(super) struct Held {
    /// They stand at the end of this.
    buffer: Zeroizing<Vec<u8>>,
    /// How many bytes stand before them that were let go.
    gone: usize,
    /// Where the first of them stands in the stream.
    first: u64,
}

impl Held {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.gone..]
    }

    /// Where the first of them stands in the stream.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// Where the next byte will stand.
    pub(super) fn end(&self) -> u64 {
        self.first + self.bytes().len() as u64
    }

    /// The newest bytes, this many of them at most, when `next` follows the held ones.
    pub(super) fn newest(&self, most: usize, next: &[u8]) -> Zeroizing<Vec<u8>> {
        let of_next = &next[next.len() - most.min(next.len())..];
        let held = self.bytes();
        let of_held = &held[held.len() - (most - of_next.len()).min(held.len())..];
        Zeroizing::new([of_held, of_next].concat())
    }

    /// Appends a range of the stream to `out`, where `next` follows the held bytes.
    pub(super) fn copy(&self, range: Range<u64>, next: &[u8], out: &mut dyn Output) {
        let held = self.bytes();
        let (start, end) = ((range.start - self.first) as usize, (range.end - self.first) as usize);
        out.push_all(&held[start.min(held.len())..end.min(held.len())]);
        out.push_all(&next[start.saturating_sub(held.len())..end.saturating_sub(held.len())]);
    }

    /// Holds what is behind `until` when `next` follows the held bytes.
    pub(super) fn advance(&mut self, until: u64, next: &[u8]) {
        let gone = (until - self.first) as usize;
        let held = self.bytes().len();
        if gone >= held {
            self.buffer.clear();
            self.gone = 0;
            self.buffer.extend_from_slice(&next[gone - held..]);
        } else {
            self.gone += gone;
            // Moving bytes to the front only when more have gone than stay costs a constant per byte.
            if self.gone > self.buffer.len() / 2 {
                self.buffer.drain(..self.gone);
                self.gone = 0;
            }
            self.buffer.extend_from_slice(next);
        }
        self.first = until;
    }
}
