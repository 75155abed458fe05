//! The engine's own functions, so that their errors mean what they mean in Open Policy Agent: undefined.
//!
//! The engine itself runs in its strict mode, in which an error anywhere else ends the evaluation and denies the run. In
//! the other one it would forget an error inside a function that has another body with a value.

use regorus::unstable::{BUILTINS, Expr, Ref, Span};
use regorus::{Engine, LimitError, Source, Value};

use super::extension::{self, Missing};
use super::{numbers, regex};
use crate::policy::forks;

/// The longest list that `numbers.range` makes.
const MAX_RANGE: i64 = 1_000_000;

/// Whether the engine has a function of this name, and with how many arguments.
pub(super) fn arity(name: &str) -> Option<u8> {
    BUILTINS.get(name).map(|(_, arity)| *arity)
}

/// Puts a function in front of the engine's own of the same name.
pub(super) fn add(engine: &mut Engine, name: &'static str) -> Result<(), String> {
    let Some((function, arity)) = BUILTINS.get(name) else {
        return Err(format!("the engine has no `{name}`"));
    };
    let source =
        Source::from_contents("builtin".to_owned(), String::new()).map_err(|error| error.to_string())?;
    let span = Span { source, line: 1, col: 1, start: 0, end: 0 };
    // The engine's function names its arguments by their place in the file, which an extension is not told.
    let params: Vec<Ref<Expr>> = (0..*arity)
        .map(|_| Ref::new(Expr::Null { span: span.clone(), value: Value::Null, eidx: 0 }))
        .collect();
    let pattern = regex::pattern_argument(name);
    let keeps_patterns = name.starts_with("regex.") || name.starts_with("glob.");
    extension::add(engine, name, name, *arity, move |args| {
        if let Some(value) = instead(name, args)? {
            return Ok(value);
        }
        let mut args = args.to_vec();
        if let Some(Value::String(text)) = pattern.and_then(|pattern| args.get_mut(pattern)) {
            *text = regex::translate(text).into();
        }
        let held_off = keeps_patterns.then(forks::held_off);
        let result = function(&span, &params, &args, false);
        drop(held_off);
        result.map(|value| after(name, value)).map_err(|error| {
            match error.downcast_ref::<LimitError>() {
                Some(_) => Missing::refused("ran into a limit of the engine"),
                // A pattern that this engine cannot read may be one that Go's can.
                None if pattern.is_some()
                    && args.iter().take(2).all(|arg| matches!(arg, Value::String(_))) =>
                {
                    Missing::refused("was given a pattern that is not valid")
                }
                None => Missing::undefined("its arguments are not what it works on"),
            }
        })
    })
}

/// A result as Open Policy Agent writes it: its JSON has no character that HTML has a meaning for.
fn after(name: &str, value: Value) -> Value {
    match value {
        Value::String(json) if matches!(name, "json.marshal" | "json.marshal_with_options") => {
            let escapes = [
                ('<', "\\u003c"),
                ('>', "\\u003e"),
                ('&', "\\u0026"),
                ('\u{2028}', "\\u2028"),
                ('\u{2029}', "\\u2029"),
            ];
            let escaped =
                escapes.into_iter().fold(json.to_string(), |json, (c, escape)| json.replace(c, escape));
            Value::from(escaped)
        }
        value => value,
    }
}

/// What stands in for the engine's function where that breaks down.
fn instead(name: &str, args: &[Value]) -> Result<Option<Value>, Missing> {
    match (name, args) {
        ("numbers.range" | "numbers.range_step", [Value::Number(from), Value::Number(to), ..]) => {
            let long = match (from.as_i64(), to.as_i64()) {
                (Some(from), Some(to)) => from.checked_sub(to).is_none_or(|len| len.abs() > MAX_RANGE),
                _ => from.is_integer() && to.is_integer(),
            };
            if long {
                Err(Missing::refused("would make a list of more than a million numbers"))
            } else {
                Ok(None)
            }
        }
        ("to_number", [Value::String(text)]) => numbers::to_number(text).map(Some),
        ("strings.count", [Value::String(text), Value::String(part)]) if part.is_empty() => {
            Ok(Some(Value::from(u64::try_from(text.chars().count()).unwrap_or(u64::MAX).saturating_add(1))))
        }
        ("object.subset", [Value::Array(_), Value::Array(part)]) if part.is_empty() => {
            Ok(Some(Value::from(true)))
        }
        ("time.parse_ns", [_, Value::String(text)]) if text.is_empty() => {
            Err(Missing::undefined("it was given no text"))
        }
        _ => Ok(None),
    }
}
