//! What a policy file may contain, judged on its outline: every mistake is found, not the first alone.

use std::collections::{BTreeMap, BTreeSet};

use super::builtins::{EXEC, Functions, withheld};
use super::outline::{Outline, RuleKind};
use super::problem::{Problem, ProblemCode, RegoVersion};
use super::validate::ANY_RULE;

/// All mistakes of a file.
pub(super) fn check(outline: &Outline, functions: &Functions<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(place) = outline.too_nested {
        problems.push(Problem::new(
            place,
            ProblemCode::TooNested,
            "this expression is nested too deeply; use rules in between",
        ));
        // What is deeper was not read.
        return problems;
    }
    if outline.package.0 != "spacelift" {
        let message = format!("expected `package spacelift`, found `package {}`", outline.package.0);
        problems.push(Problem::new(outline.package.1, ProblemCode::Package, message));
    }
    kinds(outline, functions.version, &mut problems);
    conflicts(outline, functions.version, &mut problems);
    calls(outline, functions, &mut problems);
    circles(outline, &mut problems);
    problems
}

fn kinds(outline: &Outline, version: RegoVersion, problems: &mut Vec<Problem>) {
    let mut add = |place, message: String| problems.push(Problem::new(place, ProblemCode::RuleKind, message));
    let example = match version {
        RegoVersion::V0 => r#"deny["reason"] { … }"#,
        RegoVersion::V1 => r#"deny contains "reason" if { … }"#,
    };
    for rule in &outline.rules {
        match (rule.name.as_str(), rule.kind) {
            ("deny", RuleKind::Set) | ("sample", RuleKind::Value | RuleKind::Default) => {}
            ("deny", RuleKind::Object) => {
                let why = "`deny` is an object here, whose keys deny nothing";
                add(rule.place, format!("{why}; it must be a set of strings: {example}"));
            }
            ("deny", _) => add(rule.place, format!("`deny` must be a set of strings: {example}")),
            ("sample", _) => {
                add(rule.place, "`sample` must be a boolean, such as `sample := true`".to_owned())
            }
            // In Rego v0 a keyword that was not imported is a name like any other, and makes a rule of its own.
            (keyword @ ("if" | "contains" | "every" | "in"), _) => add(
                rule.place,
                format!(
                    "`{keyword}` defines a rule here; write all of the file in Rego v1, or `import future.keywords`"
                ),
            ),
            _ => {}
        }
    }
    if !outline.rules.iter().any(|rule| matches!(rule.name.as_str(), "deny" | "sample")) {
        let message =
            format!("neither `deny` nor `sample` is defined, so the policy has no effect; write {example}");
        problems.push(Problem::new(outline.package.1, ProblemCode::RuleKind, message));
    }
}

/// Rules of one name that cannot stand beside each other, and names that mean something else already.
fn conflicts(outline: &Outline, version: RegoVersion, problems: &mut Vec<Problem>) {
    let mut kinds: BTreeMap<&str, RuleKind> = BTreeMap::new();
    let mut defaults: BTreeSet<&str> = BTreeSet::new();
    for rule in &outline.rules {
        let name = rule.name.as_str();
        if matches!(name, "input" | "data") {
            let message = format!("a rule cannot be called `{name}`; use another name");
            problems.push(Problem::new(rule.place, ProblemCode::Shadowed, message));
        }
        if rule.default && !defaults.insert(&rule.path) {
            let message = format!("`{}` has two defaults; expected one", rule.path);
            problems.push(Problem::new(rule.place, ProblemCode::RuleKind, message));
        }
        // Parts of an object may be of different kinds, each under a name of its own.
        let (name, kind) = match rule.kind {
            RuleKind::Default => (name, RuleKind::Value),
            RuleKind::Function(_) => (rule.path.as_str(), rule.kind),
            kind => (name, kind),
        };
        let first = *kinds.entry(name).or_insert(kind);
        if first != kind {
            let message =
                format!("`{name}` is {first} before and {kind} here; expected one of them, or another name");
            problems.push(Problem::new(rule.place, ProblemCode::RuleKind, message));
        }
    }
    problems.extend(outline.imported_unknown.iter().map(|(path, place)| {
        let message = format!("`{path}` cannot be imported; expected `rego.v1` or `future.keywords`");
        Problem::new(*place, ProblemCode::Parse, message)
    }));
    if version == RegoVersion::V1 {
        problems.extend(outline.imported_again.iter().map(|(name, place)| {
            let message = format!("`{name}` is imported twice; give one of them another name, `as …`");
            Problem::new(*place, ProblemCode::Shadowed, message)
        }));
    }
}

