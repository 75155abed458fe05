//! Policies that run programs.

use std::sync::Arc;

use serde_json::json;

use crate::policy::{
    AllowedPrograms, Decision, FailureKind, InitializationPolicy, PolicyError, PolicyOptions, ProblemCode,
    ProgramError, ProgramOutput, Programs, Surroundings,
};

/// Answers with its arguments, or in ways that go wrong.
struct Fake;

impl Programs for Fake {
    fn run(&self, argv: &[String]) -> Result<ProgramOutput, ProgramError> {
        match argv.get(1).map(String::as_str) {
            Some("fail") => Err(ProgramError::Timeout),
            Some("panic") => panic!("a stumble, on purpose"),
            _ => {
                Ok(ProgramOutput { status: 7, stdout: argv.join("|").into_bytes(), stderr: b"\xff".to_vec() })
            }
        }
    }
}

fn options() -> PolicyOptions {
    let programs = AllowedPrograms::new(["/bin/verify".to_owned()]).unwrap();
    PolicyOptions { programs, ..PolicyOptions::default() }
}

fn decide(rules: &str, programs: Option<Arc<dyn Programs>>) -> Decision {
    let text = format!("package spacelift\n{rules}");
    let policy =
        InitializationPolicy::with_options("p", &text, options()).unwrap_or_else(|error| panic!("{error}"));
    policy.evaluate_in(&json!({ "word": "fail" }), Surroundings { now_unix_ns: 0, programs })
}

#[test]
fn a_policy_sees_status_and_streams_of_an_allowed_program() {
    let rules = r#"deny contains sprintf("%d %s %s", [r.status, r.stdout, r.stderr]) if {
        r := exec(["/bin/verify", "a b", "*"])
    }"#;
    assert_eq!(decide(rules, Some(Arc::new(Fake))).reasons(), ["7 /bin/verify|a b|* \u{fffd}"]);
}

#[test]
fn without_a_list_of_programs_a_policy_that_calls_exec_is_not_accepted() {
    let text = "package spacelift\ndeny contains \"x\" if exec([\"/bin/verify\"]).status != 0";
    let Err(PolicyError::Invalid { problems, .. }) = InitializationPolicy::from_source("p", text) else {
        panic!("accepted")
    };
    assert_eq!((problems[0].line, problems[0].code), (2, ProblemCode::UnavailableFunction));
    assert!(problems[0].message.contains("SPACELIFT_WORKER_POLICY_PROGRAMS"), "{}", problems[0].message);
}

#[test]
fn a_program_that_is_not_listed_is_not_run_and_the_run_is_denied() {
    for argv in ["[input.word]", "[concat(\"/\", [\"\", \"bin\", input.word])]", "input.word"] {
        let decision =
            decide(&format!("deny contains \"x\" if exec({argv}).status == 5"), Some(Arc::new(Fake)));
        assert_eq!(decision.failure().unwrap().kind, FailureKind::Error, "{argv}");
    }
}

#[test]
fn a_call_that_can_never_work_is_refused_where_it_stands() {
    let text = "package spacelift\n\ndeny contains \"x\" if exec([]).status == 5";
    let Err(PolicyError::Invalid { problems, .. }) = InitializationPolicy::with_options("p", text, options())
    else {
        panic!("accepted")
    };
    assert_eq!((problems[0].line, problems[0].column, problems[0].code), (3, 22, ProblemCode::DryRun));
}

#[test]
fn a_program_without_an_answer_denies_the_run_even_where_a_function_forgets_it() {
    let rules = r#"deny contains "x" if not good(input.word)
        good(word) if exec(["/bin/verify", word]).status == 0
        good(word) if word != """#;
    let decision = decide(rules, Some(Arc::new(Fake)));
    assert!(!decision.allowed() && decision.failure().is_some(), "{decision:?}");
    assert!(decision.reasons()[0].contains("took longer"), "{decision:?}");
    // Nobody to run it
    assert!(!decide(rules, None).allowed());
}

#[test]
fn a_panic_of_whoever_runs_programs_denies_the_run() {
    let decision =
        decide(r#"deny contains "x" if exec(["/bin/verify", "panic"]).status == 5"#, Some(Arc::new(Fake)));
    assert_eq!(decision.failure().unwrap().kind, FailureKind::Panic);
}
