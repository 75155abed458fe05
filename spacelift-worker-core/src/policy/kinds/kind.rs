//! Kinds of values, as far as a file itself says them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The letters of the kinds, as in `signatures.txt`, with their names.
const KINDS: [(char, &str); 7] = [
    ('n', "null"),
    ('b', "a boolean"),
    ('u', "a number"),
    ('s', "a string"),
    ('a', "an array"),
    ('o', "an object"),
    ('e', "a set"),
];

/// Which kinds a value may be of: one bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(u8);

impl Kinds {
    pub(super) const ANY: Self = Self(0b111_1111);
    pub(super) const NONE: Self = Self(0);
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(1 << 1);
    pub(super) const NUMBER: Self = Self(1 << 2);
    pub(super) const STRING: Self = Self(1 << 3);
    pub(super) const ARRAY: Self = Self(1 << 4);
    pub(super) const OBJECT: Self = Self(1 << 5);
    pub(super) const SET: Self = Self(1 << 6);

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// From letters; any for a star, and none for a dash.
    pub(super) fn read(letters: &str) -> Self {
        match letters {
            "*" => Self::ANY,
            letters => {
                let bits = KINDS.iter().enumerate().filter(|(_, (letter, _))| letters.contains(*letter));
                Self(bits.fold(0, |found, (index, _)| found | 1 << index))
            }
        }
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = KINDS.iter().enumerate().filter(|(index, _)| self.0 & 1 << index != 0);
        let names: Vec<&str> = names.map(|(_, (_, name))| *name).collect();
        match names.as_slice() {
            [] => f.write_str("nothing"),
            [front @ .., last] if !front.is_empty() => write!(f, "{} or {last}", front.join(", ")),
            names => f.write_str(&names.join("")),
        }
    }
}

/// What is known of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Type {
    pub(super) kinds: Kinds,
    /// All the fields of an object, where they stand in the file.
    pub(super) fields: Option<Arc<BTreeMap<String, Self>>>,
    /// All the elements of an array, where they stand in the file.
    pub(super) items: Option<Arc<Vec<Self>>>,
}

impl Type {
    pub(super) fn of(kinds: Kinds) -> Self {
        Self { kinds, fields: None, items: None }
    }

    /// A value of either type.
    pub(super) fn or(self, other: Self) -> Self {
        if self == other { self } else { Self::of(self.kinds.or(other.kinds)) }
    }
}
