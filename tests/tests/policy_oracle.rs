//! The worker's decisions beside those of Open Policy Agent, which `tests/go/policy` asks.
//!
//! `SLW_POLICY_STEP` is how many of the mutations are left out for each that is judged: 1 judges all of them, which
//! `make policy-oracle` does.

#![expect(clippy::expect_used, reason = "a test without its oracle has to stop and say why")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::thread;

use spacelift_worker_tests::policy::{
    Case, Corpus, Difference, Key, OracleProgram, differences, documents, edits, known_differences, load,
    load_cases, read_json,
};
use spacelift_worker_tests::source::workspace;
use spacelift_worker_tests::tools::Tool;

/// So few that a plain `cargo test` stays quick. No multiple of a document's four mutations a place.
const QUICK_STEP: usize = 37;

/// How many documents the whole comparison has at least.
const WHOLE: usize = 20_000;

/// Every so many-th mutation is judged.
fn step() -> usize {
    std::env::var("SLW_POLICY_STEP").map_or(QUICK_STEP, |step| step.parse().expect("a number"))
}

fn oracle() -> Option<OracleProgram> {
    Tool::Go.find().expect("Go").map(|go| OracleProgram::build(&go))
}

#[test]
fn decisions_and_reasons_are_those_of_open_policy_agent() {
    let Some(program) = oracle() else { return };
    let step = step();
    let corpus = Corpus::read();
    let judge = |cases: Vec<&Case>| {
        let mut oracle = program.start();
        let mut judged = 0;
        let mut found = Vec::new();
        for case in cases {
            let documents = documents(case, step);
            judged += documents.len();
            found.extend(differences(case, &documents, &mut oracle));
        }
        (judged, found)
    };
    let half = |first: usize| corpus.cases.iter().skip(first).step_by(2).collect();
    let (even, odd) = (half(0), half(1));
    let ((judged, mut found), (more, others)) = thread::scope(|scope| {
        let half = scope.spawn(|| judge(even));
        let other = judge(odd);
        (half.join().expect("half of the corpus"), other)
    });
    found.extend(others);
    let judged = judged + more;
    eprintln!("{} policies, {judged} documents, {} differences", corpus.cases.len(), found.len());

    let laxer: Vec<&Difference> = found.iter().filter(|difference| difference.is_laxer()).collect();
    assert!(laxer.is_empty(), "the worker allows what Open Policy Agent denies: {laxer:#?}");
    let known = known_differences();
    let mut new: BTreeMap<Key, Vec<&Difference>> = BTreeMap::new();
    for difference in found.iter().filter(|difference| !known.contains_key(&difference.key())) {
        new.entry(difference.key()).or_default().push(difference);
    }
    let shown: Vec<_> = new.iter().map(|(key, of)| (key, of.len(), &of[0])).collect();
    assert!(new.is_empty(), "not in the list, each with how many there are and the first: {shown:#?}");
    if step == 1 {
        assert!(judged >= WHOLE, "{judged} documents");
        let seen: BTreeSet<_> = found.iter().map(Difference::key).collect();
        let stale: Vec<_> = known.keys().filter(|key| !seen.contains(*key)).collect();
        assert!(stale.is_empty(), "these differences are there no more: {stale:?}");
    }
}

#[test]
fn no_known_difference_is_laxer() {
    for ((policy, theirs, ours), reason) in known_differences() {
        assert!(ours != "allow", "{policy}: {theirs} became {ours}");
        assert!(reason.len() > 20, "{policy}: {reason}");
    }
}

