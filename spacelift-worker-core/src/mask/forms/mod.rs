//! The spellings in which a secret value shows up in logs. Only spells; whether a spelling is searched for is up to
//! the set.

mod encodings;
mod lines;
mod quotations;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::Deref;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::secrets::SHORTEST;

/// Which spellings of a value are masked, beside the value itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forms {
    /// The value without blanks around it.
    pub trimmed: bool,
    /// The inside of a value that stands in single or double quotes.
    pub unquoted: bool,
    /// Of a value of several lines: each line of 6 bytes or more, and the lines joined by LF, CRLF, CR CR LF, LF with
    /// `$ ` behind it (the echo of a command), a blank, a tab, nothing, and a written `\n`, `\r\n`, `\r\r\n` and `\t`.
    pub lines: bool,
    /// Base64 (RFC 4648, sections 4 and 5) of anything that holds the value: its characters that no neighbour determines,
    /// in the three alignments.
    pub base64: bool,
    /// Percent-encoding (RFC 3986, 2.1) with hex digits of either case, by what various encoders leave as it is.
    pub percent: bool,
    /// The inside of a JSON string (RFC 8259, 7), as Go (Terraform's `jsonencode`), jq, Python, PHP and .NET write it.
    pub json: bool,
    /// The inside of a string literal of Go: `%q` and `%+q` of its `fmt`.
    pub go: bool,
    /// The inside of a string or bytes literal of Python: `repr` and `ascii`.
    pub python: bool,
    /// The inside of an HCL template, quoted or not: `${` is `$${` there, and `%{` is `%%{`.
    pub hcl: bool,
    /// The inside of a shell word in single quotes, double quotes, `$'…'`, and with backslashes, as `printf %q` writes it.
    pub shell: bool,
    /// The inside of an XML or HTML text or attribute.
    pub xml: bool,
    /// Two hex digits a byte, of either case.
    pub hex: bool,
    /// UTF-16, the lower byte first, of a value that is UTF-8.
    pub utf16le: bool,
}

impl Default for Forms {
    /// All of them.
    fn default() -> Self {
        Self::switched(true)
    }
}

/// One spelling of a secret: as secret as the value, and wiped when dropped.
#[cfg_attr(test, derive(Debug))]
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Zeroize, ZeroizeOnDrop)]
pub(super) struct Spelling(Vec<u8>);

impl From<&[u8]> for Spelling {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl Deref for Spelling {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Takes a spelling piece by piece.
type Emit<'a> = dyn FnMut(&[u8]) + 'a;

impl Spelling {
    /// What `write` emits, when called twice: once to know the length, so that no copy is left behind by growing.
    pub(super) fn written(write: impl Fn(&mut Emit<'_>)) -> Self {
        let mut length = 0;
        write(&mut |piece| length += piece.len());
        let mut bytes = Vec::with_capacity(length);
        write(&mut |piece| bytes.extend_from_slice(piece));
        Self(bytes)
    }
}

impl Forms {
    /// The value alone.
    pub fn none() -> Self {
        Self::switched(false)
    }

    fn switched(on: bool) -> Self {
        Self {
            trimmed: on,
            unquoted: on,
            lines: on,
            base64: on,
            percent: on,
            json: on,
            go: on,
            python: on,
            hcl: on,
            shell: on,
            xml: on,
            hex: on,
            utf16le: on,
        }
    }

    /// Every spelling of `value`; some may be short.
    pub(super) fn of(self, value: &[u8]) -> BTreeSet<Spelling> {
        let mut texts = BTreeSet::from([value.into()]);
        if self.trimmed {
            texts.insert(value.trim_ascii().into());
        }
        if self.unquoted {
            texts.extend(unquoted(value.trim_ascii()));
        }
        let mut all = BTreeSet::new();
        if self.lines {
            lines::texts(value.trim_ascii(), &mut texts);
            lines::joined(value.trim_ascii(), &mut all);
        }
        for text in texts {
            // Of "    " or "}" no spelling is worth anything.
            if text.trim_ascii().len() >= SHORTEST {
                self.spell(&text, &mut all);
            }
            all.insert(text);
        }
        all
    }

    fn spell(self, text: &[u8], all: &mut BTreeSet<Spelling>) {
        if self.base64 {
            all.extend(encodings::base64(text));
        }
        if self.percent {
            all.extend(encodings::percent(text));
        }
        if self.hex {
            all.extend(encodings::hex(text));
        }
        if self.utf16le {
            all.extend(encodings::utf16le(text));
        }
        if self.json {
            all.extend(quotations::json(text));
        }
        if self.go {
            all.extend(quotations::go(text));
        }
        if self.python {
            all.extend(quotations::python(text));
        }
        if self.hcl {
            all.extend(quotations::hcl(text));
        }
        if self.shell {
            all.extend(quotations::shell(text));
        }
        if self.xml {
            all.extend(quotations::xml(text));
        }
    }
}

fn unquoted(text: &[u8]) -> Option<Spelling> {
    match text {
        [b'"', inside @ .., b'"'] | [b'\'', inside @ .., b'\''] => Some(inside.into()),
        _ => None,
    }
}
