//! Decisions as a table: one policy and one input of 3 KB, warm, beside Open Policy Agent's prepared query in the same run.
//!
//! `cargo bench -p spacelift-worker-benches --bench policy_table` prints it. Ours is timed from a document to its decision:
//! it is written as JSON, read, and judged under limits, on a thread of its own. The rival is timed in its own process, from
//! the JSON to its results; it has no thread to start. `SLW_GO` names the Go that builds it. Without `--bench` everything
//! runs a few times, and without the rival.

#![expect(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot do its work stops")]

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use spacelift_worker_benches::in_test_mode;
use spacelift_worker_core::policy::{EnvironmentValue, InitializationPolicy, PolicyInput};

/// The bar of the 99th percentile.
const P99: Duration = Duration::from_millis(1);

const TINY: &str = r#"package spacelift

deny contains "no tasks on this worker" if input.run.type == "TASK"
"#;

const TYPICAL: &str = r#"package spacelift

deny contains "no tasks on this worker" if input.run.type == "TASK"

deny contains sprintf("the image %s is not ours", [input.docker_image]) if {
    not startswith(input.docker_image, "registry.example.com/")
}

deny contains sprintf("%s may not run here", [label]) if {
    some label in input.static_run_environment.stack_labels
    startswith(label, "restricted:")
}

deny contains sprintf("the hook %q is not on the list", [hook]) if {
    some hook in input.static_run_environment.before_init
    not hook in {"terraform fmt -check", "tflint"}
}

deny contains "the branch has no ticket" if not regex.match(`^[A-Z]{2,10}-[0-9]+\b`, input.run.commit.branch)

deny contains sprintf("%s may not be set", [name]) if {
    some name, _ in input.static_run_environment.environment_variables
    name in {"TF_CLI_ARGS", "LD_PRELOAD"}
}
"#;

/// A token is looked at in every run.
const TOKEN: &str = r#"package spacelift

deny contains "not signed" if not signed

signed if {
    some token in input.run.user_provided_metadata
    [valid, _, payload] := io.jwt.decode_verify(token, {"secret": "a secret of thirty-two bytes....", "alg": "HS256"})
    valid
    payload.run == input.run.id
}
"#;

fn main() {
    let smoke = in_test_mode();
    let (rounds, times) = if smoke { (1, 5) } else { (20, 1000) };
    let document = document();
    let length = document.to_string().len();
    let rival = if smoke { None } else { Some(Rival::start()) };
    println!("{} decisions each, in {rounds} turns, on an input of {length} bytes.\n", rounds * times);
    println!(
        "| policy | p50 µs | p99 µs | OPA's p50 µs | OPA's p99 µs | OPA ÷ ours at p50 (> 1) | p99 (< 1 ms) |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let mut rival = rival;
    for (name, text) in [("one rule", TINY), ("six rules", TYPICAL), ("a token", TOKEN)] {
        let policy = InitializationPolicy::from_source("policy.rego", text).expect("a policy");
        let decided = policy.evaluate_document(&document, 0);
        assert!(decided.failure().is_none(), "{decided:?}");
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        if let Some(rival) = &mut rival {
            rival.load(text);
            rival.measure(&document, times);
        }
        for _ in 0..rounds {
            for _ in 0..times {
                let before = Instant::now();
                black_box(policy.evaluate_document(black_box(&document), 0));
                ours.push(before.elapsed());
            }
            if let Some(rival) = &mut rival {
                theirs.extend(rival.measure(&document, times));
            }
        }
        let (p50, p99) = (percentile(&mut ours, 50), percentile(&mut ours, 99));
        let held = if p99 < P99 { "holds" } else { "missed" };
        let others = if theirs.is_empty() {
            "not measured | not measured | ".to_owned()
        } else {
            let (their_p50, their_p99) = (percentile(&mut theirs, 50), percentile(&mut theirs, 99));
            let ratio = their_p50.as_secs_f64() / p50.as_secs_f64();
            format!("{:.0} | {:.0} | {ratio:.2}", micros(their_p50), micros(their_p99))
        };
        println!("| {name} | {:.0} | {:.0} | {others} | {held} |", micros(p50), micros(p99));
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times.get(times.len() * percent / 100).copied().unwrap_or_default()
}

/// A run of a stack as many are.
fn document() -> Value {
    let mut input =
        PolicyInput { docker_image: "registry.example.com/runner:1.9".to_owned(), ..PolicyInput::default() };
    input.run.run_type = "TRACKED".to_owned();
    input.run.commit.branch = "NET-1234-peering".to_owned();
    input.run.commit.message = "Peer the new network with the old one".to_owned();
    input.run.user_provided_metadata =
        vec!["eyJhbGciOiJIUzI1NiJ9.eyJydW4iOiJub3RoaW5nIn0.c2lnbmF0dXJl".to_owned()];
    input.stack.labels = (0..20).map(|number| format!("team:network-{number}")).collect();
    input.hooks.before_init = vec!["terraform fmt -check".to_owned(), "tflint".to_owned()];
    for number in 0..24 {
        let value = EnvironmentValue::plain(&format!("the value of variable {number}"));
        input.environment.insert(format!("TF_VAR_name_{number}"), value);
    }
    input.document()
}

/// Open Policy Agent in a process that answers line by line: `tests/go/policy`.
struct Rival {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Rival {
    fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let program = root.join("target/go/policy-oracle");
        let go = std::env::var_os("SLW_GO").map_or_else(|| PathBuf::from("go"), PathBuf::from);
        let build = ["build", "-trimpath", "-ldflags=-s -w", "-o"];
        let built = Command::new(go)
            .current_dir(root.join("tests/go/policy"))
            .args(build)
            .arg("../../../target/go/policy-oracle")
            .arg(".")
            .status();
        assert!(built.is_ok_and(|status| status.success()), "Go builds the rival; set SLW_GO");
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the rival can be started");
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, input, output }
    }

    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.input, "{question}").expect("the rival reads");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the rival answers");
        serde_json::from_str(&line).expect("an answer")
    }

    fn load(&mut self, text: &str) {
        let answer = self.ask(&json!({ "load": { "name": "policy.rego", "text": text } }));
        assert_eq!(answer["version"], "v1", "{answer}");
    }

    fn measure(&mut self, input: &Value, times: usize) -> Vec<Duration> {
        let answer = self.ask(&json!({ "measure": { "input": input, "times": times } }));
        let Some(times) = answer["nanoseconds"].as_array() else { panic!("{answer}") };
        times.iter().filter_map(Value::as_u64).map(Duration::from_nanos).collect()
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
