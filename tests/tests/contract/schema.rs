//! JSON Schema of the messages, one document each, from the types and their documentation.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use spacelift_worker_core::protocol::message::{ControlBody, LogUploads, OfferPayload, WorkerBody};

/// Enumerations that later versions of version 1 may add words to: a reader takes any word.
const OPEN: &[&str] = &["EndCause", "NackReason"];

/// Every schema by its path below `docs/`.
pub(crate) fn all() -> BTreeMap<String, Value> {
    let mut schemas = BTreeMap::new();
    for (direction, body) in [("from_worker", of::<WorkerBody>()), ("to_worker", of::<ControlBody>())] {
        for variant in body["oneOf"].as_array().unwrap() {
            let kind = variant["properties"]["type"]["const"].as_str().unwrap();
            let schema = message(kind, variant, &body["$defs"]);
            schemas.insert(format!("schema/{direction}/{kind}.json"), schema);
        }
    }
    schemas.insert("schema/offer_payload.json".to_owned(), of::<OfferPayload>());
    schemas.insert("schema/log_uploads.json".to_owned(), of::<LogUploads>());
    schemas
}

fn of<T: JsonSchema>() -> Value {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    let mut schema = schema.to_value();
    if let Some(defs) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        for (name, def) in defs {
            if OPEN.contains(&name.as_str()) {
                *def = json!({ "description": def["description"], "type": "string", "examples": words(def) });
            }
        }
    }
    schema
}

/// The words of an enumeration.
fn words(def: &Value) -> Vec<Value> {
    let one = |variant: &Value| match (&variant["const"], &variant["enum"]) {
        (Value::Null, Value::Array(words)) => words.clone(),
        (word, _) => vec![word.clone()],
    };
    def["oneOf"].as_array().map_or_else(|| one(def), |variants| variants.iter().flat_map(one).collect())
}

/// The whole message: what every message has, and the fields of its type.
fn message(kind: &str, variant: &Value, defs: &Value) -> Value {
    let name = variant["$ref"].as_str().unwrap().strip_prefix("#/$defs/").unwrap();
    let body = &defs[name];
    let mut properties = Map::new();
    properties.insert("v".into(), json!({ "description": "The version of the protocol.", "const": 1 }));
    properties.insert("type".into(), json!({ "const": kind }));
    properties.insert("id".into(), json!({ "$ref": "#/$defs/MessageId" }));
    properties.insert(
        "ts".into(),
        json!({
            "description": "Unix milliseconds when it was made. Advice.",
            "type": "integer",
            "format": "uint64",
            "minimum": 0,
        }),
    );
    properties.extend(body["properties"].as_object().unwrap().clone());
    let mut required = vec![json!("v"), json!("type"), json!("id"), json!("ts")];
    required.extend(body["required"].as_array().cloned().unwrap_or_default());
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind,
        "description": variant["description"],
        "type": "object",
        "properties": properties,
        "required": required,
    });
    let mut used = BTreeMap::new();
    used.insert("MessageId".to_owned(), defs["MessageId"].clone());
    gather(&schema, defs, &mut used);
    schema["$defs"] = json!(used);
    schema
}

/// The definitions that a schema refers to, and those that they refer to.
fn gather(schema: &Value, defs: &Value, used: &mut BTreeMap<String, Value>) {
    let mut found = Vec::new();
    super::references(schema, &mut found);
    for reference in found {
        let name = reference.strip_prefix("#/$defs/").unwrap().to_owned();
        if !used.contains_key(&name) {
            used.insert(name.clone(), defs[&name].clone());
            gather(&defs[&name], defs, used);
        }
    }
}
