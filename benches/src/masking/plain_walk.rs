//! The rival: the automaton of Aho and Corasick as the `aho-corasick` crate has it, walked byte by byte.
//!
//! It keeps the same promise for values as they are: every occurrence goes, overlapping and touching ones become one
//! mask, and only what may still become a value is held. It has no filter and no other thought of speed.

use std::collections::VecDeque;
use std::ops::Range;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, BuildError, MatchKind};

/// Masks one stream.
#[derive(Debug)]
pub struct PlainWalk<'a> {
    patterns: &'a PlainPatterns,
    state: StateID,
    held: Vec<u8>,
    /// Where the held bytes begin in the stream.
    first: usize,
    regions: VecDeque<Range<usize>>,
    within: bool,
}

/// What is looked for.
#[derive(Debug)]
pub struct PlainPatterns {
    automaton: NFA,
    start: StateID,
    /// By state: how many of the newest bytes may still grow into a pattern, and the longest pattern that ends here.
    states: Vec<(u32, u32)>,
}

impl PlainPatterns {
    /// From patterns of any length but 0.
    ///
    /// # Errors
    /// When they are too many for the automaton.
    pub fn new(patterns: &[Vec<u8>]) -> Result<Self, Box<dyn std::error::Error>> {
        let automaton = build(patterns)?;
        let start = automaton.start_state(Anchored::No)?;
        let mut states = Vec::new();
        let walk = |bytes: &[u8]| {
            bytes.iter().fold(start, |state, byte| automaton.next_state(Anchored::No, state, *byte))
        };
        // Every state is that of the beginning of a pattern; the shorter ones first, since the longer ones build on them.
        let longest = patterns.iter().map(Vec::len).max().unwrap_or(0);
        for length in 1..=longest {
            for pattern in patterns.iter().filter(|pattern| pattern.len() >= length) {
                let state = walk(&pattern[..length]);
                if states.len() <= state.as_usize() {
                    states.resize(state.as_usize() + 1, (0, 0));
                }
                let ends = match automaton.is_match(state) {
                    true => (0..automaton.match_len(state))
                        .map(|index| automaton.pattern_len(automaton.match_pattern(state, index)))
                        .max()
                        .unwrap_or(0),
                    false => 0,
                };
                if pattern.len() > length {
                    states[state.as_usize()] = (length as u32, ends as u32);
                } else if states[state.as_usize()].0 == 0 {
                    let shorter = walk(&pattern[1..]);
                    let open = states.get(shorter.as_usize()).map_or(0, |state| state.0);
                    states[state.as_usize()] = (open, ends as u32);
                }
            }
        }
        Ok(Self { automaton, start, states })
    }
}

fn build(patterns: &[Vec<u8>]) -> Result<NFA, BuildError> {
    NFA::builder().match_kind(MatchKind::Standard).build(patterns)
}

impl<'a> PlainWalk<'a> {
    /// Before the first byte.
    pub fn new(patterns: &'a PlainPatterns) -> Self {
        let (held, regions) = (Vec::new(), VecDeque::new());
        Self { patterns, state: patterns.start, held, first: 0, regions, within: false }
    }

    /// Takes the next bytes and appends to `out` whatever is certain by now.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let PlainPatterns { automaton, states, .. } = self.patterns;
        let first = self.first + self.held.len();
        let mut state = self.state;
        for (at, byte) in bytes.iter().enumerate() {
            state = automaton.next_state(Anchored::No, state, *byte);
            if automaton.is_special(state) && automaton.is_match(state) {
                let end = first + at + 1;
                let mut region = end - states[state.as_usize()].1 as usize..end;
                while let Some(last) = self.regions.pop_back_if(|last| last.end >= region.start) {
                    region.start = region.start.min(last.start);
                }
                self.regions.push_back(region);
            }
        }
        self.state = state;
        let open = states.get(state.as_usize()).map_or(0, |state| state.0 as usize);
        self.release(bytes, first + bytes.len() - open, out);
    }

    fn release(&mut self, bytes: &[u8], until: usize, out: &mut Vec<u8>) {
        let mut at = self.first;
        while let Some(region) = self.regions.front().filter(|region| region.start < until).cloned() {
            self.copy(at..region.start, bytes, out);
            if region.start > at || !self.within {
                out.extend_from_slice(b"*****");
            }
            self.within = true;
            at = region.end.min(until);
            if region.end > until {
                break;
            }
            self.regions.pop_front();
        }
        if at < until {
            self.copy(at..until, bytes, out);
            self.within = false;
        }
        let gone = until - self.first;
        let held = self.held.len();
        self.held.drain(..gone.min(held));
        self.held.extend_from_slice(&bytes[gone.saturating_sub(held)..]);
        self.first = until;
    }

    fn copy(&self, range: Range<usize>, bytes: &[u8], out: &mut Vec<u8>) {
        let held = self.held.len();
        let (from, to) = (range.start - self.first, range.end - self.first);
        out.extend_from_slice(&self.held[from.min(held)..to.min(held)]);
        out.extend_from_slice(&bytes[from.saturating_sub(held)..to.saturating_sub(held)]);
    }
}
