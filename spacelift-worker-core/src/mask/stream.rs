//! Masks one stream: bytes in, bytes out, with what may still become a secret held back.
//!
//! A stream is read twice where parts of it are not shown: as it is, and as it is shown. Whether a byte is masked is final
//! as soon as nothing that is still open reaches back to it. Each run of masked bytes comes out as one [`MASK`]. What came
//! out is never read again.

use super::held::Held;
use super::lane::{Lane, Matchers};
use super::regions::{Regions, append};
use super::secrets::Secrets;
use super::view::View;

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
    /// What is shown of the stream, as far as it was read.
    shown: Lane,
    /// The stream as it is, where that differs.
    whole: Option<Lane>,
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
            shown: Lane::new(&matchers, settings.well_known),
            view: View::new(settings.terminal),
            secrets,
            generation,
            matchers,
            whole: None,
            held: Held::default(),
            regions: Regions::default(),
            within: false,
            closed: false,
        }
    }

    /// Takes the next bytes and appends to `out` whatever is certain by now.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
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
    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        self.refresh();
        let end = self.held.end();
        let mut regions = Vec::new();
        let shown = self.shown.cut_short(&self.matchers);
        if shown >= CUT_SHORT {
            let last = self.view.end() - 1;
            regions.push(self.view.place(last + 1 - shown as u64)..self.view.place(last) + 1);
        }
        let whole = self.whole.as_ref().map_or(0, |lane| lane.cut_short(&self.matchers));
        if whole >= CUT_SHORT {
            regions.push(end - whole as u64..end);
        }
        self.regions.add(regions);
        self.release(end, &[], out);
    }

    /// Masks what is held and everything that comes.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) {
        if !self.closed && !self.within {
            out.extend_from_slice(MASK.as_bytes());
        }
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
        let (view, held, mut regions) = (&self.view, &self.held, Vec::new());
        self.shown.renew(&self.matchers, &new, view.pieces(held), |found| {
            append(&mut regions, view.place(found.start)..view.place(found.end - 1) + 1);
        });
        if let Some(whole) = &mut self.whole {
            let all = std::iter::once((held.first(), true, held.bytes()));
            whole.renew(&self.matchers, &new, all, |found| append(&mut regions, found));
        }
        self.regions.add(regions);
        self.matchers = new;
    }

    /// Reads the beginning of the next bytes; how many.
    fn read(&mut self, bytes: &[u8]) -> usize {
        let (at, shown_before) = (self.held.end(), self.view.end());
        let taken = self.view.take(bytes, at);
        if !taken.all_shown && self.whole.is_none() {
            // Up to here both were the same.
            self.whole = Some(self.shown.clone());
        }
        let (view, first) = (&self.view, self.held.first());
        let mut regions = Vec::new();
        self.shown.read(&self.matchers, view.shown(bytes, taken), |found| {
            // What began before the held bytes is masked as far as it was let go.
            let start = view.place(shown_before.saturating_add_signed(found.start)).max(first);
            let end = view.place(shown_before.saturating_add_signed(found.end - 1)) + 1;
            append(&mut regions, start..end.max(start));
        });
        if let Some(whole) = &mut self.whole {
            whole.read(&self.matchers, &bytes[..taken.bytes], |found| {
                let start = at.saturating_add_signed(found.start).max(first);
                append(&mut regions, start..at.saturating_add_signed(found.end).max(start));
            });
            if whole.agrees(&self.shown, &self.matchers, view.unbroken()) {
                self.whole = None;
            }
        }
        self.regions.add(regions);
        if taken.apart {
            self.shown.part();
        }
        taken.bytes
    }

    /// Where nothing that is still open reaches back to, when so many bytes follow the held ones.
    fn certain(&self, next: usize) -> u64 {
        let end = self.held.end() + next as u64;
        let shown = match self.shown.open(&self.matchers) as u64 {
            // Hidden bytes are a part of a secret that goes on behind them.
            0 if self.shown.goes_on() && !self.view.is_apart() => self.view.place(self.view.end() - 1) + 1,
            0 => end,
            open => self.view.place(self.view.end() - open),
        };
        let whole = self.whole.as_ref().map_or(0, |lane| lane.open(&self.matchers) as u64);
        shown.min(end - whole)
    }

    /// Lets go of everything before `until`, of which the held bytes and then `bytes` are the text.
    fn release(&mut self, until: u64, bytes: &[u8], out: &mut Vec<u8>) {
        let mut at = self.held.first();
        while at < until {
            // Regions never begin before what was let go: a secret that did would have been open.
            let Some(region) = self.regions.first().filter(|region| region.start < until) else { break };
            if region.start > at {
                self.held.copy(at..region.start, bytes, out);
                self.within = false;
            }
            if !self.within {
                out.extend_from_slice(MASK.as_bytes());
                self.within = true;
            }
            at = region.end.min(until);
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
