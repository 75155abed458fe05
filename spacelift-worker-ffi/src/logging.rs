//! A session's own log, line by line, to a callback of the host. Never a logger of the whole process.

use std::io::{self, Write};
use std::sync::Arc;

use spacelift_worker_core::launcher::Launcher;
use tracing::{Dispatch, Level};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

use crate::boundary::Callback;

/// Where threads of a session's runtime log to: JSON lines, with every secret of the launcher masked.
pub(crate) fn dispatch(launcher: &Launcher, level: Level, callback: Arc<Callback>) -> Dispatch {
    let layer = launcher.log_layer(Lines { callback, waiting: Vec::new() });
    Dispatch::new(tracing_subscriber::registry().with(layer.with_filter(LevelFilter::from_level(level))))
}

/// As the documented launcher logs: to standard error, from INFO on.
pub(crate) fn to_standard_error(launcher: &Launcher) -> Dispatch {
    let layer = launcher.log_layer(io::stderr()).with_filter(LevelFilter::INFO);
    Dispatch::new(tracing_subscriber::registry().with(layer))
}

/// Cuts what is written into lines.
struct Lines {
    callback: Arc<Callback>,
    waiting: Vec<u8>,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.waiting.extend_from_slice(part);
            if let Some(line) = self.waiting.strip_suffix(b"\n") {
                self.callback.call(line);
                self.waiting.clear();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
