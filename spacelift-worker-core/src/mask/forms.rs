//! The spellings in which a secret value shows up in logs. Only spells; whether a spelling is searched for is up to
//! the set.

use std::ops::Deref;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::secrets::SHORTEST;

/// The shortest line of a value of several lines that is a secret of its own, in bytes.
const SHORTEST_LINE: usize = 6;

/// Which spellings of a value are masked, beside the value itself and the value without blanks around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forms {
    /// Of a value of several lines: each line of 6 bytes or more, and the lines joined by LF, CRLF and a written `\n`.
    pub lines: bool,
    /// Base64 (RFC 4648, sections 4 and 5) of anything that holds the value: its characters that no neighbour determines,
    /// in the three alignments.
    pub base64: bool,
    /// Percent-encoding (RFC 3986, 2.1) with hex digits of either case, by what various encoders leave as it is.
    pub percent: bool,
    /// The inside of a JSON string (RFC 8259, 7), as Go, Python and PHP write it.
    pub json: bool,
    /// Two hex digits a byte, of either case.
    pub hex: bool,
    /// The inside of a single-quoted shell word.
    pub shell: bool,
}

impl Default for Forms {
    /// All of them.
    fn default() -> Self {
        Self { lines: true, base64: true, percent: true, json: true, hex: true, shell: true }
    }
}

/// One spelling of a secret: as secret as the value, and wiped when dropped.
#[cfg_attr(test, derive(Debug))]
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Zeroize, ZeroizeOnDrop)]
pub(super) struct Spelling(Vec<u8>);

impl From<Vec<u8>> for Spelling {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Deref for Spelling {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Forms {
    /// The value alone, and without the blanks around it.
    pub fn none() -> Self {
        Self { lines: false, base64: false, percent: false, json: false, hex: false, shell: false }
    }

    /// Every spelling of `value`; some may be equal or short.
    pub(super) fn of(self, value: &[u8]) -> Vec<Spelling> {
        let mut texts: Vec<Spelling> = vec![value.to_vec().into(), value.trim_ascii().to_vec().into()];
        if self.lines {
            texts.extend(lines(value.trim_ascii()));
        }
        texts.sort();
        texts.dedup();
        let mut all = Vec::new();
        for text in texts {
            // Of "    " or "}" no spelling is worth anything.
            if text.trim_ascii().len() >= SHORTEST {
                self.spell(&text, &mut all);
            }
            all.push(text);
        }
        all
    }

