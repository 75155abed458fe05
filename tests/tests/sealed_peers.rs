//! What this library seals, another implementation opens, and the other way round: `sealed.py` beside the vectors, and the
//! scripts of `docs/sealed-state.md`, as they stand there.

#![expect(clippy::unwrap_used, reason = "functions of a test stop it when something is not as it must be")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use spacelift_worker_core::envelope::{Context, Trust, UnsealError, Unsealer, seal, unseal, workspace};
use spacelift_worker_core::pool::PoolKey;
use spacelift_worker_tests::source;
use spacelift_worker_tests::tools::Tool;

fn vectors() -> PathBuf {
    source::workspace().join("tests/vectors/envelope")
}

/// One of the key pairs that the vectors use: keys of thousands of bits take seconds to make.
fn key(name: &str) -> PoolKey {
    let keys: Value = serde_json::from_slice(&std::fs::read(vectors().join("keys.json")).unwrap()).unwrap();
    PoolKey::from_pem(&keys[name]["private"].as_str().unwrap().into()).unwrap()
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 % 256) as u8).collect()
}

/// Answers to requests to `sealed.py`, one process for all of them.
fn answers(python: &Path, requests: &[Value]) -> Vec<Value> {
    let mut child = Command::new(python)
        .arg(vectors().join("sealed.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let answers = requests.iter().map(|request| {
        writeln!(input, "{request}").unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    });
    let answers = answers.collect();
    drop(input);
    assert!(child.wait().unwrap().success());
    answers
}

fn bytes(answer: &Value, field: &str) -> Vec<u8> {
    STANDARD.decode(answer[field].as_str().unwrap()).unwrap()
}

#[test]
fn python_opens_what_is_sealed_here_and_the_other_way_round() {
    let Some(python) = Tool::Python.find().unwrap() else { return };
    let (pool, other) = (key("other"), key("older"));
    let public = pool.public_key();
    let entries = json!({"purpose": "workspace", "run": "01BX5ZZKBKACTAV9WEVGEMMVRZ", "stack": "a b{c}:'~"});
    let context = Context::new(
        entries.as_object().unwrap().iter().map(|(key, value)| (key.as_str(), value.as_str().unwrap())),
    )
    .unwrap();
    let signers = [None, Some(&pool), Some(&other)];
    let cases: Vec<(usize, Option<&PoolKey>)> = [0, 1, 16_383, 16_384, 16_385, 32_768, 100_000]
        .into_iter()
        .flat_map(|len| signers.map(|signer| (len, signer)))
        .collect();
    let requests: Vec<Value> = cases
        .iter()
        .flat_map(|(len, signer)| {
            let plain = pattern(*len);
            let open = json!({
                "operation": "unseal",
                "keys": [pool.to_pem().unwrap().expose()],
                "context": entries,
                "signed_by": signer.map(|key| vec![key.public_key().to_pem()]),
                "sealed": STANDARD.encode(seal(&public, &context, *signer, &plain).unwrap()),
            });
            let make = json!({
                "operation": "seal",
                "recipient": public.to_pem(),
                "context": entries,
                "signer": signer.map(|key| key.to_pem().unwrap().expose().to_owned()),
                "plain": STANDARD.encode(&plain),
            });
            [open, make]
        })
        .collect();
    let answers = answers(&python, &requests);
    for ((len, signer), answers) in cases.iter().zip(answers.chunks(2)) {
        let trust = signer.map_or(Trust::Unsigned, |key| Trust::SignedBy(vec![key.public_key()]));
        assert!(bytes(&answers[0], "plain") == pattern(*len), "{len}");
        let opened = unseal(&[&pool], &context, &trust, &bytes(&answers[1], "sealed")).unwrap();
        assert!(opened.expose() == pattern(*len), "{len}");
    }
}

#[test]
fn every_vector_is_what_its_maker_says_and_python_decides_as_it_says() {
    let Some(python) = Tool::Python.find().unwrap() else { return };
    let checked = Command::new(python).arg(vectors().join("vectors.py")).arg("--check").output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

/// The script that stands in the documentation under this name.
fn documented(name: &str) -> String {
    let page = std::fs::read_to_string(source::workspace().join("docs/sealed-state.md")).unwrap();
    let (_, rest) = page.split_once(&format!("<!-- {name} -->\n```python\n")).unwrap();
    rest.split_once("```\n").unwrap().0.to_owned()
}

/// A folder with a pool's key, and how its documented scripts are run in it.
struct Desk {
    folder: tempfile::TempDir,
    python: PathBuf,
    pool: PoolKey,
}

const CONTEXT: &str = r#"{"stack": "networking", "phase": "plan"}"#;

impl Desk {
    fn new(python: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pool = PoolKey::generate(2048).unwrap();
        std::fs::write(folder.path().join("spacelift.key"), pool.to_pem().unwrap().expose()).unwrap();
        Self { folder, python, pool }
    }

    fn context() -> Context {
        Context::new([("phase", "plan"), ("stack", "networking")]).unwrap()
    }

    /// What the script prints; `None` when it ends with an error.
    fn run(&self, script: &str, arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
        std::fs::write(self.folder.path().join("input"), input).unwrap();
        let input = std::fs::File::open(self.folder.path().join("input")).unwrap();
        let mut command = Command::new(&self.python);
        command.current_dir(&self.folder).arg("-c").arg(script).args(arguments).stdin(input);
        let output = command.stderr(Stdio::null()).output().unwrap();
        output.status.success().then_some(output.stdout)
    }
}

#[test]
fn the_documented_script_opens_a_workspace_and_no_other_one() {
    let Some(python) = Tool::Python.find().unwrap() else { return };
    let desk = Desk::new(python);
    let script = documented("open.py");
    assert!(script.lines().count() < 20);
    let opened = |sealed: &[u8], context: &str| {
        std::fs::write(desk.folder.path().join("workspace.sealed"), sealed).unwrap();
        desk.run(&script, &["spacelift.key", "workspace.sealed", context], b"")
    };
    let (key, context) = (desk.pool.public_key(), Desk::context());
    for len in [0, 16_384, 100_000] {
        let sealed = seal(&key, &context, Some(&desk.pool), &pattern(len)).unwrap();
        assert!(opened(&sealed, CONTEXT) == Some(pattern(len)), "{len}");
    }
    let good = seal(&key, &context, Some(&desk.pool), b"content").unwrap();
    let unsigned = seal(&key, &context, None, b"content").unwrap();
    assert_eq!(opened(&good, r#"{"phase": "apply"}"#), None);
    assert_eq!(opened(&good[..good.len() - 1], CONTEXT), None);
    assert_eq!(opened(&unsigned, CONTEXT), None);
}

#[test]
fn a_workspace_made_by_the_documented_script_opens_here() {
    let Some(python) = Tool::Python.find().unwrap() else { return };
    let desk = Desk::new(python);
    let script = documented("seal.py");
    assert!(script.lines().count() < 20);
    for len in [0, 16_384, 100_000] {
        let sealed = desk.run(&script, &["spacelift.key", CONTEXT], &pattern(len)).unwrap();
        let read = |mut unsealer: Unsealer<'_>| {
            let mut plain = Vec::new();
            unsealer.update(&sealed, &mut plain)?;
            unsealer.finish(&mut plain).map(|()| plain)
        };
        assert!(read(workspace::unsealer(&[&desk.pool], &Desk::context())) == Ok(pattern(len)), "{len}");
        let other = read(workspace::unsealer(&[&desk.pool], &Context::default()));
        assert!(matches!(other, Err(UnsealError::Context { .. })));
    }
}
