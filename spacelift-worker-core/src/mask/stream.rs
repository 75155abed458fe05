//! Masks one stream: bytes in, bytes out, with what may still become a secret held back.
//!
//! Whether a byte is masked is final as soon as no pattern that is still open reaches back to it. Each run of masked
//! bytes comes out as one [`MASK`]. What came out is never read again.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::matcher::{Cursor, Matcher};
use super::secrets::Secrets;

/// What stands in the place of secrets.
pub const MASK: &str = "*****";

/// The shortest beginning of a secret that [`Masker::finish`] masks, in bytes.
const CUT_SHORT: usize = 8;

/// The bytes that were read and not let go.
#[derive(Default)]
struct Held {
    /// They stand at the end of this.
    buffer: Zeroizing<Vec<u8>>,
    /// How many bytes stand before them that were let go.
    gone: usize,
    /// Where the first of them stands in the stream.
    first: u64,
}

impl Held {
    fn bytes(&self) -> &[u8] {
        &self.buffer[self.gone..]
    }

    fn end(&self) -> u64 {
        self.first + self.bytes().len() as u64
    }

    /// Appends a range of the stream to `out`, where `next` follows the held bytes.
    fn copy(&self, range: Range<u64>, next: &[u8], out: &mut Vec<u8>) {
        let held = self.bytes();
        let (start, end) = ((range.start - self.first) as usize, (range.end - self.first) as usize);
        out.extend_from_slice(&held[start.min(held.len())..end.min(held.len())]);
        out.extend_from_slice(&next[start.saturating_sub(held.len())..end.saturating_sub(held.len())]);
    }

    /// Holds what is behind `until` when `next` follows the held bytes.
    fn advance(&mut self, until: u64, next: &[u8]) {
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

/// Masks one stream. **A masker dropped without [`finish`](Self::finish) loses the bytes that it holds.**
pub struct Masker {
    secrets: Secrets,
    generation: u64,
    matcher: Arc<Matcher>,
    cursor: Cursor,
    held: Held,
    /// Masked regions that are not let go, apart from each other, in order, counted from the first byte of the stream.
    regions: VecDeque<Range<u64>>,
    /// Whether the last byte that was let go was masked: a region that goes on from it has had its mask.
    within: bool,
}

impl Masker {
    pub(super) fn new(secrets: Secrets) -> Self {
        // In this order: a matcher newer than its generation is merely taken again.
        let generation = secrets.generation();
        let matcher = secrets.matcher();
        let cursor = matcher.start();
        let (held, regions) = (Held::default(), VecDeque::new());
        Self { secrets, generation, matcher, cursor, held, regions, within: false }
    }

    /// Takes the next bytes and appends to `out` whatever is certain by now.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.refresh();
        if self.matcher.is_empty() {
            self.held.first += bytes.len() as u64;
            out.extend_from_slice(bytes);
            return;
        }
        let first = self.held.end();
        for (position, byte) in (first..).zip(bytes) {
            self.read(position, *byte);
        }
        let end = first + bytes.len() as u64;
        let certain = end - self.matcher.open(self.cursor) as u64;
        self.release(certain, bytes, out);
        self.held.advance(certain, bytes);
    }

    /// Ends the stream: appends what is held, with the beginning of a secret masked if it has 8 bytes or more.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.refresh();
        let (end, open) = (self.held.end(), self.matcher.open(self.cursor));
        if open >= CUT_SHORT {
            self.mask(end - open as u64..end);
        }
        self.release(end, &[], out);
    }

    /// Goes on with the newest secrets. They are looked for in the held bytes, too.
    fn refresh(&mut self) {
        let generation = self.secrets.generation();
        if generation == self.generation {
            return;
        }
        self.generation = generation;
        self.matcher = self.secrets.matcher();
        self.cursor = self.matcher.start();
        let (first, held) = (self.held.first, std::mem::take(&mut self.held));
        // Regions that lie in the held bytes are found again. One that began before them stays.
        self.regions.retain(|region| region.start < first);
        for (position, byte) in (first..).zip(held.bytes()) {
            self.read(position, *byte);
        }
        self.held = held;
    }

    /// Reads one byte and marks the longest secret that ends with it.
    fn read(&mut self, position: u64, byte: u8) {
        self.cursor = self.matcher.step(self.cursor, byte);
        if let Some(length) = self.matcher.ending(self.cursor) {
            self.mask(position + 1 - length as u64..position + 1);
        }
    }

    /// Adds a region that ends where reading stands (so no other begins behind it), merged with those that it touches.
    fn mask(&mut self, mut region: Range<u64>) {
        while let Some(last) = self.regions.back() {
            if last.end < region.start {
                break;
            }
            region = region.start.min(last.start)..region.end.max(last.end);
            self.regions.pop_back();
        }
        self.regions.push_back(region);
    }

    /// Lets go of everything before `until`, of which the held bytes and then `bytes` are the text.
    fn release(&mut self, until: u64, bytes: &[u8], out: &mut Vec<u8>) {
        let mut at = self.held.first;
        while at < until {
            // Regions never begin before what was let go: a pattern that did would have been open.
            let Some(region) = self.regions.front().filter(|region| region.start < until) else { break };
            if region.start > at {
                self.held.copy(at..region.start, bytes, out);
                self.within = false;
            }
            if !self.within {
                out.extend_from_slice(MASK.as_bytes());
                self.within = true;
            }
            at = region.end.min(until);
            if region.end > until {
                break;
            }
            self.regions.pop_front();
        }
        if at < until {
            self.held.copy(at..until, bytes, out);
            self.within = false;
        }
    }
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masker").field("held", &self.held.bytes().len()).finish_non_exhaustive()
    }
}
