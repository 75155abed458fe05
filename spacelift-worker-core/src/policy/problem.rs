//! What is wrong with a policy file, all of it at once, so that a person edits the file once.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The dialect of a policy file, told apart by the file itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegoVersion {
    /// `deny["reason"] { … }`
    V0,
    /// `deny contains "reason" if { … }`
    V1,
}

impl fmt::Display for RegoVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V0 => "Rego v0",
            Self::V1 => "Rego v1",
        })
    }
}

/// What kind of mistake it is, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ProblemCode {
    /// A function is called with too few or too many arguments.
    Arity,
    /// Something other than a name stands on the left of `:=`.
    Assignment,
    /// The policy fails when it is tried on the documented sample of an input.
    DryRun,
    /// A function that this launcher never offers.
    ForbiddenFunction,
    /// Not `package spacelift`.
    Package,
    /// The file is no Rego.
    Parse,
    /// A rule or function leads back to itself.
    Recursion,
    /// A name is declared twice.
    Redeclared,
    /// `deny` is no set, `sample` no boolean, or a name means something else in the other dialect.
    RuleKind,
    /// A name hides something that must stay what it is.
    Shadowed,
    /// The file is too large.
    TooLarge,
    /// Brackets or expressions are nested too deeply.
    TooNested,
    /// A value of a kind with which this can never work.
    Type,
    /// A function that this version does not offer.
    UnavailableFunction,
    /// A function that nobody defines.
    UnknownFunction,
    /// A variable to which no statement gives a value.
    UnsafeVariable,
    /// `some` declares a name that nobody uses.
    UnusedVariable,
    /// `with` replaces something that it cannot.
    WithTarget,
}

impl ProblemCode {
    /// The name as it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arity => "arity",
            Self::Assignment => "assignment",
            Self::DryRun => "dry-run",
            Self::ForbiddenFunction => "forbidden-function",
            Self::Package => "package",
            Self::Parse => "parse",
            Self::Recursion => "recursion",
            Self::Redeclared => "redeclared",
            Self::RuleKind => "rule-kind",
            Self::Shadowed => "shadowed",
            Self::TooLarge => "too-large",
            Self::TooNested => "too-nested",
            Self::Type => "type",
            Self::UnavailableFunction => "unavailable-function",
            Self::UnknownFunction => "unknown-function",
            Self::UnsafeVariable => "unsafe-variable",
            Self::UnusedVariable => "unused-variable",
            Self::WithTarget => "with-target",
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Line in the file, from 1.
    pub line: u32,
    /// Column in that line, in characters, from 1.
    pub column: u32,
    /// Of which kind.
    pub code: ProblemCode,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Problem {
    pub(super) fn new((line, column): (u32, u32), code: ProblemCode, message: impl Into<String>) -> Self {
        Self { line, column, code, message: message.into() }
    }
}

/// Why a text is no run initialization policy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// The file has mistakes.
    Invalid {
        /// The file's name, as it was given.
        name: String,
        /// The dialect it was taken for.
        version: RegoVersion,
        /// The mistakes in the order of the file; at least one.
        problems: Vec<Problem>,
        /// The lines of the file that have a mistake, by problem: shortened, and with dots for what stands in quotes,
        /// which may be a secret (a policy that verifies signatures has the key in it).
        lines: Vec<String>,
    },
}

/// How many characters of a line are shown.
const SHOWN: usize = 120;

impl PolicyError {
    pub(super) fn invalid(name: &str, version: RegoVersion, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| (problem.line, problem.column, problem.code));
        problems.dedup();
        let line_of = |problem: &Problem| {
            let line = usize::try_from(problem.line).unwrap_or(usize::MAX).checked_sub(1);
            shown(line.and_then(|line| text.lines().nth(line)).unwrap_or_default())
        };
        let lines = problems.iter().map(line_of).collect();
        Self::Invalid { name: name.to_owned(), version, problems, lines }
    }
}

/// A line as it may be printed, each character in its column.
fn shown(line: &str) -> String {
    let mut quote = None;
    let mut escaped = false;
    let dotted = line.chars().map(|c| match quote {
        Some(open) if c == open && !escaped => {
            quote = None;
            c
        }
        Some(open) => {
            escaped = c == '\\' && open == '"' && !escaped;
            '·'
        }
        None => {
            if matches!(c, '"' | '`') {
                quote = Some(c);
            }
            // A tab is one character, and as wide as its caret's blank only when it is a blank.
            if c.is_control() { ' ' } else { c }
        }
    });
    dotted.take(SHOWN).collect()
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Invalid { name, version, problems, lines } = self;
        let plural = if problems.len() == 1 { "problem" } else { "problems" };
        write!(f, "{name} is no valid run initialization policy ({version}): {} {plural}", problems.len())?;
        for (problem, text) in problems.iter().zip(lines) {
            let Problem { line, column, code, message } = problem;
            write!(f, "\n{name}:{line}:{column}: {message} [{}]", code.as_str())?;
            let (number, before) =
                (line.to_string(), usize::try_from(*column).unwrap_or(1).saturating_sub(1));
            if !text.is_empty() && before <= SHOWN {
                write!(f, "\n  {number} | {text}\n  {:width$} | {:before$}^", "", "", width = number.len())?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for PolicyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_shown_with_its_place_its_line_and_a_caret() {
        let text = "package spacelift\n\tdeny[x] { foo(1) }\n";
        let problems = vec![
            Problem::new((2, 12), ProblemCode::UnknownFunction, "no function `foo`"),
            Problem::new((1, 1), ProblemCode::Package, "first"),
        ];
        let error = PolicyError::invalid("policy.rego", RegoVersion::V0, text, problems);
        assert_eq!(
            error.to_string(),
            "policy.rego is no valid run initialization policy (Rego v0): 2 problems\n\
             policy.rego:1:1: first [package]\n  1 | package spacelift\n    | ^\n\
             policy.rego:2:12: no function `foo` [unknown-function]\n  2 |  deny[x] { foo(1) }\n    |            ^"
        );
    }

    #[test]
    fn what_stands_in_quotes_is_not_printed() {
        assert_eq!(shown(r#"f("a\"b", `c"d`) == x"#), r#"f("····", `···`) == x"#);
        assert_eq!(shown("key := \"hunter2"), "key := \"·······");
    }

    #[test]
    fn a_place_outside_the_file_is_shown_without_a_line() {
        let problems = vec![Problem::new((9, 1), ProblemCode::Parse, "ends early")];
        let error = PolicyError::invalid("p", RegoVersion::V1, "package spacelift", problems);
        assert!(error.to_string().ends_with("p:9:1: ends early [parse]"), "{error}");
    }
}
