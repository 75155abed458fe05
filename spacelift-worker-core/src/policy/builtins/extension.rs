//! How a function of ours goes into an engine.

use regorus::{Engine, Value};

use crate::policy::evaluation;

/// Why a helper has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// As in Open Policy Agent, where the error of a function makes it undefined. It is noted.
    Undefined(String),
    /// Undefined could let a run through that Open Policy Agent would refuse, or that nobody looked at: the run is denied.
    Refused(String),
}

impl Missing {
    pub(super) fn undefined(why: &str) -> Self {
        Self::Undefined(why.to_owned())
    }

    pub(super) fn refused(why: &str) -> Self {
        Self::Refused(why.to_owned())
    }
}

/// A function of ours, by the name that it has in messages.
pub(super) type Function = fn(&[Value]) -> Result<Value, Missing>;

/// Puts `function` into `engine` as `name`. `shown` is what policies call it.
pub(super) fn add(
    engine: &mut Engine,
    name: &str,
    shown: &str,
    arity: u8,
    function: impl Fn(&[Value]) -> Result<Value, Missing> + Clone + Send + Sync + 'static,
) -> Result<(), String> {
    let shown = shown.to_owned();
    let extension = move |args: Vec<Value>| match function(&args) {
        Ok(value) => Ok(value),
        Err(Missing::Undefined(why)) => {
            evaluation::undefined(&shown, &why);
            Ok(Value::Undefined)
        }
        Err(Missing::Refused(why)) => {
            let why = format!("`{shown}` {why}");
            evaluation::refuse(&why);
            Err(std::io::Error::other(why).into())
        }
    };
    engine.add_extension(name.to_owned(), arity, Box::new(extension)).map_err(|error| error.to_string())
}

/// The text of a string, or undefined: `which` argument, in words.
pub(super) fn text<'a>(value: &'a Value, which: &str) -> Result<&'a str, Missing> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(Missing::Undefined(format!("{which} is not a string"))),
    }
}
