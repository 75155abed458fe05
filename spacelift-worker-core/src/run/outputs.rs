//! What a run hands to other stacks: named values, some of them sensitive, in the form of `terraform output -json`.
//!
//! Reads and writes bytes that the driver brings; opens and seals nothing. No error and no `Debug` shows a value.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::protocol::message::{OutputVariable, StackInputs};
use crate::run_env::SuppliedVariable;
use crate::secret::{SecretBytes, SecretText};

/// The most bytes of a file of outputs: 1 MiB.
pub const MAX_OUTPUTS_LEN: usize = 1 << 20;

/// The longest name of an output, in bytes.
const MAX_NAME_LEN: usize = 256;

/// Why a file of outputs is not taken. It is the run's to mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutputsError {
    /// Over the limit.
    #[error("it has more than {MAX_OUTPUTS_LEN} bytes; hand on fewer or shorter outputs")]
    TooLong,
    /// No JSON.
    #[error("it is no JSON: line {line}, column {column}")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// JSON of another shape.
    #[error("it must be one JSON object: {SHAPE}")]
    NotAnObject,
    /// A name that is none.
    #[error("the name of an output must have 1 to {MAX_NAME_LEN} bytes and no control character")]
    Name,
    /// An output of another shape.
    #[error("the output {name} must be an object with `value`, and `sensitive` as true or false: {SHAPE}")]
    Output {
        /// Which.
        name: String,
    },
}

/// How a file of outputs looks.
const SHAPE: &str = r#"{"name": {"sensitive": false, "value": "…"}}, as `terraform output -json` prints it"#;

/// Why outputs of another stack do not make a run's variables.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputsError {
    /// The other stack's run has no such outputs.
    #[error("the following inputs are missing: {}; their stacks' last runs have no such outputs", .0.join(", "))]
    Missing(Vec<String>),
    /// A value that no command can be given.
    #[error("the input {0} holds a NUL character, which no variable can")]
    Nul(String),
}

/// One output.
#[derive(Clone, PartialEq, Eq)]
struct Output {
    sensitive: bool,
    /// Absent where it is sensitive and was not handed on.
    value: Option<Value>,
}

/// The outputs of a run, by name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Outputs(BTreeMap<String, Output>);

/// Variables made of outputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// What the run's commands see.
    pub variables: Vec<SuppliedVariable>,
    /// What must not show in a log beside the values of secret variables: every text and number inside of one, with its name.
    pub secrets: Vec<(String, SecretText)>,
    /// Those whose outputs are sensitive and were not handed on, as `stack.output => VARIABLE`.
    pub withheld: Vec<String>,
}

impl Outputs {
    /// What a run wrote. Fields that are not known, such as Terraform's `type`, are passed over.
    ///
    /// # Errors
    /// [`OutputsError`]
    pub fn parse(bytes: &[u8]) -> Result<Self, OutputsError> {
        read(bytes, false)
    }

    /// What was sealed: as what a run wrote, but a sensitive output may have no value.
    ///
    /// # Errors
    /// [`OutputsError`]
    pub fn decode(bytes: &[u8]) -> Result<Self, OutputsError> {
        read(bytes, true)
    }

