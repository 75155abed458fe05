//! Skips what cannot begin a pattern, at a fraction of the time that reading it takes.
//!
//! A pattern of m bytes or more holds m - 3 grams of 4 bytes in its first m bytes. Looking at every (m - 3)th gram of
//! a text therefore meets one of them, whatever the offset. Nearly all texts hold none; where there is one, the m bytes
//! at its place are compared by hash. (The idea is that of Wu and Manber, "A fast algorithm for multi-pattern searching",
//! 1994, with fixed steps.) Finds places where a pattern may begin; whether one does is up to the automaton.

use zeroize::Zeroizing;

use crate::mask::forms::Spelling;

/// The bytes of a gram.
const GRAM: usize = 4;
/// The most bytes of a pattern that are looked at: one bit for each offset of a gram in them.
const LONGEST: usize = GRAM + 7;
/// Probes at a time, and the bytes that they span at most.
const PROBES: usize = 8;
const BLOCK: usize = 64;
/// Different hashes of a gram at most, as a power of two.
const GRAM_BITS: u32 = 16;
/// Different hashes of the first bytes of a pattern, as a power of two.
const PREFIX_BITS: u32 = 16;

type Grams = [u8; 1 << GRAM_BITS];

/// What the first bytes of the patterns have in them.
pub(super) struct Filter {
    /// By hash of a gram: at which offsets of a pattern it stands, one bit each.
    grams: Zeroizing<Vec<u8>>,
    shift: u32,
    /// By hash of the first bytes of a pattern: whether one has it. One bit each.
    prefixes: Zeroizing<Vec<u64>>,
    /// The bytes of a pattern that are looked at.
    window: usize,
}

impl Filter {
    /// From patterns of 4 bytes or more.
    pub(super) fn new(patterns: &[Spelling]) -> Self {
        let shortest = patterns.iter().map(|pattern| pattern.len()).min();
        let window = shortest.map_or(LONGEST, |shortest| shortest.clamp(GRAM, LONGEST));
        let many = (patterns.len() * (window - GRAM + 1)).next_power_of_two().trailing_zeros();
        let mut filter = Self {
            grams: Zeroizing::new(vec![0; 1 << GRAM_BITS]),
            // A small table stays in the nearest cache, and one that is mostly empty lets nearly everything pass.
            shift: 32 - (many + 6).clamp(12, GRAM_BITS),
            prefixes: Zeroizing::new(vec![0; 1 << (PREFIX_BITS - 6)]),
            window,
        };
        for pattern in patterns {
            for (offset, gram) in pattern[..window].windows(GRAM).enumerate() {
                let slot = filter.slot([gram[0], gram[1], gram[2], gram[3]]);
                filter.grams[slot] |= 1 << offset;
            }
            let (word, bit) = filter.prefix(&pattern[..window]);
            filter.prefixes[word] |= bit;
        }
        filter
    }

    /// The bytes of a pattern that are looked at: one that begins in the last `window() - 1` bytes of a text is not met.
    pub(super) fn window(&self) -> usize {
        self.window
    }

    /// The first place at or after `from` where a pattern may begin whose first [`window`](Self::window) bytes are
    /// all in the text. `None`: nowhere.
    pub(super) fn next(&self, text: &[u8], from: usize) -> Option<usize> {
        match self.window - GRAM {
            0 => self.next_by::<1>(text, from),
            1 => self.next_by::<2>(text, from),
            2 => self.next_by::<3>(text, from),
            3 => self.next_by::<4>(text, from),
            4 => self.next_by::<5>(text, from),
            5 => self.next_by::<6>(text, from),
            6 => self.next_by::<7>(text, from),
            _ => self.next_by::<8>(text, from),
        }
    }

    fn next_by<const STEP: usize>(&self, text: &[u8], from: usize) -> Option<usize> {
        let grams: &Grams = self.grams.first_chunk()?;
        let mut at = from;
        while let Some(block) = text.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
            let mut met = 0;
            for probe in 0..PROBES {
                let place = probe * STEP;
                met |= grams[self.slot([block[place], block[place + 1], block[place + 2], block[place + 3]])];
            }
            if met != 0 {
                let found = (0..PROBES).find_map(|probe| self.confirm(text, from, at + probe * STEP));
                if found.is_some() {
                    return found;
                }
            }
            at += PROBES * STEP;
        }
        while at + GRAM <= text.len() {
            let found = self.confirm(text, from, at);
            if found.is_some() {
                return found;
            }
            at += STEP;
        }
        None
    }

    /// The first place from which a pattern may reach over the gram at `at`.
    fn confirm(&self, text: &[u8], from: usize, at: usize) -> Option<usize> {
        let gram = text.get(at..)?.first_chunk()?;
        let mut offsets = self.grams[self.slot(*gram)];
        while offsets != 0 {
            let offset = offsets.ilog2();
            offsets ^= 1 << offset;
            // The highest offset first: it is the earliest place.
            let place = at.checked_sub(offset as usize).filter(|place| *place >= from);
            if let Some(place) = place
                && let Some(window) = text.get(place..place + self.window)
            {
                let (word, bit) = self.prefix(window);
                if self.prefixes[word] & bit != 0 {
                    return Some(place);
                }
            }
        }
        None
    }

    #[inline(always)]
    fn slot(&self, gram: [u8; GRAM]) -> usize {
        // Multiplicative hashing (Knuth, The Art of Computer Programming, volume 3, 6.4): the upper bits are the good ones.
        let hash = u32::from_le_bytes(gram).wrapping_mul(0x9e37_79b1) >> self.shift;
        usize::from(hash as u16)
    }

    /// Where the bit of these first bytes is.
    fn prefix(&self, window: &[u8]) -> (usize, u64) {
        let mut hash = 0_u64;
        for part in window.chunks(GRAM) {
            let mut bytes = [0; GRAM];
            bytes[..part.len()].copy_from_slice(part);
            hash = (hash ^ u64::from(u32::from_le_bytes(bytes))).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            hash ^= hash >> 29;
        }
        let hash = hash >> (64 - PREFIX_BITS);
        ((hash >> 6) as usize, 1 << (hash & 63))
    }
}
