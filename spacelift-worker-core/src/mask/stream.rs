//! Masks one stream: bytes in, bytes out, with what may still become a secret held back.
//!
//! A stream is read twice where it matters that some of it is not shown: as it is, and as it is shown. Whether a byte is
//! masked is final as soon as nothing that is still open reaches back to it. Each run of masked bytes comes out as one
//! [`MASK`]. What came out is never read again.

use std::ops::Range;

use super::held::Held;
use super::known::Known;
use super::lane::{Lane, Matchers};
use super::regions::{Regions, append};
use super::secrets::Secrets;
use super::view::View;
use crate::output::Output;

/// What stands in the place of secrets.
pub const MASK: &str = "*****";

/// The shortest beginning of a secret that the end of the stream masks, in bytes.
const CUT_SHORT: usize = 8;

/// One stream without commands.
pub(super) struct Stream {
    secrets: Secrets,
    generation: u64,
    matchers: Matchers,
    view: View,
    /// The stream as it is.
    whole: Lane,
    /// What is shown of it, where values may stand in that which do not in the other.
    shown: Option<Lane>,
    /// What is shown of it, for well-known secrets; and the string that is hidden now.
    known: Option<Known>,
    string: Option<Known>,
    held: Held,
    /// Masked regions that are not let go.
    regions: Regions,
    /// Whether the last byte that was let go was masked: a region that goes on from it has had its mask.
    within: bool,
    /// Whether everything is masked from here on.
    closed: bool,
}

impl Stream {
    pub(super) fn new(secrets: Secrets) -> Self {
        // In this order: matchers newer than their generation are merely taken again.
        let generation = secrets.generation();
        let matchers = secrets.matchers();
        let settings = secrets.settings();
        Self {
            view: View::new(settings.terminal, settings.well_known),
            whole: Lane::new(&matchers),
            shown: None,
            known: settings.well_known.then(Known::default),
            string: None,
            secrets,
            generation,
            matchers,
            held: Held::default(),
            regions: Regions::default(),
            within: false,
            closed: false,
        }
    }