    fn spell(self, text: &[u8], all: &mut Vec<Spelling>) {
        if self.base64 {
            all.extend(base64(text));
        }
        if self.percent {
            all.extend(percent(text));
        }
        if self.json {
            all.extend(JSON_STYLES.iter().map(|style| json(text, *style)));
        }
        if self.hex {
            all.push(by_byte(text, |byte, out| out.extend(hex(byte, LOWER))));
            all.push(by_byte(text, |byte, out| out.extend(hex(byte, UPPER))));
        }
        if self.shell && text.contains(&b'\'') {
            // `'\''` as people and sh quote, `'"'"'` as Python's shlex does.
            for quote in [r"'\''", r#"'"'"'"#] {
                all.push(by_byte(text, |byte, out| match byte {
                    b'\'' => out.extend_from_slice(quote.as_bytes()),
                    _ => out.push(byte),
                }));
            }
        }
    }
}

/// Spells byte by byte.
fn by_byte(text: &[u8], spell: impl Fn(u8, &mut Vec<u8>)) -> Spelling {
    // Room for the longest spelling of a byte, so that no copy is left behind by growing.
    let mut out = Vec::with_capacity(text.len() * 6);
    for byte in text {
        spell(*byte, &mut out);
    }
    Spelling(out)
}

/// Nothing for a value of one line.
fn lines(value: &[u8]) -> Vec<Spelling> {
    let lines: Vec<&[u8]> =
        value.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    if lines.len() < 2 {
        return Vec::new();
    }
    let joined = ["\n", "\r\n", r"\n"].map(|end| lines.join(end.as_bytes()).into());
    // A line may be indented anew, or have lost blanks at its end.
    let single = lines.iter().flat_map(|line| [*line, line.trim_ascii()]);
    let single = single.filter(|line| line.trim_ascii().len() >= SHORTEST_LINE);
    joined.into_iter().chain(single.map(|line| line.to_vec().into())).collect()
}

/// The characters that the value alone determines, with 0, 1 or 2 bytes before it in its group of three.
fn base64(text: &[u8]) -> Vec<Spelling> {
    let mut all = Vec::new();
    for before in 0..3 {
        let mut padded = Zeroizing::new(vec![0; before]);
        padded.extend_from_slice(text);
        // A character stands for 6 bits: the first that begins behind the foreign bits, the last that ends before the end.
        let determined = (before * 8).div_ceil(6)..padded.len() * 8 / 6;
        for engine in [&STANDARD, &URL_SAFE] {
            let encoded = Zeroizing::new(engine.encode(&*padded));
            all.push(encoded.as_bytes()[determined.clone()].to_vec().into());
        }
    }
    all
}

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

fn hex(byte: u8, digits: &[u8; 16]) -> [u8; 2] {
    [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]
}

/// What encoders leave as it is, beside letters, digits and `-._~`, and how they write a blank.
const PERCENT_STYLES: [(&[u8], &[u8]); 6] = [
    (b"", b"%20"),                 // RFC 3986, 2.3
    (b"", b"+"),                   // form encoding: Go's QueryEscape, Python's quote_plus
    (b"/", b"%20"),                // Python's quote
    (b"!'()*", b"%20"),            // JavaScript's encodeURIComponent
    (b"$&+:=@", b"%20"),           // Go's PathEscape
    (b"!#$&'()*+,/:;=?@", b"%20"), // JavaScript's encodeURI
];

fn percent(text: &[u8]) -> Vec<Spelling> {
    let mut all = Vec::new();
    for digits in [UPPER, LOWER] {
        for (left, blank) in PERCENT_STYLES {
            all.push(by_byte(text, |byte, out| match byte {
                b' ' => out.extend_from_slice(blank),
                b'-' | b'.' | b'_' | b'~' => out.push(byte),
                _ if byte.is_ascii_alphanumeric() || left.contains(&byte) => out.push(byte),
                _ => {
                    out.push(b'%');
                    out.extend(hex(byte, digits));
                }
            }));
        }
    }
    all
}

/// How a JSON writer escapes what it need not.
#[derive(Clone, Copy)]
struct JsonStyle {
    /// `<`, `>`, `&` and the two line separators of Unicode: Go's `encoding/json`, and so `jsonencode`.
    html: bool,
    /// Everything outside ASCII: Python's `json`.
    ascii: bool,
    /// `/`: PHP's `json_encode`.
    slash: bool,
    /// Backspace and form feed as `\b` and `\f`, and not by their numbers (Go before 1.22).
    short: bool,
}

const JSON_STYLES: [JsonStyle; 5] = [
    JsonStyle { html: false, ascii: false, slash: false, short: true },
    JsonStyle { html: true, ascii: false, slash: false, short: true },
    JsonStyle { html: true, ascii: false, slash: false, short: false },
    JsonStyle { html: false, ascii: true, slash: false, short: true },
    JsonStyle { html: false, ascii: true, slash: true, short: true },
];

fn json(text: &[u8], style: JsonStyle) -> Spelling {
    let mut out = Vec::with_capacity(text.len() * 6);
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            json_character(character, style, &mut out);
        }
        // No JSON writer keeps these; kept here, the rest of the value is still found.
        out.extend_from_slice(chunk.invalid());
    }
    Spelling(out)
}

