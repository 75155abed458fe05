//! Policies as people write them, and policies that must not get through.

use std::time::Duration;

use serde_json::json;

use super::*;

mod fail_closed;
mod programs;
mod tokens;

fn policy(text: &str) -> InitializationPolicy {
    InitializationPolicy::from_source("policy.rego", text).unwrap_or_else(|error| panic!("{error}"))
}

fn reasons(text: &str) -> Vec<String> {
    policy(text).evaluate(&input(), 0).reasons().to_vec()
}

fn input() -> PolicyInput {
    let mut input = PolicyInput { docker_image: "ghcr.io/acme/runner:1".into(), ..PolicyInput::default() };
    input.run.run_type = "TRACKED".into();
    input.run.commit.author = "alice".into();
    input.run.user_provided_metadata = vec!["signed".into()];
    input.stack.slug = "prod".into();
    input.stack.labels = vec!["team:a".into()];
    input.hooks.before_init = vec!["curl https://evil".into()];
    input.environment.insert("DB".into(), EnvironmentValue::secret("mysql"));
    input
}

fn problems(text: &str) -> Vec<(u32, u32, ProblemCode)> {
    match InitializationPolicy::from_source("policy.rego", text) {
        Err(PolicyError::Invalid { problems, .. }) => {
            problems.iter().map(|problem| (problem.line, problem.column, problem.code)).collect()
        }
        Ok(_) => vec![],
    }
}

fn codes(text: &str) -> Vec<ProblemCode> {
    problems(text).into_iter().map(|(_, _, code)| code).collect()
}

#[test]
fn both_dialects_are_told_apart_and_deny() {
    let v0 = policy("package spacelift\ndeny[\"no\"] { input.run.type == \"TRACKED\" }\nsample { true }\n");
    assert_eq!(v0.version(), RegoVersion::V0);
    let decision = v0.evaluate(&input(), 0);
    assert_eq!((decision.reasons(), decision.sampled()), (&["no".to_owned()][..], true));

    let v1 = policy("package spacelift\ndeny contains \"no\" if input.run.type == \"TRACKED\"\n");
    assert_eq!(v1.version(), RegoVersion::V1);
    let decision = v1.evaluate(&input(), 0);
    assert_eq!((decision.reasons(), decision.sampled()), (&["no".to_owned()][..], false));
    assert_eq!(decision.outcome(), "deny");
}

#[test]
fn the_documented_sample_policy_samples_and_allows() {
    let decision = policy("package spacelift\nsample { true }\n").evaluate(&input(), 0);
    assert!(decision.allowed() && decision.sampled());
}

#[test]
fn a_policy_sees_what_will_be_executed() {
    let text = r#"package spacelift
        deny contains sprintf("hook %q", [hook]) if some hook in input.static_run_environment.before_init
        deny contains "labels" if "team:a" in input.static_run_environment.stack_labels
        deny contains "image" if not startswith(input.docker_image, "registry.acme/")
        deny contains "signed" if input.run.user_provided_metadata[0] == "signed"
        deny contains "secret" if input.static_run_environment.environment_variables.DB == sanitized("mysql")
    "#;
    assert_eq!(reasons(text), ["hook \"curl https://evil\"", "image", "labels", "secret", "signed"]);
}

#[test]
fn the_aliases_are_there_where_the_file_leaves_their_names_free() {
    let text = r#"package spacelift
        deny["a"] { commit.author == "alice" }
        deny["b"] { run.type == "TRACKED" }
        deny["c"] { stack.labels[_] == "team:a" }
        deny["d"] { runtime_config.runner_image == "ghcr.io/acme/runner:1" }
        deny["e"] { stack.id == "prod" }
    "#;
    assert_eq!(reasons(text), ["a", "b", "c", "d", "e"]);
    // Names of the file's own stay its own.
    assert_eq!(reasons("package spacelift\ndeny contains run if some run in [\"x\", \"y\"]"), ["x", "y"]);
    assert_eq!(reasons("package spacelift\ncommit := \"mine\"\ndeny contains commit if true"), ["mine"]);
    assert_eq!(reasons("package spacelift\ndeny[stack] { [\"p\", \"q\"][i] = stack }"), ["p", "q"]);
    assert_eq!(
        reasons("package spacelift\ndeny[msg] { [\"p\"][run]; msg := sprintf(\"%d\", [run]) }"),
        ["0"]
    );
}

