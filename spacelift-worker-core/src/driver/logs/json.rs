//! The launcher's own log: JSON lines with `ts`, `level`, `caller`, `msg` and the event's fields, masked.

use std::fmt;
use std::io::Write;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::lines::LineSink;
use super::timestamp::rfc3339;
use crate::driver::clock;
use crate::mask::Secrets;

/// A layer for `tracing-subscriber` that writes each event as one JSON line, through the masker.
///
/// The shape is that of the documented launcher's lines. Compose it with a filter of your own.
#[derive(Clone, Debug)]
pub struct JsonLayer {
    sink: LineSink,
    secrets: Secrets,
}

impl JsonLayer {
    /// Lines go to `writer`, with every secret of `secrets` masked.
    pub fn new(writer: impl Write + Send + 'static, secrets: Secrets) -> Self {
        Self { sink: LineSink::new(writer), secrets }
    }
}

impl<S: Subscriber> Layer<S> for JsonLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let metadata = event.metadata();
        let file = metadata.file().unwrap_or("").rsplit('/').next().unwrap_or("");
        let mut fields = Fields(Map::new());
        let mut set = |name: &str, value: String| fields.0.insert(name.to_owned(), Value::String(value));
        set("ts", rfc3339(clock::unix_time()));
        set("level", metadata.level().as_str().to_ascii_lowercase());
        set("caller", format!("{file}:{}", metadata.line().unwrap_or(0)));
        event.record(&mut fields);
        let line = Value::Object(fields.0).to_string();
        self.sink.write_line(&self.secrets.mask_text(&line));
    }
}

/// Collects the fields of an event.
struct Fields(Map<String, Value>);

impl Fields {
    fn set(&mut self, field: &Field, value: Value) {
        let name = if field.name() == "message" { "msg" } else { field.name() };
        self.0.insert(name.to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // Documents arrive as text; they are shown as documents.
        let document = value.starts_with('{').then(|| serde_json::from_str(value).ok()).flatten();
        self.set(field, document.unwrap_or_else(|| Value::String(value.to_owned())));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.set(field, Value::String(crate::driver::chain(value)));
    }
}
