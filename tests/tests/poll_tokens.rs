//! The tokens of long-poll requests, taken from the wire and checked by a program that shares no code with who made them.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use spacelift_mothership::fresh;
use spacelift_worker_tests::source;
use spacelift_worker_tests::system::{Answer, Asked, Plane, ScriptedStore, eventually};
use spacelift_worker_tests::tools::Tool;

/// What Python says to a request.
fn checked(python: &std::path::Path, request: &Value) -> Result<Value, String> {
    let script = source::workspace().join("tests/peers/jwt/check.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

fn token(asked: &Asked) -> String {
    let lines = asked.head.lines().filter_map(|line| line.split_once(": "));
    let mut values =
        lines.filter(|(name, _)| name.eq_ignore_ascii_case("authorization")).map(|(_, value)| value);
    values.next().unwrap().strip_prefix("Bearer ").unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_finds_every_token_of_a_worker_signed_by_the_pool_for_exactly_its_request() {
    let Some(python) = Tool::Python.find().unwrap() else { return };
    let plane = Plane::start().await;
    // Refuses, so that the worker tries again with another token.
    let server = ScriptedStore::start(&plane.authority, |_| Answer::status(503, "")).await;
    let audience = server.url("");
    let _worker = plane
        .worker(&[("SPACELIFT_WORKER_COMMS_PROTOCOL", "poll"), ("SPACELIFT_WORKER_COMMS_URL", &audience)]);
    eventually("three requests", || (server.asked().len() >= 3).then_some(()));
    let certificate = {
        let fields: Value = serde_json::from_slice(&STANDARD.decode(plane.token(|_| {})).unwrap()).unwrap();
        fields["certificate"].clone()
    };
    let (mut ids, requests) = (BTreeSet::new(), server.asked());
    for asked in &requests {
        let request = json!({
            "token": token(asked),
            "certificate": certificate,
            "pool": plane.pool,
            "audience": audience,
            "method": asked.head.split(' ').next(),
            "target": asked.target(),
            "body": STANDARD.encode(&asked.body),
            "now": fresh::now_ms() / 1000,
        });
        let claims = checked(&python, &request).unwrap();
        ids.insert(claims["jti"].as_str().unwrap().to_owned());
        for (field, value, words) in [
            ("method", json!("PATCH"), "htm"),
            ("target", json!(format!("{}&more", asked.target())), "hto"),
            ("body", json!(STANDARD.encode(b"other")), "htb"),
            ("audience", json!("https://other.example"), "aud"),
            ("now", json!(fresh::now_ms() / 1000 + 120), "not valid now"),
        ] {
            let mut changed = request.clone();
            changed[field] = value;
            let said = checked(&python, &changed).unwrap_err();
            assert!(said.contains(words), "{field}: {said}");
        }
        let mut forged = request.clone();
        let token = token(asked);
        let (signed, _) = token.rsplit_once('.').unwrap();
        forged["token"] = json!(format!("{signed}.{}", "A".repeat(342)));
        assert!(checked(&python, &forged).unwrap_err().contains("signature"));
    }
    assert_eq!(ids.len(), requests.len(), "each has an identifier of its own");
}