#[test]
fn helpers_can_be_called_with_the_result_as_a_last_argument() {
    let text = r#"package spacelift
        deny["a"] { sanitized("mysql", "eae35047") }
        deny[x] { sanitized("5.7", x) }
        deny[x] { sprintf("%d%%", [7], x) }
        deny["re"] { re_match(`^al\w+$`, input.run.commit.author) }
    "#;
    assert_eq!(reasons(text), ["7%", "a", "fc40d152", "re"]);
}

#[test]
fn a_reason_never_vanishes_for_its_text() {
    // In the engine's own sprintf each of these is undefined, and the rule with it.
    let text = r#"package spacelift
        deny contains sprintf("%d", ["x"]) if true
        deny contains sprintf("%s %s", ["few"]) if true
        deny contains sprintf("many", [1, {"a": [true, null]}, {1, "b"}]) if true
        deny contains sprintf("%+v|%T|%#v|%5t|%", [1, 2.5, "q", true]) if true
    "#;
    assert_eq!(
        reasons(text),
        [
            "%!d(string=x)",
            "+1|float64|q|%!t(string= true)|%!(NOVERB)",
            "few %!s(MISSING)",
            "many%!(EXTRA int64=1, string={\"a\": [true, null]}, string={1, \"b\"})",
        ]
    );
}

#[test]
fn patterns_mean_what_they_mean_in_open_policy_agent() {
    let text = r#"package spacelift
        deny contains "ascii" if regex.match(`^\d+$`, "12")
        deny contains "arabic digits" if regex.match(`^\d+$`, "١٢")
        deny contains "long" if regex.match(`^\w{1,63}$`, "abc")
        deny contains x if x := regex.replace("a1b2", `\d`, "-")
        deny contains x if some x in regex.split(`\s`, "p q")
        deny contains x if some x in regex.find_n(`[\w-]+`, "a-b c", 1)
        deny contains "number" if regex.match(`1`, input.run.created_at)
        deny contains "valid" if regex.is_valid(`[`)
    "#;
    assert_eq!(reasons(text), ["a-b", "a-b-", "ascii", "long", "p", "q"]);
    let bad = policy("package spacelift\ndeny contains \"x\" if not regex.match(input.docker_image, \"x\")");
    let document = json!({ "docker_image": "[" });
    assert_eq!(bad.evaluate_document(&document, 0).failure().unwrap().kind, FailureKind::Error);
}

