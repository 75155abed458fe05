//! What is shown of a stream, and where it stands in it.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::held::Held;
use super::terminal::{Piece, Terminal};

/// The most bytes in a row that may be hidden inside of a value: what stands on both sides of more is apart.
/// Without a limit, an endless stream of NUL would be held in memory.
const MOST_HIDDEN: u64 = 1 << 10;

/// What is shown of a stream, which is all of it without terminal mode.
pub(super) struct View {
    terminal: Option<Terminal>,
    /// Where shown bytes go on behind hidden ones, in order, as far as it matters. Never empty.
    cuts: VecDeque<Cut>,
    /// How many bytes were shown.
    end: u64,
    /// How many bytes in a row are hidden now.
    hidden: u64,
    /// The shown bytes of the newest part, when some of it are not.
    shown: Zeroizing<Vec<u8>>,
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
    /// What was shown by now and what comes are apart.
    pub(super) apart: bool,
}

impl View {
    pub(super) fn new(terminal_mode: bool) -> Self {
        Self {
            terminal: terminal_mode.then(Terminal::default),
            cuts: VecDeque::from([Cut { shown: 0, at: 0, apart: true }]),
            end: 0,
            hidden: 0,
            shown: Zeroizing::default(),
        }
    }

    /// Takes a part of the stream, or the beginning of one, which stands at `at`.
    pub(super) fn take(&mut self, part: &[u8], at: u64) -> Taken {
        let Some(terminal) = &mut self.terminal else {
            self.end += part.len() as u64;
            return Taken { bytes: part.len(), all_shown: true, apart: false };
        };
        self.shown.clear();
        let mut taken = Taken { bytes: 0, all_shown: true, apart: false };
        while taken.bytes < part.len() && !taken.apart {
            let rest = &part[taken.bytes..];
            let Piece { shown, hidden } = terminal.next(rest);
            if shown > 0 {
                if self.hidden > 0 {
                    let apart = self.hidden >= MOST_HIDDEN;
                    self.cuts.push_back(Cut { shown: self.end, at: at + taken.bytes as u64, apart });
                    self.hidden = 0;
                }
                self.end += shown as u64;
            }
            if shown < part.len() {
                taken.all_shown = false;
                self.shown.extend_from_slice(&rest[..shown]);
            }
            if hidden > 0 {
                let before = self.hidden;
                self.hidden += hidden as u64;
                taken.apart = before < MOST_HIDDEN && self.hidden >= MOST_HIDDEN;
            }
            taken.bytes += shown + hidden;
        }
        taken
    }

    /// What is shown of the part that was taken last.
    pub(super) fn shown<'a>(&'a self, part: &'a [u8], taken: Taken) -> &'a [u8] {
        if taken.all_shown { &part[..taken.bytes] } else { &self.shown }
    }

    /// How many bytes were shown.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// How many of the newest bytes are shown.
    pub(super) fn unbroken(&self) -> u64 {
        match self.cuts.back() {
            Some(last) if self.hidden == 0 => self.end - last.shown,
            _ => 0,
        }
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
        while self.cuts.get(1).is_some_and(|second| second.at <= held.first()) {
            self.cuts.pop_front();
        }
    }

    /// The shown ones of the held bytes, in pieces: how many were shown before, whether what stands before is apart, and the bytes.
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
