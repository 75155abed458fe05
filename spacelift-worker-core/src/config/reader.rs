//! Reads single variables by their row in the table, falls back to the row's default, and collects what is wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use super::problem::{Found, Problem, Warning};
use super::vars::{Kind, Variable};
use super::{boolean, duration, list};
use crate::secret::SecretText;

/// The environment on the one side, problems and warnings on the other.
pub(super) struct Reader {
    given: BTreeMap<String, String>,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

impl Reader {
    pub(super) fn new(given: BTreeMap<String, String>) -> Self {
        Self { given, problems: Vec::new(), warnings: Vec::new() }
    }

    pub(super) fn finish(self) -> (Vec<Problem>, Vec<Warning>) {
        (self.problems, self.warnings)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.given.keys().map(String::as_str)
    }

    pub(super) fn warn(&mut self, warning: Warning) {
        self.warnings.push(warning);
    }

    pub(super) fn problem(
        &mut self,
        name: impl Into<String>,
        found: Found,
        expected: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.problems.push(Problem::new(name, found, expected, remedy));
    }

    /// What was given under a name, without blanks around it; `None` for nothing but blanks.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Text, or its default; `None` where there is neither.
    pub(super) fn text(&self, variable: &Variable) -> Option<String> {
        let text = self.given(variable.name).unwrap_or(variable.default);
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A secret exactly as found, or empty; a missing one that is required is a problem.
    pub(super) fn secret(&mut self, variable: &Variable, remedy: &str) -> SecretText {
        debug_assert_eq!(variable.kind, Kind::Secret);
        match self.given.get(variable.name).filter(|value| !value.trim().is_empty()) {
            Some(value) => SecretText::from(value.as_str()),
            None => {
                if variable.required {
                    self.problem(variable.name, Found::Nothing, "a value", remedy);
                }
                SecretText::default()
            }
        }
    }

    /// A secret under its name in upper case, else in lower case.
    pub(super) fn secret_in_either_case(&self, variable: &Variable) -> Option<SecretText> {
        self.either_case(variable).map(SecretText::from)
    }

    /// What was given under a name in upper case, else in lower case.
    pub(super) fn either_case(&self, variable: &Variable) -> Option<&str> {
        self.given(variable.name).or_else(|| self.given(&variable.name.to_lowercase()))
    }

    pub(super) fn boolean(&mut self, variable: &Variable) -> bool {
        let default = boolean::parse(variable.default).unwrap_or_default();
        let Some(text) = self.given(variable.name) else { return default };
        match boolean::parse(text) {
            Some(value) => value,
            None => {
                let (found, remedy) = (Found::Value(text.to_owned()), boolean::remedy(text));
                self.problem(variable.name, found, "true or false", remedy);
                default
            }
        }
    }

    pub(super) fn duration(&mut self, variable: &Variable) -> Duration {
        let default = duration::parse_positive(variable.default).ok().flatten().unwrap_or_default();
        let Some(text) = self.given(variable.name) else { return default };
        if let Ok(Some(value)) = duration::parse_positive(text) {
            return value;
        }
        let remedy = match duration::suggestion(text) {
            Some(meant) => format!("write {meant}"),
            None => format!("write numbers with units (ms, s, m, h), such as {}", variable.default),
        };
        let found = Found::Value(text.to_owned());
        self.problem(variable.name, found, "a duration longer than zero, such as 90s, 7m or 1h30m", remedy);
        default
    }

    /// The good entries of a comma list; each bad one is a problem with the remedy that `parse` gives.
    pub(super) fn list<T>(
        &mut self,
        variable: &Variable,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let text = self.given(variable.name).unwrap_or(variable.default).to_owned();
        let mut good = Vec::new();
        for entry in list::entries(&text) {
            match parse(entry) {
                Ok(value) => good.push(value),
                Err(remedy) => {
                    self.problem(variable.name, Found::Value(entry.to_owned()), expected, remedy);
                }
            }
        }
        good
    }

    /// An address `http://host…` or `https://host…` without credentials, query and fragment, and without a slash at its end.
    pub(super) fn url(&mut self, name: &str) -> Option<String> {
        let text = self.given(name)?.to_owned();
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let expected = "an address such as https://app.spacelift.io";
        // RFC 3986, 3.2: the authority ends at a slash, a question mark or a number sign.
        let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
        // What stands before an @ may be a password, wherever the @ is.
        let found = || if text.contains('@') { Found::Hidden } else { Found::Value(text.clone()) };
        let remedy = if rest.is_none() {
            "begin it with https://"
        } else if authority.contains('@') {
            "remove the credentials before the @"
        } else if authority.is_empty() || authority.starts_with(':') {
            "name a host behind https://"
        } else if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            "remove the blanks"
        } else if text.contains(['?', '#']) {
            "remove everything from the ? or # on"
        } else {
            return Some(text.trim_end_matches('/').to_owned());
        };
        self.problem(name, found(), expected, remedy);
        None
    }
}
