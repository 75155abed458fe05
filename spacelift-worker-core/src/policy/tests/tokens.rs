//! Policies that verify tokens. What each function says of each token is compared with Open Policy Agent elsewhere.

use serde_json::{Value, json};

use crate::policy::{FailureKind, InitializationPolicy, PolicyOptions};

/// 2025-01-01T00:00:00Z, when the tokens of the vectors are good.
const NOW: u64 = 1_735_689_600_000_000_000;

/// A key, a constraint or a token of the vectors.
fn vector(kind: &str, name: &str) -> Value {
    let file = include_str!("../../../../tests/vectors/policy/jwt/tokens.json");
    let file: Value = serde_json::from_str(file).unwrap();
    let found = &file[kind][name];
    assert!(!found.is_null(), "{kind} has no {name:?}");
    found.clone()
}

const SIGNED: &str = r#"package spacelift
    deny contains "not signed" if not signed
    signed if {
        [valid, _, payload] := io.jwt.decode_verify(input.token, object.union(input.constraints, {"aud": "pool"}))
        valid
        payload.sub == input.run.commit.hash
    }
"#;

fn signed(constraints: &Value, token: &Value, now: u64) -> bool {
    let policy = InitializationPolicy::from_source("p", SIGNED).unwrap();
    let hash = "5c2e7a1f9b3d4e6f8a0b1c2d3e4f5a6b7c8d9e0f";
    let input = json!({ "token": token, "constraints": constraints, "run": { "commit": { "hash": hash } } });
    let decision = policy.evaluate_document(&input, now);
    assert_eq!(decision.failure(), None);
    decision.allowed()
}

#[test]
fn a_token_of_every_algorithm_is_verified_by_its_key_alone() {
    let keys = [
        ("HS256", "secret JWK"),
        ("RS256", "RSA key"),
        ("PS384", "RSA certificate"),
        ("ES256", "P-256 JWK"),
        ("ES384", "P-384 key"),
        ("ES512", "P-521 key"),
        ("EdDSA", "Ed25519 certificate"),
    ];
    for (algorithm, _) in keys {
        let token = vector("tokens", &format!("good {algorithm}"));
        for (other, key) in keys {
            let family = |name: &str| if name == "PS384" { "RS256".to_owned() } else { name.to_owned() };
            let constraints = json!({ "cert": vector("keys", key) });
            let fits = family(algorithm) == family(other);
            assert_eq!(signed(&constraints, &token, NOW), fits, "{algorithm} by {key}");
        }
        assert!(signed(&json!({ "cert": vector("keys", "set") }), &vector("tokens", "good EdDSA"), NOW));
    }
}

#[test]
fn a_changed_token_one_of_no_algorithm_and_a_confused_one_are_not_signed() {
    let secret = json!({ "secret": vector("keys", "secret") });
    let public = json!({ "cert": vector("keys", "RSA key") });
    for token in [
        "signature changed",
        "signature empty",
        "payload changed",
        "alg none",
        "crit that is there and unknown",
    ] {
        assert!(!signed(&secret, &vector("tokens", token), NOW), "{token}");
    }
    for token in ["alg HS256 with the public key as secret", "alg RS256 by another key", "alg none"] {
        assert!(!signed(&public, &vector("tokens", token), NOW), "{token}");
    }
    assert!(signed(&secret, &vector("tokens", "nested twice"), NOW));
}

#[test]
fn the_time_of_the_evaluation_decides_in_nanoseconds() {
    let secret = json!({ "secret": vector("keys", "secret") });
    let token = vector("tokens", "expires in a moment");
    assert!(signed(&secret, &token, NOW + 499_000_000));
    assert!(!signed(&secret, &token, NOW + 500_000_000));
    assert!(!signed(&secret, &vector("tokens", "not yet"), NOW));
    assert!(signed(&secret, &vector("tokens", "not yet"), NOW + 1_000_000_000));
}

#[test]
fn a_text_that_is_no_token_is_undefined_and_noted_and_denies_where_that_is_asked_for() {
    let text = "package spacelift\ndeny contains \"x\" if io.jwt.decode(input.token)[0].alg == \"none\"";
    let input = json!({ "token": "deploy-please" });
    let policy = InitializationPolicy::from_source("p", text).unwrap();
    let decision = policy.evaluate_document(&input, NOW);
    assert!(decision.allowed());
    assert_eq!(decision.warnings(), ["`io.jwt.decode` is undefined: the token has 1 parts, not 3"]);

    let strict = PolicyOptions { strict: true, ..PolicyOptions::default() };
    let decision =
        InitializationPolicy::with_options("p", text, strict).unwrap().evaluate_document(&input, NOW);
    assert_eq!(decision.failure().unwrap().kind, FailureKind::Error);
}

#[test]
fn a_key_that_cannot_be_used_denies_the_run_whatever_the_rule_makes_of_it() {
    // Undefined would make this rule say nothing.
    let text =
        "package spacelift\ndeny contains \"x\" if io.jwt.verify_rs256(input.token, input.key) == false";
    let policy = InitializationPolicy::from_source("p", text).unwrap();
    for key in ["weak RSA key", "half a key", "private JWK", "set of an unknown kind"] {
        let input = json!({ "token": vector("tokens", "good RS256"), "key": vector("keys", key) });
        let decision = policy.evaluate_document(&input, NOW);
        assert_eq!(decision.failure().unwrap().kind, FailureKind::Error, "{key}");
        // A key of our own is not repeated.
        assert!(!decision.reasons()[0].contains("BEGIN"), "{decision:?}");
    }
}