    /// What is sealed.
    pub fn encode(&self) -> SecretBytes {
        let outputs = self.0.iter().map(|(name, output)| {
            let mut fields = Map::from_iter([("sensitive".to_owned(), Value::Bool(output.sensitive))]);
            fields.extend(output.value.clone().map(|value| ("value".to_owned(), value)));
            (name.clone(), Value::Object(fields))
        });
        SecretBytes::new(Value::Object(outputs.collect()).to_string().into_bytes())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the values of sensitive outputs out, and gives the names of those that had one. The names stay, so that
    /// whoever wants such an output is told why it is not there.
    pub fn withhold_sensitive(&mut self) -> Vec<String> {
        let sensitive = self.0.iter_mut().filter(|(_, output)| output.sensitive);
        sensitive.filter_map(|(name, output)| output.value.take().map(|_| name.clone())).collect()
    }

    /// What must not show in a log, with the name of its output: each sensitive value as it becomes a variable, and every
    /// text and number inside of it.
    pub fn secrets(&self) -> Vec<(String, SecretText)> {
        let mut secrets = Vec::new();
        for (name, output) in self.0.iter().filter(|(_, output)| output.sensitive) {
            if let Some(value) = &output.value {
                let is_whole = matches!(value, Value::Array(_) | Value::Object(_));
                let whole = is_whole.then(|| (name.clone(), text(value)));
                secrets.extend(parts(name, value).chain(whole));
            }
        }
        secrets
    }

    /// The variables of a run that takes these outputs as the offer says.
    ///
    /// # Errors
    /// [`InputsError`], with all that is missing at once.
    pub fn variables(&self, wanted: &StackInputs) -> Result<Inputs, InputsError> {
        let (mut inputs, mut missing) = (Inputs::default(), Vec::new());
        for OutputVariable { output: name, name: variable } in &wanted.variables {
            let shown = format!("{}.{name} => {variable}", wanted.stack);
            match self.0.get(name) {
                None => missing.push(shown),
                Some(Output { value: None, .. }) => inputs.withheld.push(shown),
                Some(Output { value: Some(value), sensitive }) => {
                    if *sensitive {
                        inputs.secrets.extend(parts(variable, value));
                    }
                    let value = text(value);
                    if value.expose().contains('\0') {
                        return Err(InputsError::Nul(shown));
                    }
                    let name = variable.clone();
                    inputs.variables.push(SuppliedVariable { name, value, secret: *sensitive });
                }
            }
        }
        if missing.is_empty() { Ok(inputs) } else { Err(InputsError::Missing(missing)) }
    }
}

impl fmt::Debug for Outputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn read(bytes: &[u8], may_be_withheld: bool) -> Result<Outputs, OutputsError> {
    if bytes.len() > MAX_OUTPUTS_LEN {
        return Err(OutputsError::TooLong);
    }
    // The parser's own words quote what they stumble over.
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| OutputsError::Json { line: error.line(), column: error.column() })?;
    let Value::Object(fields) = value else { return Err(OutputsError::NotAnObject) };
    let outputs = fields.into_iter().map(|(name, output)| {
        if !(1..=MAX_NAME_LEN).contains(&name.len()) || name.contains(char::is_control) {
            return Err(OutputsError::Name);
        }
        match one(output, may_be_withheld) {
            Some(output) => Ok((name, output)),
            None => Err(OutputsError::Output { name }),
        }
    });
    Ok(Outputs(outputs.collect::<Result<_, _>>()?))
}

fn one(output: Value, may_be_withheld: bool) -> Option<Output> {
    let Value::Object(mut fields) = output else { return None };
    let sensitive = match fields.get("sensitive") {
        None => false,
        Some(sensitive) => sensitive.as_bool()?,
    };
    let value = fields.remove("value");
    (value.is_some() || (may_be_withheld && sensitive)).then_some(Output { sensitive, value })
}

/// A value as a variable: a text as it is, everything else as JSON, which is how Terraform reads `TF_VAR_*`.
fn text(value: &Value) -> SecretText {
    match value {
        Value::String(text) => text.as_str().into(),
        other => other.to_string().into(),
    }
}

/// The same under a name.
fn parts(name: &str, value: &Value) -> impl Iterator<Item = (String, SecretText)> {
    leaves(value).into_iter().map(|part| (name.to_owned(), text(part)))
}

/// Every text and number within a list or an object, or the value where it is one.
fn leaves(value: &Value) -> Vec<&Value> {
    let (mut found, mut open) = (Vec::new(), vec![value]);
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => open.extend(fields.values()),
            Value::String(_) | Value::Number(_) => found.push(value),
            Value::Bool(_) | Value::Null => {}
        }
    }
    found
}
