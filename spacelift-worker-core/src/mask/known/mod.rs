//! Well-known secrets, masked unnamed: access keys, tokens, connection strings, private keys.
//!
//! Anchors are looked for by a matcher; what they begin is followed byte by byte until it is certain to be a secret or
//! certain to be none. Of two that began alike the earlier one counts, so that few are followed at a time.

mod candidate;
mod shapes;
#[cfg(test)]
mod tests;

use std::ops::Range;

use zeroize::Zeroizing;

use self::candidate::{Candidate, Verdict};
use self::shapes::{ANCHORS, Anchors, CLIENT, CLIENT_SECRET, Shape};
use super::matcher::Cursor;

/// How many of the newest bytes are kept: the longest anchor, and what may stand before one.
const KEPT: usize = 32;

/// Reads one stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    anchors: Cursor,
    followed: Vec<Candidate>,
    /// The newest bytes.
    newest: Zeroizing<Vec<u8>>,
}

impl Known {
    /// Reads the next part of a stream, and calls `found` with what is to be masked, counted from the part's first byte.
    pub(super) fn read(&mut self, text: &[u8], mut found: impl FnMut(Range<i64>)) {
        let mut met = Vec::new();
        self.anchors = ANCHORS.matcher.read(self.anchors, text, |end, length| met.push((end, length)));
        let mut at = 0;
        for (end, length) in met {
            at = self.follow(text, at, end, &mut found);
            self.begin(text, end, length);
        }
        self.follow(text, at, text.len(), &mut found);
        self.keep(text);
    }

    /// Goes on with what is followed, up to `end`.
    fn follow(
        &mut self,
        text: &[u8],
        mut at: usize,
        end: usize,
        found: &mut impl FnMut(Range<i64>),
    ) -> usize {
        while at < end && !self.followed.is_empty() {
            self.followed.retain_mut(|candidate| {
                let (verdict, length) = (candidate.next(text[at]), candidate.length() as i64);
                match verdict {
                    Verdict::Open => true,
                    Verdict::Secret => {
                        found(at as i64 + 1 - length..at as i64 + 1);
                        true
                    }
                    Verdict::SecretBefore => {
                        found(at as i64 - length..at as i64);
                        false
                    }
                    Verdict::Last => {
                        found(at as i64 + 1 - length..at as i64 + 1);
                        false
                    }
                    Verdict::None => false,
                }
            });
            at += 1;
        }
        end
    }

    /// An anchor ends here.
    fn begin(&mut self, text: &[u8], end: usize, length: usize) {
        let before = |back: usize| match end.checked_sub(back) {
            Some(at) => text.get(at).copied(),
            None => (self.newest.len() + end).checked_sub(back).map(|at| self.newest[at]),
        };
        let anchor: Vec<u8> = (1..=length).rev().filter_map(before).collect();
        let candidate = match Anchors::shape(&anchor) {
            Shape::Run(run) => {
                let outside = before(length + run.back + 1);
                if run.exactly && outside.is_some_and(|byte| byte.is_ascii_alphanumeric()) {
                    return;
                }
                let inside = (length + 1..=length + run.back).all(|back| before(back).is_some_and(run.body));
                if run.back > 0 && (!inside || outside.is_some_and(run.body)) {
                    return;
                }
                Candidate::run(run, length)
            }
            Shape::Token => Candidate::token(length),
            Shape::Block => Candidate::block(length),
        };
        if !self.followed.iter().any(|earlier| earlier.covers(&candidate)) {
            self.followed.push(candidate);
        }
    }

    fn keep(&mut self, text: &[u8]) {
        let more = &text[text.len().saturating_sub(KEPT)..];
        let surplus = (self.newest.len() + more.len()).saturating_sub(KEPT);
        self.newest.drain(..surplus);
        self.newest.extend_from_slice(more);
    }

    /// How many of the newest bytes may still become a secret.
    pub(super) fn open(&self) -> usize {
        let followed = self.followed.iter().map(Candidate::open).max().unwrap_or(0);
        followed.max(ANCHORS.matcher.open(self.anchors)).max(self.before_anchor())
    }

    /// Whether the newest byte is one of a secret that may go on.
    pub(super) fn goes_on(&self) -> bool {
        self.followed.iter().any(Candidate::is_certain)
    }

    /// How many of the newest bytes may be the beginning of an Azure client secret, which is known by what comes later.
    fn before_anchor(&self) -> usize {
        // Three characters, a digit, `Q`, `~`.
        let word = self.newest.iter().rev().take_while(|byte| CLIENT(**byte)).count();
        let newest = &self.newest[self.newest.len() - word..];
        let tail = newest.get(CLIENT_SECRET.back..).unwrap_or_default();
        let fits = match tail {
            [] => true,
            [digit, rest @ ..] => digit.is_ascii_digit() && b"Q~".starts_with(rest),
        };
        if fits { word } else { 0 }
    }

    /// How many of the newest bytes are the beginning of a secret that the end of the stream cut short, or all of one.
    pub(super) fn cut_short(&self) -> usize {
        self.followed.iter().map(Candidate::open).max().unwrap_or(0)
    }

    /// What was read by now and what comes are apart. What is certain to be a secret goes on.
    pub(super) fn part(&mut self) {
        self.anchors = Cursor::default();
        self.followed.retain(Candidate::is_certain);
        self.followed.iter_mut().for_each(Candidate::part);
        self.newest.clear();
    }
}
