//! Run logs as JSON lines on standard output, in the structure of the launcher's own logs.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::timestamp::rfc3339;
use crate::driver::clock;
use crate::ids::RunId;

/// A longer line is cut into several, so that memory stays bounded.
const MAX_LINE_LEN: usize = 64 * 1024;

/// Where run logs go as JSON lines; standard output in a launcher.
///
/// Several runs may share one: every line is written whole.
#[derive(Clone)]
pub struct LineSink(Arc<Mutex<dyn Write + Send>>);

impl LineSink {
    /// Lines go to `writer`.
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(writer)))
    }

    /// Lines go to standard output.
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }

    /// Lines go to both.
    pub(crate) fn and(self, other: Self) -> Self {
        struct Both(LineSink, LineSink);

        impl Write for Both {
            fn write(&mut self, line: &[u8]) -> io::Result<usize> {
                self.0.write(line);
                self.1.write(line);
                Ok(line.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        Self::new(Both(self, other))
    }

    pub(super) fn write_line(&self, text: &str) {
        self.write(format!("{text}\n").as_bytes());
    }

    fn write(&self, line: &[u8]) {
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A closed standard output must not end a run.
        let _ = writer.write_all(line).and_then(|()| writer.flush());
    }
}

impl fmt::Debug for LineSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineSink").finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Line<'a> {
    ts: String,
    level: &'static str,
    caller: &'static str,
    msg: &'a str,
    run_ulid: RunId,
    stack_id: &'a str,
}

/// Cuts one run's masked output into lines.
#[derive(Debug)]
pub(super) struct LineWriter {
    sink: LineSink,
    run: RunId,
    stack: String,
    partial: Vec<u8>,
}

impl LineWriter {
    pub(super) fn new(sink: LineSink, run: RunId, stack: String) -> Self {
        Self { sink, run, stack, partial: Vec::new() }
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            self.emit();
        }
        self.partial.extend_from_slice(bytes);
        while self.partial.len() > MAX_LINE_LEN {
            let rest = self.partial.split_off(MAX_LINE_LEN);
            self.emit();
            self.partial = rest;
        }
    }

    /// The last line may lack its end.
    pub(super) fn finish(&mut self) {
        if !self.partial.is_empty() {
            self.emit();
        }
    }

    fn emit(&mut self) {
        let text = String::from_utf8_lossy(&self.partial);
        let line = Line {
            ts: rfc3339(clock::unix_time()),
            level: "info",
            caller: "run",
            msg: text.trim_end_matches('\r'),
            run_ulid: self.run,
            stack_id: &self.stack,
        };
        if let Ok(json) = serde_json::to_string(&line) {
            self.sink.write_line(&json);
        }
        self.partial.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::shared::Shared;
    use super::*;

    #[test]
    fn every_line_is_one_json_object_however_it_was_cut() {
        let shared = Shared::default();
        let mut writer =
            LineWriter::new(LineSink::new(shared.clone()), RunId::from_parts(1, 1), "networking".into());
        for piece in ["fi", "rst\r\nsecond \"quoted\"\n", "", "last"] {
            writer.write(piece.as_bytes());
        }
        writer.finish();
        let written = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<serde_json::Value> =
            written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let messages: Vec<_> = lines.iter().map(|line| line["msg"].as_str().unwrap()).collect();
        assert_eq!(messages, ["first", "second \"quoted\"", "last"]);
        assert_eq!(lines[0]["stack_id"], "networking");
        assert_eq!(lines[0]["run_ulid"], "00000000010000000000000001");
    }

    #[test]
    fn a_line_without_end_does_not_grow_memory() {
        let mut writer = LineWriter::new(LineSink::new(io::sink()), RunId::from_parts(1, 1), "s".into());
        for _ in 0..100 {
            writer.write(&[b'a'; 10_000]);
            assert!(writer.partial.len() <= MAX_LINE_LEN);
        }
    }
}
