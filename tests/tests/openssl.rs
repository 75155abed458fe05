//! What OpenSSL says of the keys and certificate requests that this library writes.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use spacelift_worker_core::pool::PoolKey;
use spacelift_worker_core::secret::SecretText;
use spacelift_worker_tests::tools::Tool;

/// Runs `openssl` with `input` on its standard input.
fn openssl(program: &PathBuf, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

/// What it writes when it succeeds, both outputs together.
#[track_caller]
fn said(program: &PathBuf, arguments: &[&str], input: &[u8]) -> String {
    let output = openssl(program, arguments, input);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    assert!(output.status.success(), "openssl {arguments:?}: {text}");
    text
}

#[test]
fn openssl_verifies_a_certificate_request_with_its_subject_and_key() {
    let Some(program) = Tool::OpenSsl.find().unwrap() else { return };
    let key = PoolKey::generate(2048).unwrap();
    let csr = key.csr("the pool, of Müller & Söhne").unwrap();
    let verified = said(&program, &["req", "-verify", "-noout"], csr.as_bytes());
    assert!(verified.contains("verify OK"), "{verified}");
    let subject =
        said(&program, &["req", "-noout", "-subject", "-nameopt", "utf8,sep_comma_plus"], csr.as_bytes());
    assert_eq!(subject.trim_end(), "subject=CN=the pool, of Müller & Söhne");
    assert_eq!(said(&program, &["req", "-noout", "-pubkey"], csr.as_bytes()), key.public_key().to_pem());
    let text = said(&program, &["req", "-noout", "-text"], csr.as_bytes());
    assert!(text.contains("Signature Algorithm: sha256WithRSAEncryption"), "{text}");

    let mut damaged = csr.clone().into_bytes();
    let at = damaged.len() - 60;
    damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
    let refused = openssl(&program, &["req", "-verify", "-noout"], &damaged);
    assert!(!String::from_utf8_lossy(&refused.stderr).contains("verify OK"));
}

#[test]
fn openssl_accepts_a_new_key_and_this_library_what_openssl_makes_of_it() {
    let Some(program) = Tool::OpenSsl.find().unwrap() else { return };
    let key = PoolKey::generate(2048).unwrap();
    let pkcs8 = key.to_pem().unwrap();
    let checked = said(&program, &["rsa", "-check", "-noout"], pkcs8.expose().as_bytes());
    assert!(checked.contains("RSA key ok"), "{checked}");

    let pkcs1 = openssl(&program, &["rsa", "-traditional"], pkcs8.expose().as_bytes()).stdout;
    assert!(pkcs1.starts_with(b"-----BEGIN RSA PRIVATE KEY-----"));
    let checked = said(&program, &["rsa", "-check", "-noout"], &pkcs1);
    assert!(checked.contains("RSA key ok"), "{checked}");
    let read = PoolKey::from_pem(&SecretText::new(String::from_utf8(pkcs1).unwrap())).unwrap();
    assert!(read.to_pem().unwrap() == pkcs8);

    for (form, arguments) in [
        ("PKCS#8", &["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"][..]),
        ("PKCS#1", &["rsa", "-traditional", "-outform", "DER"]),
    ] {
        let der = openssl(&program, arguments, pkcs8.expose().as_bytes()).stdout;
        let read = PoolKey::from_der(&der.into()).unwrap();
        assert!(read.to_pem().unwrap() == pkcs8, "{form}");
    }
}

#[test]
fn this_library_reads_a_key_that_openssl_made() {
    let Some(program) = Tool::OpenSsl.find().unwrap() else { return };
    let made = openssl(&program, &["genrsa", "2048"], b"").stdout;
    let key = PoolKey::from_pem(&SecretText::new(String::from_utf8(made.clone()).unwrap())).unwrap();
    assert_eq!(said(&program, &["pkey", "-pubout"], &made), key.public_key().to_pem());
}
