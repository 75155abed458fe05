//! The vectors of `tests/vectors/envelope`, made by another implementation: each is opened, or refused for its fault.
//!
//! Never makes a vector; `vectors.py` beside them does.

#![expect(clippy::unwrap_used, reason = "functions of a test stop it when something is not as it must be")]

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use spacelift_worker_core::crypto::{hex, sha256};
use spacelift_worker_core::envelope::{
    Context, RangeUnsealError, RangeUnsealer, Trust, UnsealError, Unsealer, workspace,
};
use spacelift_worker_core::pool::{PoolKey, PoolPublicKey};
use spacelift_worker_core::secret::SecretText;

#[derive(Deserialize)]
struct KeyPair {
    private: String,
    public: String,
}

/// `signed_by`: names of keys, or the word "recipient".
#[derive(Deserialize)]
#[serde(untagged)]
enum SignedBy {
    Names(Vec<String>),
    Word(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    expect: String,
    keys: Vec<String>,
    signed_by: Option<SignedBy>,
    context: BTreeMap<String, String>,
    plain_len: Option<usize>,
    plain_sha256: Option<String>,
    sealed: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/envelope")
}

fn vectors() -> Vec<(String, Vector)> {
    let paths = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let named = paths.filter_map(|path| {
        let name = path.file_stem()?.to_str()?.to_owned();
        let is_vector = path.extension()? == "json" && name != "keys";
        is_vector.then(|| (name, serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()))
    });
    let mut vectors: Vec<_> = named.collect();
    vectors.sort_by(|(one, _), (other, _)| one.cmp(other));
    vectors
}

type Keys = BTreeMap<String, (PoolKey, PoolPublicKey)>;

fn keys() -> Keys {
    let pairs: BTreeMap<String, KeyPair> =
        serde_json::from_slice(&std::fs::read(folder().join("keys.json")).unwrap()).unwrap();
    let read = |pair: KeyPair| {
        let private = PoolKey::from_pem(&SecretText::new(pair.private)).unwrap();
        (private, PoolPublicKey::from_pem(&pair.public).unwrap())
    };
    pairs.into_iter().map(|(name, pair)| (name, read(pair))).collect()
}

/// The reader that a vector describes.
fn unsealer<'k>(vector: &Vector, keys: &'k Keys) -> Unsealer<'k> {
    let private: Vec<&PoolKey> = vector.keys.iter().map(|name| &keys[name].0).collect();
    let context = Context::new(vector.context.clone()).unwrap();
    let trust = match &vector.signed_by {
        None => Trust::Unsigned,
        Some(SignedBy::Names(names)) => {
            Trust::SignedBy(names.iter().map(|name| keys[name].1.clone()).collect())
        }
        Some(SignedBy::Word(word)) => {
            assert_eq!(word, "recipient");
            return workspace::unsealer(&private, &context);
        }
    };
    Unsealer::new(&private, &context, &trust)
}

/// Opens it in pieces of `step` bytes. An error comes again at each further call, and nothing more comes out.
fn outcome(vector: &Vector, keys: &Keys, sealed: &[u8], step: usize) -> Result<Vec<u8>, UnsealError> {
    let mut unsealer = unsealer(vector, keys);
    let mut plain = Vec::new();
    for piece in sealed.chunks(step) {
        if let Err(error) = unsealer.update(piece, &mut plain) {
            let given = plain.len();
            for more in [b"", sealed] {
                assert_eq!(unsealer.update(more, &mut plain), Err(error.clone()));
            }
            assert_eq!(unsealer.finish(&mut plain), Err(error.clone()));
            assert_eq!(plain.len(), given);
            return Err(error);
        }
    }
    unsealer.finish(&mut plain)?;
    Ok(plain)
}

#[test]
fn every_vector_is_opened_or_refused_for_its_fault_in_pieces_of_any_size() {
    let (vectors, keys) = (vectors(), keys());
    let mut wrong = Vec::new();
    for (name, vector) in &vectors {
        let named = name.starts_with("ok_") || name.starts_with(&format!("fail_{}", vector.expect));
        assert!(named && name.starts_with("ok_") == (vector.expect == "ok"), "{name}");
        let sealed = STANDARD.decode(&vector.sealed).unwrap();
        for step in [usize::MAX, 4_096, 61] {
            match outcome(vector, &keys, &sealed, step) {
                Ok(plain) => {
                    let as_made = vector.plain_len == Some(plain.len())
                        && vector.plain_sha256 == Some(hex(&sha256(&plain)));
                    if !as_made {
                        wrong.push(format!("{name}: opened, in pieces of {step}"));
                    }
                }
                Err(error) if error.code() == vector.expect => {}
                Err(error) => wrong.push(format!("{name}: {error:?}, in pieces of {step}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// All of it by random access, in two ranges.
fn by_range(vector: &Vector, keys: &Keys, sealed: &[u8]) -> Result<Vec<u8>, RangeUnsealError> {
    let mut file = RangeUnsealer::open(Cursor::new(sealed), unsealer(vector, keys))?;
    let (len, mut plain) = (file.plain_len(), Vec::new());
    file.read(0, len / 3, &mut plain)?;
    file.read(len / 3, len - len / 3, &mut plain)?;
    assert!(matches!(file.read(len, 1, &mut plain), Err(RangeUnsealError::OutOfRange(_))));
    Ok(plain)
}

#[test]
fn random_access_decides_about_every_vector_as_reading_from_its_beginning_does() {
    let keys = keys();
    for (name, vector) in vectors() {
        match by_range(&vector, &keys, &STANDARD.decode(&vector.sealed).unwrap()) {
            Ok(plain) => assert_eq!(vector.plain_sha256, Some(hex(&sha256(&plain))), "{name}"),
            Err(RangeUnsealError::Unseal(error)) => assert_eq!(error.code(), vector.expect, "{name}"),
            Err(other) => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn there_are_more_negatives_than_positives_and_each_fault_has_some() {
    let vectors = vectors();
    let positives = vectors.iter().filter(|(_, vector)| vector.expect == "ok").count();
    assert!(positives >= 10 && vectors.len() > 2 * positives);
    for fault in [
        "context",
        "cut_short",
        "damaged",
        "form",
        "recipient",
        "signature",
        "signed",
        "unsigned",
        "untrusted",
        "version",
    ] {
        assert!(vectors.iter().any(|(_, vector)| vector.expect == fault), "{fault}");
    }
}
