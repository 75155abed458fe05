//! Whether every variable of a file gets a value: what Open Policy Agent calls safety, and checks before it runs anything.
//!
//! Statements of a body have no order of their own; one can be evaluated as soon as what it reads has values. A body in
//! which that never comes true for a statement is refused, and so is a name that is declared twice or for nothing. The
//! engine would find some of these when it comes to them, and some never.
//!
//! Source: Open Policy Agent, policy language, "Safety"; "Variables"; "Some keyword".

mod body;
mod steps;

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Module, Rule, RuleBody, RuleHead};

use body::{Body, Scope};
use steps::pattern_names;

use super::outline::Place;
use super::problem::{Problem, ProblemCode, RegoVersion};

/// What is known of the file around a rule.
pub(super) struct Around<'a> {
    /// Names that have a value everywhere: rules, imports, `input`, `data`, and aliases that the file may use.
    pub(super) globals: BTreeSet<String>,
    /// How many arguments a function takes.
    pub(super) arity: &'a dyn Fn(&str) -> Option<usize>,
    pub(super) version: RegoVersion,
}

/// Every variable that is not safe, and every declaration that cannot be.
pub(super) fn check(module: &Module, around: &Around<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for rule in &module.policy {
        if let Rule::Spec { head, bodies, .. } = rule.as_ref() {
            check_rule(head, bodies, around, &mut problems);
        }
    }
    problems
}

fn check_rule(head: &RuleHead, bodies: &[RuleBody], around: &Around<'_>, problems: &mut Vec<Problem>) {
    let mut scope = Scope { safe: around.globals.clone(), locals: BTreeSet::new() };
    let (refr, read, arguments) = match head {
        RuleHead::Compr { refr, assign, .. } => (refr, assign.as_ref().map(|assign| &assign.value), &[][..]),
        RuleHead::Set { refr, key, .. } => (refr, key.as_ref(), &[][..]),
        RuleHead::Func { refr, args, assign, .. } => {
            (refr, assign.as_ref().map(|assign| &assign.value), args.as_slice())
        }
    };
    for (name, place) in arguments.iter().flat_map(|argument| pattern_names(argument)) {
        shadowing(name, place, around, problems);
        scope.safe.insert(name.to_owned());
        scope.locals.insert(name.to_owned());
    }
    let mut heads = in_brackets(refr);
    heads.extend(read.map(AsRef::as_ref));
    if bodies.is_empty() {
        Body { query: None, reads: &heads }.check(&scope, around, problems);
    }
    for body in bodies {
        let own: Vec<&Expr> = body.assign.iter().map(|assign| assign.value.as_ref()).collect();
        let reads = if body.is_else { &own } else { &heads };
        Body { query: Some(&body.query), reads }.check(&scope, around, problems);
    }
}

/// What stands in brackets in the name of a rule.
fn in_brackets(mut refr: &Expr) -> Vec<&Expr> {
    let mut found = Vec::new();
    loop {
        refr = match refr {
            Expr::RefDot { refr, .. } => refr,
            Expr::RefBrack { refr, index, .. } => {
                found.push(index.as_ref());
                refr
            }
            _ => return found,
        };
    }
}

/// In Rego v1 nothing is called `input` or `data` but those themselves.
fn shadowing(name: &str, place: Place, around: &Around<'_>, problems: &mut Vec<Problem>) {
    if around.version == RegoVersion::V1 && matches!(name, "input" | "data") {
        let message = format!("`{name}` cannot be a variable; use another name");
        problems.push(Problem::new(place, ProblemCode::Shadowed, message));
    }
}

#[cfg(test)]
mod tests {
    use regorus::Engine;

    use super::*;

    fn problems(rules: &str) -> Vec<(ProblemCode, String)> {
        let mut engine = Engine::new();
        engine.add_policy("p".to_owned(), format!("package spacelift\n{rules}")).unwrap();
        let globals = ["input", "data", "rule"].map(str::to_owned).into_iter().collect();
        let arity = |name: &str| match name {
            "f" => Some(1),
            "g" => Some(2),
            _ => None,
        };
        let around = Around { globals, arity: &arity, version: RegoVersion::V1 };
        let name = |message: &str| message.split('`').nth(1).unwrap().to_owned();
        check(&engine.get_modules()[0], &around)
            .into_iter()
            .map(|problem| (problem.code, name(&problem.message)))
            .collect()
    }