#[test]
fn half_of_one_dialect_is_not_taken_for_the_other() {
    for text in [
        "package spacelift\ndeny if { true }\nsample { true }",
        "package spacelift\nsample { true }\nok if input.x",
        "package spacelift\nsample { true }\ndeny[x] { every x in [] { x } }",
        "package spacelift\nsample { true }\nimport rego.v1",
        "package spacelift\ndeny contains \"x\" { true }",
        "package spacelift\nimport rego.v2\nsample := true",
        "package spacelift\nimport future.words\nsample := true",
    ] {
        assert!(!codes(text).is_empty(), "{text}");
    }
    let future =
        "package spacelift\nimport future.keywords\ndeny contains \"x\" if { some y in [1]; y == 1 }";
    assert_eq!(reasons(future), ["x"]);
    let v0 = "package spacelift\nimport future.keywords.in\ndeny[x] { some x in [\"a\"] }";
    assert_eq!(reasons(v0), ["a"]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
    #[test]
    fn a_mangled_policy_is_read_or_refused(cuts in proptest::collection::vec((0usize..400, 0usize..400, 0usize..12), 1..4)) {
        let mut text: Vec<char> = r#"package spacelift
            import future.keywords
            deny contains msg if { some x in input.run.changes; not f(x.y); msg := sprintf("%s", [x]) }
            f(x) := y if { y := {k: v | v = x[k]; re_match(`^[a-z]+$`, v)} } else := 1
            sample if every l in input.static_run_environment.stack_labels { startswith(l, "a") with input as {} }
            "#.chars().collect();
        for (from, to, len) in cuts {
            let moved: Vec<char> = text.iter().skip(from).take(len).copied().collect();
            let to = to.min(text.len());
            text.splice(to..(to + len / 2).min(text.len()), moved);
        }
        let text: String = text.into_iter().collect();
        if let Ok(policy) = InitializationPolicy::from_source("p", &text) {
            let _ = policy.evaluate(&input(), 0).allowed();
        }
    }
}

#[test]
fn what_is_no_collection_holds_nothing() {
    let policy = policy(
        r#"package spacelift
        deny contains x if some x in input.static_run_environment.before_init
        deny contains "each" if { every x in input.static_run_environment.before_init { x } }
        deny contains "in" if 1 in input.static_run_environment.before_init
        deny contains "not in" if not 1 in input.static_run_environment.before_init
        deny contains "element" if input.static_run_environment.before_init[_]"#,
    );
    for no_list in [json!(null), json!(7), json!("text")] {
        let document = json!({ "static_run_environment": { "before_init": no_list } });
        assert_eq!(policy.evaluate_document(&document, 0).reasons(), ["not in"], "{document}");
    }
}

#[test]
fn whatever_cannot_be_evaluated_is_denied_and_says_so() {
    let failing = policy(
        "package spacelift\ndeny contains \"x\" if f(input.docker_image) == 1\nf(x) := 1 if x != \"\"\nf(x) := 2 if x != \"\"",
    );
    let decision = failing.evaluate(&input(), 0);
    assert_eq!(decision.failure().unwrap().kind, FailureKind::Error);
    assert_eq!(decision.reasons().len(), 1);
    let reason = &decision.reasons()[0];
    assert!(
        reason.starts_with("the run initialization policy could not be evaluated")
            && reason.contains("line 2"),
        "{reason}"
    );

    for (text, kind) in [
        ("deny contains x if x := {\"msg\": input.docker_image}[input.run.id]", None),
        ("deny contains 1 if input.docker_image != \"\"", Some(FailureKind::Results)),
        ("sample := \"yes\" if input.docker_image != \"\"", Some(FailureKind::Results)),
        ("deny contains \"x\" if sanitized([input.docker_image][count(input.run.id)]) == \"1\"", None),
    ] {
        let decision = policy(&format!("package spacelift\n{text}")).evaluate(&input(), 0);
        assert_eq!(decision.failure().map(|failure| failure.kind), kind, "{text}");
        assert_eq!(decision.allowed(), kind.is_none(), "{text}");
    }
}

#[test]
fn an_evaluation_that_takes_too_long_is_denied() {
    let text = "package spacelift\ndeny contains \"x\" if {\n  input.docker_image != \"\"\n  r := numbers.range(1, 3000)\n  count([1 | r[_] == r[_]]) == 0\n}";
    let slow = policy(text).with_time_limit(Duration::from_millis(50));
    let decision = slow.evaluate(&input(), 0);
    assert_eq!(decision.failure().unwrap().kind, FailureKind::Timeout);
    assert!(!decision.allowed());
}

#[test]
fn an_input_beyond_its_limit_is_denied() {
    let policy = policy("package spacelift\nsample := false");
    let huge = json!({ "run": "x".repeat(9 * 1024 * 1024) });
    assert_eq!(policy.evaluate_document(&huge, 0).failure().unwrap().kind, FailureKind::InputTooLarge);
}

#[test]
fn all_problems_are_reported_at_once_with_their_places() {
    let text = "package spaceship\ndeny := true\nsample contains 1\nx if nope(1)\ny if startswith(\"a\")\nz if http.send({})\n";
    assert_eq!(
        problems(text),
        [
            (1, 1, ProblemCode::Package),
            (2, 1, ProblemCode::RuleKind),
            (3, 1, ProblemCode::RuleKind),
            (4, 6, ProblemCode::UnknownFunction),
            (5, 6, ProblemCode::Arity),
            (6, 6, ProblemCode::ForbiddenFunction),
        ]
    );
}

#[test]
fn a_syntax_error_is_reported_where_it_is_in_the_dialect_that_was_meant() {
    assert_eq!(
        problems("package spacelift\n\ndeny[\"a\"] {\n  input.x ==\n}\n"),
        [(3, 11, ProblemCode::Parse)]
    );
    let error = InitializationPolicy::from_source(
        "p.rego",
        "package spacelift\ndeny contains \"a\" if {\n  input.x == == 1\n}\n",
    );
    let text = error.unwrap_err().to_string();
    assert!(
        text.contains("(Rego v1)") && text.contains("p.rego:3:") && text.contains("3 |   input.x == == 1"),
        "{text}"
    );
    assert_eq!(codes(""), [ProblemCode::Parse]);
    assert_eq!(codes("deny"), [ProblemCode::Parse]);
}

#[test]
fn rules_of_the_wrong_kind_are_refused() {
    for rule in [
        "deny := {\"a\"}",
        "deny if { true }",
        "deny[\"a\"] := 1 if { true }",
        "deny[\"a\"] if { true }",
        "deny.a contains 1 if { true }",
        "deny(x) := 1",
        "default deny := false",
        "sample contains 1",
        "sample(x) := true",
        "sample.x := true",
        "denied contains \"a\"",
    ] {
        assert_eq!(codes(&format!("package spacelift\n{rule}")), [ProblemCode::RuleKind], "{rule}");
    }
    assert!(
        codes("package spacelift\ndefault sample := false\nsample if true\ndeny contains \"a\" if false")
            .is_empty()
    );
}

#[test]
fn functions_that_are_not_offered_are_named_with_the_reason() {
    for (call, code, words) in [
        ("io.jwt.encode_sign({}, {}, {})", ProblemCode::ForbiddenFunction, "signs nothing"),
        ("exec([\"ls\"])", ProblemCode::UnavailableFunction, "SPACELIFT_WORKER_POLICY_PROGRAMS"),
        ("http.send({})", ProblemCode::ForbiddenFunction, "network"),
        ("opa.runtime()", ProblemCode::ForbiddenFunction, "not offered"),
        ("time.now_ns()", ProblemCode::ForbiddenFunction, "not offered"),
        ("trace(\"x\")", ProblemCode::ForbiddenFunction, "sample"),
    ] {
        let text = format!("package spacelift\ndeny contains \"x\" if {{ y := {call}; y }}");
        let Err(PolicyError::Invalid { problems, .. }) = InitializationPolicy::from_source("p", &text) else {
            panic!("{call} was accepted")
        };
        assert_eq!(problems[0].code, code, "{call}");
        assert!(problems[0].message.contains(words), "{}", problems[0].message);
    }
}

#[test]
fn what_leads_back_to_itself_is_refused() {
    for rules in [
        "f(x) := f(x)\ndeny contains \"a\" if f(1)",
        "f(x) := g(x)\ng(x) := data.spacelift.f(x)\ndeny contains \"a\" if f(1)",
        "deny contains \"a\" if count(deny) > 0",
        "deny contains \"a\" if data.spacelift[input.run.id]",
        "deny contains \"a\" if count(data) > 0",
        "a if b\nb if a\nsample := true",
        "import data.spacelift as s\ndeny contains \"a\" if s.deny",
    ] {
        let codes = codes(&format!("package spacelift\n{rules}"));
        assert!(
            !codes.is_empty() && codes.iter().all(|code| *code == ProblemCode::Recursion),
            "{rules}: {codes:?}"
        );
    }
    // A name of its own inside a rule is not the rule.
    assert!(codes("package spacelift\nx := f(1)\nf(x) := x\nsample := true").is_empty());
}

#[test]
fn an_undefined_argument_ends_a_branch_and_is_not_negated() {
    let nothing: [&str; 0] = [];
    for negation in [
        "startswith(input.run.nothing, \"x\")",
        "startswith(lower(input.run.nothing), \"x\")",
        "input.run.nothing < 1",
        "input.run.nothing != 1",
        "input.run.nothing in [1]",
        "1 in input.run.nothing",
        "input.run.changes[input.run.nothing]",
        "own(input.run.nothing)",
    ] {
        let text = format!("package spacelift\nown(x) if x\ndeny contains \"a\" if not {negation}");
        assert_eq!(reasons(&text), nothing, "{negation}");
        let helper =
            format!("package spacelift\nown(x) if x\nok if not {negation}\ndeny contains \"a\" if not ok");
        assert_eq!(reasons(&helper), ["a"], "{negation}");
    }
    // What is not there is not equal to anything, and not true.
    for negation in ["input.run.nothing == 1", "input.run.nothing", "input.run.nothing.more[0]"] {
        assert_eq!(
            reasons(&format!("package spacelift\ndeny contains \"a\" if not {negation}")),
            ["a"],
            "{negation}"
        );
    }
}

#[test]
fn an_undefined_reason_takes_no_other_with_it() {
    let text = r#"package spacelift
        f(x) := upper(x) if x != "b"
        deny contains f(x) if some x in ["a", "b", "c"]
        deny contains input.run[x] if some x in ["type", "nothing", "commit2"]
        deny contains sprintf("%s", [input.run[x]]) if some x in ["nothing", "type"]
    "#;
    assert_eq!(reasons(text), ["A", "C", "TRACKED"]);
    // Nor does an undefined value take the value of a helper.
    let helper = r#"package spacelift
        found := input.run[x] if some x in ["type", "nothing"]
        table[x] := input.run[x] if some x in ["nothing", "type", "nothing2"]
        deny contains found if true
        deny contains x if some x, _ in table
        deny contains "no" if not found
    "#;
    assert_eq!(reasons(helper), ["TRACKED", "type"]);
}

#[test]
fn texts_made_to_hurt_the_engine_are_refused_in_time() {
    let deep = format!("package spacelift\nsample := {}1{}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(codes(&deep), [ProblemCode::TooNested]);
    let sum = format!("package spacelift\nx := {}\nsample := true", vec!["1"; 50_000].join("\n+ "));
    assert_eq!(codes(&sum), [ProblemCode::TooNested]);
    let path = format!("package spacelift\nsample if input{}", ".a".repeat(29_000));
    assert_eq!(codes(&path), [ProblemCode::TooNested]);
    let chain: String = (0..3000).map(|number| format!("r{number} := r{}\n", number + 1)).collect();
    assert!(codes(&format!("package spacelift\n{chain}r3000 := true\nsample if r0\n")).is_empty());
    let brackets = format!("package spacelift\nsample := {}1{} == 1", "{[".repeat(6), "]}".repeat(6));
    codes(&brackets);
}

#[test]
fn a_policy_that_cannot_be_evaluated_on_the_documented_input_is_refused() {
    let text = "package spacelift\ndeny contains sanitized(input.run.created_at) if true";
    assert_eq!(codes(text), [ProblemCode::DryRun]);
}

#[test]
fn a_policy_is_shared_between_threads_and_prints_without_its_body() {
    fn shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    let policy = policy("package spacelift\nkey := \"hunter2\"\nsample := false");
    shared(&policy);
    assert_eq!(format!("{policy:?}"), "InitializationPolicy { name: \"policy.rego\", version: V1, .. }");
}
