//! Every type that holds a secret: its `Debug` shows nothing of it, and what is ours to wipe is wiped when it goes.
//!
//! A type that comes to hold a secret gets a line here. Those that nobody outside of the crate can name stand in the
//! unit tests of `crypto` and `envelope::key`.

#![expect(clippy::unwrap_used, reason = "functions of a test stop it when something is not as it must be")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;

use serde_json::json;
use spacelift_worker_core::config::{Identity, Proxy};
use spacelift_worker_core::crypto::{Aes256Gcm, RsaPrivateKey};
use spacelift_worker_core::envelope::cobblestone::{Decryptor, Encryptor};
use spacelift_worker_core::envelope::{Context, SealWriter, Sealer, Trust, UnsealReader, Unsealer};
use spacelift_worker_core::exec::ExecSpec;
use spacelift_worker_core::ids::{Lease, PoolId, RunId, WorkerId};
use spacelift_worker_core::mask::{SecretSet, Secrets};
use spacelift_worker_core::pool::{ControlKey, PoolKey};
use spacelift_worker_core::protocol::message::{
    Download, EnvironmentVariable, LogUploads, OfferPayload, Phase, SealedDownload, Upload,
};
use spacelift_worker_core::run::{Assignment, Hints};
use spacelift_worker_core::run_env::{Sources, SuppliedVariable};
use spacelift_worker_core::secret::{SecretBytes, SecretText};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The secret of all that holds one here, but for keys.
const SECRET: &str = "hunter2";
/// Made by OpenSSL for the vectors; it protects nothing.
const KEY: &str = include_str!("../../tests/vectors/keys/ok_pkcs8.pem");

fn pool_key() -> PoolKey {
    PoolKey::from_pem(&SecretText::from(KEY)).unwrap()
}

fn secret_variables() -> BTreeMap<String, SecretText> {
    BTreeMap::from([("NAME".to_owned(), SecretText::from(SECRET))])
}

/// An opened offer with a secret wherever it may have one.
fn payload() -> OfferPayload {
    let place = json!({"name": "a", "url": format!("https://store.example/?sig={SECRET}")});
    let download = json!({"url": format!("https://store.example/?sig={SECRET}"), "len": 1, "sha256": "00"});
    serde_json::from_value(json!({
        "pool": PoolId::from_parts(1, 1), "worker": WorkerId::from_parts(1, 2), "lease": "1.9", "phase": "plan",
        "state_version": 5, "account_name": "acme", "source": download,
        "run": {"id": RunId::from_parts(1, 3), "type": "TRACKED", "state": "READY", "created_at": 0, "updated_at": 0,
            "commit": {}},
        "stack": {"slug": "front-end"},
        "environment": [{"name": "NAME", "value": SECRET, "secret": true}],
        "uploads": {"workspace": place, "logs": [place]},
    }))
    .unwrap()
}

