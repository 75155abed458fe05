//! Finds where secrets end in a stream, byte by byte. The one owner of the multi-pattern automaton.
//!
//! Aho and Corasick 1975, standard semantics, walked by hand: after each byte the state knows the longest pattern that
//! ends there, and how much of the newest input may still grow into a pattern. Nothing here replaces anything.

use std::collections::HashMap;

use aho_corasick::automaton::{Automaton as _, StateID};
use aho_corasick::nfa::contiguous;
use aho_corasick::{Anchored, MatchKind};

use super::secrets::{SecretSet, TooManySecrets};

/// A set of patterns, ready for searching.
pub(super) struct Matcher {
    automaton: contiguous::NFA,
    start: StateID,
    /// By state: the length of the longest suffix of what was read that is the beginning of a pattern and not all of it.
    open: Vec<u32>,
    /// By state, where a pattern ends: the length of the longest that does.
    ends: HashMap<StateID, u32>,
}

/// Where in the automaton a stream stands.
#[derive(Clone, Copy)]
pub(super) struct Cursor(StateID);

impl Matcher {
    pub(super) fn new(set: &SecretSet) -> Result<Self, TooManySecrets> {
        let patterns: Vec<&[u8]> = set.patterns().collect();
        let automaton = contiguous::Builder::new()
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(&patterns)
            .map_err(|_| TooManySecrets)?;
        let start = automaton.start_state(Anchored::No).map_err(|_| TooManySecrets)?;
        let mut matcher = Self { automaton, start, open: Vec::new(), ends: HashMap::new() };
        matcher.measure(&patterns);
        Ok(matcher)
    }

    /// Fills `open` and `ends`. Reading the first `n` bytes of a pattern leads to the state that stands for exactly
    /// these, so walking all patterns visits every state but the start.
    fn measure(&mut self, sorted: &[&[u8]]) {
        let mut closed: Vec<(StateID, &[u8])> = Vec::new();
        for (index, pattern) in sorted.iter().enumerate() {
            let mut cursor = self.start();
            for (before, byte) in pattern.iter().enumerate() {
                cursor = self.step(cursor, *byte);
                let depth = before + 1;
                // In byte order, the first pattern that begins with this one follows it at once.
                let grows = depth < pattern.len()
                    || sorted.get(index + 1).is_some_and(|next| next.starts_with(pattern));
                if grows {
                    self.set_open(cursor, depth);
                } else {
                    closed.push((cursor.0, pattern));
                }
                self.measure_end(cursor.0);
            }
        }
        // What may still grow after a whole pattern is what may after its longest proper suffix, which is a state nearer to
        // the start: shorter patterns first.
        closed.sort_by_key(|(_, pattern)| pattern.len());
        for (state, pattern) in closed {
            let suffix = pattern.iter().skip(1).fold(self.start(), |cursor, byte| self.step(cursor, *byte));
            self.set_open(Cursor(state), self.open(suffix));
        }
    }

    fn set_open(&mut self, Cursor(state): Cursor, length: usize) {
        let index = state.as_usize();
        if self.open.len() <= index {
            self.open.resize(index + 1, 0);
        }
        // A pattern of 4 GiB does not fit into the automaton.
        self.open[index] = u32::try_from(length).unwrap_or(u32::MAX);
    }

    fn measure_end(&mut self, state: StateID) {
        if !self.automaton.is_match(state) || self.ends.contains_key(&state) {
            return;
        }
        let lengths = (0..self.automaton.match_len(state))
            .map(|index| self.automaton.pattern_len(self.automaton.match_pattern(state, index)));
        let longest = lengths.max().unwrap_or_default();
        self.ends.insert(state, u32::try_from(longest).unwrap_or(u32::MAX));
    }

    /// Whether there is nothing to find.
    pub(super) fn is_empty(&self) -> bool {
        self.automaton.patterns_len() == 0
    }

    /// Before the first byte.
    pub(super) fn start(&self) -> Cursor {
        Cursor(self.start)
    }

    /// After one more byte.
    pub(super) fn step(&self, Cursor(state): Cursor, byte: u8) -> Cursor {
        Cursor(self.automaton.next_state(Anchored::No, state, byte))
    }

    /// The length of the longest pattern that ends with the newest byte, if one does.
    pub(super) fn ending(&self, Cursor(state): Cursor) -> Option<usize> {
        if self.automaton.is_special(state) {
            self.ends.get(&state).map(|length| *length as usize)
        } else {
            None
        }
    }

    /// How many of the newest bytes may still grow into a pattern.
    pub(super) fn open(&self, Cursor(state): Cursor) -> usize {
        self.open.get(state.as_usize()).map_or(0, |length| *length as usize)
    }
}
