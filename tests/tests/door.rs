//! Bad input at the door: one clear line for each problem, the variable and the remedy in it, exit code 2, no secret.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use spacelift_mothership::ca::{Authority, Validity};
use spacelift_worker_core::ids::PoolId;
use spacelift_worker_core::pool::PoolKey;
use spacelift_worker_tests::system::{LauncherSetup, Mothership, Pool};

/// What a launcher says that does not start.
fn refused(setup: LauncherSetup) -> String {
    let mut launcher = setup.start();
    assert_eq!(launcher.process.exit_code(), 2, "{}", launcher.process.stderr());
    launcher.process.stderr()
}

fn is_one_line_about(said: &str, variable: &str, words: &str) {
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(said.contains(variable) && said.contains(words), "{variable}, {words}: {said}");
}

fn field(token: &str, name: &str) -> String {
    let fields: Value = serde_json::from_slice(&STANDARD.decode(token).unwrap()).unwrap();
    fields[name].as_str().unwrap().to_owned()
}

fn changed(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut fields: Value = serde_json::from_slice(&STANDARD.decode(token).unwrap()).unwrap();
    change(&mut fields);
    STANDARD.encode(fields.to_string())
}

#[test]
fn a_bad_token_is_refused_with_its_fault() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let other = mothership.create_pool("other");
    let cut = &pool.token[..pool.token.len() / 2];
    let cases = [
        (cut.to_owned(), "cut"),
        ("not base64!".to_owned(), "base64"),
        (STANDARD.encode("not JSON"), "JSON"),
        (changed(&pool.token, |fields| fields["certificate"] = Value::Null), "certificate"),
        (changed(&pool.token, |fields| fields["certificate"] = json!("hello")), "certificate"),
    ];
    for (token, words) in cases {
        let said = refused(LauncherSetup::new(&pool).set("SPACELIFT_TOKEN", &token));
        is_one_line_about(&said, "SPACELIFT_TOKEN", words);
        assert!(!said.contains(&pool.token[..40]), "{said}");
    }
    let mixed = Pool { token: other.token, ..pool };
    let said = refused(LauncherSetup::new(&mixed));
    is_one_line_about(&said, "SPACELIFT_POOL_PRIVATE_KEY", "pool");
}

#[test]
fn an_expired_certificate_is_refused_with_its_date() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let id: PoolId = field(&pool.token, "pool_ulid").parse().unwrap();
    let csr = PoolKey::from_pem(&pool.key_pem.as_str().into()).unwrap().csr("workers.spacelift.io").unwrap();
    let now_ms = id.unix_ms();
    let authority = Authority::load_or_create(&mothership.data().join("ca"), now_ms).unwrap();
    let expired = authority.pool(&csr, id, Validity::seconds(now_ms, -3600)).unwrap();
    let token = changed(&pool.token, |fields| fields["certificate"] = json!(expired.pem));
    let said = refused(LauncherSetup::new(&pool).set("SPACELIFT_TOKEN", &token));
    is_one_line_about(&said, "SPACELIFT_TOKEN", "expired");
}

#[test]
fn every_problem_is_told_in_one_go() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let setup = LauncherSetup::new(&pool)
        .set("SPACELIFT_TOKEN", &pool.token[..100])
        .set("SPACELIFT_LAUNCHER_LOGS_TIMEOUT", "7 minutes")
        .set("SPACELIFT_WORKER_EXTRA_MOUNTS", "/no-colon")
        .set_file("SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY", "policy.rego", "package spacelift\ndeny[");
    let said = refused(setup);
    for (variable, words) in [
        ("SPACELIFT_TOKEN", "cut"),
        ("SPACELIFT_LAUNCHER_LOGS_TIMEOUT", "7m"),
        ("SPACELIFT_WORKER_EXTRA_MOUNTS", "/no-colon"),
        ("SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY", "policy.rego"),
    ] {
        let line = said.lines().find(|line| line.contains(variable)).unwrap_or_default();
        assert!(line.contains(words), "{variable}: {said}");
    }
}

#[test]
fn a_missing_token_and_key_are_told_by_name() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let setup = LauncherSetup::new(&pool).unset("SPACELIFT_TOKEN").unset("SPACELIFT_POOL_PRIVATE_KEY");
    let said = refused(setup);
    assert_eq!(said.trim_end().lines().count(), 2, "{said}");
    assert!(said.contains("SPACELIFT_TOKEN") && said.contains("SPACELIFT_POOL_PRIVATE_KEY"), "{said}");
}
