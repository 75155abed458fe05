//! Policies in a process of their own, and what that process may do wrong.

use std::fs::OpenOptions;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use super::child::limit_resources;
use super::host::PolicyHostError;
use super::{PolicyHost, PolicyIsolation, PolicyProgram};
use crate::policy::{self, AllowedPrograms, Decision, FailureKind, PolicyInput, PolicyOptions};

const HARMLESS: &str = "package spacelift\ndeny contains \"no tasks\" if input.run.type == \"TASK\"";

/// Denies, by an error, when it is evaluated on an image of this name; the documented sample has another.
const HOSTILE_IMAGE: &str = "hostile";

fn shell(script: &str) -> PolicyProgram {
    PolicyProgram::new("/bin/sh", ["-c", script].map(Into::into))
}

/// The process that evaluates, as this test program.
fn evaluator() -> PolicyProgram {
    evaluator_by("the_process_that_evaluates")
}

/// The harness prints on standard output, so the answer takes another way.
fn evaluator_by(test: &str) -> PolicyProgram {
    let program = std::env::current_exe().unwrap();
    let script = "exec 3>&1 >/dev/null; exec \"$0\" --exact \"driver::policy::tests::$1\" --ignored --nocapture \
                  --test-threads=1";
    PolicyProgram::new("/bin/sh", ["-c".into(), script.into(), program.into(), test.into()])
}

#[test]
#[ignore = "the other tests start it"]
fn the_process_that_evaluates() {
    // Run by hand, there is nobody to answer.
    let Ok(to) = OpenOptions::new().write(true).open("/dev/fd/3") else { return };
    limit_resources().unwrap();
    policy::serve(io::stdin(), to).unwrap();
}

#[test]
#[ignore = "the other tests start it"]
fn the_process_that_evaluates_beside_much_that_is_reserved() {
    let reserved = Vec::<u8>::with_capacity(4 << 30);
    the_process_that_evaluates();
    assert_eq!(reserved.len(), 0);
}

fn options(milliseconds: u64) -> PolicyOptions {
    PolicyOptions { time_limit: Duration::from_millis(milliseconds), ..PolicyOptions::default() }
}

fn open(text: &str, options: PolicyOptions, program: PolicyProgram) -> Result<PolicyHost, PolicyHostError> {
    PolicyHost::open("policy.rego", text, options, PolicyIsolation::Process(program))
}

/// Opens a policy in a process that answers, and lets another one judge.
fn judged_by(program: PolicyProgram, milliseconds: u64) -> Decision {
    let mut host = open(HARMLESS, options(5000), evaluator()).unwrap();
    host.options.time_limit = Duration::from_millis(milliseconds);
    host.place = super::host::Place::Process(program);
    host.evaluate(&PolicyInput::default().document(), 0)
}

fn kind(decision: &Decision) -> Option<FailureKind> {
    assert!(!decision.allowed(), "{decision:?}");
    decision.failure().map(|failure| failure.kind)
}

#[test]
fn a_process_of_its_own_decides_what_a_thread_decides() {
    let host = open(HARMLESS, options(5000), evaluator()).unwrap();
    assert!(!host.shares_memory());
    let mut input = PolicyInput::default();
    assert!(host.evaluate(&input.document(), 0).allowed());
    input.run.run_type = "TASK".to_owned();
    assert_eq!(host.evaluate(&input.document(), 0).reasons(), ["no tasks"]);
}

#[test]
fn a_program_that_reserves_much_more_than_it_uses_evaluates_as_well() {
    let reserved = "the_process_that_evaluates_beside_much_that_is_reserved";
    let host = open(HARMLESS, options(5000), evaluator_by(reserved)).unwrap();
    assert!(host.evaluate(&PolicyInput::default().document(), 0).allowed());
}

#[test]
fn a_broken_policy_is_told_with_its_places_by_the_other_process() {
    let error =
        open("package spacelift\ndeny contains x if input.a", options(5000), evaluator()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("policy.rego:2:15: `x` has no value here") && text.contains("\n    |               ^"),
        "{text}"
    );
}

#[test]
fn what_a_policy_reaches_through_exec_is_run_on_this_side() {
    let programs = AllowedPrograms::new(["/bin/echo".to_owned()]).unwrap();
    let text = "package spacelift\ndeny contains x if x := exec([\"/bin/echo\", input.docker_image]).stdout";
    let host = open(text, PolicyOptions { programs, ..options(5000) }, evaluator()).unwrap();
    assert_eq!(host.evaluate(&json!({ "docker_image": "an image" }), 0).reasons(), ["an image\n"]);
}