    #[track_caller]
    fn unsafe_names(body: &str, names: &[&str]) {
        let found = problems(&format!("p if {{ {body} }}"));
        let found: BTreeSet<_> = found.iter().map(|(code, name)| (*code, name.as_str())).collect();
        let expected: BTreeSet<_> = names.iter().map(|name| (ProblemCode::UnsafeVariable, *name)).collect();
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn a_variable_gets_its_value_from_any_statement_of_its_body() {
        for body in [
            "x > 1; x = rule",
            "x = y; y = 1",
            "[x, {\"a\": y}] = input.z; x == y",
            "[x, 1] = [2, y]; x == y",
            "input.xs[i] == i",
            "input.xs[i] == input.ys[i + 1]",
            "rule[[x, y]]; x == y",
            "f(input, x); x == 1",
            "some x in input; x > 1",
            "some x, y; input[x] = y; y",
            "every k, v in input { k == v }",
            "x := 1; y := [x | some x in input]; y",
            "i := 1; not input[i]",
            "not f(f(input[_]))",
            "not f([x | some x in input])",
            "x := 1; y := {a: x | some a in input}; y",
        ] {
            unsafe_names(body, &[]);
        }
    }

    #[test]
    fn one_without_a_value_is_found() {
        for (body, names) in [
            ("x > 1", &["x"][..]),
            ("x == y; y == x", &["x", "y"]),
            ("x = y; x == 1", &["x", "y"]),
            ("{x: 1} = input", &["x"]),
            ("{x} = input", &["x"]),
            ("y[0] == 1", &["y"]),
            ("input[f(y)]", &["y"]),
            ("f(_)", &["_"]),
            ("not input[i]", &["i"]),
            ("not f(input[_])", &["_"]),
            ("not x = 1", &["x"]),
            ("not f(input, x)", &["x"]),
            ("every v in input { v == y }", &["y"]),
            ("every v in y { v }", &["y"]),
            ("input with input as y", &["y"]),
            ("y := [1 | z > 1]; y", &["z"]),
            ("y := [x | input]; x := 1; y", &["x"]),
            ("some rule; rule > 1", &["rule"]),
        ] {
            unsafe_names(body, names);
        }
    }

    #[test]
    fn heads_and_every_branch_are_looked_at() {
        let codes = |rules: &str| problems(rules).len();
        assert_eq!(codes("p contains x if input"), 1);
        assert_eq!(codes("p[x] := 1 if input"), 1);
        assert_eq!(codes("p := x if input"), 1);
        assert_eq!(codes("h(x) := y if x"), 1);
        assert_eq!(codes("h(x) := 1 if x else := y"), 1);
        assert_eq!(codes("h([x, y]) := x + y"), 0);
        assert_eq!(codes("p contains x if some x in input"), 0);
        assert_eq!(codes("p contains input[_]"), 0);
    }

    #[test]
    fn a_name_is_declared_once_and_for_something() {
        for (rules, code) in [
            ("p if { x := 1; x := 2 }", ProblemCode::Redeclared),
            ("p if { [x, x] := input }", ProblemCode::Redeclared),
            ("p if { some x, x; input[x] }", ProblemCode::Redeclared),
            ("p if { some x; x := input }", ProblemCode::Redeclared),
            ("h(x) if { x := 2 }", ProblemCode::Redeclared),
            ("p if { some x; input }", ProblemCode::UnusedVariable),
            ("h(input) := 1", ProblemCode::Shadowed),
            ("p if { f := 1; f(f) }", ProblemCode::Shadowed),
            ("p if { input.x := 1 }", ProblemCode::Assignment),
            ("p if { [x, 1] := input; x }", ProblemCode::Assignment),
            ("p if { input with rule as 1 }", ProblemCode::WithTarget),
        ] {
            let found: Vec<_> = problems(rules).into_iter().map(|(code, _)| code).collect();
            assert_eq!(found, [code], "{rules}");
        }
        assert!(problems("p if { x := 1; y := [x | x := 2]; f(y) with f as 1 }").is_empty());
    }
}
