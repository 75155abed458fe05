//! Rules whose kinds of value can never work, and rules of which nothing is known.

use regorus::Engine;

use super::signature::{OWN, SIGNATURES};
use super::*;

fn messages(rules: &str) -> Vec<String> {
    let mut engine = Engine::new();
    engine.add_policy("p".to_owned(), format!("package spacelift\n{rules}")).unwrap();
    check(&engine.get_modules()[0], &["stack"]).into_iter().map(|problem| problem.message).collect()
}

#[test]
fn what_can_never_work_is_found() {
    for (rules, message) in [
        ("p if startswith(input.x, 1)", "`startswith` takes a string as argument 2, not a number"),
        ("p if startswith(count(input.x), \"a\")", "`startswith` takes a string as argument 1, not a number"),
        ("p if { x := 1; startswith(x, \"a\") }", "`startswith` takes a string as argument 1, not a number"),
        ("q := \"3\"\np if abs(q) > 1", "`abs` takes a number as argument 1, not a string"),
        (
            "q(x) := 1\np if startswith(q(2), \"a\")",
            "`startswith` takes a string as argument 1, not a number",
        ),
        ("p := sprintf(\"%s\", \"x\")", "`sprintf` takes an array as argument 2, not a string"),
        ("p if concat(\",\", input.x, 1)", "`concat` takes a string as argument 3, not a number"),
        ("p if sanitized(1)", "`sanitized` takes a string as argument 1, not a number"),
        (
            "p if count(1) > 0",
            "`count` takes a string, an array, an object or a set as argument 1, not a number",
        ),
        ("p if count(input.x) == \"many\"", "this is never equal: a number and a string"),
        ("p if input.x + \"a\" == 1", "`+` works on a number, not on a string"),
        ("p if { [a, b] := time.clock(1); a == b }", "this is never equal: arrays of 2 and of 3 elements"),
        ("p if [1, 2] == [input.x]", "this is never equal: arrays of 2 and of 1 elements"),
        (
            "p if stack.nothing",
            "the object has no `nothing`; it has `autodeploy`, `branch`, `id`, `labels`, `name`, `project_root`, `repository`",
        ),
        ("p if -input.x == 1", "`-` stands before a number alone: expected `0 - …`"),
        ("p if 1 & input.x", "`&` works on a set, not on a number"),
        ("p if { x := 1; x.y }", "expected something with parts, found a number"),
        ("p if { x := [1]; x[\"a\"] }", "expected a number to look up in an array, found a string"),
        ("q := {\"a\": 1}\np if q.b", "the object has no `b`; it has `a`"),
        (
            "p if { x := {\"a\": {\"b\": [1]}}; x.a.b[0] == \"s\" }",
            "this is never equal: a number and a string",
        ),
        ("q(x) := 1\np if { y := q; y }", "`q` is a function: expected a call of it, `q(…)`"),
        ("p if { x := print(1); x }", "`print` has no value: expected it to stand alone"),
    ] {
        assert_eq!(messages(rules), [message], "{rules}");
    }
}

#[test]
fn what_may_work_is_not_judged() {
    for rules in [
        "p if startswith(input.x, input.y)",
        "p if { [h, m, s] := time.clock(1); h == m; s }",
        "p if stack.labels[0] == input.x",
        "p if { some stack in input; stack.nothing }",
        "p if 1 < \"a\"",
        "p if 1 != \"a\"",
        "p if 1 in 2",
        "p if { {1} - {2} == {3} }",
        "q := 1 if input.a\nq := \"a\" if input.b\np if startswith(q, \"a\")",
        "q := {\"a\": 1} if input.a\nq := {\"b\": 1} if input.b\np if q.b",
        "p if { some x in [1, \"a\"]; startswith(x, \"a\") }",
        "p if { x = input.y; startswith(x, \"a\") }",
        "p if split(input.a, \"/\", x); x := 1",
        "q[x] := 1 if some x in input\np if q.b.c",
        "p if { x := object.get({}, \"a\", 1); startswith(x, \"a\") }",
        "p if { [x, y] := [1, 2]; startswith(x, y) }",
        "q(x) := x\np if startswith(q(2), \"a\")",
    ] {
        let rules = rules.replace("; x := 1", "");
        assert_eq!(messages(&rules), [""; 0], "{rules}");
    }
}

#[test]
fn every_function_of_the_list_can_be_read() {
    for line in SIGNATURES.lines().chain(OWN.lines()) {
        let (name, _) = line.split_once(' ').unwrap();
        let Signature { arguments, .. } = signature(name).unwrap();
        assert!(arguments.iter().all(|kinds| kinds.meets(Kinds::ANY)), "{line}");
    }
}