#[test]
fn what_open_policy_agent_does_not_load_is_not_loaded() {
    let mut wrong = BTreeMap::new();
    for case in load_cases() {
        let ours = load("policy.rego", &case.text);
        match (&ours, case.loads) {
            (Ok(_), false) => drop(wrong.insert(case.name, "is loaded".to_owned())),
            (Err(error), true) if case.stricter.is_none() => drop(wrong.insert(case.name, error.to_string())),
            (Ok(_), true) if case.stricter.is_some() => {
                wrong.insert(case.name, "is loaded, and said to be refused".to_owned());
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (name, text) in Corpus::read().refused {
        assert!(load(&name, &text).is_err(), "{name} is loaded");
    }
}

#[test]
fn what_is_said_of_open_policy_agent_is_true_of_it() {
    let Some(program) = oracle() else { return };
    let mut oracle = program.start();
    for case in load_cases() {
        let loaded = oracle.load("policy.rego", &case.text);
        assert_eq!(loaded.is_ok(), case.loads, "{}: {loaded:?}", case.name);
    }
    let path = workspace().join("spacelift-worker-core/src/policy/builtins/signatures.txt");
    let written = fs::read_to_string(&path).expect("the signatures");
    assert!(written == oracle.signatures(), "make policy-signatures, and commit {}", path.display());
}

#[test]
fn a_refusal_tells_the_place_the_line_and_what_was_expected() {
    for (name, text) in Corpus::read().refused {
        let Err(error) = load(&name, &text) else { continue };
        let shown = error.to_string();
        assert!(shown.contains(&format!("\n{name}:")), "{shown}");
        // The end of the file has no line.
        let at_the_end = ["comment_alone", "empty", "unclosed_brace_v0"].contains(&name.as_str());
        assert!(at_the_end || shown.contains(" | "), "{shown}");
    }
}

/// A policy with a word of it edited, on which the two do not agree.
type Edited = (String, String);

#[test]
fn policies_with_a_word_edited_are_loaded_and_judged_by_both_alike() {
    let Some(program) = oracle() else { return };
    let corpus = Corpus::read();
    let half = |first: usize| corpus.cases.iter().skip(first).step_by(2).collect();
    let halves: [Vec<&Case>; 2] = [half(0), half(1)];
    let (mut loaded, mut laxer) = (0, BTreeSet::new());
    thread::scope(|scope| {
        let judged = halves.map(|cases| scope.spawn(|| judge_edits(cases, &program)));
        for half in judged {
            let (both, found) = half.join().expect("half of the corpus");
            loaded += both;
            laxer.extend(found);
        }
    });
    eprintln!("{loaded} edited policies that both load");
    assert!(loaded > 50, "{loaded}");
    let known = known_edits();
    let new: Vec<_> = laxer.difference(&known).collect();
    assert!(new.is_empty(), "Open Policy Agent does not load these: {new:#?}");
    if step() == 1 {
        let stale: Vec<_> = known.difference(&laxer).collect();
        assert!(stale.is_empty(), "these are refused by now: {stale:#?}");
    }
}

/// Judges edits of some policies, more of them than of mutations: few can be loaded. How many both load, and which the worker alone does.
fn judge_edits(cases: Vec<&Case>, program: &OracleProgram) -> (usize, Vec<Edited>) {
    let mut oracle = program.start();
    let (mut both, mut laxer) = (0, Vec::new());
    for case in cases {
        for (edit, text) in edits(&case.text).into_iter().step_by((step() / 5).max(1)) {
            match (load("policy.rego", &text).is_ok(), oracle.load("policy.rego", &text).is_ok()) {
                (true, false) => laxer.push((case.name.clone(), edit)),
                (true, true) => {
                    both += 1;
                    let edited =
                        Case { name: format!("{}, {edit}", case.name), text, inputs: case.inputs.clone() };
                    let plain = documents(&edited, usize::MAX);
                    let found = differences(&edited, &plain, &mut oracle);
                    let known = known_differences();
                    let of_case = |difference: &Difference| Difference {
                        policy: case.name.clone(),
                        ..difference.clone()
                    };
                    let found: Vec<_> =
                        found.iter().map(of_case).filter(|of| !known.contains_key(&of.key())).collect();
                    assert!(found.is_empty(), "{}: {found:#?}", edited.name);
                }
                _ => {}
            }
        }
    }
    (both, laxer)
}

/// The edits of `edits.json`.
fn known_edits() -> BTreeSet<Edited> {
    let list = read_json("edits.json");
    let text = |entry: &serde_json::Value, name: &str| entry[name].as_str().expect("a text").to_owned();
    let entry = |entry: &serde_json::Value| (text(entry, "policy"), text(entry, "edit"));
    list.as_array().expect("a list").iter().map(entry).collect()
}
