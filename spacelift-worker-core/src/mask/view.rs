//! What is shown of a stream, and where it stands in it.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::held::Held;
use super::terminal::{Hidden, Terminal};

/// The most bytes in a row that may be hidden inside of a value: what stands on both sides of more is apart.
/// Without a limit, an endless stream of NUL would be held in memory.
const MOST_HIDDEN: u64 = 1 << 10;

/// The most shown bytes that are taken at a time where a stream is read twice.
const STRETCH: usize = 256;

/// What is shown of a stream, which is all of it without terminal mode.
pub(super) struct View {
    terminal: Option<Terminal>,
    /// Where shown bytes go on behind hidden ones, in order, as far as it matters. Never empty.
    cuts: VecDeque<Cut>,
    /// How many bytes were shown.
    end: u64,
    /// How many bytes in a row are hidden now.
    hidden: u64,
    /// The last byte that was shown.
    last: Option<u8>,
    /// The shown bytes of what was taken last, where they are wanted and some are hidden.
    shown: Option<Zeroizing<Vec<u8>>>,
}

/// From here on, shown bytes stand one behind the other in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    /// How many shown bytes stand before.
    shown: u64,
    /// How many bytes stand before in the stream.
    at: u64,
    /// Whether what stands before is apart.
    apart: bool,
}

/// What was taken of a part of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// So many bytes.
    pub(super) bytes: usize,
    /// All of them are shown.
    pub(super) all_shown: bool,
    /// What comes joins what was shown by now in a way that matters, or may.
    pub(super) joins: bool,
    /// What was shown by now and what comes are apart.
    pub(super) apart: bool,
    /// A string is among the hidden bytes.
    pub(super) has_string: bool,
}

impl View {
    /// `wanted` is whether [`shown`](Self::shown) will be asked for.
    pub(super) fn new(terminal_mode: bool, wanted: bool) -> Self {
        Self {
            terminal: terminal_mode.then(Terminal::default),
            cuts: VecDeque::from([Cut { shown: 0, at: 0, apart: true }]),
            end: 0,
            hidden: 0,
            last: None,
            shown: wanted.then(Zeroizing::default),
        }
    }

    /// Takes a part of the stream, or the beginning of one, which stands at `at`: up to hidden bytes that stand between two that
    /// `matter` when they are together, or may be such. No sequence has begun.
    pub(super) fn take_together(&mut self, part: &[u8], at: u64, matter: impl Fn(u8, u8) -> bool) -> Taken {
        let mut taken = Taken { bytes: 0, all_shown: true, joins: false, apart: false, has_string: false };
        if self.terminal.is_none() {
            self.end += part.len() as u64;
            return Taken { bytes: part.len(), ..taken };
        }
        self.begin();
        loop {
            let rest = &part[taken.bytes..];
            let shown = Terminal::shown(rest);
            self.show(&rest[..shown], at + taken.bytes as u64, part.len());
            taken.bytes += shown;
            if taken.bytes == part.len() {
                return taken;
            }
            let rest = &rest[shown..];
            let mut terminal = Terminal::default();
            let Hidden { length, has_string } = terminal.hidden(rest);
            let apart = length as u64 >= MOST_HIDDEN;
            let passes = match (self.last, rest.get(length)) {
                // Who wants what is shown wants to know of these.
                _ if self.shown.is_some() && (apart || has_string) => false,
                (Some(last), Some(next)) => apart || !matter(last, *next),
                (None, next) => next.is_some(),
                (Some(_), None) => false,
            };
            if !passes {
                return Taken { joins: true, ..taken };
            }
            self.hidden = length as u64;
            taken.all_shown = false;
            taken.bytes += length;
        }
    }

    /// Takes the beginning of a part: some shown bytes, or some hidden ones.
    pub(super) fn take(&mut self, part: &[u8], at: u64) -> Taken {
        let taken = Taken { bytes: 0, all_shown: true, joins: true, apart: false, has_string: false };
        self.begin();
        let Some(terminal) = &mut self.terminal else { return taken };
        let Hidden { length, has_string } = terminal.hidden(part);
        if length == 0 {
            let shown = Terminal::shown(&part[..part.len().min(STRETCH)]);
            self.show(&part[..shown], at, part.len());
            return Taken { bytes: shown, ..taken };
        }
        let before = self.hidden;
        self.hidden += length as u64;
        let apart = before < MOST_HIDDEN && self.hidden >= MOST_HIDDEN;
        Taken { bytes: length, all_shown: false, apart, has_string, ..taken }
    }

    fn begin(&mut self) {
        if let Some(shown) = &mut self.shown {
            shown.clear();
        }
    }

    fn show(&mut self, bytes: &[u8], at: u64, part: usize) {
        let Some(last) = bytes.last() else { return };
        if self.hidden > 0 {
            let apart = self.hidden >= MOST_HIDDEN;
            self.cuts.push_back(Cut { shown: self.end, at, apart });
            self.hidden = 0;
        }
        self.end += bytes.len() as u64;
        self.last = Some(*last);
        if let Some(shown) = self.shown.as_mut().filter(|_| bytes.len() < part) {
            shown.extend_from_slice(bytes);
        }
    }

    /// What is shown of what was taken last, which stands at the beginning of this part.
    pub(super) fn shown<'a>(&'a self, part: &'a [u8], taken: Taken) -> &'a [u8] {
        match &self.shown {
            Some(shown) if !taken.all_shown => shown,
            _ => &part[..taken.bytes],
        }
    }

    /// How many bytes were shown.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Whether all of the stream is shown.
    pub(super) fn is_whole(&self) -> bool {
        self.terminal.is_none()
    }

    /// How many of the newest bytes are shown.
    pub(super) fn unbroken(&self) -> u64 {
        match self.cuts.back() {
            Some(last) if self.hidden == 0 => self.end - last.shown,
            _ => 0,
        }
    }

    /// Whether the newest byte is hidden.
    pub(super) fn hides(&self) -> bool {
        self.hidden > 0
    }

    /// Whether so many of the newest bytes are hidden that what comes is apart from what was shown.
    pub(super) fn is_apart(&self) -> bool {
        self.hidden >= MOST_HIDDEN
    }

    /// Where a shown byte stands in the stream.
    pub(super) fn place(&self, shown: u64) -> u64 {
        let before = match self.cuts.back() {
            Some(last) if last.shown <= shown => Some(last),
            _ => self.cuts.get(self.cuts.partition_point(|cut| cut.shown <= shown).saturating_sub(1)),
        };
        before.map_or(shown, |cut| cut.at + shown.saturating_sub(cut.shown))
    }

    /// Forgets what is only needed for bytes that were let go.
    pub(super) fn forget(&mut self, held: &Held) {
        let needless = self.cuts.iter().skip(1).take_while(|cut| cut.at <= held.first()).count();
        self.cuts.drain(..needless);
    }

    /// The shown ones of the held bytes, in pieces: how many were shown before, whether what stands before is apart, and the
    /// bytes.
    pub(super) fn pieces<'a>(
        &'a self,
        held: &'a Held,
    ) -> impl Iterator<Item = (u64, bool, &'a [u8])> + Clone {
        self.cuts.iter().enumerate().filter_map(move |(index, cut)| {
            let end = self.cuts.get(index + 1).map_or(self.end, |next| next.shown);
            let from = cut.at.max(held.first());
            let to = (cut.at + (end - cut.shown)).max(from);
            let bytes = &held.bytes()[(from - held.first()) as usize..(to - held.first()) as usize];
            (!bytes.is_empty()).then_some((cut.shown + (from - cut.at), cut.apart, bytes))
        })
    }
}
