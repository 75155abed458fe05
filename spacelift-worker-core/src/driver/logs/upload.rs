//! Masked output to storage, in segments: one every few seconds or every MiB, whichever comes first.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::spool::{Piece, Spool};
use crate::crypto;
use crate::driver::blob::{BlobClient, Source};
use crate::ids::{Lease, RunId};
use crate::protocol::message::{LogManifest, LogSegment, Upload};

/// A segment at most.
const SEGMENT_LEN: u64 = 1 << 20;
/// How long a byte waits for others at most.
const SEGMENT_AGE: Duration = Duration::from_secs(5);
/// Places kept back for the end of the log, when nothing more can come.
const RESERVE: usize = 2;

/// Uploads one run's log.
#[derive(Debug)]
pub(crate) struct LogUploader {
    pub(super) spool: Arc<Spool>,
    pub(super) places: Places,
    pub(super) blobs: BlobClient,
    pub(super) manifests: mpsc::Sender<LogManifest>,
    pub(super) run: RunId,
    pub(super) lease: Lease,
}

/// Where segments may be put; a renewal of the lease brings more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Arc<Mutex<VecDeque<Upload>>>);

impl Places {
    /// More places, after those that are there.
    pub(crate) fn add(&self, uploads: Vec<Upload>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(uploads);
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take(&self) -> Option<Upload> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl LogUploader {
    /// Uploads until the spool is finished and empty; returns the manifest of everything that arrived.
    ///
    /// A segment that cannot be stored after several tries is left out: a log must not decide a run's outcome.
    pub(crate) async fn run(self) -> LogManifest {
        let mut manifest =
            LogManifest { run: self.run, lease: self.lease, segments: Vec::new(), complete: false };
        let mut offset = 0;
        let mut oldest = None;
        loop {
            let status = self.spool.status();
            let pending = status.len - offset;
            if pending == 0 && status.finished {
                manifest.complete = true;
                return manifest;
            }
            let waited = oldest.get_or_insert_with(Instant::now).elapsed();
            let due = status.finished || pending >= SEGMENT_LEN || (pending > 0 && waited >= SEGMENT_AGE);
            let places = self.places.len();
            if due && (places > RESERVE || (status.finished && places > 0)) {
                // The last place takes all that is left.
                let max_len = (places > 1).then_some(SEGMENT_LEN);
                let piece = self.spool.piece(offset, max_len);
                offset += piece.len;
                oldest = None;
                if let Some(segment) = self.store(piece).await {
                    manifest.segments.push(segment);
                    let _ = self.manifests.try_send(manifest.clone());
                }
                continue;
            }
            if status.finished {
                tracing::warn!(run_ulid = %self.run, bytes = pending, "no place is left for the end of the log");
                manifest.complete = true;
                return manifest;
            }
            if pending == 0 {
                oldest = None;
            }
            let _ = tokio::time::timeout(Duration::from_millis(500), self.spool.changed.notified()).await;
        }
    }

    async fn store(&self, piece: Piece) -> Option<LogSegment> {
        let place = self.places.take()?;
        let spool = self.spool.clone();
        // The last piece may be a gibibyte; it is read and sent in small pieces, and never held.
        let digested = tokio::task::spawn_blocking(move || spool.sha256(piece)).await;
        let sha256 = match digested.map_err(io::Error::other).flatten() {
            Ok(sha256) => crypto::hex(&sha256),
            Err(error) => {
                tracing::warn!(run_ulid = %self.run, %error, "a piece of the log could not be read back");
                return None;
            }
        };
        let source =
            Source::Part { path: self.spool.path().to_owned(), offset: piece.offset, len: piece.len };
        if let Err(error) = self.blobs.put(&place.url, &source).await {
            let error = crate::driver::chain(&error);
            tracing::warn!(run_ulid = %self.run, error, "a piece of the log could not be stored");
            return None;
        }
        Some(LogSegment {
            name: place.name,
            len: piece.len,
            sha256,
            state: piece.mark.state,
            state_version: piece.mark.state_version,
        })
    }
}
