//! What a terminal does not show: control sequences, carriage returns and NUL, which may stand inside of a value and do
//! not hide it. Only tells shown bytes from others.
//!
//! Sequences are those of ECMA-48, 5.3 to 5.6: `ESC [` up to its final byte, `ESC ]` and the other strings up to BEL or
//! `ESC \`, and the short ones. A line feed ends a string that nobody ended, so that rubbish does not hide what follows.

/// How far a stream of bytes is in a control sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Terminal {
    /// In none.
    #[default]
    Text,
    /// Behind `ESC` and what may stand between it and its final byte.
    Escape { intermediate: bool },
    /// Behind `ESC [`.
    Control,
    /// In a string: behind `ESC ]` and the like.
    String,
    /// Behind an `ESC` in a string.
    StringEscape,
}

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
const CAN: u8 = 0x18;
const SUB: u8 = 0x1a;

/// Where text stands, and where a run of hidden bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hidden {
    /// How many bytes.
    pub(super) length: usize,
    /// Whether a string is among them.
    pub(super) has_string: bool,
}

/// Bytes that are looked at one by one before a search for farther ones is worth its beginning.
const NEAR: usize = 32;

impl Terminal {
    /// How many bytes at the beginning are shown, when no sequence has begun.
    pub(super) fn shown(bytes: &[u8]) -> usize {
        let hides = |byte: &u8| matches!(byte, &ESC | b'\r' | 0);
        let near = bytes.len().min(NEAR);
        match bytes[..near].iter().position(hides) {
            Some(at) => at,
            None => near + memchr::memchr3(ESC, b'\r', 0, &bytes[near..]).unwrap_or(bytes.len() - near),
        }
    }

    /// The bytes at the beginning that are hidden.
    pub(super) fn hidden(&mut self, bytes: &[u8]) -> Hidden {
        let (mut length, mut has_string) = (0, matches!(self, Self::String | Self::StringEscape));
        loop {
            // Colours: nearly all there is.
            if let (Self::Text, [ESC, b'[', rest @ ..]) = (*self, &bytes[length..])
                && let Some(last) = rest.iter().position(|byte| !matches!(byte, 0x20..=0x3f))
                && matches!(rest[last], 0x40..=0x7e)
            {
                length += 2 + last + 1;
                continue;
            }
            match bytes.get(length) {
                Some(byte) if self.hides(*byte) => length += 1,
                _ => return Hidden { length, has_string },
            }
            has_string |= matches!(self, Self::String);
        }
    }

    /// Takes a byte; not if it is shown.
    fn hides(&mut self, byte: u8) -> bool {
        let next = match (*self, byte) {
            (Self::Text, b'\r' | 0) => Self::Text,
            (Self::String, ESC) => Self::StringEscape,
            (_, ESC) => Self::Escape { intermediate: false },
            (Self::Text, _) => return false,
            (Self::StringEscape, b'\\') => Self::Text,
            (Self::Escape { intermediate: false } | Self::StringEscape, b'[') => Self::Control,
            (Self::Escape { intermediate: false } | Self::StringEscape, b']' | b'P' | b'X' | b'^' | b'_') => {
                Self::String
            }
            (Self::Escape { .. } | Self::StringEscape, 0x20..=0x2f) => Self::Escape { intermediate: true },
            (Self::Escape { .. } | Self::StringEscape, 0x30..=0x7e) => Self::Text,
            (Self::Control, 0x20..=0x3f) => Self::Control,
            (Self::Control, 0x40..=0x7e) | (Self::String, BEL | CAN | SUB) => Self::Text,
            (Self::Escape { .. } | Self::StringEscape | Self::Control, _) | (Self::String, b'\n') => {
                *self = Self::Text;
                return matches!(byte, b'\r' | 0);
            }
            (Self::String, _) => Self::String,
        };
        *self = next;
        true
    }

    /// What a terminal shows of a text that is complete in itself.
    pub(super) fn shown_of(text: &[u8]) -> impl Iterator<Item = &[u8]> {
        let (mut terminal, mut rest) = (Self::default(), text);
        std::iter::from_fn(move || {
            rest = &rest[terminal.hidden(rest).length..];
            let (piece, later) = rest.split_at(Self::shown(rest));
            rest = later;
            (!piece.is_empty()).then_some(piece)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let bytes: Vec<u8> = Terminal::shown_of(text.as_bytes()).flatten().copied().collect();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn sequences_are_not_shown() {
        for (text, wanted) in [
            ("plain", "plain"),
            ("\x1b[31mred\x1b[0m", "red"),
            ("a\x1b[38;5;12m\x1b[1mb", "ab"),
            ("\x1b]0;title\x07a\x1b]8;;https://x\x1b\\b", "ab"),
            ("\x1bPq#0\x1b\\a\x1b_x\x1b\\b", "ab"),
            ("\x1b(B\x1b[ma\x1b7b\x1b=c", "abc"),
            ("50%\r100%\r\n", "50%100%\n"),
            ("h\0u\0n\0", "hun"),
            ("", ""),
        ] {
            assert_eq!(shown(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn what_breaks_a_sequence_off_is_shown() {
        for (text, wanted) in [
            ("\x1b[31\nmore", "\nmore"),
            ("\x1b]title that nobody ends\nmore", "\nmore"),
            ("\x1b]title\x18more", "more"),
            ("\x1b\x1b[1ma", "a"),
            ("\x1b[1\x1b[2ma", "a"),
            ("\x1b[1\r2", "2"),
            ("\x1b]a\x1b[1mb", "b"),
            ("\x1b\u{e9}", "\u{e9}"),
            ("\x1b[", ""),
        ] {
            assert_eq!(shown(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn cuts_change_nothing() {
        let text = b"a\x1b[31mb\r\n\x1b]0;t\x1b\\c\x1b]x\nd\x1b(Be\x00f\x1b[1";
        for cut in 0..=text.len() {
            let mut terminal = Terminal::default();
            let mut all = Vec::new();
            for mut part in [&text[..cut], &text[cut..]] {
                while !part.is_empty() {
                    part = &part[terminal.hidden(part).length..];
                    let shown = if part.is_empty() { 0 } else { Terminal::shown(part) };
                    all.extend_from_slice(&part[..shown]);
                    part = &part[shown..];
                }
            }
            assert_eq!(all, b"ab\nc\ndef", "{cut}");
        }
    }

    #[test]
    fn strings_are_told_from_other_sequences() {
        for (text, length, has_string) in [
            (&b"\x1b[1m\x1b[0mx"[..], 8, false),
            (b"\r\n", 1, false),
            (b"\x1b[1m\x1b]0;t\x07\x1b[0mx", 14, true),
            (b"\x1b]never ended", 13, true),
            (b"text", 0, false),
        ] {
            assert_eq!(Terminal::default().hidden(text), Hidden { length, has_string });
        }
    }
}
