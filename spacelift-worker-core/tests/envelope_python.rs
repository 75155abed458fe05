//! What this library seals, another implementation opens, and the other way round.
//!
//! Runs when `SLW_PYTHON` names a Python interpreter with the package `cryptography`, version 50 or later; the vectors
//! beside `sealed.py` cover one direction without it.

#![expect(clippy::unwrap_used, reason = "functions of a test stop it when something is not as it must be")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use spacelift_worker_core::envelope::{Context, Trust, seal, unseal};
use spacelift_worker_core::pool::PoolKey;

fn python(command: &str, request: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/envelope/sealed.py");
    let mut child = Command::new(std::env::var_os("SLW_PYTHON").unwrap())
        .args([script.as_os_str(), command.as_ref()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn bytes(answer: &Value, field: &str) -> Vec<u8> {
    STANDARD.decode(answer[field].as_str().unwrap()).unwrap()
}

#[test]
fn python_opens_what_rust_seals_and_rust_what_python_seals() {
    if std::env::var_os("SLW_PYTHON").is_none() {
        eprintln!("skipped: SLW_PYTHON names no interpreter");
        return;
    }
    let (pool, other) = (PoolKey::generate(4096).unwrap(), PoolKey::generate(2048).unwrap());
    let public = pool.public_key();
    let entries = json!({"purpose": "workspace", "run": "01BX5ZZKBKACTAV9WEVGEMMVRZ", "stack": "a b{c}:'~"});
    let context = Context::new(
        entries.as_object().unwrap().iter().map(|(key, value)| (key.as_str(), value.as_str().unwrap())),
    )
    .unwrap();
    for len in [0, 1, 16_383, 16_384, 16_385, 32_768, 100_000] {
        for signer in [None, Some(&pool), Some(&other)] {
            let plain: Vec<u8> = (0..len).map(|at| (at * 7 % 256) as u8).collect();
            let trust = signer.map_or(Trust::Unsigned, |key| Trust::SignedBy(vec![key.public_key()]));

            let sealed = seal(&public, &context, signer, &plain).unwrap();
            let opened = python(
                "unseal",
                &json!({
                    "key": pool.to_pem().unwrap().expose(),
                    "context": entries,
                    "signed_by": signer.map(|key| key.public_key().to_pem()),
                    "sealed": STANDARD.encode(&sealed),
                }),
            );
            assert!(bytes(&opened, "plain") == plain, "{len}");

            let made = python(
                "seal",
                &json!({
                    "recipient": public.to_pem(),
                    "context": entries,
                    "signer": signer.map(|key| key.to_pem().unwrap().expose().to_owned()),
                    "plain": STANDARD.encode(&plain),
                }),
            );
            let opened = unseal(&[&pool], &context, &trust, &bytes(&made, "sealed")).unwrap();
            assert!(opened.expose() == plain, "{len}");
        }
    }
}
