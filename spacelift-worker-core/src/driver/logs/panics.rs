//! Panics in the launcher's own log: one JSON line, masked. The standard hook prints the message as it is.

use std::io::Write;
use std::panic::{self, PanicHookInfo};

use super::json::line;
use super::lines::LineSink;
use super::log_mask::LogMask;

/// From here on, panics of this process go to `writer`, and to no other place.
pub(crate) fn report_panics(writer: impl Write + Send + 'static, mask: LogMask) {
    let sink = LineSink::new(writer);
    panic::set_hook(Box::new(move |panic| {
        let (file, number) = panic.location().map_or(("", 0), |place| (place.file(), place.line()));
        let message = mask.text(&format!("panicked: {}", message(panic)));
        sink.write_line(&line("error", file, number, [("msg".to_owned(), message.into())]));
    }));
}

fn message<'a>(panic: &'a PanicHookInfo<'_>) -> &'a str {
    let payload = panic.payload();
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "without a message",
    }
}
