//! What a policy file says, as far as its soundness depends on it, in words of our own.
//!
//! `validate` reads it from the engine's syntax tree, and `checks` judges it. What takes the tree itself, statement by
//! statement, is in `safety`, `kinds` and `normal`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Line and column, from 1.
pub(super) type Place = (u32, u32);

/// A policy file.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// The package, parts joined by dots, and where it stands.
    pub(super) package: (String, Place),
    /// Every rule head, in the order of the file.
    pub(super) rules: Vec<RuleOutline>,
    /// Every call.
    pub(super) calls: Vec<Call>,
    /// The names of imports, with the places of those that were imported before.
    pub(super) imports: BTreeSet<String>,
    pub(super) imported_again: Vec<(String, Place)>,
    /// Imports of a dialect or a word that there is not.
    pub(super) imported_unknown: Vec<(String, Place)>,
    /// Names to which the file itself gives a meaning other than a rule: variables, arguments, imports.
    pub(super) bound: BTreeSet<String>,
    /// Names that occur.
    pub(super) used: BTreeSet<String>,
    /// Which names of rules each rule refers to.
    pub(super) refers: BTreeMap<String, BTreeSet<String>>,
    /// Where expressions are nested too deeply.
    pub(super) too_nested: Option<Place>,
}

impl Outline {
    /// The first parts of the names of its rules.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        self.rules.iter().map(|rule| rule.name.as_str()).collect()
    }

    /// How many arguments each of its functions takes.
    pub(super) fn arguments(&self) -> BTreeMap<&str, usize> {
        let functions = self.rules.iter().filter_map(|rule| match rule.kind {
            RuleKind::Function(arguments) => Some((rule.path.as_str(), arguments)),
            _ => None,
        });
        functions.collect()
    }

    /// The names of the functions that are called.
    pub(super) fn called(&self) -> BTreeSet<&str> {
        self.calls.iter().map(|call| call.name.as_str()).collect()
    }
}

/// The head of a rule.
#[derive(Debug)]
pub(super) struct RuleOutline {
    /// The first part of its name.
    pub(super) name: String,
    /// The whole name, parts joined by dots.
    pub(super) path: String,
    pub(super) kind: RuleKind,
    /// Whether it says the value where no other rule gives one.
    pub(super) default: bool,
    pub(super) place: Place,
}

/// What a rule makes of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RuleKind {
    /// One value.
    Value,
    /// A set, element by element.
    Set,
    /// An object, or a part of one.
    Object,
    /// A function with so many arguments.
    Function(usize),
    /// The value where no other rule gives one.
    Default,
}

/// A call of a function.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: usize,
    pub(super) place: Place,
}

impl fmt::Display for RuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value | Self::Default => f.write_str("one value"),
            Self::Set => f.write_str("a set"),
            Self::Object => f.write_str("an object"),
            Self::Function(1) => f.write_str("a function of 1 argument"),
            Self::Function(arguments) => write!(f, "a function of {arguments} arguments"),
        }
    }
}
