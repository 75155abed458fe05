//! What a policy said of a run.
//!
//! Allowed is what nobody objected to: there is no way to make a decision that is allowed and has a reason against it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How many reasons are kept.
const MAX_REASONS: usize = 100;

/// How many bytes of one reason are kept.
const MAX_REASON: usize = 4096;

/// Whether a run may start, and why not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    reasons: Vec<String>,
    sampled: bool,
    failure: Option<Failure>,
    warnings: Vec<String>,
}

/// A policy that could not be evaluated. The run is denied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run initialization policy could not be evaluated, so the run is denied: {detail}")]
#[non_exhaustive]
pub struct Failure {
    /// Of which kind.
    pub kind: FailureKind,
    /// What happened, with file, line and column where they are known.
    pub detail: String,
}

/// Why a policy could not be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FailureKind {
    /// A rule ran into an error.
    Error,
    /// The input is larger than the limit.
    InputTooLarge,
    /// The engine broke down.
    Panic,
    /// The process that evaluates could not be started, or ended without a decision: mostly for want of memory.
    Process,
    /// `deny` is no set of strings, or `sample` no boolean.
    Results,
    /// No thread could be started.
    Thread,
    /// It took longer than the limit.
    Timeout,
}

impl FailureKind {
    /// The kind in a word that keeps its meaning.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::InputTooLarge => "input_too_large",
            Self::Panic => "panic",
            Self::Process => "process",
            Self::Results => "results",
            Self::Thread => "thread",
            Self::Timeout => "timeout",
        }
    }
}

impl Decision {
    /// Nobody objects. This is the decision where no policy is configured.
    pub fn allow() -> Self {
        Self::default()
    }

    /// Denied, or allowed if there are no reasons. They are sorted, each once, and cut to a sane length and number.
    pub fn new(mut reasons: Vec<String>, sampled: bool) -> Self {
        reasons.sort_unstable();
        reasons.dedup();
        let left_out = reasons.len().saturating_sub(MAX_REASONS);
        reasons.truncate(MAX_REASONS);
        for reason in &mut reasons {
            shorten(reason);
        }
        if left_out > 0 {
            reasons.push(format!("and {left_out} more reasons"));
        }
        Self { reasons, sampled, failure: None, warnings: Vec::new() }
    }

    /// A decision that another process made, whose reasons were cut there.
    pub(super) fn made_elsewhere(reasons: Vec<String>, sampled: bool) -> Self {
        Self { reasons, sampled, failure: None, warnings: Vec::new() }
    }

    /// Denied because the policy could not be evaluated.
    pub(crate) fn failed(kind: FailureKind, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        shorten(&mut detail);
        let failure = Failure { kind, detail };
        Self {
            reasons: vec![failure.to_string()],
            sampled: false,
            failure: Some(failure),
            warnings: Vec::new(),
        }
    }

    pub(super) fn with_warnings(mut self, warnings: Vec<String>) -> Self {
        self.warnings = warnings;
        self
    }

    /// Whether the run may start.
    pub fn allowed(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Why not, for people, sorted. Empty exactly when the run may start.
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    /// Whether the policy asks for its input and its results to be logged.
    pub fn sampled(&self) -> bool {
        self.sampled
    }

    /// Why the policy could not be evaluated, if so.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Functions that could not work on what they were given and were undefined, with the reason; a rule that needs one has
    /// no effect then. No values stand in it.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// `allow` or `deny`, as in the sample line.
    pub fn outcome(&self) -> &'static str {
        if self.allowed() { "allow" } else { "deny" }
    }

    /// The results as in the sample line.
    pub fn results(&self) -> Value {
        let deny = if self.failure.is_some() { &[][..] } else { &self.reasons };
        json!({ "deny": deny, "sample": self.sampled })
    }
}

/// Cuts a text to [`MAX_REASON`] bytes, at a character.
fn shorten(text: &mut String) {
    if text.len() > MAX_REASON {
        text.truncate(text.floor_char_boundary(MAX_REASON));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowed_is_exactly_no_reason() {
        assert!(Decision::allow().allowed());
        assert!(Decision::new(vec![], true).allowed());
        assert!(!Decision::new(vec![String::new()], false).allowed());
        assert!(!Decision::failed(FailureKind::Panic, "").allowed());
    }

    #[test]
    fn reasons_are_sorted_and_bounded() {
        let decision = Decision::new(vec!["b".to_owned(), "a".to_owned(), "b".to_owned()], false);
        assert_eq!(decision.reasons(), ["a", "b"]);
        let many = Decision::new(
            (0..1000).map(|number| format!("{number:04}{}", "é".repeat(5000))).collect(),
            false,
        );
        assert_eq!(many.reasons().len(), MAX_REASONS + 1);
        assert!(many.reasons().iter().all(|reason| reason.len() <= MAX_REASON + 3));
        assert_eq!(many.reasons()[MAX_REASONS], "and 900 more reasons");
    }

    #[test]
    fn a_failure_says_that_the_policy_could_not_be_evaluated() {
        let decision = Decision::failed(FailureKind::Timeout, "took too long");
        assert_eq!(
            decision.reasons(),
            ["the run initialization policy could not be evaluated, so the run is denied: took too long"]
        );
        assert_eq!(decision.results(), json!({ "deny": [], "sample": false }));
    }
}
