//! A view of a stream, read for all secrets.

use std::ops::Range;
use std::sync::Arc;

use super::known::Known;
use super::matcher::{Cursor, Matcher};

/// The matchers of all values.
pub(super) type Matchers = Arc<[Arc<Matcher>]>;

/// How far a view of a stream was read. Positions are counted from the beginning of the part that is read.
#[derive(Clone)]
pub(super) struct Lane {
    /// By matcher.
    cursors: Vec<Cursor>,
    known: Option<Known>,
}

impl Lane {
    pub(super) fn new(matchers: &Matchers, well_known: bool) -> Self {
        Self { cursors: vec![Cursor::default(); matchers.len()], known: well_known.then(Known::default) }
    }

    /// Reads the next part. Calls `found` with what is to be masked, for one matcher after the other.
    pub(super) fn read(&mut self, matchers: &Matchers, part: &[u8], mut found: impl FnMut(Range<i64>)) {
        for (matcher, cursor) in matchers.iter().zip(&mut self.cursors) {
            *cursor = matcher.read(*cursor, part, |end, length| {
                found(end as i64 - length as i64..end as i64);
            });
        }
        if let Some(known) = &mut self.known {
            known.read(part, found);
        }
    }

    /// How many of the newest bytes may still become a secret.
    pub(super) fn open(&self, matchers: &Matchers) -> usize {
        let known = self.known.as_ref().map_or(0, Known::open);
        self.open_values(matchers).max(known)
    }

    /// How many of the newest bytes are the beginning of a secret, and not just of what stands before one.
    pub(super) fn cut_short(&self, matchers: &Matchers) -> usize {
        let known = self.known.as_ref().map_or(0, Known::cut_short);
        self.open_values(matchers).max(known)
    }

    /// Whether the newest byte is one of a secret that may go on.
    pub(super) fn goes_on(&self) -> bool {
        self.known.as_ref().is_some_and(Known::goes_on)
    }

    fn open_values(&self, matchers: &Matchers) -> usize {
        let open = matchers.iter().zip(&self.cursors).map(|(matcher, cursor)| matcher.open(*cursor));
        open.max().unwrap_or(0)
    }

    /// What was read by now and what comes are apart.
    pub(super) fn part(&mut self) {
        self.cursors.fill(Cursor::default());
        if let Some(known) = &mut self.known {
            known.part();
        }
    }

    /// Whether both will find the same in what comes, when so many of their newest bytes are the same.
    pub(super) fn agrees(&self, other: &Self, matchers: &Matchers, same: u64) -> bool {
        let depth = |(matcher, cursor): (&Arc<Matcher>, &Cursor)| matcher.depth(*cursor) as u64;
        let known = match (&self.known, &other.known) {
            (Some(known), Some(other)) => known.agrees(other, same),
            _ => true,
        };
        known
            && self.cursors == other.cursors
            && matchers.iter().zip(&self.cursors).map(depth).all(|depth| depth <= same)
    }

    /// Goes on with other matchers. Those that are new read what is held, in `pieces`: where each stands, whether what stands before it
    /// is apart, and its bytes. Calls `found` with what is to be masked, counted as the pieces are.
    pub(super) fn renew<'a>(
        &mut self,
        old: &Matchers,
        new: &Matchers,
        pieces: impl Iterator<Item = (u64, bool, &'a [u8])> + Clone,
        mut found: impl FnMut(Range<u64>),
    ) {
        let cursors = new.iter().map(|matcher| {
            let known = old.iter().position(|known| Arc::ptr_eq(known, matcher));
            if let Some(known) = known.and_then(|index| self.cursors.get(index)) {
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
        self.cursors = cursors.collect();
    }
}
