//! The topics and what goes over each, as an AsyncAPI 3 document, from the same types and the same functions that name the topics.

use serde_json::{Map, Value, json};
use spacelift_worker_core::ids::{PoolId, WorkerId};
use spacelift_worker_core::protocol::message::{Body, ControlBody, MAX_MESSAGE_LEN, WorkerBody};
use spacelift_worker_core::protocol::topic;

/// The document. Operations are seen from the worker.
pub(crate) fn document() -> Value {
    let (pool, worker) = (PoolId::from_parts(1, 1), WorkerId::from_parts(1, 2));
    let address =
        |topic: String| topic.replace(&pool.to_string(), "{pool}").replace(&worker.to_string(), "{worker}");
    let namespace = "{namespace}";
    let channel = |direction: &str, types: &[&str], address: String, title: &str| {
        json!({
            "title": title,
            "address": address,
            "messages": by_type(types, |kind| json!({ "$ref": format!("#/components/messages/{direction}_{kind}") })),
            "parameters": {
                "namespace": { "description": "Of the pool's token.", "default": "spacelift" },
                "pool": { "description": "The pool's ULID." },
                "worker": { "description": "The worker's ULID, which is its client id, too." },
            },
        })
    };
    let operation = |action: &str, channel: &str, types: &[&str], summary: &str| {
        let message = |kind: &&str| json!({ "$ref": format!("#/channels/{channel}/messages/{kind}") });
        json!({
            "action": action,
            "channel": { "$ref": format!("#/channels/{channel}") },
            "summary": summary,
            "messages": types.iter().map(message).collect::<Vec<_>>(),
            "bindings": { "mqtt": { "qos": 1, "retain": false } },
        })
    };
    let mut messages = components("from_worker", WorkerBody::TYPES);
    messages.extend(components("to_worker", ControlBody::TYPES));
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Worker protocol",
            "version": "1",
            "description": format!(
                "Between a private worker and its control plane. docs/protocol.md says what each message does. A message has at most {MAX_MESSAGE_LEN} bytes."
            ),
            "license": { "name": "Apache-2.0 OR MIT" },
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "broker.example:8883",
                "protocol": "secure-mqtt",
                "protocolVersion": "3.1.1",
                "description": "The endpoint of the pool's token, with the pool's client certificate.",
                "bindings": { "mqtt": { "cleanSession": false, "keepAlive": 30 } },
            },
        },
        "channels": {
            "fromWorker": channel(
                "from_worker",
                WorkerBody::TYPES,
                address(topic::from_worker(namespace, pool, worker)),
                "What a worker says",
            ),
            "toWorker": channel(
                "to_worker",
                ControlBody::TYPES,
                address(topic::to_worker(namespace, pool, worker)),
                "What a worker is told",
            ),
        },
        "operations": {
            "hear": operation("receive", "toWorker", ControlBody::TYPES, "A worker listens."),
            "speak": operation("send", "fromWorker", WorkerBody::TYPES, "A worker speaks."),
        },
        "components": { "messages": messages },
    })
}

fn by_type(types: &[&str], value: impl Fn(&str) -> Value) -> Map<String, Value> {
    types.iter().map(|kind| ((*kind).to_owned(), value(kind))).collect()
}

fn components(direction: &str, types: &[&str]) -> Map<String, Value> {
    let message = |kind: &&str| {
        let schema = format!("./schema/{direction}/{kind}.json");
        let value = json!({ "name": kind, "contentType": "application/json", "payload": { "$ref": schema } });
        (format!("{direction}_{kind}"), value)
    };
    types.iter().map(message).collect()
}
