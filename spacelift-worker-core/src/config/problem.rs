//! What is wrong with a configuration, as lines for the person who set it. A secret's value is never part of one.

use std::fmt;

/// How much of a value a message shows, in characters.
const SHOWN: usize = 60;

/// What a variable held.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// Nothing, or only blanks.
    Nothing,
    /// This value, or this entry of a list.
    Value(String),
    /// A value that is not shown, because it is or may hold a secret.
    Hidden,
}

impl fmt::Display for Found {
    /// One line whatever the value holds, and no longer than a person wants to read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Hidden => f.write_str("a value that is not shown"),
            Self::Value(value) => match value.char_indices().nth(SHOWN) {
                Some((end, _)) => write!(f, "{:?}… ({} bytes)", &value[..end], value.len()),
                None => write!(f, "{value:?}"),
            },
        }
    }
}

/// One thing that is wrong with one variable. Prints as one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: found {found}, expected {expected}; {remedy}")]
pub struct Problem {
    /// The variable's name.
    pub variable: String,
    /// What it held.
    pub found: Found,
    /// What it should hold.
    pub expected: String,
    /// What to do.
    pub remedy: String,
}

impl Problem {
    /// A problem with `variable`. The caller chooses [`Found::Hidden`] where the value may be a secret.
    pub fn new(
        variable: impl Into<String>,
        found: Found,
        expected: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { variable: variable.into(), found, expected: expected.into(), remedy: remedy.into() }
    }
}

/// Something that is probably not meant. Prints as one line; the launcher goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A name that begins like ours and is none of them.
    UnknownVariable {
        /// The name.
        name: String,
        /// The known name that is most like it, where one is.
        nearest: Option<&'static str>,
    },
    /// The launcher's own credentials are on the list of what runs may see. They are not passed.
    NeverPassed {
        /// The list's variable.
        list: &'static str,
        /// The credential's name.
        name: String,
    },
    /// A variable that is not UTF-8 and none of ours. Runs are not given it.
    NotUtf8 {
        /// The name.
        name: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownVariable { name, nearest: Some(nearest) } => {
                write!(
                    f,
                    "{}: not a known variable, and ignored; did you mean {nearest}?",
                    name.escape_debug()
                )
            }
            Self::UnknownVariable { name, nearest: None } => {
                write!(f, "{}: not a known variable, and ignored", name.escape_debug())
            }
            Self::NotUtf8 { name } => write!(f, "{name}: left out, since it is not UTF-8"),
            Self::NeverPassed { list, name } => {
                write!(
                    f,
                    "{list}: {name} is the launcher's own and is never passed to a run; remove it from the list"
                )
            }
        }
    }
}

/// A configuration that cannot be used. Prints one line for each problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    /// An error of these problems; `None` when there are none.
    pub fn from_problems(problems: Vec<Problem>) -> Option<Self> {
        if problems.is_empty() { None } else { Some(Self { problems }) }
    }

    /// Everything that is wrong, in the order of the table of variables. Never empty.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