/// What hides a function of this name from the file: a rule or an import with the name's first part.
fn hidden<'a>(outline: &Outline, name: &'a str) -> Option<&'a str> {
    let first = name.split('.').next().unwrap_or(name);
    let rule = outline.rules.iter().any(|rule| rule.name == first);
    (rule || (first != name && outline.imports.contains(first))).then_some(first)
}

fn calls(outline: &Outline, functions: &Functions<'_>, problems: &mut Vec<Problem>) {
    let own = outline.arguments();
    for call in &outline.calls {
        let name = call.name.as_str();
        let expected = match own.get(name).copied().or_else(|| functions.arity(name)) {
            None if name == "print" => continue,
            Some(_) if !own.contains_key(name) && hidden(outline, name).is_some() => {
                let by = hidden(outline, name).unwrap_or(name);
                let message =
                    format!("`{name}` is no function here, since the file gives `{by}` another meaning");
                problems.push(Problem::new(call.place, ProblemCode::Shadowed, message));
                continue;
            }
            Some(expected) => expected,
            None => {
                let (code, message) = match withheld(name).or_else(|| (name == "exec").then_some(EXEC)) {
                    Some(withheld) => (withheld.code, format!("`{name}` {}", withheld.why)),
                    None => (ProblemCode::UnknownFunction, format!("there is no function `{name}`")),
                };
                problems.push(Problem::new(call.place, code, message));
                continue;
            }
        };
        // The result may be given as a last argument.
        if call.arguments != expected && call.arguments != expected + 1 {
            let plural = if expected == 1 { "" } else { "s" };
            let message = format!("`{name}` takes {expected} argument{plural}, not {}", call.arguments);
            problems.push(Problem::new(call.place, ProblemCode::Arity, message));
        }
    }
}

/// Rules and functions that lead back to themselves. The engine would go round until its stack ends.
fn circles(outline: &Outline, problems: &mut Vec<Problem>) {
    let names: BTreeSet<&str> = outline.rules.iter().map(|rule| rule.name.as_str()).collect();
    let mut edges: Vec<(&str, &str)> = Vec::new();
    for from in &names {
        let refers = outline.refers.get(*from).into_iter().flatten();
        for to in refers {
            match names.get(to.as_str()) {
                Some(to) => edges.push((from, to)),
                None if to == ANY_RULE => edges.extend(names.iter().map(|to| (*from, *to))),
                None => {}
            }
        }
    }
    let leading_on = without_ends(&names, &edges);
    let backwards: Vec<(&str, &str)> = edges.iter().map(|(from, to)| (*to, *from)).collect();
    let mut circles = without_ends(&leading_on, &backwards);
    for rule in &outline.rules {
        if circles.remove(rule.name.as_str()) {
            let message = format!("`{}` leads back to itself", rule.name);
            problems.push(Problem::new(rule.place, ProblemCode::Recursion, message));
        }
    }
}

/// The names from which one can go on for ever: those that lead nowhere are taken away until there are none.
fn without_ends<'a>(names: &BTreeSet<&'a str>, edges: &[(&'a str, &'a str)]) -> BTreeSet<&'a str> {
    let mut left = names.clone();
    let mut ways: BTreeMap<&str, usize> = BTreeMap::new();
    let mut before: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in edges.iter().filter(|(from, to)| names.contains(from) && names.contains(to)) {
        *ways.entry(from).or_default() += 1;
        before.entry(to).or_default().push(from);
    }
    let mut ends: Vec<&str> = names.iter().copied().filter(|name| !ways.contains_key(name)).collect();
    while let Some(end) = ends.pop() {
        left.remove(end);
        for from in before.get(end).into_iter().flatten() {
            if let Some(ways) = ways.get_mut(from) {
                *ways -= 1;
                if *ways == 0 {
                    ends.push(from);
                }
            }
        }
    }
    left
}
