//! Events as C reads them: a kind, and fields by name.

use std::collections::BTreeMap;

use serde_json::Value;
use spacelift_worker_core::driver::HostEvent;

use crate::text::CText;

/// The value of a field.
pub(crate) enum Field {
    Text(CText),
    Number(i64),
    /// Texts; an environment is one of `NAME=value`.
    List(Vec<CText>),
}

/// An event that was taken out of the queue.
pub(crate) struct Told {
    pub(crate) kind: i32,
    pub(crate) operation: u64,
    pub(crate) failed: bool,
    pub(crate) json: CText,
    fields: BTreeMap<String, Field>,
}

impl Told {
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.get(name)
    }
}

impl From<&HostEvent> for Told {
    fn from(event: &HostEvent) -> Self {
        let json = event.to_json();
        let fields = match serde_json::from_str(&json) {
            Ok(Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        Self {
            kind: event.kind() as i32,
            operation: event.operation().map_or(0, |id| id.0),
            failed: matches!(event, HostEvent::OperationFailed { .. }),
            fields: fields.into_iter().filter_map(|(name, value)| Some((name, field(value)?))).collect(),
            json: CText::from(json),
        }
    }
}

fn field(value: Value) -> Option<Field> {
    let text = |value: Value| match value {
        Value::String(text) => CText::from(text),
        other => CText::from(other.to_string()),
    };
    Some(match value {
        Value::Null => return None,
        Value::Bool(on) => Field::Number(i64::from(on)),
        Value::Number(number) => Field::Number(number.as_i64().unwrap_or(i64::MAX)),
        Value::String(text) => Field::Text(CText::from(text)),
        Value::Array(values) => Field::List(values.into_iter().map(text).collect()),
        // A document stays JSON; an environment is what execve(2) takes.
        Value::Object(entries) if entries.values().all(Value::is_string) && !entries.is_empty() => {
            let entry = |(name, value): (String, Value)| {
                CText::from(format!("{name}={}", value.as_str().unwrap_or_default()))
            };
            Field::List(entries.into_iter().map(entry).collect())
        }
        Value::Object(entries) => Field::Text(CText::from(Value::Object(entries).to_string())),
    })
}
