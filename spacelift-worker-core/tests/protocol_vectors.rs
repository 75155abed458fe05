//! The vectors of `tests/vectors/protocol`: each message is read as its case says, or refused for its fault.
//!
//! Never makes a vector; `messages.py` beside them does.

#![expect(clippy::unwrap_used, reason = "functions of a test stop it when something is not as it must be")]

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use spacelift_worker_core::ids::MessageId;
use spacelift_worker_core::protocol::message::{
    Body, ControlBody, Malformed, Message, NackReason, WorkerBody,
};

#[derive(Deserialize)]
struct Vector {
    direction: String,
    message: String,
    expect: String,
    canonical: Option<Value>,
    reason: Option<NackReason>,
    id: Option<MessageId>,
}

fn vectors() -> Vec<(String, Vector)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/protocol");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap())
    };
    let mut vectors: Vec<(String, Vector)> = named.map(read).collect();
    vectors.sort_by(|(one, _), (other, _)| one.cmp(other));
    vectors
}

/// What became of a message: its form when it is written anew, or why it is refused.
fn read<B: Body + Clone>(text: &str) -> Result<Value, Malformed> {
    let message = Message::<B>::decode(text.as_bytes())?;
    Ok(serde_json::from_slice(&message.encode()).unwrap())
}

fn read_as(vector: &Vector) -> Result<Value, Malformed> {
    match vector.direction.as_str() {
        "to_worker" => read::<ControlBody>(&vector.message),
        _ => read::<WorkerBody>(&vector.message),
    }
}

#[test]
fn every_vector_is_read_as_it_says() {
    for (name, vector) in vectors() {
        let expected = match vector.expect.as_str() {
            "accept" => Ok(vector.canonical.clone().unwrap()),
            "nack" => Err(Malformed { id: vector.id, reason: vector.reason.unwrap() }),
            _ => Err(Malformed { id: None, reason: NackReason::Malformed }),
        };
        assert_eq!(read_as(&vector), expected, "{name}");
        assert_eq!(name.starts_with("ok_"), vector.expect == "accept", "{name}");
    }
}

#[test]
fn there_are_vectors_of_every_message_and_more_of_them_wrong_than_right() {
    let vectors = vectors();
    let right: Vec<_> = vectors.iter().filter(|(_, vector)| vector.expect == "accept").collect();
    assert!(right.len() * 2 < vectors.len());
    let types: BTreeSet<(&str, &str)> = right
        .iter()
        .map(|(_, vector)| {
            let canonical = vector.canonical.as_ref().unwrap();
            (vector.direction.as_str(), canonical["type"].as_str().unwrap())
        })
        .collect();
    let of = |direction: &'static str, types: &'static [&'static str]| {
        types.iter().map(move |kind| (direction, *kind))
    };
    let wanted: BTreeSet<_> =
        of("to_worker", ControlBody::TYPES).chain(of("from_worker", WorkerBody::TYPES)).collect();
    assert_eq!(types, wanted);
}
