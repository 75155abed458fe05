//! Encodings of bytes: base64, percent, hex, UTF-16.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use zeroize::Zeroizing;

use super::Spelling;

/// The characters that the value alone determines, with 0, 1 or 2 bytes before it in its group of three.
pub(super) fn base64(text: &[u8]) -> Vec<Spelling> {
    let mut all = Vec::new();
    for before in 0..3 {
        let mut padded = Zeroizing::new(Vec::with_capacity(before + text.len()));
        padded.resize(before, 0);
        padded.extend_from_slice(text);
        // A character stands for 6 bits: the first that begins behind the foreign bits, the last that ends before the end.
        let determined = (before * 8).div_ceil(6)..padded.len() * 8 / 6;
        for engine in [&STANDARD, &URL_SAFE] {
            let encoded = Zeroizing::new(engine.encode(&*padded));
            all.push(encoded.as_bytes()[determined.clone()].into());
        }
    }
    all
}

pub(super) const LOWER: &[u8; 16] = b"0123456789abcdef";
pub(super) const UPPER: &[u8; 16] = b"0123456789ABCDEF";

/// The two hex digits of a byte.
pub(super) fn digits(byte: u8, digits: &[u8; 16]) -> [u8; 2] {
    [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]
}

/// Spells byte by byte.
fn by_byte(text: &[u8], spell: impl Fn(u8, &mut super::Emit<'_>)) -> Spelling {
    Spelling::written(|emit| text.iter().for_each(|byte| spell(*byte, emit)))
}

/// In either case.
pub(super) fn hex(text: &[u8]) -> [Spelling; 2] {
    [LOWER, UPPER].map(|set| by_byte(text, |byte, emit| emit(&digits(byte, set))))
}

/// What encoders leave as it is, beside letters, digits and `-._~`, and how they write a blank.
const PERCENT_STYLES: [(&[u8], &[u8]); 7] = [
    (b"", b"%20"),                 // RFC 3986, 2.3
    (b"", b"+"),                   // form encoding: Go's QueryEscape, Python's quote_plus
    (b"/", b"%20"),                // Python's quote
    (b"!'()*", b"%20"),            // JavaScript's encodeURIComponent
    (b"$&+,;=", b"%20"),           // Go's url.Userinfo
    (b"$&+:=@", b"%20"),           // Go's PathEscape
    (b"!#$&'()*+,/:;=?@", b"%20"), // JavaScript's encodeURI
];

pub(super) fn percent(text: &[u8]) -> Vec<Spelling> {
    let mut all = Vec::new();
    for set in [UPPER, LOWER] {
        for (left, blank) in PERCENT_STYLES {
            all.push(by_byte(text, |byte, emit| match byte {
                b' ' => emit(blank),
                b'-' | b'.' | b'_' | b'~' => emit(&[byte]),
                _ if byte.is_ascii_alphanumeric() || left.contains(&byte) => emit(&[byte]),
                _ => {
                    let [high, low] = digits(byte, set);
                    emit(&[b'%', high, low]);
                }
            }));
        }
    }
    all
}

/// Nothing for what is no UTF-8.
pub(super) fn utf16le(text: &[u8]) -> Option<Spelling> {
    let text = std::str::from_utf8(text).ok()?;
    Some(Spelling::written(|emit| text.encode_utf16().for_each(|unit| emit(&unit.to_le_bytes()))))
}
