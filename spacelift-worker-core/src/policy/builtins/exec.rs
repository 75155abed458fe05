//! `exec(argv)`: runs a program that the operator allowed, and gives `{"status", "stdout", "stderr"}`.
//!
//! `argv` is a list of strings, and no shell reads it. Whatever goes wrong denies the run: a policy that asks a program
//! whether a signature is good must not go on without the answer.
//!
//! Source: Spacelift, concepts, policy: "exec(x): Executes the command x. result is an object containing status, stdout
//! and stderr."

use std::collections::BTreeMap;

use regorus::Value;

use super::extension::Missing;
use crate::policy::evaluation::run_program;
use crate::policy::programs::AllowedPrograms;

pub(super) fn exec(allowed: &AllowedPrograms, args: &[Value]) -> Result<Value, Missing> {
    let [Value::Array(argv)] = args else { return Err(Missing::refused("expects a list of strings")) };
    let argv: Option<Vec<String>> = argv
        .iter()
        .map(|arg| match arg {
            Value::String(text) if !text.contains('\0') => Some(text.to_string()),
            _ => None,
        })
        .collect();
    let Some(argv) = argv else {
        return Err(Missing::refused("expects a list of strings, without NUL characters in them"));
    };
    let Some(program) = argv.first().cloned() else {
        return Err(Missing::refused("expects a program at the front of its list"));
    };
    if !allowed.allows(&program) {
        return Err(Missing::Refused(format!("may not run {program:?}: the operator does not list it")));
    }
    let output = run_program(argv).map_err(|why| Missing::Refused(format!("{program:?} {why}")))?;
    let stream = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes).into_owned());
    let fields = [
        ("status", Value::from(output.status)),
        ("stdout", stream(&output.stdout)),
        ("stderr", stream(&output.stderr)),
    ];
    let fields: BTreeMap<Value, Value> =
        fields.into_iter().map(|(name, value)| (Value::from(name), value)).collect();
    Ok(Value::from(fields))
}
