//! Finds the patterns of a set in a stream: a filter skips what cannot begin one, an automaton reads the rest.
//!
//! Time is linear whatever the text: what the filter points at is read for at least as many bytes as it looks at, and
//! reading goes on until at most a quarter as many are open, which is all that is looked at again. Nothing here replaces
//! anything.

mod automaton;
mod filter;
#[cfg(test)]
mod tests;

use zeroize::Zeroizing;

use self::automaton::Automaton;
pub(super) use self::automaton::Cursor;
use self::filter::Filter;
use super::forms::Spelling;

/// Different patterns of 4 bytes or more, ready for searching.
pub(super) struct Matcher {
    patterns: Vec<Spelling>,
    automaton: Automaton,
    filter: Filter,
    /// By two bytes: whether a pattern has them together, one bit each.
    together: Zeroizing<Vec<u64>>,
}

impl Matcher {
    /// From patterns of 4 bytes or more and 64 MiB together at most, in byte order, each once.
    pub(super) fn new(patterns: Vec<Spelling>) -> Self {
        let mut together = Zeroizing::new(vec![0; 1 << 10]);
        for pair in patterns.iter().flat_map(|pattern| pattern.windows(2)) {
            let (word, bit) = bit_of(pair[0], pair[1]);
            together[word] |= 1 << bit;
        }
        Self { automaton: Automaton::new(&patterns), filter: Filter::new(&patterns), patterns, together }
    }

    /// The patterns, in byte order.
    pub(super) fn patterns(&self) -> &[Spelling] {
        &self.patterns
    }

    /// Reads the next part of a stream. Calls `found` with the end of a match in it and the match's length, which may
    /// reach back before the part: for each byte at which patterns end, in order, the longest of them.
    pub(super) fn read(
        &self,
        mut cursor: Cursor,
        text: &[u8],
        mut found: impl FnMut(usize, usize),
    ) -> Cursor {
        let window = self.filter.window();
        // Fewer than the shortest pattern has, so that no match is found twice.
        let nearly_none = window / 4;
        let mut at = 0;
        // Up to here no skipping: what is being read was pointed at.
        let mut surely = 0;
        loop {
            let mut open = self.automaton.open(cursor);
            while at < text.len() && (open > nearly_none || at < surely || at < open) {
                cursor = self.automaton.step(cursor, text[at]);
                at += 1;
                let length = self.automaton.ending(cursor);
                if length > 0 {
                    found(at, length);
                }
                open = self.automaton.open(cursor);
            }
            if at == text.len() {
                return cursor;
            }
            // Whatever began before the open bytes has ended.
            let from = at - open;
            let next = if text.len() - from < window { None } else { self.filter.next(text, from) };
            (at, surely) = match next {
                Some(place) => (place, place + window),
                // What begins later than here, the filter cannot meet, and the next part may complete.
                None => (from.max((text.len() + 1).saturating_sub(window)), text.len()),
            };
            cursor = Cursor::default();
        }
    }

    /// Whether a pattern has these two bytes one behind the other.
    pub(super) fn has_together(&self, one: u8, next: u8) -> bool {
        let (word, bit) = bit_of(one, next);
        self.together[word] >> bit & 1 == 1
    }

    /// How many of the newest bytes may still grow into a pattern.
    pub(super) fn open(&self, cursor: Cursor) -> usize {
        self.automaton.open(cursor)
    }

    /// How many of the newest bytes decide over what follows.
    pub(super) fn depth(&self, cursor: Cursor) -> usize {
        self.automaton.depth(cursor)
    }
}

fn bit_of(one: u8, next: u8) -> (usize, u8) {
    (usize::from(one) << 2 | usize::from(next >> 6), next & 63)
}
