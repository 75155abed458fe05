//! One policy, from its text to its decisions.

use std::time::Duration;

use serde_json::{Value, json};

use super::decision::{Decision, FailureKind};
use super::engine::{self, Prepared};
use super::input::{PolicyInput, with_lists};
use super::problem::{PolicyError, RegoVersion};
use crate::ids::MessageId;

/// The time that Spacelift gives a policy.
///
/// Source: Spacelift, concepts, policy: "all others 5 s".
pub const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(5);

/// Bytes of the input as JSON.
const MAX_INPUT: usize = 8 * 1024 * 1024;

/// A run initialization policy that was found valid.
#[derive(Clone)]
pub struct InitializationPolicy {
    name: String,
    body: String,
    prepared: Prepared,
    time_limit: Duration,
}

impl InitializationPolicy {
    /// Takes a policy from its text. `name` stands for the file in messages.
    ///
    /// Everything that can be known now is found out now, so that a launcher with a broken policy does not start: whether
    /// the text is Rego (v1, else v0), `package spacelift`, `deny` a set and `sample` a boolean; whether every function
    /// exists, is offered and gets its number of arguments; whether nothing leads back to itself; and whether the policy
    /// can be evaluated on the documented sample of an input. Takes some milliseconds and a thread.
    pub fn from_source(name: &str, text: &str) -> Result<Self, PolicyError> {
        let prepared = engine::prepare(name, text, DEFAULT_TIME_LIMIT)?;
        Ok(Self { name: name.to_owned(), body: text.to_owned(), prepared, time_limit: DEFAULT_TIME_LIMIT })
    }

    /// Sets how long one evaluation may take. Default [`DEFAULT_TIME_LIMIT`]; a run waits that long at most, and a
    /// longer one gives a hostile input more to play with.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// The name that stands for the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The dialect.
    pub fn version(&self) -> RegoVersion {
        self.prepared.version()
    }

    /// Judges a run. Whatever goes wrong denies it, with a reason that says so.
    ///
    /// Blocks until there is a decision, up to a second longer than the time limit; an async caller gives it a thread.
    /// `now_unix_ns` is the time that helpers see, in Unix nanoseconds: no function of this version asks for it.
    pub fn evaluate(&self, input: &PolicyInput, now_unix_ns: u64) -> Decision {
        self.evaluate_document(&input.document(), now_unix_ns)
    }

    /// Judges any document in place of [`PolicyInput::document`], such as one that was sampled earlier.
    pub fn evaluate_document(&self, input: &Value, _now_unix_ns: u64) -> Decision {
        let input = with_lists(input.clone()).to_string();
        if input.len() > MAX_INPUT {
            let detail = format!("its input has {} bytes, more than {MAX_INPUT}", input.len());
            return Decision::failed(FailureKind::InputTooLarge, detail);
        }
        self.prepared.decide(input, self.time_limit)
    }

    /// The line that Spacelift's launcher logs when `sample` is true: `level`, `msg` and `sample`. Whoever logs it adds
    /// time and caller, and passes it through the masker: body and input may have secrets in them.
    ///
    /// `random` makes the line's key unique (80 bits are used).
    pub fn sample_line(&self, input: &Value, decision: &Decision, now_unix_ns: u64, random: u128) -> Value {
        // The time part runs backwards, so that the newest sample sorts first.
        let inverted = ((1 << 48) - 1_u64).saturating_sub(now_unix_ns / 1_000_000);
        let key = MessageId::from_parts(inverted, random);
        json!({
            "level": "info",
            "msg": format!("Sample 0/INITIALIZATION/{key}/{}", decision.outcome()),
            "sample": {
                "body": self.body,
                "input": input,
                "outcome": decision.outcome(),
                "results": decision.results(),
                "error": decision.failure().map(|failure| failure.detail.clone()).unwrap_or_default(),
            },
        })
    }
}

impl std::fmt::Debug for InitializationPolicy {
    /// Name and dialect: the body may have a key in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InitializationPolicy")
            .field("name", &self.name)
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