fn json_character(character: char, style: JsonStyle, out: &mut Vec<u8>) {
    let short = match character {
        '"' => Some(b'"'),
        '\\' => Some(b'\\'),
        '\n' => Some(b'n'),
        '\r' => Some(b'r'),
        '\t' => Some(b't'),
        '\u{8}' if style.short => Some(b'b'),
        '\u{c}' if style.short => Some(b'f'),
        '/' if style.slash => Some(b'/'),
        _ => None,
    };
    let by_number = match character {
        '\0'..='\u{1f}' => true,
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => style.html || style.ascii && !character.is_ascii(),
        _ => style.ascii && !character.is_ascii(),
    };
    let mut units = [0; 2];
    match short {
        Some(letter) => out.extend([b'\\', letter]),
        None if by_number => {
            for unit in character.encode_utf16(&mut units) {
                let [high, low] = unit.to_be_bytes();
                out.extend(b"\\u");
                out.extend(hex(high, LOWER));
                out.extend(hex(low, LOWER));
            }
        }
        None => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spellings(value: &str) -> Vec<String> {
        Forms::default()
            .of(value.as_bytes())
            .iter()
            .map(|s| String::from_utf8_lossy(s).into_owned())
            .collect()
    }

    #[test]
    fn a_value_is_spelled_in_every_form() {
        let all = spellings(" pa<ss> 'wörd'/\n");
        for wanted in [
            " pa<ss> 'wörd'/\n",
            "pa<ss> 'wörd'/",
            "pa%3Css%3E%20%27w%C3%B6rd%27%2F",
            "pa%3css%3e%20%27w%c3%b6rd%27%2f",
            "pa%3Css%3E+%27w%C3%B6rd%27%2F",
            "pa%3Css%3E%20%27w%C3%B6rd%27/",
            "pa%3Css%3E%20'w%C3%B6rd'%2F",
            r"pa\u003css\u003e 'wörd'/",
            r"pa<ss> 'w\u00f6rd'/",
            r"pa<ss> 'w\u00f6rd'\/",
            r"pa<ss> '\''wörd'\''/",
            r#"pa<ss> '"'"'wörd'"'"'/"#,
            "70613c73733e202777c3b67264272f",
            "70613C73733E202777C3B67264272F",
            "cGE8c3M+ICd3w7ZyZCcv",
            "cGE8c3M-ICd3w7ZyZCcv",
        ] {
            assert!(all.iter().any(|form| form == wanted), "{wanted} in {all:#?}");
        }
    }

    #[test]
    fn base64_of_anything_that_holds_the_value_holds_one_of_its_base64_forms() {
        let secret = b"hunter2!";
        let forms = base64(secret);
        for before in 0..6 {
            for after in 0..6 {
                let text = [&[0xff; 8][..before], secret, &[0xff; 8][..after]].concat();
                for engine in [&STANDARD, &URL_SAFE] {
                    let encoded = engine.encode(&text);
                    let found =
                        |form: &Spelling| encoded.as_bytes().windows(form.len()).any(|w| w == &**form);
                    assert!(forms.iter().any(found), "{before} {after} {encoded}");
                }
            }
        }
    }

    #[test]
    fn lines_are_secrets_of_their_own_and_joined_anew() {
        let all = spellings("first line\r\n  second\nabc\n");
        for wanted in [
            "first line",
            "  second",
            "second",
            "first line\n  second\nabc",
            "first line\r\n  second\r\nabc",
            r"first line\n  second\nabc",
        ] {
            assert!(all.iter().any(|form| form == wanted), "{wanted} in {all:#?}");
        }
        assert!(!all.iter().any(|form| form == "abc"));
    }

    #[test]
    fn forms_can_be_switched_off() {
        assert_eq!(
            Forms::none().of(b" a'b/c\nd "),
            [b" a'b/c\nd ".to_vec(), b"a'b/c\nd".to_vec()].map(Spelling)
        );
    }
}