    /// Takes the next bytes and appends to `out` whatever is certain by now.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut dyn Output) {
        self.refresh();
        let mut rest = bytes;
        while !rest.is_empty() && !self.closed {
            let (part, later) = rest.split_at(self.read(rest));
            let certain = self.certain(part.len());
            self.release(certain, part, out);
            self.held.advance(certain, part);
            self.view.forget(&self.held);
            rest = later;
        }
    }

    /// Ends the stream: appends what is held, with the beginning of a secret masked if it has 8 bytes or more.
    pub(super) fn finish(mut self, out: &mut dyn Output) {
        self.refresh();
        let end = self.held.end();
        let shown = self.shown.as_ref().map_or(0, |lane| lane.open(&self.matchers));
        let shown = shown.max(self.known.as_ref().map_or(0, Known::cut_short));
        let whole = self.whole.open(&self.matchers).max(self.string.as_ref().map_or(0, Known::cut_short));
        let mut regions = Vec::new();
        if shown >= CUT_SHORT {
            let last = self.view.end() - 1;
            regions.push(self.view.place(last + 1 - shown as u64)..self.view.place(last) + 1);
        }
        if whole >= CUT_SHORT {
            regions.push(end - whole as u64..end);
        }
        self.regions.add(regions);
        self.release(end, &[], out);
    }

    /// Masks what is held and everything that comes.
    pub(super) fn close(&mut self, out: &mut dyn Output) {
        if !self.closed && !self.within {
            out.push_all(MASK.as_bytes());
        }
        self.secrets.count_masked(self.held() as u64);
        self.regions.clear();
        self.held.advance(self.held.end(), &[]);
        (self.within, self.closed) = (true, true);
    }

    /// How many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.held.bytes().len()
    }

    /// Goes on with the newest secrets. They are looked for in the held bytes, too.
    pub(super) fn refresh(&mut self) {
        let generation = self.secrets.generation();
        if generation == self.generation {
            return;
        }
        self.generation = generation;
        let new = self.secrets.matchers();
        let mut regions = Vec::new();
        if !self.view.is_whole() {
            let mut shown = self.shown.take().unwrap_or_else(|| self.fork(&[]));
            shown.renew(&self.matchers, &new, self.view.pieces(&self.held), |found| {
                append(&mut regions, self.view.place(found.start)..self.view.place(found.end - 1) + 1);
            });
            self.shown = Some(shown);
        }
        let held = std::iter::once((self.held.first(), true, self.held.bytes()));
        self.whole.renew(&self.matchers, &new, held, |found| append(&mut regions, found));
        self.regions.add(regions);
        self.matchers = new;
    }

    /// Reads the beginning of the next bytes; how many.
    fn read(&mut self, bytes: &[u8]) -> usize {
        let (at, shown_before) = (self.held.end(), self.view.end());
        let matchers = &self.matchers;
        let taken = match &self.shown {
            None => self.view.take_together(bytes, at, |one, next| {
                matchers.iter().any(|matcher| matcher.has_together(one, next))
            }),
            Some(_) => self.view.take(bytes, at),
        };
        let part = &bytes[..taken.bytes];
        let (view, first) = (&self.view, self.held.first());
        // What began before the held bytes is masked as far as it was let go.
        let in_whole = |found: Range<i64>| {
            at.saturating_add_signed(found.start).max(first)..at.saturating_add_signed(found.end)
        };
        let in_shown = |found: Range<i64>| {
            let start = view.place(shown_before.saturating_add_signed(found.start)).max(first);
            start..view.place(shown_before.saturating_add_signed(found.end - 1)) + 1
        };
        let mut regions = Vec::new();
        self.whole.read(matchers, part, |found| append(&mut regions, in_whole(found)));
        if let Some(shown) = &mut self.shown {
            if taken.all_shown {
                shown.read(matchers, part, |found| append(&mut regions, in_shown(found)));
            }
            if taken.apart {
                shown.part();
            }
            // Not while bytes are hidden: the view may be in the middle of a sequence, and goes on with it.
            let together = !view.hides() && shown.depth(matchers) as u64 <= view.unbroken();
            if together && *shown == self.whole {
                self.shown = None;
            }
        } else if taken.joins {
            self.shown = Some(self.fork(part));
        }
        if let Some(known) = &mut self.known {
            known.read(view.shown(bytes, taken), |found| append(&mut regions, in_shown(found)));
            if taken.apart {
                known.part();
            }
            if taken.has_string {
                let string = self.string.get_or_insert_default();
                string.read(part, |found| append(&mut regions, in_whole(found)));
            } else if view.unbroken() > 0 {
                self.string = None;
            }
        }
        self.regions.add(regions);
        taken.bytes
    }

    /// What was read of what is shown, where that is not kept apart: the newest bytes up to the last hidden one, when `next`
    /// follows the held ones.
    fn fork(&self, next: &[u8]) -> Lane {
        let unbroken = self.view.unbroken();
        if self.whole.depth(&self.matchers) as u64 <= unbroken {
            return self.whole.clone();
        }
        // What is open of it is open in the whole, and so it is held.
        let open = self.whole.open(&self.matchers);
        let newest = self.held.newest(open.min(usize::try_from(unbroken).unwrap_or(open)), next);
        let mut lane = Lane::new(&self.matchers);
        lane.read(&self.matchers, &newest, |_| {});
        lane
    }

    /// Where nothing that is still open reaches back to, when so many bytes follow the held ones.
    fn certain(&self, next: usize) -> u64 {
        let end = self.held.end() + next as u64;
        let whole = self.whole.open(&self.matchers).max(self.string.as_ref().map_or(0, Known::open));
        let shown = self.shown.as_ref().map_or(0, |lane| lane.open(&self.matchers));
        let shown = match shown.max(self.known.as_ref().map_or(0, Known::open)) as u64 {
            // Hidden bytes are a part of a secret that goes on behind them.
            0 if self.known.as_ref().is_some_and(Known::goes_on) && !self.view.is_apart() => {
                self.view.place(self.view.end() - 1) + 1
            }
            0 => end,
            open => self.view.place(self.view.end() - open),
        };
        shown.min(end - whole as u64)
    }

    /// Lets go of everything before `until`, of which the held bytes and then `bytes` are the text.
    fn release(&mut self, until: u64, bytes: &[u8], out: &mut dyn Output) {
        let mut at = self.held.first();
        while at < until {
            // Regions never begin before what was let go: a secret that did would have been open.
            let Some(region) = self.regions.first().filter(|region| region.start < until) else { break };
            if region.start > at {
                self.held.copy(at..region.start, bytes, out);
                self.within = false;
            }
            if !self.within {
                out.push_all(MASK.as_bytes());
                self.within = true;
            }
            let end = region.end.min(until);
            self.secrets.count_masked(end - at);
            at = end;
            if region.end > until {
                break;
            }
            self.regions.pop_first();
        }
        if at < until {
            self.held.copy(at..until, bytes, out);
            self.within = false;
        }
    }
}