#[test]
fn a_process_that_does_not_start_denies() {
    assert_eq!(
        kind(&judged_by(PolicyProgram::new("/nowhere/program", []), 1000)),
        Some(FailureKind::Process)
    );
    let error = open(HARMLESS, options(1000), PolicyProgram::new("/nowhere/program", [])).unwrap_err();
    assert!(error.to_string().contains("could not be started"), "{error}");
}

#[test]
fn a_process_that_never_answers_is_ended_and_denies() {
    let before = Instant::now();
    assert_eq!(kind(&judged_by(shell("exec sleep 600"), 50)), Some(FailureKind::Timeout));
    assert!(before.elapsed() < Duration::from_secs(30));
    let error = open(HARMLESS, options(50), shell("exec sleep 600")).unwrap_err();
    assert!(error.to_string().contains("took too long"), "{error}");
}

#[test]
fn a_process_that_answers_rubbish_denies() {
    for rubbish in [
        "cat >/dev/null & printf 'hello'",
        "printf '\\000\\000\\000\\005hello'; exec cat >/dev/null",
        "printf '\\377\\377\\377\\377hello'; exec cat >/dev/null",
        "printf '\\000\\000\\000\\002{}'; exec cat >/dev/null",
        "printf '\\000\\000\\000\\004null'; exec cat >/dev/null",
        "exec cat /dev/zero",
        "cat",
        "exit 0",
    ] {
        assert_eq!(kind(&judged_by(shell(rubbish), 2000)), Some(FailureKind::Process), "{rubbish}");
        assert!(open(HARMLESS, options(2000), shell(rubbish)).is_err(), "{rubbish}");
    }
}

#[test]
fn a_process_that_answers_another_question_denies() {
    let valid = r#"{"Valid":false}"#;
    let script = format!("printf '\\000\\000\\000\\{:03o}%s' '{valid}'; exec cat >/dev/null", valid.len());
    let decision = judged_by(shell(&script), 2000);
    assert_eq!(kind(&decision), Some(FailureKind::Process));
    assert!(decision.reasons()[0].contains("another answer than a decision"), "{decision:?}");
}

#[test]
fn a_process_that_is_killed_denies_and_says_how_it_ended() {
    let decision = judged_by(shell("kill -KILL $$"), 2000);
    assert_eq!(kind(&decision), Some(FailureKind::Process));
    assert!(decision.reasons()[0].contains("signal: 9"), "{decision:?}");
}

#[test]
fn what_the_process_says_on_standard_error_goes_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("stderr");
    judged_by(shell(&format!("readlink /proc/self/fd/2 >{}", link.display())), 2000);
    #[cfg(target_os = "linux")]
    assert_eq!(std::fs::read_to_string(link).unwrap(), "/dev/null\n");
}

