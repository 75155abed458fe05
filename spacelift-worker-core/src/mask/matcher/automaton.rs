//! Reads a text byte by byte and knows at each byte which patterns end there, and which may still come of it.
//!
//! The automaton of Aho and Corasick, "Efficient string matching" (1975), with two numbers at each state in the place of
//! its list of matches: how long the longest pattern is that ends here, and how much of the newest input may still grow
//! into a pattern. The lists are what makes other automata quadratic: a value whose lines are `a`, `aa`, `aaa`, and
//! so on takes them gigabytes. Here a byte of a pattern costs one state at most, and a byte of input is constant
//! time on average over any input.

use zeroize::Zeroizing;

use crate::mask::forms::Spelling;

/// Patterns, ready for reading.
pub(super) struct Automaton {
    /// By distance from the start, so that the children of a state stand together, and those of the next follow them.
    /// One more stands at the end, of which only `children` counts.
    states: Vec<State>,
    /// By state: the byte that leads to it from its parent.
    bytes: Zeroizing<Vec<u8>>,
    /// Of the start and of the states next to it, where most input stays: the state after each byte.
    shallow: Vec<[u32; 256]>,
}

#[derive(Clone, Copy, Default)]
struct State {
    /// The first child.
    children: u32,
    /// The state of the longest proper suffix that is the beginning of a pattern.
    suffix: u32,
    /// The length of the longest suffix that is the beginning of a pattern and not all of it.
    open: u32,
    /// The length of the longest suffix that is a pattern, or 0.
    ends: u32,
}

/// Where in the automaton a stream stands. The default is before the first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::mask) struct Cursor(u32);

const START: u32 = 0;

impl Automaton {
    /// From different patterns in byte order, of 64 MiB together at most: every number below fits into 32 bits.
    pub(super) fn new(patterns: &[Spelling]) -> Self {
        let mut automaton =
            Self { states: vec![State::default()], bytes: Zeroizing::new(vec![0]), shallow: Vec::new() };
        // The states of one length; each stands for what the patterns from..to, in byte order, have in common.
        let mut level = vec![(START, 0..patterns.len())];
        for length in 0.. {
            let mut next = Vec::new();
            for (state, mut range) in level {
                automaton.states[state as usize].children = automaton.states.len() as u32;
                let whole = patterns.get(range.start).is_some_and(|pattern| pattern.len() == length);
                // Patterns differ, and the shorter of two that begin alike comes first.
                range.start += usize::from(whole && !range.is_empty());
                automaton.measure(state, length as u32, whole, !range.is_empty());
                while let Some(byte) = patterns[range.clone()].first().map(|pattern| pattern[length]) {
                    let alike = patterns[range.clone()].partition_point(|pattern| pattern[length] == byte);
                    next.push((automaton.add(state, byte), range.start..range.start + alike));
                    range.start += alike;
                }
            }
            if next.is_empty() {
                break;
            }
            level = next;
        }
        let end = automaton.states.len() as u32;
        automaton.states.push(State { children: end, ..State::default() });
        automaton.widen();
        automaton
    }

    /// Adds a child. All shorter states have theirs, so its longest suffix is known.
    fn add(&mut self, parent: u32, byte: u8) -> u32 {
        let suffix =
            if parent == START { START } else { self.follow(self.states[parent as usize].suffix, byte) };
        self.states.push(State { suffix, ..State::default() });
        self.bytes.push(byte);
        (self.states.len() - 1) as u32
    }

    /// Fills in the two numbers of a state; those of its suffix, which is shorter, are known.
    fn measure(&mut self, state: u32, length: u32, whole: bool, grows: bool) {
        let suffix = self.states[self.states[state as usize].suffix as usize];
        let state = &mut self.states[state as usize];
        state.ends = if whole { length } else { suffix.ends };
        state.open = if grows { length } else { suffix.open };
    }

    /// Makes the tables of the start and its children.
    fn widen(&mut self) {
        let near = self.states[START as usize + 1].children;
        self.shallow = (START..near)
            .map(|state| {
                let mut table = [START; 256];
                for byte in 0..=u8::MAX {
                    table[usize::from(byte)] = self.follow(state, byte);
                }
                table
            })
            .collect();
    }

    /// The child of a state by a byte.
    fn child(&self, state: u32, byte: u8) -> Option<u32> {
        let (from, to) = (self.states[state as usize].children, self.states[state as usize + 1].children);
        let at = match &self.bytes[from as usize..to as usize] {
            [only] => (*only == byte).then_some(0)?,
            several => several.binary_search(&byte).ok()?,
        };
        Some(from + at as u32)
    }

    /// The state after one more byte: the child of the state, or of its longest suffix that has one.
    fn follow(&self, mut state: u32, byte: u8) -> u32 {
        loop {
            if let Some(table) = self.shallow.get(state as usize) {
                return table[usize::from(byte)];
            }
            match self.child(state, byte) {
                Some(child) => return child,
                None if state == START => return START,
                None => state = self.states[state as usize].suffix,
            }
        }
    }

    /// After one more byte.
    pub(super) fn step(&self, Cursor(state): Cursor, byte: u8) -> Cursor {
        Cursor(self.follow(state, byte))
    }

    /// The length of the longest pattern that ends with the newest byte, or 0.
    pub(super) fn ending(&self, Cursor(state): Cursor) -> usize {
        self.states[state as usize].ends as usize
    }

    /// How many of the newest bytes may still grow into a pattern.
    pub(super) fn open(&self, Cursor(state): Cursor) -> usize {
        self.states[state as usize].open as usize
    }

    /// How many of the newest bytes decide over what follows: the longest suffix that is the beginning of a pattern, or all of one.
    pub(super) fn depth(&self, Cursor(state): Cursor) -> usize {
        let State { open, ends, .. } = self.states[state as usize];
        open.max(ends) as usize
    }
}
