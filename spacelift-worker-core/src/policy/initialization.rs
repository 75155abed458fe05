//! One policy, from its text to its decisions.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::decision::{Decision, FailureKind};
use super::engine::{self, Depth, Input, Prepared};
use super::evaluation::Evaluation;
use super::input::PolicyInput;
use super::options::PolicyOptions;
use super::problem::{PolicyError, RegoVersion};
use super::programs::Programs;

/// Bytes of the input as JSON.
const MAX_INPUT: usize = 8 * 1024 * 1024;

/// Arrays and objects in each other, as many as the reader of JSON takes.
const MAX_NESTED: usize = 127;

/// A run initialization policy that was found valid.
#[derive(Clone)]
pub struct InitializationPolicy {
    name: String,
    body: String,
    prepared: Prepared,
    options: PolicyOptions,
}

/// What an evaluation may ask of the world.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The time at which tokens are verified, in Unix nanoseconds.
    pub now_unix_ns: u64,
    /// Runs the programs of `exec`. Absent, a policy that calls it denies.
    pub programs: Option<Arc<dyn Programs>>,
}

impl InitializationPolicy {
    /// Takes a policy from its text. `name` stands for the file in messages.
    ///
    /// Everything that can be known now is found out now, so that a launcher with a broken policy does not start: whether
    /// the text is Rego (v1, else v0), `package spacelift`, `deny` a set and `sample` a boolean; whether every function
    /// exists, is offered and gets its number of arguments; whether nothing leads back to itself; and whether the policy
    /// can be evaluated on the documented sample of an input. Takes some milliseconds and a thread.
    pub fn from_source(name: &str, text: &str) -> Result<Self, PolicyError> {
        Self::with_options(name, text, PolicyOptions::default())
    }

    /// Likewise, under options of the caller's.
    pub fn with_options(name: &str, text: &str, options: PolicyOptions) -> Result<Self, PolicyError> {
        let prepared = engine::prepare(name, text, &options, Depth::Tried)?;
        Ok(Self { name: name.to_owned(), body: text.to_owned(), prepared, options })
    }

    /// Sets how long one evaluation may take.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.options.time_limit = limit;
        self
    }

    /// The options.
    pub fn options(&self) -> &PolicyOptions {
        &self.options
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
    /// Blocks until there is a decision, up to half a second longer than the time limit; an async caller gives it a thread.
    /// `now_unix_ns` is the time at which tokens are verified, in Unix nanoseconds. `exec` denies: see
    /// [`evaluate_in`](Self::evaluate_in).
    pub fn evaluate(&self, input: &PolicyInput, now_unix_ns: u64) -> Decision {
        self.evaluate_document(&input.document(), now_unix_ns)
    }

    /// Judges any document in place of [`PolicyInput::document`], such as one that was sampled earlier.
    pub fn evaluate_document(&self, input: &Value, now_unix_ns: u64) -> Decision {
        self.evaluate_in(input, Surroundings { now_unix_ns, programs: None })
    }

    /// Judges a document with programs at hand.
    pub fn evaluate_in(&self, input: &Value, surroundings: Surroundings) -> Decision {
        let input = match read_input(input) {
            Ok(input) => input,
            Err(unfit) => return unfit,
        };
        let evaluation = Evaluation::new(surroundings.now_unix_ns, surroundings.programs);
        self.prepared.decide(input, evaluation, &self.options)
    }
}

/// An input as text, as an engine in another process gets it; or the decision on one that is too large.
pub fn input_text(input: &Value) -> Result<String, Decision> {
    let text = input.to_string();
    fits(text.len())?;
    Ok(text)
}

fn fits(len: usize) -> Result<(), Decision> {
    if len <= MAX_INPUT {
        return Ok(());
    }
    let detail = format!("its input has {len} bytes, more than {MAX_INPUT}");
    Err(Decision::failed(FailureKind::InputTooLarge, detail))
}

/// The same input without a text in between, under the same limits.
fn read_input(input: &Value) -> Result<Input, Decision> {
    let unfit = |detail: String| Decision::failed(FailureKind::Error, detail);
    if !is_nested_at_most(input, MAX_NESTED) {
        return Err(unfit(format!("its input is nested more than {MAX_NESTED} deep")));
    }
    let mut length = Length(0);
    serde_json::to_writer(&mut length, input).map_err(|error| unfit(error.to_string()))?;
    fits(length.0)?;
    Input::read(input).map_err(|error| unfit(error.to_string()))
}

fn is_nested_at_most(value: &Value, most: usize) -> bool {
    let inner = |most: Option<usize>, value| most.is_some_and(|most| is_nested_at_most(value, most));
    match value {
        Value::Array(values) => values.iter().all(|value| inner(most.checked_sub(1), value)) && most > 0,
        Value::Object(fields) => fields.values().all(|value| inner(most.checked_sub(1), value)) && most > 0,
        _ => true,
    }
}

/// Counts bytes that are written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