#[track_caller]
fn is_redacted(value: &impl Debug) {
    for shown in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

#[track_caller]
fn shows(value: &impl Debug, expected: &str) {
    assert_eq!(format!("{value:?}"), expected);
}

#[test]
fn words_of_secrets_show_their_type_alone() {
    shows(&SecretBytes::new(SECRET.into()), "SecretBytes { .. }");
    shows(&SecretText::from(SECRET), "SecretText { .. }");
}

#[test]
fn keys_show_their_public_half_at_most() {
    let kid = pool_key().public_key().kid();
    shows(&pool_key(), &format!("PoolKey {{ kid: \"{kid}\", .. }}"));
    let control = ControlKey::from_pem(&SecretText::from(KEY)).unwrap();
    shows(&control, &format!("ControlKey {{ kid: \"{kid}\", .. }}"));
    let raw = RsaPrivateKey::from_pkcs8_der(pool_key().to_pkcs8_der().unwrap().expose()).unwrap();
    shows(&raw, "RsaPrivateKey { public: RsaPublicKey { modulus_len: 256, .. }, .. }");
    shows(&Aes256Gcm::new(&[7; 32]).unwrap(), "Aes256Gcm { .. }");
}

#[test]
fn streams_of_the_envelope_show_neither_key_nor_content() {
    let (key, context) = (pool_key(), Context::default());
    let mut encryptor = Encryptor::new(&[7; 32], SECRET.as_bytes()).unwrap();
    encryptor.update(SECRET.as_bytes(), &mut Vec::new()).unwrap();
    shows(&encryptor, "Encryptor { .. }");
    shows(&Decryptor::new(&[7; 32], SECRET.as_bytes()), "Decryptor { .. }");
    let sealer = || {
        let mut sealer = Sealer::new(&key.public_key(), &context, Some(&key), None).unwrap();
        sealer.update(SECRET.as_bytes(), &mut Vec::new()).unwrap();
        sealer
    };
    let unsealer = || Unsealer::new(&[&key], &context, &Trust::Unsigned);
    shows(&sealer(), "Sealer { given: 7, .. }");
    shows(&SealWriter::new(sealer(), Vec::new()), "SealWriter { sealer: Sealer { given: 7, .. }, .. }");
    shows(&unsealer(), "Unsealer { .. }");
    shows(&UnsealReader::new(unsealer(), SECRET.as_bytes()), "UnsealReader { .. }");
}

#[test]
fn what_is_masked_shows_how_much_it_is() {
    let mut set = SecretSet::new();
    set.add(SECRET.as_bytes()).unwrap();
    is_redacted(&set);
    let secrets = Secrets::new(set).unwrap();
    is_redacted(&secrets);
    let mut masker = secrets.masker();
    masker.push(&SECRET.as_bytes()[..6], &mut Vec::new());
    let shown = format!("{masker:?}");
    assert!(!shown.contains("hunte"), "{shown}");
}

#[test]
fn environments_and_configuration_show_no_value() {
    let identity = Identity { token: SecretText::from(SECRET), private_key: SecretText::from(SECRET) };
    is_redacted(&identity);
    is_redacted(&Proxy { http: Some(SECRET.into()), https: Some(SECRET.into()), exceptions: Vec::new() });
    let supplied = SuppliedVariable { name: "NAME".to_owned(), value: SECRET.into(), secret: true };
    is_redacted(&supplied);
    let variables = secret_variables();
    is_redacted(&Sources {
        lists: &Default::default(),
        host: &variables,
        write_only: false,
        inputs: &[],
        supplied: &[supplied],
        hooks: &variables,
        computed: &BTreeMap::new(),
    });
    let mut spec = ExecSpec::new(vec!["true".to_owned()], PathBuf::from("/"));
    spec.env = variables;
    is_redacted(&spec);
}

#[test]
fn an_opened_offer_shows_no_variable_and_no_signed_url() {
    let payload = payload();
    is_redacted(&payload);
    let hints = Hints {
        pool: payload.pool,
        worker: payload.worker,
        run: payload.run.id,
        lease: payload.lease,
        phase: payload.phase,
    };
    let assignment = Assignment::new(payload, hints).unwrap();
    is_redacted(&assignment);
    is_redacted(assignment.fetch());
    is_redacted(&EnvironmentVariable { name: "NAME".to_owned(), value: SECRET.to_owned(), secret: true });
    let upload = Upload { name: "a".to_owned(), url: SECRET.to_owned() };
    is_redacted(&upload);
    is_redacted(&LogUploads { lease: Lease { generation: 1, counter: 9 }, logs: vec![upload] });
    let download = Download { url: SECRET.to_owned(), len: 1, sha256: String::new() };
    is_redacted(&download);
    is_redacted(&SealedDownload { download, phase: Phase::Plan, state_version: 3 });
}

#[cfg(feature = "files")]
#[test]
fn the_launchers_own_environment_shows_names_alone() {
    let mut environment = spacelift_worker_core::files::Environment::default();
    environment.pairs.push(("NAME".to_owned(), SECRET.to_owned()));
    is_redacted(&environment);
}

#[cfg(feature = "driver")]
#[test]
fn a_launcher_before_its_checks_shows_no_value() {
    let pairs = [("SPACELIFT_TOKEN", SECRET), ("SPACELIFT_POOL_PRIVATE_KEY", SECRET), ("OTHER", SECRET)];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let builder = spacelift_worker_core::launcher::Launcher::from_pairs(pairs);
    is_redacted(&builder);
    let problems = builder.build().unwrap_err();
    is_redacted(&problems);
    assert!(!problems.to_string().contains(SECRET), "{problems}");
}

fn is_wiped_when_dropped(_: &impl ZeroizeOnDrop) {}

#[test]
fn words_of_secrets_are_wiped_and_empty_afterwards() {
    let mut bytes = SecretBytes::new(SECRET.into());
    is_wiped_when_dropped(&bytes);
    bytes.zeroize();
    assert_eq!((bytes.expose(), bytes.len()), (&[][..], 0));
    let mut text = SecretText::from(SECRET);
    is_wiped_when_dropped(&text);
    text.zeroize();
    assert_eq!((text.expose(), text.len()), ("", 0));
}

/// The secrets of these are words of secrets, which are wiped one by one when the whole goes.
#[test]
fn what_is_made_of_words_of_secrets_is_wiped_with_them() {
    let identity = Identity { token: SecretText::from(SECRET), private_key: SecretText::from(SECRET) };
    is_wiped_when_dropped(&identity.token);
    is_wiped_when_dropped(&identity.private_key);
    let proxy = Proxy { http: Some(SECRET.into()), https: Some(SECRET.into()), exceptions: Vec::new() };
    proxy.http.iter().chain(&proxy.https).for_each(is_wiped_when_dropped);
    let supplied = SuppliedVariable { name: "NAME".to_owned(), value: SECRET.into(), secret: true };
    is_wiped_when_dropped(&supplied.value);
    let mut spec = ExecSpec::new(Vec::new(), PathBuf::new());
    spec.env = secret_variables();
    spec.env.values().for_each(is_wiped_when_dropped);
    let key = pool_key();
    is_wiped_when_dropped(&key.to_pem().unwrap());
    is_wiped_when_dropped(&key.to_pkcs8_der().unwrap());
}
