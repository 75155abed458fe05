//! Certificates, read back by another parser and by OpenSSL where there is one.

use std::process::Command;

use spacelift_worker_core::crypto::CertificateFacts;
use spacelift_worker_core::pool::PoolKey;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::*;

const NOW: u64 = 1_800_000_000_000;

struct Office {
    folder: tempfile::TempDir,
    authority: Authority,
}

fn office() -> Office {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::load_or_create(folder.path(), fresh_now()).unwrap();
    Office { folder, authority }
}

/// The real time, for OpenSSL and rustls alone.
fn fresh_now() -> u64 {
    crate::fresh::now_ms()
}

fn pool_id() -> spacelift_worker_core::ids::PoolId {
    spacelift_worker_core::ids::PoolId::from_parts(NOW, 7)
}

fn der(pem: &str) -> Vec<u8> {
    parse_x509_pem(pem.as_bytes()).unwrap().1.contents
}

#[test]
fn a_pools_certificate_has_the_key_of_the_request_and_none_of_its_subject() {
    let Office { authority, .. } = office();
    let key = PoolKey::generate(2048).unwrap();
    let csr = key.csr("somebody.else").unwrap();
    let issued = authority.pool(&csr, pool_id(), Validity::ten_years(NOW)).unwrap();
    let facts = CertificateFacts::from_der(&der(&issued.pem)).unwrap();
    assert_eq!(facts.common_name, Some(pool_id().to_string()));
    assert_eq!(facts.not_before, i64::try_from(NOW / 1000).unwrap() - 3600);
    assert_eq!(facts.not_after, i64::try_from(NOW / 1000).unwrap() + 10 * 365 * 24 * 3600);
    let public = spacelift_worker_core::pool::PoolPublicKey::from_certificate_pem(&issued.pem).unwrap();
    assert_eq!(public, key.public_key());

    let bytes = der(&issued.pem);
    let (_, parsed) = x509_parser::parse_x509_certificate(&bytes).unwrap();
    assert_eq!(parsed.subject().to_string(), format!("CN={}", pool_id()));
    assert_eq!(issued.serial, certificate::hex(parsed.raw_serial()));
    assert!(!parsed.is_ca());
    let usage = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth);
    let ca = der(authority.certificate_pem());
    let (_, ca) = x509_parser::parse_x509_certificate(&ca).unwrap();
    parsed.verify_signature(Some(ca.public_key())).unwrap();
    assert!(ca.is_ca());
}

#[test]
fn serial_numbers_differ_and_a_certificate_can_be_made_expired() {
    let Office { authority, .. } = office();
    let csr = PoolKey::generate(2048).unwrap().csr("x").unwrap();
    let one = authority.pool(&csr, pool_id(), Validity::seconds(NOW, -5)).unwrap();
    let two = authority.pool(&csr, pool_id(), Validity::seconds(NOW, -5)).unwrap();
    assert_ne!(one.serial, two.serial);
    assert_ne!(one.fingerprint, two.fingerprint);
    let facts = CertificateFacts::from_der(&der(&one.pem)).unwrap();
    assert_eq!(facts.not_after, i64::try_from(NOW / 1000).unwrap() - 5);
    assert!(facts.not_before < facts.not_after);
}

#[test]
fn a_bad_request_is_refused_with_its_reason() {
    let Office { authority, .. } = office();
    let refused = |pem: &str| match authority.pool(pem, pool_id(), Validity::ten_years(NOW)) {
        Err(CaError::Request(error)) => error,
        other => panic!("{other:?}"),
    };
    let key = PoolKey::generate(2048).unwrap();
    let csr = key.csr("x").unwrap();
    assert!(matches!(refused(""), RequestError::NotPem));
    assert!(matches!(refused("hello"), RequestError::NotPem));
    assert!(matches!(refused(&"a".repeat(100_000)), RequestError::NotPem));
    assert!(matches!(refused(authority.certificate_pem()), RequestError::NotPem));
    assert!(matches!(refused(key.to_pem().unwrap().expose()), RequestError::PrivateKey));
    let cut = csr.lines().filter(|line| !line.ends_with('=')).collect::<Vec<_>>();
    let cut = [&cut[..2], &cut[cut.len() - 1..]].concat().join("\n");
    assert!(matches!(refused(&cut), RequestError::Damaged | RequestError::NotPem));

    // Another key's signature: swap the last bytes.
    let mut bytes = der(&csr);
    *bytes.last_mut().unwrap() ^= 1;
    assert!(matches!(refused(&pem("CERTIFICATE REQUEST", &bytes)), RequestError::Signature));

    let elliptic = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&elliptic).unwrap();
    assert!(matches!(refused(&request.pem().unwrap()), RequestError::Key(_)));
}

