//! Puts the helpers into an engine.

use regorus::unstable::BUILTINS;
use regorus::{Engine, Value};

use super::regex;
use super::sprintf::{Arg, quoted, sprintf};
use super::{sanitized, withheld};

/// Helpers under names of their own; the prelude gives them the names that policies use, because only a function written
/// in Rego can be called with its result as a last argument, `sanitized(x, y)`, which the documentation does.
const SANITIZED: &str = "__sanitized";

/// Adds the helpers. They stand before the engine's own functions of the same names.
pub(in crate::policy) fn register(engine: &mut Engine) -> Result<(), String> {
    let added = [
        engine.add_extension(
            SANITIZED.to_owned(),
            1,
            Box::new(|args: Vec<Value>| match args.as_slice() {
                [Value::String(text)] => Ok(Value::from(sanitized(text))),
                // Undefined would make the rule disappear; an error denies the run.
                _ => Err(std::io::Error::other("`sanitized` expects a string").into()),
            }),
        ),
        engine.add_extension(
            "sprintf".to_owned(),
            2,
            Box::new(|args: Vec<Value>| match args.as_slice() {
                [Value::String(format), Value::Array(args)] => {
                    let args: Vec<Arg> = args.iter().map(arg).collect();
                    Ok(Value::from(sprintf(format, &args)))
                }
                _ => Err(std::io::Error::other("`sprintf` expects a string and an array").into()),
            }),
        ),
    ];
    added.into_iter().collect::<Result<(), _>>().map_err(|error| error.to_string())?;
    regex::register(engine)
}

/// How many arguments a function of the engine, the helpers or the prelude takes; none if it is unknown or withheld.
pub(in crate::policy) fn known_arity(name: &str) -> Option<usize> {
    if withheld(name).is_some() {
        return None;
    }
    match name {
        "sanitized" | SANITIZED => Some(1),
        "re_match" => Some(2),
        _ => BUILTINS.get(name).map(|(_, arity)| usize::from(*arity)),
    }
}

/// A value as Open Policy Agent gives it to `fmt.Sprintf`.
fn arg(value: &Value) -> Arg {
    match value {
        Value::String(text) => Arg::Text(text.to_string()),
        Value::Number(number) => {
            let text = value.to_string();
            match (number.as_i64(), text.parse::<f64>()) {
                (Some(number), _) => Arg::Int(number),
                (None, _) if text.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit()) => {
                    Arg::Big(text)
                }
                (None, Ok(number)) => Arg::Float(number),
                (None, Err(_)) => Arg::Text(text),
            }
        }
        other => Arg::Text(term(other)),
    }
}

/// A value as Rego writes it.
fn term(value: &Value) -> String {
    let list = |values: &mut dyn Iterator<Item = &Value>| values.map(term).collect::<Vec<_>>().join(", ");
    match value {
        Value::String(text) => quoted(text),
        Value::Array(values) => format!("[{}]", list(&mut values.iter())),
        Value::Set(values) if values.is_empty() => "set()".to_owned(),
        Value::Set(values) => format!("{{{}}}", list(&mut values.iter())),
        Value::Object(fields) => {
            let fields: Vec<_> =
                fields.iter_sorted().map(|(key, value)| format!("{}: {}", term(key), term(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}
