//! Which functions there are, and how they go into an engine.

use std::collections::BTreeSet;

use regorus::unstable::BUILTINS;
use regorus::{Engine, Value};

use super::extension::{self, Function, Missing};
use super::sprintf::{Arg, quoted, sprintf};
use super::{deprecated, digests, engine_functions, exec, jwt, operands, sanitized, withheld};
use crate::policy::outline::Outline;
use crate::policy::problem::RegoVersion;
use crate::policy::programs::AllowedPrograms;

/// The functions of ours. Each has a name of its own in the engine; the prelude gives it the name that policies use,
/// because only a function written in Rego can be called with its result as a last argument, `sanitized(x, y)`, which the
/// documentation does.
fn ours() -> impl Iterator<Item = (&'static str, u8, Function)> {
    let sanitized: [(&str, u8, Function); 1] = [("sanitized", 1, |args| match args {
        [Value::String(text)] => Ok(Value::from(sanitized(text))),
        // Undefined would make the rule disappear.
        _ => Err(Missing::refused("expects a string")),
    })];
    sanitized.into_iter().chain(digests::FUNCTIONS).chain(jwt::FUNCTIONS)
}

/// Whether a deprecated function is there: in Rego v0 as in Open Policy Agent; `re_match` in v1, too, since the
/// documentation's own examples in v1 call it.
fn is_deprecated(name: &str) -> bool {
    deprecated::FUNCTIONS.iter().any(|(known, ..)| *known == name) || name == "net.cidr_overlap"
}

/// The functions that a file may call.
#[derive(Clone, Copy, Debug)]
pub(in crate::policy) struct Functions<'a> {
    pub(in crate::policy) version: RegoVersion,
    pub(in crate::policy) programs: &'a AllowedPrograms,
}

impl Functions<'_> {
    /// How many arguments a function takes; none if it is unknown or withheld.
    pub(in crate::policy) fn arity(&self, name: &str) -> Option<usize> {
        if name == "exec" {
            return (!self.programs.is_empty()).then_some(1);
        }
        if withheld(name).is_some() {
            return None;
        }
        if is_deprecated(name) {
            let arity = deprecated::FUNCTIONS.iter().find(|(known, ..)| *known == name);
            return (self.version == RegoVersion::V0)
                .then(|| arity.map_or(2, |(_, arity, _)| usize::from(*arity)));
        }
        match name {
            "re_match" => Some(2),
            _ => ours()
                .find(|(known, ..)| *known == name)
                .map(|(_, arity, _)| arity)
                .or_else(|| engine_functions::arity(name))
                .map(usize::from),
        }
    }

    /// Adds those that a file calls, and its normal form, to the engine, and gives the text of those that the prelude has to define.
    pub(in crate::policy) fn register(
        &self,
        engine: &mut Engine,
        outline: &Outline,
        normal: &str,
    ) -> Result<String, String> {
        let mut prelude = String::new();
        let (called, defined) = (outline.called(), outline.names());
        // An engine is copied for each decision, with the functions that it has.
        let used = operands::FUNCTIONS.into_iter().filter(|(name, ..)| normal.contains(&format!("{name}(")));
        for (name, arity, function) in used {
            extension::add(engine, name, "an operator", arity, move |args| Ok(function(args)))?;
        }
        let mut engines: BTreeSet<&'static str> = BTreeSet::new();
        let called = |name: &str| called.contains(name) && !defined.contains(name);
        let mut alias = |name: &str, arity: usize, of: &str| {
            let arguments = (1..=arity).map(|n| format!("a{n}")).collect::<Vec<_>>().join(", ");
            prelude.push_str(&format!("{name}({arguments}) := {of}({arguments})\n"));
        };
        let deprecated = deprecated::FUNCTIONS.into_iter().filter(|_| self.version == RegoVersion::V0);
        for (name, arity, function) in ours().chain(deprecated).filter(|(name, ..)| called(name)) {
            let inner = format!("__{}", name.replace('.', "_"));
            extension::add(engine, &inner, name, arity, function)?;
            alias(name, usize::from(arity), &inner);
        }
        if called("exec") && !self.programs.is_empty() {
            let programs = self.programs.clone();
            extension::add(engine, "__exec", "exec", 1, move |args| exec::exec(&programs, args))?;
            alias("exec", 1, "__exec");
        }
        for (name, of) in [("re_match", "regex.match"), ("net.cidr_overlap", "net.cidr_contains")] {
            if called(name) && self.arity(name).is_some() {
                engines.insert(of);
                alias(name, 2, of);
            }
        }
        engines.extend(BUILTINS.keys().copied().filter(|name| called(name) && withheld(name).is_none()));
        if engines.remove("sprintf") {
            extension::add(engine, "sprintf", "sprintf", 2, printed)?;
        }
        for name in engines {
            engine_functions::add(engine, name)?;
        }
        Ok(prelude)
    }
}

fn printed(args: &[Value]) -> Result<Value, Missing> {
    match args {
        [Value::String(format), Value::Array(args)] => {
            let args: Vec<Arg> = args.iter().map(arg).collect();
            Ok(Value::from(sprintf(format, &args)))
        }
        // Undefined would make the reason disappear, and the denial with it.
        _ => Err(Missing::refused("expects a string and an array")),
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