fn pem(label: &str, bytes: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[test]
fn a_restart_keeps_the_authority_and_the_servers_certificate_while_the_names_stay() {
    let office = office();
    let now = fresh_now();
    let names = ["mothership.example".to_owned(), "10.0.0.1".to_owned()];
    let first = office.authority.server(&names, now).unwrap();
    let again = Authority::load_or_create(office.folder.path(), now).unwrap();
    assert_eq!(again.certificate_pem(), office.authority.certificate_pem());
    assert_eq!(again.server(&names, now).unwrap().certificate_pem, first.certificate_pem);
    let other = again.server(&names[..1], now).unwrap();
    assert_ne!(other.certificate_pem, first.certificate_pem);
    assert_eq!(other.key_pem, first.key_pem);
    let late = again.server(&names[..1], now + 1000 * 3600 * 24 * 365 * 9 + 1000 * 3600).unwrap();
    assert_ne!(late.certificate_pem, other.certificate_pem, "less than a year was left");
    for wrong in ["", "a b", "-x", "http://x"] {
        let refused = again.server(&[wrong.to_owned()], now);
        assert!(matches!(refused, Err(CaError::Name { .. })), "{wrong}");
    }
}

#[test]
fn the_control_planes_certificate_names_it_and_keys_are_for_their_owner_alone() {
    let office = office();
    let identity = office.authority.control_plane(fresh_now()).unwrap();
    let bytes = der(&identity.certificate_pem);
    let (_, parsed) = x509_parser::parse_x509_certificate(&bytes).unwrap();
    assert_eq!(parsed.subject().to_string(), "CN=controlplane");
    #[cfg(unix)]
    for name in ["ca.key", "controlplane.key"] {
        use std::os::unix::fs::PermissionsExt;
        let about = std::fs::metadata(office.folder.path().join(name)).unwrap();
        assert_eq!(about.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn the_revocation_list_is_signed_and_names_who_was_revoked() {
    let office = office();
    let csr = PoolKey::generate(2048).unwrap().csr("x").unwrap();
    let issued = office.authority.pool(&csr, pool_id(), Validity::ten_years(NOW)).unwrap();
    let revoked = Revoked { serial: issued.serial.clone(), revoked_at: NOW };
    let path = office.authority.write_revocation_list(&[revoked], NOW).unwrap();
    let bytes = der(&std::fs::read_to_string(path).unwrap());
    let (_, list) = CertificateRevocationList::from_der(&bytes).unwrap();
    let serials: Vec<_> =
        list.iter_revoked_certificates().map(|each| certificate::hex(each.raw_serial())).collect();
    assert_eq!(serials, [issued.serial]);
    let ca = der(office.authority.certificate_pem());
    let (_, ca) = x509_parser::parse_x509_certificate(&ca).unwrap();
    list.verify_signature(ca.public_key()).unwrap();
}

#[test]
fn the_signing_key_stays_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("signing.key");
    let first = load_or_create_signing_key(&path).unwrap();
    assert_eq!(load_or_create_signing_key(&path).unwrap().public_key(), first.public_key());
    assert_eq!(first.public_key().modulus_len(), 384);
    std::fs::write(&path, "x").unwrap();
    assert!(matches!(load_or_create_signing_key(&path), Err(SigningKeyError::Key { .. })));
}

#[test]
fn openssl_agrees() {
    if Command::new("openssl").arg("version").output().is_err() {
        assert!(std::env::var_os("SLW_REQUIRE_ALL").is_none(), "openssl is missing");
        return;
    }
    let office = office();
    let now = fresh_now();
    let at = |name: &str| office.folder.path().join(name);
    let openssl = |args: &[&str]| {
        let done = Command::new("openssl").args(args).current_dir(office.folder.path()).output().unwrap();
        (done.status.success(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
    };
    let (made, text) = openssl(&[
        "req",
        "-new",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "spacelift.key",
        "-out",
        "spacelift.csr",
        "-subj",
        "/CN=x",
    ]);
    assert!(made, "{text}");
    let csr = std::fs::read_to_string(at("spacelift.csr")).unwrap();
    let issued = office.authority.pool(&csr, pool_id(), Validity::ten_years(now)).unwrap();
    std::fs::write(at("pool.pem"), &issued.pem).unwrap();
    office.authority.server(&["mothership.example".to_owned()], now).unwrap();
    office.authority.write_revocation_list(&[], now).unwrap();

    let client = ["verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", "ca.pem"];
    let (good, text) = openssl(&[&client[..], &["-crl_check", "-CRLfile", "crl.pem", "pool.pem"]].concat());
    assert!(good, "{text}");
    let (good, text) = openssl(&[
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-verify_hostname",
        "mothership.example",
        "-CAfile",
        "ca.pem",
        "server.pem",
    ]);
    assert!(good, "{text}");
    let revoked = Revoked { serial: issued.serial, revoked_at: now };
    office.authority.write_revocation_list(&[revoked], now).unwrap();
    let (good, text) = openssl(&[&client[..], &["-crl_check", "-CRLfile", "crl.pem", "pool.pem"]].concat());
    assert!(!good && text.contains("revoked"), "{text}");
}
