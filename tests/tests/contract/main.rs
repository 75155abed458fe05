//! The documents from which others build the other end of the wire: JSON Schema of every message and an AsyncAPI document of the
//! topics, made from the types. `UPDATE_DOCS=1` writes them anew.

#![expect(clippy::unwrap_used, reason = "functions of a test stop it when something is not as it must be")]

mod asyncapi;
mod schema;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};
use spacelift_worker_core::protocol::message::{Body, ControlBody, WorkerBody};
use spacelift_worker_tests::source::workspace;

fn docs() -> PathBuf {
    workspace().join("docs")
}

/// Every document by its path below `docs/`.
fn documents() -> BTreeMap<String, Value> {
    let mut documents = schema::all();
    documents.insert("asyncapi.json".to_owned(), asyncapi::document());
    documents
}

fn pretty(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap() + "\n"
}

/// Every `$ref` in a document.
fn references(document: &Value, found: &mut Vec<String>) {
    match document {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                found.push(reference.clone());
            }
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// The vectors: name, direction, message, expectation, and whether the schema can tell.
fn vectors() -> Vec<(String, Value)> {
    let folder = workspace().join("tests/vectors/protocol");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let cases = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    cases
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap())
        })
        .collect()
}

#[test]
fn the_documents_say_what_the_types_say() {
    let documents = documents();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        for (path, document) in &documents {
            let file = docs().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, pretty(document)).unwrap();
        }
    }
    for (path, document) in &documents {
        let found = std::fs::read_to_string(docs().join(path)).unwrap_or_default();
        assert!(
            found == pretty(document),
            "docs/{path} differs from the types: run this test with UPDATE_DOCS=1"
        );
    }
    for folder in ["schema", "schema/from_worker", "schema/to_worker"] {
        for entry in std::fs::read_dir(docs().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap());
            assert!(path.is_dir() || documents.contains_key(&name), "docs/{name} is the schema of nothing");
        }
    }
}

#[test]
fn every_message_has_a_schema_that_accepts_what_is_right_and_refuses_what_is_wrong() {
    let validators: BTreeMap<String, jsonschema::Validator> = schema::all()
        .iter()
        .map(|(path, schema)| (path.clone(), jsonschema::validator_for(schema).unwrap()))
        .collect();
    let mut judged = 0;
    for (name, case) in vectors() {
        let Ok(message) = serde_json::from_str::<Value>(case["message"].as_str().unwrap()) else { continue };
        let direction = case["direction"].as_str().unwrap();
        let of_direction: Vec<_> =
            validators.iter().filter(|(path, _)| path.contains(&format!("/{direction}/"))).collect();
        let accepts =
            |message: &Value| of_direction.iter().filter(|(_, schema)| schema.is_valid(message)).count();
        judged += 1;
        if case["expect"] == "accept" {
            // As it came, and as version 1 understands it; by the schema of its type alone.
            assert_eq!((accepts(&message), accepts(&case["canonical"])), (1, 1), "{name}");
        } else if case["schema_finds"] != json!(false) {
            assert_eq!(accepts(&message), 0, "{name}");
        }
    }
    assert!(judged > 150, "only {judged} vectors were judged");
}

#[test]
fn the_topics_document_is_sound_and_names_every_message_once() {
    let document = asyncapi::document();
    assert_eq!(document["asyncapi"], "3.0.0");
    let mut found = Vec::new();
    references(&document, &mut found);
    for reference in &found {
        match reference.strip_prefix('#') {
            Some(pointer) => assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere"),
            None => {
                let path = reference.strip_prefix("./").unwrap();
                assert!(docs().join(path).is_file(), "{reference} leads nowhere");
            }
        }
    }
    for (channel, types, operation, action) in [
        ("toWorker", ControlBody::TYPES, "hear", "receive"),
        ("fromWorker", WorkerBody::TYPES, "speak", "send"),
    ] {
        let messages = document["channels"][channel]["messages"].as_object().unwrap();
        assert_eq!(messages.keys().map(String::as_str).collect::<Vec<_>>(), types, "{channel}");
        let operation = &document["operations"][operation];
        assert_eq!(operation["action"], action);
        assert_eq!(operation["messages"].as_array().unwrap().len(), types.len());
        let address = document["channels"][channel]["address"].as_str().unwrap();
        let parameters = document["channels"][channel]["parameters"].as_object().unwrap();
        let named: Vec<&str> =
            address.split('/').filter_map(|level| level.strip_prefix('{')?.strip_suffix('}')).collect();
        assert!(named.iter().all(|name| parameters.contains_key(*name)), "{address}");
        assert_eq!(named.len(), parameters.len(), "{address}");
    }
    assert_eq!(document["components"]["messages"].as_object().unwrap().len(), 19);
}
