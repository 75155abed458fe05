//! The decision of a policy that was read before, beside the Rego engine alone: what a thread of its own, limits and the
//! reading of results cost on top of it. The rival evaluates the same rules on the same JSON, without a time limit.

#![expect(clippy::expect_used, reason = "a benchmark that cannot do its work stops")]

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use regorus::Engine;
use spacelift_worker_core::policy::{InitializationPolicy, PolicyInput};

const POLICY: &str = r#"
package spacelift

deny contains "no tasks on this worker" if input.run.type == "TASK"

deny contains sprintf("the image %s is not ours", [input.docker_image]) if {
    not startswith(input.docker_image, "registry.example.com/")
}

deny contains sprintf("%s may not run here", [label]) if {
    some label in input.static_run_environment.stack_labels
    startswith(label, "restricted:")
}

sample if input.run.state == "READY"
"#;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut input = PolicyInput::default();
    input.run.run_type = "TASK".to_owned();
    input.stack.labels = (0..20).map(|number| format!("team:{number}")).collect();
    let document = input.document();
    let json = document.to_string();

    let mut group = criterion.benchmark_group("policy decision, warm");
    group.throughput(Throughput::Bytes(json.len() as u64));
    let policy = InitializationPolicy::from_source("policy.rego", POLICY).expect("a policy");
    let decided = policy.evaluate(&input, 0);
    group.bench_function("policy", |bencher| bencher.iter(|| policy.evaluate(black_box(&input), 0)));

    let mut engine = Engine::new();
    engine.add_policy("policy.rego".to_owned(), POLICY.to_owned()).expect("a policy");
    let [deny, _] = evaluate(&mut engine, &json);
    assert_eq!(deny.as_set().map(|deny| deny.len()).ok(), Some(decided.reasons().len()), "the same question");
    assert_eq!(decided.reasons().len(), 2, "{decided:?}");
    group.bench_function("rival: the engine alone", |bencher| {
        bencher.iter(|| evaluate(&mut engine.clone(), black_box(&json)));
    });
    group.finish();
    criterion.final_summary();
}

fn evaluate(engine: &mut Engine, json: &str) -> [regorus::Value; 2] {
    engine.set_input_json(json).expect("JSON");
    ["data.spacelift.deny", "data.spacelift.sample"]
        .map(|rule| engine.eval_rule(rule.to_owned()).expect("a result"))
}
