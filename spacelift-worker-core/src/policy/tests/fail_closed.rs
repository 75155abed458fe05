//! Every way in which an evaluation goes wrong denies the run, and says so.

use serde_json::Value;

use super::*;

#[track_caller]
fn denied_by(kind: FailureKind, rules: &str) {
    let decision = policy(&format!("package spacelift\n{rules}")).evaluate(&input(), 0);
    assert_eq!(decision.failure().map(|failure| failure.kind), Some(kind), "{rules}: {decision:?}");
    assert!(!decision.allowed() && !decision.sampled(), "{rules}");
    let [reason] = decision.reasons() else { panic!("{decision:?}") };
    assert!(
        reason.starts_with("the run initialization policy could not be evaluated, so the run is denied"),
        "{reason}"
    );
}

#[test]
fn two_values_of_one_rule_deny() {
    denied_by(
        FailureKind::Error,
        "deny contains \"x\" if a == 1\na := 1 if input.docker_image != \"\"\na := 2 if input.docker_image != \"\"",
    );
}

#[test]
fn two_values_of_a_function_deny_where_another_body_has_one() {
    denied_by(
        FailureKind::Error,
        "deny contains \"x\" if not f(input.docker_image)\nf(x) := 1 if x != \"\"\nf(x) := 2 if x != \"\"",
    );
}

#[test]
fn two_values_for_one_key_deny() {
    denied_by(
        FailureKind::Error,
        "deny contains \"x\" if { input.docker_image != \"\"; {k: v | some k in [\"a\"]; some v in [1, 2]}.a == 3 }",
    );
}

#[test]
fn a_pattern_that_cannot_be_read_denies_whatever_a_negation_makes_of_it() {
    denied_by(
        FailureKind::Error,
        "deny contains \"x\" if not ok\nok if { input.docker_image != \"\"; not regex.match(concat(\"\", [\"[\", input.docker_image]), \"x\") }",
    );
}

#[test]
fn a_list_beyond_all_measure_denies() {
    denied_by(
        FailureKind::Error,
        "deny contains \"x\" if { input.docker_image != \"\"; count(numbers.range(1, 9000000000)) == 0 }",
    );
}

#[test]
fn a_format_that_is_no_text_denies() {
    denied_by(
        FailureKind::Error,
        "deny contains sprintf(input.run[x], []) if { input.docker_image != \"\"; x := \"created_at\" }",
    );
}

#[test]
fn a_hexadecimal_number_denies() {
    denied_by(
        FailureKind::Error,
        "deny contains \"x\" if { input.docker_image != \"\"; to_number(sprintf(\"0x%d\", [count(input.docker_image)])) == 1 }",
    );
}

#[test]
fn a_reason_that_is_no_text_denies() {
    for reason in ["1", "null", "{\"a\": 1}", "[\"a\"]"] {
        denied_by(FailureKind::Results, &format!("deny contains {reason} if input.docker_image != \"\""));
    }
}

#[test]
fn a_sample_that_is_no_boolean_denies() {
    denied_by(FailureKind::Results, "sample := input.docker_image if input.docker_image != \"\"");
}

#[test]
fn a_loop_without_end_denies_inside_of_a_function_too() {
    let text = "package spacelift\ndeny contains \"x\" if not f(input.docker_image)\n\
                f(x) if { x != \"\"; r := numbers.range(1, 3000); count([1 | r[_] == r[_]; r[_] == 0]) == 0 }";
    let decision = policy(text).with_time_limit(Duration::from_millis(50)).evaluate(&input(), 0);
    assert_eq!(decision.failure().map(|failure| failure.kind), Some(FailureKind::Timeout));
    assert!(!decision.allowed());
}

#[test]
fn a_program_that_nobody_runs_denies() {
    let programs = AllowedPrograms::new(["/bin/echo".to_owned()]).unwrap();
    let options = PolicyOptions { programs, ..PolicyOptions::default() };
    let text = "package spacelift\ndeny contains \"x\" if not exec([\"/bin/echo\", input.docker_image])";
    let policy = InitializationPolicy::with_options("policy.rego", text, options).unwrap();
    let decision = policy.evaluate(&input(), 0);
    assert_eq!(decision.failure().map(|failure| failure.kind), Some(FailureKind::Error));
    assert!(!decision.allowed());
}

#[test]
fn an_input_of_any_shape_is_judged_or_denied_and_never_a_panic() {
    let text = "package spacelift\ndeny contains \"tasks\" if input.run.type == \"TASK\"\n\
                deny contains \"image\" if not startswith(input.docker_image, \"x\")";
    let policy = policy(text);
    for document in [json!(null), json!([]), json!("text"), json!(1), json!({ "run": [] })] {
        let decision = policy.evaluate_document(&document, 0);
        assert!(decision.failure().is_none(), "{document}: {decision:?}");
    }
    let nested = |depth| (0..depth).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
    assert!(policy.evaluate_document(&nested(127), 0).failure().is_none());
    for depth in [128, 5_000] {
        let failure = policy.evaluate_document(&nested(depth), 0).failure().cloned().unwrap();
        assert!(failure.kind == FailureKind::Error && failure.detail.contains("nested"), "{failure:?}");
    }
}
