//! Keys written by other programs: what is read, and what is refused in which words.
//!
//! The files of `tests/vectors/keys` were made with OpenSSL's library and are used nowhere else.

#![expect(clippy::unwrap_used, reason = "functions of a test stop it when something is not as it must be")]

use std::error::Error;
use std::path::Path;

use spacelift_worker_core::pool::{ControlKey, PoolKey, PoolPublicKey};
use spacelift_worker_core::secret::SecretText;

fn pem(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/keys");
    std::fs::read_to_string(folder.join(name).with_extension("pem")).unwrap()
}

/// An error with all that it was caused by, and no level that repeats the next.
fn chain(error: &dyn Error) -> String {
    let text = error.to_string();
    match error.source() {
        None => text,
        Some(source) => {
            let below = chain(source);
            assert!(!text.contains(&source.to_string()), "{text}");
            format!("{text}: {below}")
        }
    }
}

#[test]
fn pkcs8_and_pkcs1_are_read_and_have_the_kid_that_openssl_gives() {
    let public = PoolPublicKey::from_pem(&pem("ok_public")).unwrap();
    assert_eq!(public.kid(), "9Tzg34s9VFy6wSQ9LMJuMn_8sdD-KxlBnrDXdI-0R4g");
    assert_eq!(public.to_pem(), pem("ok_public"));
    for name in ["ok_pkcs8", "ok_pkcs1"] {
        let key = PoolKey::from_pem(&SecretText::new(pem(name))).unwrap();
        assert_eq!(key.public_key(), public);
        assert_eq!(key.to_pem().unwrap().expose(), pem("ok_pkcs8"));
        assert_eq!(ControlKey::from_pem(&SecretText::new(pem(name))).unwrap().public_key(), public);
    }
}

#[test]
fn private_keys_that_are_weak_odd_or_protected_are_refused() {
    for (name, words) in [
        ("fail_1024_bits", "no RSA key of 2048 to 8192 bits"),
        ("fail_ec_pkcs8", "no RSA key of 2048 to 8192 bits"),
        ("fail_ec_sec1", "label is EC PRIVATE KEY"),
        ("fail_encrypted_pkcs1", "protected by a passphrase"),
        ("fail_encrypted_pkcs8", "protected by a passphrase"),
        ("fail_exponent_3", "another public exponent than 65537"),
        ("fail_openssh", "label is OPENSSH PRIVATE KEY"),
        ("ok_public", "label is PUBLIC KEY"),
    ] {
        let shown = chain(&PoolKey::from_pem(&SecretText::new(pem(name))).unwrap_err());
        assert!(shown.contains(words), "{name}: {shown}");
    }
}

#[test]
fn public_keys_that_are_weak_or_odd_are_refused() {
    for (name, words) in [
        ("fail_public_1024_bits", "has 1024 bits, fewer than 2048"),
        ("fail_public_ec", "no RSA key"),
        ("fail_public_exponent_3", "another public exponent than 65537"),
        ("fail_public_rsa_pss", "no RSA key"),
        ("ok_pkcs8", "label is PRIVATE KEY, not PUBLIC KEY"),
    ] {
        let shown = chain(&PoolPublicKey::from_pem(&pem(name)).unwrap_err());
        assert!(shown.contains(words), "{name}: {shown}");
    }
}
