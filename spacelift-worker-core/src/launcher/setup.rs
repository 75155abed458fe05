//! Everything that is wrong with a launcher's setup, at once.

use std::fmt;

/// Why a launcher cannot be built: one line for each problem, each naming its variable and the remedy.
///
/// A program exits with code 2. No line carries a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupError {
    problems: Vec<String>,
}

impl SetupError {
    /// The same with every line masked: a line of a policy may hold anything.
    pub(super) fn masked(self, mask: impl Fn(&str) -> String) -> Self {
        Self { problems: self.problems.iter().map(|problem| mask(problem)).collect() }
    }

    /// The problems, one line each but for the quoted lines of a policy.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for SetupError {}

/// Collects problems, so that one does not hide the next.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<String>);

impl Problems {
    pub(super) fn add(&mut self, problem: impl fmt::Display) {
        self.0.push(problem.to_string());
    }

    /// The value, or its error among the problems.
    pub(super) fn take<T, E: std::error::Error + 'static>(&mut self, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(crate::driver::chain(&error));
                None
            }
        }
    }

    pub(super) fn into_error(self) -> SetupError {
        SetupError { problems: self.0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