/// Policies made to hurt. Each is refused when it is read, or denies `HOSTILE_IMAGE`.
fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let rule = |body: &str| {
        format!(
            "package spacelift\ndeny contains \"x\" if {{ input.docker_image == \"{HOSTILE_IMAGE}\"; {body} }}\n"
        )
    };
    let deep = |open: &str, close: &str| {
        format!("package spacelift\nsample := {}1{} == 2\n", open.repeat(100_000), close.repeat(100_000))
    };
    let chain: String = (0..2000).map(|n| format!("f{n}(x) := f{}(x)\n", n + 1)).collect();
    vec![
        ("endless comprehension", rule("r := numbers.range(1, 3000); count([1 | r[_] == r[_]; r[_] == 0]) == 0").into()),
        ("endless loop of functions", format!("package spacelift\nf(x) := f(x)\n{}", rule("f(1)")).into()),
        ("deep calls", format!("package spacelift\n{chain}f2000(x) := x\n{}", rule("f0(7) == 7")).into()),
        ("huge reasons", rule("count([x | some i in numbers.range(1, 900000); x := sprintf(\"%0100000d\", [i])]) > 0").into()),
        (
            "many reasons",
            format!(
                "package spacelift\ndeny contains sprintf(\"%d %d\", [i, j]) if {{ input.docker_image == \"{HOSTILE_IMAGE}\"; \
                 some i in numbers.range(1, 3000); some j in numbers.range(1, 3000) }}"
            )
            .into(),
        ),
        ("huge text", rule("x := concat(\"\", [y | some i in numbers.range(1, 900000); y := sprintf(\"%01000d\", [i])]); count(x) > 0").into()),
        ("a pattern that goes back", rule("regex.match(\"^(a+)+$\", sprintf(\"%s!\", [concat(\"\", [\"a\" | some _ in numbers.range(1, 90000)])])) == false").into()),
        ("a pattern that grows", rule("regex.match(\"((((x{100}){100}){100}){100}){100}\", \"x\")").into()),
        ("ten thousand rules", (0..10_000).fold(rule("r9999"), |text, n| format!("{text}r{n} if input.a\n")).into()),
        ("rules in a row", (0..10_000).fold(rule("r0"), |text, n| format!("{text}r{n} := r{}\n", n + 1)).into()),
        ("binary rubbish", (0..=255_u8).cycle().take(100_000).collect()),
        ("deep brackets", deep("[", "]").into()),
        ("deep braces", deep("{", "}").into()),
        ("deep parentheses", deep("(", ")").into()),
        ("deep objects", deep("{\"a\":", "}").into()),
        ("deep comprehensions", deep("[x|x:=", "]").into()),
        ("a long sum", format!("package spacelift\nsample := {} == 0\n", vec!["1"; 80_000].join("\n+")).into()),
        ("a long comparison", format!("package spacelift\nsample := {} == 0\n", vec!["1"; 60_000].join("\n==")).into()),
        ("a long membership", format!("package spacelift\nsample := {} in []\n", vec!["1"; 50_000].join("\nin ")).into()),
        ("a long path", format!("package spacelift\nsample if input{}\n", ".a".repeat(20_000)).into()),
        ("many negations", format!("package spacelift\nsample if {{ {} true }}\n", "not ".repeat(50_000)).into()),
        ("many minus signs", format!("package spacelift\nsample := {}1 == 1\n", "-".repeat(50_000)).into()),
        ("many elses", format!("package spacelift\nsample if false{}\n", " else := false if false".repeat(9_000)).into()),
    ]
}

/// Until when there is an answer, under a limit of one second.
const ANSWERED: Duration = Duration::from_millis(1500);

/// One at a time, so that they do not take time from each other.
static ALONE: Mutex<()> = Mutex::new(());

/// The longest of reading and evaluating.
fn judge_hostile(isolation: &PolicyIsolation, name: &str, text: &str) -> Duration {
    let before = Instant::now();
    let host = PolicyHost::open("policy.rego", text, options(1000), isolation.clone());
    let read = before.elapsed();
    let host = match host {
        Ok(host) => host,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "{name}");
            return read;
        }
    };
    let before = Instant::now();
    let decision = host.evaluate(&json!({ "docker_image": HOSTILE_IMAGE }), 0);
    let evaluated = before.elapsed();
    let harmless = text.contains("sample");
    assert!(harmless || !decision.allowed(), "{name}: {decision:?}");
    let said: usize = decision.reasons().iter().map(String::len).sum();
    assert!(said < 1 << 20, "{name}: {said} bytes of reasons");
    read.max(evaluated)
}

fn judge_all(isolation: &PolicyIsolation) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for (name, text) in hostile() {
        let text = String::from_utf8_lossy(&text);
        // Another program may have had the processor the first time.
        let took = judge_hostile(isolation, name, &text);
        let took = if took < ANSWERED { took } else { judge_hostile(isolation, name, &text) };
        assert!(took < ANSWERED, "{name} took {took:?}");
    }
}

#[test]
fn a_hostile_policy_is_refused_in_time_on_a_thread() {
    judge_all(&PolicyIsolation::Thread);
}

#[test]
fn a_hostile_policy_is_refused_in_time_and_memory_in_a_process() {
    judge_all(&PolicyIsolation::Process(evaluator()));
}

#[test]
fn a_policy_that_needs_more_memory_than_its_process_has_denies() {
    let text = format!(
        "package spacelift\ndeny contains \"x\" if {{ input.docker_image == \"{HOSTILE_IMAGE}\"; \
         xs := [numbers.range(i, i + 900000) | some i in numbers.range(1, 1000)]; count(xs) == 0 }}"
    );
    let host = open(&text, options(20_000), evaluator()).unwrap();
    let decision = host.evaluate(&json!({ "docker_image": HOSTILE_IMAGE }), 0);
    assert_eq!(kind(&decision), Some(FailureKind::Process), "{decision:?}");
    assert!(decision.reasons()[0].contains("needs more memory than 256 MiB"), "{decision:?}");
}
