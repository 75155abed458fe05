//! Skips what cannot begin a pattern, at a fraction of the time that reading it takes.
//!
//! A pattern of m bytes or more holds m - 3 grams of 4 bytes in its first m bytes. Looking at every (m - 3)th gram of
//! a text therefore meets one of them, whatever the offset. Nearly all texts hold none; where there is one, the first bytes
//! at its place are compared by hash. (The idea is that of Wu and Manber, "A fast algorithm for multi-pattern searching",
//! 1994, with fixed steps.) Finds places where a pattern may begin; whether one does is up to the automaton.

use zeroize::Zeroizing;

use crate::mask::forms::Spelling;

/// The bytes of a gram.
const GRAM: usize = 4;
/// The most bytes of a pattern that are looked at: one bit for each offset of a gram in them.
const LONGEST: usize = GRAM + 12;
/// The most bytes of a pattern that are compared.
const PREFIX: usize = 8;
/// Probes at a time, and the bytes that they span at most.
const PROBES: usize = 8;
const BLOCK: usize = 128;
/// Different hashes of a gram at most, and of what is looked up once a gram is met; powers of two.
const GRAM_BITS: u32 = 18;
const RARE_BITS: u32 = 15;

/// One bit for each hash.
type Bits<const WORDS: usize> = [u64; WORDS];
type Grams = Bits<{ 1 << (GRAM_BITS - 6) }>;

/// What the first bytes of the patterns have in them.
pub(super) struct Filter {
    /// By hash of a gram: whether a pattern has it.
    grams: Zeroizing<Vec<u64>>,
    shift: u32,
    /// By another hash of a gram: at which offsets of a pattern it stands, one bit each.
    offsets: Zeroizing<Vec<u16>>,
    /// By hash of the first bytes of a pattern: whether one has it.
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
            grams: Zeroizing::new(vec![0; 1 << (GRAM_BITS - 6)]),
            // A small table stays in the nearest cache, and one that is mostly empty lets nearly everything pass.
            shift: 64 - (many + 6).clamp(12, GRAM_BITS),
            offsets: Zeroizing::new(vec![0; 1 << RARE_BITS]),
            prefixes: Zeroizing::new(vec![0; 1 << (RARE_BITS - 6)]),
            window,
        };
        for pattern in patterns {
            for (offset, gram) in pattern[..window].windows(GRAM).enumerate() {
                let hash = hash([gram[0], gram[1], gram[2], gram[3]]);
                let slot = filter.slot(hash);
                filter.grams[slot >> 6] |= 1 << (slot & 63);
                filter.offsets[rare(hash)] |= 1 << offset;
            }
            let prefix = filter.prefix(&pattern[..window]);
            filter.prefixes[prefix >> 6] |= 1 << (prefix & 63);
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
            7 => self.next_by::<8>(text, from),
            8 => self.next_by::<9>(text, from),
            9 => self.next_by::<10>(text, from),
            10 => self.next_by::<11>(text, from),
            11 => self.next_by::<12>(text, from),
            _ => self.next_by::<13>(text, from),
        }
    }

    fn next_by<const STEP: usize>(&self, text: &[u8], from: usize) -> Option<usize> {
        let grams: &Grams = self.grams.first_chunk()?;
        let mut at = from;
        while let Some(block) = text.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
            let mut met = 0;
            for probe in 0..PROBES {
                let place = probe * STEP;
                let gram = [block[place], block[place + 1], block[place + 2], block[place + 3]];
                met |= self.has(grams, hash(gram));
            }
            if met & 1 == 1 {
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

    /// An odd number for the hash of a gram that a pattern has, and for a few others.
    #[inline(always)]
    fn has(&self, grams: &Grams, hash: u64) -> u64 {
        let slot = self.slot(hash);
        grams[(slot >> 6) & (grams.len() - 1)] >> (slot & 63)
    }

    /// The first place from which a pattern may reach over the gram at `at`.
    fn confirm(&self, text: &[u8], from: usize, at: usize) -> Option<usize> {
        let hash = hash(*text.get(at..)?.first_chunk()?);
        if self.has(self.grams.first_chunk()?, hash) & 1 == 0 {
            return None;
        }
        let mut offsets = self.offsets[rare(hash)];
        while offsets != 0 {
            let offset = offsets.ilog2();
            offsets ^= 1 << offset;
            // The highest offset first: it is the earliest place.
            let place = at.checked_sub(offset as usize).filter(|place| *place >= from);
            if let Some(place) = place
                && let Some(window) = text.get(place..place + self.window)
            {
                let prefix = self.prefix(window);
                if self.prefixes[prefix >> 6] >> (prefix & 63) & 1 == 1 {
                    return Some(place);
                }
            }
        }
        None
    }

    #[inline(always)]
    fn slot(&self, hash: u64) -> usize {
        (hash >> self.shift) as usize
    }

    /// A hash of the first bytes of a pattern.
    fn prefix(&self, window: &[u8]) -> usize {
        let word = match window.first_chunk::<PREFIX>() {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => {
                let mut bytes = [0; PREFIX];
                bytes[..window.len()].copy_from_slice(window);
                u64::from_le_bytes(bytes)
            }
        };
        (word.wrapping_mul(ODD) >> (64 - RARE_BITS)) as usize
    }
}

/// 2^64 divided by the golden ratio: multiplicative hashing (Knuth, The Art of Computer Programming, volume 3, 6.4), whose upper bits are
/// the good ones.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline(always)]
fn hash(gram: [u8; GRAM]) -> u64 {
    u64::from(u32::from_le_bytes(gram)).wrapping_mul(ODD)
}

/// The bits of a hash behind those that are looked at first.
fn rare(hash: u64) -> usize {
    (hash >> (64 - GRAM_BITS - RARE_BITS)) as usize & ((1 << RARE_BITS) - 1)
}
