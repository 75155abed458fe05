//! The launcher's own log: JSON lines with `ts`, `level`, `caller`, `msg` and the event's fields, masked.

use std::fmt;
use std::io::Write;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::lines::LineSink;
use super::log_mask::{LogMask, LogMasks};
use super::timestamp::rfc3339;
use crate::driver::clock;
use crate::mask::Secrets;

/// A layer for `tracing-subscriber` that writes each event as one JSON line, through the masker.
///
/// The shape is that of the documented launcher's lines. Compose it with a filter of your own.
#[derive(Clone, Debug)]
pub struct JsonLayer {
    sink: LineSink,
    masks: LogMasks,
}

impl JsonLayer {
    /// Lines go to `writer`, with every secret of `secrets` masked.
    pub fn new(writer: impl Write + Send + 'static, secrets: Secrets) -> Self {
        Self::masked(writer, LogMask::new(secrets))
    }

    /// The same, with the secrets of runs masked while they are in hand.
    pub(crate) fn masked(writer: impl Write + Send + 'static, mask: LogMask) -> Self {
        let layer = Self::of_launchers(writer);
        layer.masks.add(mask);
        layer
    }

    /// Lines of several launchers go to `writer`. Each is made known by [`Launcher::mask_log`] before it starts.
    ///
    /// [`Launcher::mask_log`]: crate::launcher::Launcher::mask_log
    pub fn of_launchers(writer: impl Write + Send + 'static) -> Self {
        Self { sink: LineSink::new(writer), masks: LogMasks::default() }
    }

    pub(crate) fn mask_with(&self, mask: LogMask) {
        self.masks.add(mask);
    }
}

impl<S: Subscriber> Layer<S> for JsonLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut fields = Fields(Map::new());
        event.record(&mut fields);
        let fields = fields.0.into_iter().map(|(name, value)| (name, self.masks.value(value)));
        let level = metadata.level().as_str().to_ascii_lowercase();
        self.sink.write_line(&line(
            &level,
            metadata.file().unwrap_or(""),
            metadata.line().unwrap_or(0),
            fields,
        ));
    }
}

/// One line of the launcher's own log, now. Its fields are masked already.
pub(super) fn line(
    level: &str,
    file: &str,
    number: u32,
    fields: impl IntoIterator<Item = (String, Value)>,
) -> String {
    let file = file.rsplit('/').next().unwrap_or("");
    let mut line = Map::new();
    line.insert("ts".to_owned(), rfc3339(clock::unix_time()).into());
    line.insert("level".to_owned(), level.into());
    line.insert("caller".to_owned(), format!("{file}:{number}").into());
    line.extend(fields);
    Value::Object(line).to_string()
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

#[cfg(test)]
mod tests {
    use tracing_subscriber::prelude::*;

    use super::super::shared::Shared;
    use super::*;
    use crate::mask::{Forms, MaskSettings, SecretSet};

    #[test]
    fn whatever_a_field_holds_is_masked_before_it_is_json() {
        let secret = "C:\\keys\"\u{1}";
        let settings = MaskSettings { forms: Forms::none(), ..MaskSettings::default() };
        let mut set = SecretSet::with_settings(settings);
        set.add(secret.as_bytes()).unwrap();
        let shared = Shared::default();
        let layer = JsonLayer::new(shared.clone(), Secrets::new(set).unwrap());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let error = std::io::Error::other(secret);
            let document = serde_json::json!({"a": [secret]}).to_string();
            tracing::warn!(error = &error as &dyn std::error::Error, "message {secret}");
            tracing::info!(text = secret, shown = %secret, document, number = 7, "{secret}");
        });
        let written = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&lines[0]["level"], &lines[0]["error"]), (&"warn".into(), &"*****".into()));
        assert_eq!((&lines[0]["msg"], &lines[1]["msg"]), (&"message *****".into(), &"*****".into()));
        assert_eq!((&lines[1]["text"], &lines[1]["shown"]), (&"*****".into(), &"*****".into()));
        assert_eq!(
            (&lines[1]["document"], &lines[1]["number"]),
            (&serde_json::json!({"a": ["*****"]}), &7.into())
        );
        assert!(!written.contains("keys"), "{written}");
    }
}
