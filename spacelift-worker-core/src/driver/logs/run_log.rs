//! One run's log: bytes in, masked, out to every sink.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::lines::{LineSink, LineWriter};
use super::spool::{Mark, Spool};
use super::upload::{LogUploader, Places};
use crate::driver::blob::BlobClient;
use crate::ids::{Lease, RunId};
use crate::mask::{Masker, Notice, Secrets};
use crate::protocol::message::{LogManifest, RunState};

/// Where a run's log goes.
#[derive(Debug)]
pub(crate) struct RunLogOptions<'a> {
    pub(crate) run: RunId,
    pub(crate) lease: Lease,
    pub(crate) stack: String,
    pub(crate) secrets: &'a Secrets,
    /// JSON lines on standard output, when switched on.
    pub(crate) lines: Option<LineSink>,
    /// The file that holds masked output until it is stored.
    pub(crate) spool: &'a Path,
    pub(crate) places: Places,
    pub(crate) blobs: BlobClient,
    pub(crate) manifests: mpsc::Sender<LogManifest>,
    pub(crate) state: RunState,
    pub(crate) state_version: u64,
}

/// Takes what a run prints.
#[derive(Debug)]
pub(crate) struct RunLog {
    secrets: Secrets,
    /// Of what commands print; absent after the end.
    masker: Option<Masker>,
    sinks: Sinks,
}

/// Behind the masker.
#[derive(Debug)]
struct Sinks {
    lines: Option<LineWriter>,
    spool: Arc<Spool>,
    /// Whether the last line has no end yet.
    in_line: bool,
}

impl RunLog {
    /// The log, and the task that uploads it.
    pub(crate) fn open(options: RunLogOptions<'_>) -> io::Result<(Self, LogUploader)> {
        let mark = Mark { state: options.state, state_version: options.state_version };
        let spool = Arc::new(Spool::create(options.spool, mark)?);
        let stack = options.secrets.mask_text(&options.stack);
        let lines = options.lines.map(|sink| LineWriter::new(sink, options.run, stack));
        let log = Self {
            secrets: options.secrets.clone(),
            masker: Some(options.secrets.masker_with_commands()),
            sinks: Sinks { lines, spool: spool.clone(), in_line: false },
        };
        let uploader = LogUploader {
            spool,
            places: options.places,
            blobs: options.blobs,
            manifests: options.manifests,
            run: options.run,
            lease: options.lease,
        };
        Ok((log, uploader))
    }

    /// What a command printed.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let Some(masker) = &mut self.masker else { return };
        let mut masked = Vec::with_capacity(bytes.len());
        masker.push(bytes, &mut masked);
        let notices = masker.take_notices();
        self.sinks.write(&masked);
        self.tell(&notices);
    }

    /// A line of the worker's own. It stands between what commands print, and takes nothing of that apart: what is held of
    /// it follows.
    pub(crate) fn note(&mut self, text: &str) {
        let end = if self.sinks.in_line { "\n" } else { "" };
        self.sinks.write(format!("{end}{}\n", self.secrets.mask_text(text)).as_bytes());
    }

    /// What follows is printed in another state.
    pub(crate) fn enter(&mut self, state: RunState, state_version: u64) {
        self.sinks.spool.mark(Mark { state, state_version });
    }

    /// Nothing follows: what the masker still holds goes out.
    pub(crate) fn finish(&mut self) {
        if let Some(masker) = self.masker.take() {
            let mut masked = Vec::new();
            let notices = masker.finish(&mut masked);
            self.sinks.write(&masked);
            self.tell(&notices);
        }
        if let Some(lines) = &mut self.sinks.lines {
            lines.finish();
        }
        self.sinks.spool.finish();
    }

    fn tell(&mut self, notices: &[Notice]) {
        for notice in notices {
            self.note(&format!("warning: {notice}"));
        }
    }
}

impl Sinks {
    fn write(&mut self, masked: &[u8]) {
        if let Some(last) = masked.last() {
            self.in_line = *last != b'\n';
        }
        if let Some(lines) = &mut self.lines {
            lines.write(masked);
        }
        if let Err(error) = self.spool.append(masked) {
            tracing::warn!(%error, "output could not be kept for storage");
        }
    }
}
