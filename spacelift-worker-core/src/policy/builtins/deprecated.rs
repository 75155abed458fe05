//! Functions that Open Policy Agent still has in Rego v0: `any`, `all`, the casts, `set_diff`, `net.cidr_overlap`.
//!
//! Source: Open Policy Agent, policy reference, "Deprecated built-ins".

use std::collections::BTreeSet;

use regorus::Value;

use super::extension::{Function, Missing};

/// Name, number of arguments, function.
pub(super) const FUNCTIONS: [(&str, u8, Function); 9] = [
    ("all", 1, |args| Ok(Value::from(elements(args)?.iter().all(|value| *value == Value::from(true))))),
    ("any", 1, |args| Ok(Value::from(elements(args)?.contains(&Value::from(true))))),
    ("cast_array", 1, |args| Ok(Value::from(elements(args)?))),
    ("cast_boolean", 1, |args| cast(args, |value| matches!(value, Value::Bool(_)))),
    ("cast_null", 1, |args| cast(args, |value| matches!(value, Value::Null))),
    ("cast_object", 1, |args| cast(args, |value| matches!(value, Value::Object(_)))),
    ("cast_set", 1, |args| Ok(Value::from(elements(args)?.into_iter().collect::<BTreeSet<_>>()))),
    ("cast_string", 1, |args| cast(args, |value| matches!(value, Value::String(_)))),
    ("set_diff", 2, set_diff),
];

fn elements(args: &[Value]) -> Result<Vec<Value>, Missing> {
    match args {
        [Value::Array(values)] => Ok(values.to_vec()),
        [Value::Set(values)] => Ok(values.iter().cloned().collect()),
        _ => Err(Missing::undefined("its argument is neither an array nor a set")),
    }
}

fn cast(args: &[Value], is: fn(&Value) -> bool) -> Result<Value, Missing> {
    match args {
        [value] if is(value) => Ok(value.clone()),
        _ => Err(Missing::undefined("its argument is of another type")),
    }
}

fn set_diff(args: &[Value]) -> Result<Value, Missing> {
    match args {
        [Value::Set(from), Value::Set(without)] => Ok(Value::Set(from.difference(without).into())),
        _ => Err(Missing::undefined("its arguments are not two sets")),
    }
}
