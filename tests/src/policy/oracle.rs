//! Open Policy Agent as a process: `tests/go/policy` answers line by line.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use spacelift_worker_core::policy::Decision;

use crate::source::workspace;

/// What was decided, as far as two engines can agree on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The reasons, sorted, none when the run is allowed; and whether it is sampled.
    Decided(Vec<String>, bool),
    /// It could not be evaluated.
    Failed,
}

impl Outcome {
    /// Whether the run may start.
    pub fn allows(&self) -> bool {
        matches!(self, Self::Decided(reasons, _) if reasons.is_empty())
    }

    /// In a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Decided(reasons, _) if reasons.is_empty() => "allow",
            Self::Decided(..) => "deny",
        }
    }
}

impl From<&Decision> for Outcome {
    fn from(decision: &Decision) -> Self {
        match decision.failure() {
            Some(_) => Self::Failed,
            None => Self::Decided(decision.reasons().to_vec(), decision.sampled()),
        }
    }
}

/// The program, built.
#[derive(Clone, Debug)]
pub struct OracleProgram(PathBuf);

impl OracleProgram {
    /// Builds it with the Go at `go`; what was built before is found again by Go itself.
    ///
    /// # Panics
    /// When it cannot be built.
    pub fn build(go: &Path) -> Self {
        let program = workspace().join("target/go/policy-oracle");
        let built = Command::new(go)
            .current_dir(workspace().join("tests/go/policy"))
            .args(["build", "-trimpath", "-ldflags=-s -w", "-o"])
            .arg(&program)
            .arg(".")
            .output()
            .expect("Go can be started");
        assert!(built.status.success(), "go build: {}", String::from_utf8_lossy(&built.stderr));
        Self(program)
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(&self) -> Oracle {
        let mut child = Command::new(&self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the oracle can be started");
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Oracle { child, input, output }
    }
}

/// A running oracle. It ends when it is dropped.
#[derive(Debug)]
pub struct Oracle {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.input, "{question}").expect("the oracle reads");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the oracle answers");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("the oracle said {line:?}: {error}"))
    }

    /// The version of Open Policy Agent.
    pub fn version(&mut self) -> String {
        self.ask(&json!({ "about": {} }))["opa"].as_str().unwrap_or_default().to_owned()
    }

    /// What functions take and give, a line each.
    pub fn signatures(&mut self) -> String {
        self.ask(&json!({ "signatures": {} }))["text"].as_str().unwrap_or_default().to_owned()
    }

    /// Loads a policy; the version of Rego, or why it is refused.
    ///
    /// # Errors
    /// The oracle's own words.
    pub fn load(&mut self, name: &str, text: &str) -> Result<String, String> {
        let answer = self.ask(&json!({ "load": { "name": name, "text": text } }));
        match answer["refused"].as_str() {
            Some(why) => Err(why.to_owned()),
            None => Ok(answer["version"].as_str().unwrap_or_default().to_owned()),
        }
    }

    /// Judges a document by the policy that was loaded last.
    pub fn decide(&mut self, input: &Value, now_unix_ns: u64) -> (Outcome, String) {
        let answer = self.ask(&json!({ "decide": { "input": input, "now_unix_ns": now_unix_ns } }));
        if let Some(why) = answer["failed"].as_str() {
            return (Outcome::Failed, why.to_owned());
        }
        let reasons = answer["deny"].as_array().expect("a list of reasons");
        let reasons = reasons.iter().map(|reason| reason.as_str().expect("a text").to_owned()).collect();
        (Outcome::Decided(reasons, answer["sample"] == true), String::new())
    }

    /// How long each of so many decisions took, from the input's JSON on, in nanoseconds.
    pub fn measure(&mut self, input: &Value, times: usize) -> Vec<u64> {
        let answer = self.ask(&json!({ "measure": { "input": input, "times": times } }));
        answer["nanoseconds"].as_array().expect("times").iter().filter_map(Value::as_u64).collect()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
