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
use crate::mask::{Masker, Secrets};
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
    /// Absent after the end.
    masker: Option<Masker>,
    masked: Vec<u8>,
    lines: Option<LineWriter>,
    spool: Arc<Spool>,
}

impl RunLog {
    /// The log, and the task that uploads it.
    pub(crate) fn open(options: RunLogOptions<'_>) -> io::Result<(Self, LogUploader)> {
        let mark = Mark { state: options.state, state_version: options.state_version };
        let spool = Arc::new(Spool::create(options.spool, mark)?);
        let log = Self {
            masker: Some(options.secrets.masker()),
            masked: Vec::new(),
            lines: options.lines.map(|sink| LineWriter::new(sink, options.run, options.stack)),
            spool: spool.clone(),
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
        if let Some(masker) = &mut self.masker {
            masker.push(bytes, &mut self.masked);
            self.forward();
        }
    }

    /// A line of the worker's own.
    pub(crate) fn note(&mut self, text: &str) {
        self.write(format!("{text}\n").as_bytes());
    }

    /// What follows is printed in another state.
    pub(crate) fn enter(&mut self, state: RunState, state_version: u64) {
        self.spool.mark(Mark { state, state_version });
    }

    /// Nothing follows: what the masker still holds goes out.
    pub(crate) fn finish(&mut self) {
        if let Some(masker) = self.masker.take() {
            masker.finish(&mut self.masked);
            self.forward();
        }
        if let Some(lines) = &mut self.lines {
            lines.finish();
        }
        self.spool.finish();
    }

    fn forward(&mut self) {
        if let Some(lines) = &mut self.lines {
            lines.write(&self.masked);
        }
        if let Err(error) = self.spool.append(&self.masked) {
            tracing::warn!(%error, "output could not be kept for storage");
        }
        self.masked.clear();
    }
}
