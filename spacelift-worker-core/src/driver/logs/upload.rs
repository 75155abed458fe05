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
use crate::protocol::message::{LogManifest, LogSegment, MAX_MESSAGE_LEN, Upload};

/// A segment of the first ones at most.
const SEGMENT_LEN: u64 = 1 << 20;
/// How long a byte waits for others at most, while there are few segments.
const SEGMENT_AGE: Duration = Duration::from_secs(5);
/// After so many segments both are doubled, and so on: each manifest names all of them, and is one message.
const DOUBLED_AFTER: usize = 96;
/// A manifest of so many bytes has room in a message for one segment more, which is the end of the log.
const FULL: usize = MAX_MESSAGE_LEN - 8 * 1024;
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

/// How large segments become, and how long they wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pace {
    /// The most bytes of the next segment; `None`: it is the last one, and has all that is left.
    len: Option<u64>,
    age: Duration,
}

impl Pace {
    /// Behind these segments.
    fn of(manifest: &LogManifest) -> Self {
        let times = 1 << (manifest.segments.len() / DOUBLED_AFTER).min(10);
        let full = serde_json::to_vec(manifest).is_ok_and(|bytes| bytes.len() >= FULL);
        Self { len: (!full).then_some(SEGMENT_LEN * u64::from(times)), age: SEGMENT_AGE * times }
    }

    fn is_due(self, pending: u64, waited: Duration) -> bool {
        self.len.is_some_and(|len| pending >= len || (pending > 0 && waited >= self.age))
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
        let mut pace = Pace::of(&manifest);
        loop {
            let status = self.spool.status();
            let pending = status.len - offset;
            if pending == 0 && status.finished {
                manifest.complete = true;
                return manifest;
            }
            let waited = oldest.get_or_insert_with(Instant::now).elapsed();
            let due = status.finished || pace.is_due(pending, waited);
            let places = self.places.len();
            if due && (places > RESERVE || (status.finished && places > 0)) {
                // The last place takes all that is left.
                let max_len = (places > 1).then_some(pace.len).flatten();
                let piece = self.spool.piece(offset, max_len);
                offset += piece.len;
                oldest = None;
                if let Some(segment) = self.store(piece).await {
                    manifest.segments.push(segment);
                    pace = Pace::of(&manifest);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::message::RunState;

    fn manifest() -> LogManifest {
        let lease = "1.1".parse().unwrap();
        LogManifest { run: RunId::from_parts(1, 2), lease, segments: Vec::new(), complete: false }
    }

    fn segment(len: u64) -> LogSegment {
        LogSegment {
            name: "logs/01HQZX3V6MS8ZJH3YDFG5N4R7K/18446744073709551615/18446744073709551615".to_owned(),
            len,
            sha256: "0".repeat(64),
            state: RunState::Initializing,
            state_version: u64::MAX,
        }
    }

    #[test]
    fn the_list_of_segments_fits_one_message_however_long_a_run_prints() {
        let (mut manifest, mut seconds) = (manifest(), 0);
        while let Some(len) = Pace::of(&manifest).len {
            seconds += Pace::of(&manifest).age.as_secs();
            manifest.segments.push(segment(len));
        }
        // The end, once there is one.
        manifest.segments.push(segment(1 << 30));
        manifest.complete = true;
        assert!(serde_json::to_vec(&manifest).unwrap().len() < MAX_MESSAGE_LEN - 4096);
        assert!(seconds > 2 * 3600, "{seconds} s until nothing more is shown before the end");
    }

    #[test]
    fn a_young_log_is_shown_every_five_seconds_or_every_mebibyte() {
        let pace = Pace::of(&manifest());
        assert_eq!(pace, Pace { len: Some(SEGMENT_LEN), age: SEGMENT_AGE });
        assert!(pace.is_due(SEGMENT_LEN, Duration::ZERO) && pace.is_due(1, SEGMENT_AGE));
        assert!(!pace.is_due(SEGMENT_LEN - 1, Duration::ZERO) && !pace.is_due(0, SEGMENT_AGE));
    }

    #[test]
    fn a_log_of_many_segments_makes_fewer_and_larger_ones() {
        let mut manifest = manifest();
        manifest.segments = vec![segment(1); 2 * DOUBLED_AFTER];
        assert_eq!(Pace::of(&manifest), Pace { len: Some(4 * SEGMENT_LEN), age: 4 * SEGMENT_AGE });
    }
}
