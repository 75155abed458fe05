//! A view of a stream, read for all values.

use std::ops::Range;
use std::sync::Arc;

use super::matcher::{Cursor, Matcher};

/// The matchers of all values.
pub(super) type Matchers = Arc<[Arc<Matcher>]>;

/// How far a view of a stream was read, by matcher.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Lane(Vec<Cursor>);

impl Lane {
    pub(super) fn new(matchers: &Matchers) -> Self {
        Self(vec![Cursor::default(); matchers.len()])
    }

    /// Reads the next part. Calls `found` with what is to be masked, counted from the part's first byte, for one matcher
    /// after the other.
    pub(super) fn read(&mut self, matchers: &Matchers, part: &[u8], mut found: impl FnMut(Range<i64>)) {
        for (matcher, cursor) in matchers.iter().zip(&mut self.0) {
            *cursor = matcher.read(*cursor, part, |end, length| {
                found(end as i64 - length as i64..end as i64);
            });
        }
    }

    /// How many of the newest bytes may still become a value.
    pub(super) fn open(&self, matchers: &Matchers) -> usize {
        matchers.iter().zip(&self.0).map(|(matcher, cursor)| matcher.open(*cursor)).max().unwrap_or(0)
    }

    /// How many of the newest bytes decide over what will be found.
    pub(super) fn depth(&self, matchers: &Matchers) -> usize {
        matchers.iter().zip(&self.0).map(|(matcher, cursor)| matcher.depth(*cursor)).max().unwrap_or(0)
    }

    /// What was read by now and what comes are apart.
    pub(super) fn part(&mut self) {
        self.0.fill(Cursor::default());
    }

    /// Goes on with other matchers. Those that are new read what is held, in `pieces`: where each stands, whether what
    /// stands before it is apart, and its bytes. Calls `found` with what is to be masked, counted as the pieces are.
    pub(super) fn renew<'a>(
        &mut self,
        old: &Matchers,
        new: &Matchers,
        pieces: impl Iterator<Item = (u64, bool, &'a [u8])> + Clone,
        mut found: impl FnMut(Range<u64>),
    ) {
        let cursors = new.iter().map(|matcher| {
            let known = old.iter().position(|known| Arc::ptr_eq(known, matcher));
            if let Some(known) = known.and_then(|index| self.0.get(index)) {
                return *known;
            }
            let mut cursor = Cursor::default();
            for (first, apart, piece) in pieces.clone() {
                if apart {
                    cursor = Cursor::default();
                }
                cursor = matcher.read(cursor, piece, |end, length| {
                    let end = first + end as u64;
                    found(end - length as u64..end);
                });
            }
            cursor
        });
        self.0 = cursors.collect();
    }
}
