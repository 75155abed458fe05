//! Keys written by other programs: what is read, and what is refused in which words, by each backend of the build alike.
//!
//! The files of `tests/vectors/keys` were made with OpenSSL's library, or by `keys.py` beside them, which changes one thing
//! of a good one. They are used nowhere else.

#![expect(clippy::unwrap_used, reason = "functions of a test stop it when something is not as it must be")]

use std::error::Error;
use std::path::{Path, PathBuf};

use spacelift_worker_core::pool::{ControlKey, PoolKey, PoolKeyError, PoolPublicKey};
use spacelift_worker_core::secret::{SecretBytes, SecretText};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/keys")
}

fn pem(name: &str) -> String {
    std::fs::read_to_string(folder().join(name).with_extension("pem")).unwrap()
}

/// The private keys of the folder, by name, sorted.
fn private_keys(beginning: &str) -> Vec<(String, Vec<u8>)> {
    let paths = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut keys: Vec<_> = paths
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path))
        .filter(|(name, _)| {
            name.starts_with(beginning) && !name.contains("public.") && !name.starts_with("fail_public")
        })
        .map(|(name, path)| (name, std::fs::read(path).unwrap()))
        .collect();
    keys.sort();
    keys
}

fn read(name: &str, bytes: &[u8]) -> Result<PoolKey, PoolKeyError> {
    if name.ends_with(".der") {
        PoolKey::from_der(&SecretBytes::new(bytes.to_vec()))
    } else {
        PoolKey::from_pem(&SecretText::new(String::from_utf8(bytes.to_vec()).unwrap()))
    }
}

/// Runs a test under each backend of the build.
fn under_each_backend(test: impl Fn()) {
    #[cfg(all(feature = "aws-lc", feature = "pure-rust"))]
    {
        use spacelift_worker_core::crypto::{Backend, with_backend};
        with_backend(Backend::PureRust, &test);
    }
    test();
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
fn every_good_key_is_read_and_written_in_one_form() {
    under_each_backend(|| {
        let keys = private_keys("ok_");
        assert!(keys.len() >= 10);
        for (name, bytes) in keys {
            let key = read(&name, &bytes).unwrap();
            let written = key.to_pkcs8_der().unwrap();
            let again = PoolKey::from_der(&written).unwrap();
            assert_eq!(again.public_key(), key.public_key(), "{name}");
            assert!(again.to_pkcs8_der().unwrap() == written, "{name}");
            // Attributes and the public half beside the private one are not kept
            let plain = ["ok_pkcs8.der", "ok_2049_bits_pkcs8.der", "ok_smaller_prime_first_pkcs8.der"];
            if plain.contains(&name.as_str()) {
                assert!(written.expose() == bytes, "{name}");
            }
        }
    });
}

/// What a key is refused with, by the beginning of its name.
const REASONS: &[(&str, &str)] = &[
    ("fail_1024_bits", "has 1024 bits, fewer than 2048"),
    ("fail_2047_bits", "has 2047 bits, fewer than 2048"),
    ("fail_8193_bits", "has 8193 bits, more than 8192"),
    ("fail_algorithm", "no RSA key (of the algorithm rsaEncryption)"),
    ("fail_damaged", "no RSA key in DER, or it is damaged or cut short"),
    ("fail_ec_pkcs8", "no RSA key (of the algorithm rsaEncryption)"),
    ("fail_ec_sec1", "label is EC PRIVATE KEY"),
    ("fail_encrypted_pkcs1", "protected by a passphrase"),
    ("fail_encrypted_pkcs8", "protected by a passphrase"),
    ("fail_even_exponent", "an even public exponent"),
    ("fail_even_modulus", "no RSA key in DER, or it is damaged"),
    ("fail_exponent_1", "another public exponent than 65537"),
    ("fail_exponent_3", "another public exponent than 65537"),
    ("fail_mismatched", "do not belong together"),
    ("fail_openssh", "label is OPENSSH PRIVATE KEY"),
    ("fail_pem_cut_short", "its END line is missing"),
    ("fail_pem_damaged", "damaged between BEGIN and END"),
    ("fail_primes_of_unequal_length", "not made of two primes of one length"),
    ("fail_three_primes", "not made of two primes of one length"),
    ("fail_zero_exponent", "an even public exponent"),
];

#[test]
fn every_bad_key_is_refused_with_its_reason() {
    under_each_backend(|| {
        let keys = private_keys("fail_");
        for (beginning, _) in REASONS {
            assert!(keys.iter().any(|(name, _)| name.starts_with(beginning)), "no key is {beginning}");
        }
        let mut wrong = Vec::new();
        for (name, bytes) in keys {
            let reason =
                REASONS.iter().find(|(beginning, _)| name.starts_with(beginning)).map(|(_, reason)| *reason);
            match (read(&name, &bytes), reason) {
                (Err(error), Some(reason)) if chain(&error).contains(reason) => {}
                (read, reason) => wrong.push(format!("{name}: {read:?}, expected {reason:?}")),
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

#[test]
fn a_public_key_is_no_private_one() {
    let shown = chain(&PoolKey::from_pem(&SecretText::new(pem("ok_public"))).unwrap_err());
    assert!(shown.contains("label is PUBLIC KEY"), "{shown}");
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

/// Protected by OpenSSL with one passphrase: `openssl pkcs8 -topk8 -in ok_pkcs8.pem -passout 'pass:correct horse' …`.
#[cfg(feature = "encrypted-keys")]
#[test]
fn keys_that_openssl_protects_open_with_their_passphrase_and_no_other() {
    let open = |name: &str, passphrase: &[u8]| {
        let text = SecretText::new(pem(&format!("protected/{name}")));
        PoolKey::from_encrypted_pem(&text, &SecretBytes::new(passphrase.to_vec()))
    };
    let public = PoolPublicKey::from_pem(&pem("ok_public")).unwrap();
    for name in ["ok_aes_128_sha1", "ok_aes_192_sha512", "ok_aes_256_sha256", "ok_scrypt"] {
        assert_eq!(open(name, b"correct horse").unwrap().public_key(), public, "{name}");
        for wrong in [&b"correct horse "[..], b"Correct horse", b""] {
            assert_eq!(open(name, wrong).unwrap_err(), PoolKeyError::Passphrase, "{name}");
        }
    }
    // What decrypts by chance: no wrong passphrase may ever be told as another fault of the key.
    for number in 0_u16..600 {
        let wrong = number.to_string();
        assert_eq!(open("ok_few_rounds", wrong.as_bytes()).unwrap_err(), PoolKeyError::Passphrase);
    }
    for name in ["fail_des_pbes1", "fail_des3"] {
        assert_eq!(open(name, b"correct horse").unwrap_err(), PoolKeyError::Encryption, "{name}");
    }
    assert_eq!(open("../fail_encrypted_pkcs1", b"correct horse").unwrap_err(), PoolKeyError::Encryption);
    assert_eq!(open("../ok_pkcs8", b"correct horse").unwrap_err(), PoolKeyError::NotEncrypted);
    assert!(matches!(open("../fail_1024_bits", b"x").unwrap_err(), PoolKeyError::Key(_)));
    assert!(matches!(open("../fail_openssh", b"x").unwrap_err(), PoolKeyError::WrongLabel { .. }));
    // Nothing authenticates this form, so a change shows in the key itself.
    let text = pem("protected/ok_aes_256_sha256");
    for at in (200..1800).step_by(97) {
        let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
        let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
        let passphrase = SecretBytes::new(b"correct horse".to_vec());
        PoolKey::from_encrypted_pem(&SecretText::new(changed), &passphrase).unwrap_err();
    }
}
