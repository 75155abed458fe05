//! The inside of quotations: what languages put in the place of characters that a literal cannot hold.
//!
//! The quotes themselves are no part of a spelling: a value may be a part of what is quoted.

use super::encodings::{LOWER, UPPER, digits};
use super::{Emit, Spelling};

/// What stands in a text: a character, or a byte that is none in UTF-8.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Character(char),
    Stray(u8),
}

/// Spells unit by unit, with what `writer` makes anew for each time that the text is gone through.
fn spelled<W: FnMut(Unit, &mut Emit<'_>)>(text: &[u8], writer: impl Fn() -> W) -> Spelling {
    Spelling::written(|emit| {
        let mut write = writer();
        for chunk in text.utf8_chunks() {
            chunk.valid().chars().for_each(|character| write(Unit::Character(character), emit));
            chunk.invalid().iter().for_each(|byte| write(Unit::Stray(*byte), emit));
        }
    })
}

/// The unit as it is.
fn plain(unit: Unit, emit: &mut Emit<'_>) {
    match unit {
        Unit::Character(character) => emit(character.encode_utf8(&mut [0; 4]).as_bytes()),
        Unit::Stray(byte) => emit(&[byte]),
    }
}

/// Whether a terminal shows it: no control, format, private or unassigned character, and no blank but U+0020.
/// Go's `unicode.IsPrint` and Python's `str.isprintable`.
fn printable(character: char) -> bool {
    // `escape_debug` also escapes quotes, the backslash, and marks that stand alone.
    character.is_ascii_graphic() || character == ' ' || {
        let mut written = [0; 5];
        written[0] = b'a';
        let length = character.encode_utf8(&mut written[1..]).len();
        !character.is_ascii()
            && std::str::from_utf8(&written[..=length])
                .is_ok_and(|text| text.escape_debug().nth(1) == Some(character))
    }
}

/// The letter behind the backslash for control characters, in C and most that came after it.
fn letter(character: char) -> Option<u8> {
    Some(match character {
        '\u{7}' => b'a',
        '\u{8}' => b'b',
        '\t' => b't',
        '\n' => b'n',
        '\u{b}' => b'v',
        '\u{c}' => b'f',
        '\r' => b'r',
        _ => return None,
    })
}

/// `\x0f`
fn by_two(byte: u8, emit: &mut Emit<'_>) {
    emit(br"\x");
    emit(&digits(byte, LOWER));
}

/// `\u000f`, and for others `\U0001f600`
fn by_number(character: char, emit: &mut Emit<'_>) {
    let [highest, higher, high, low] = u32::from(character).to_be_bytes();
    if highest | higher == 0 {
        emit(br"\u");
    } else {
        emit(br"\U");
        emit(&digits(highest, LOWER));
        emit(&digits(higher, LOWER));
    }
    emit(&digits(high, LOWER));
    emit(&digits(low, LOWER));
}

/// How a JSON writer escapes what it need not.
#[derive(Clone, Copy)]
struct JsonStyle {
    /// What has no need and is escaped by number all the same.
    numbered: fn(char) -> bool,
    /// `\"` and not its number.
    quote: bool,
    /// `\/`
    slash: bool,
    /// `\b` and `\f` and not their numbers.
    short: bool,
    digits: &'static [u8; 16],
    /// What stands for a byte that is no UTF-8. Some writers keep it.
    stray: Option<&'static str>,
}

const JSON: JsonStyle =
    JsonStyle { numbered: |_| false, quote: true, slash: false, short: true, digits: LOWER, stray: None };

/// Go's `encoding/json`, and so `jsonencode`.
const HTML: fn(char) -> bool = |c| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
const OUTSIDE_ASCII: fn(char) -> bool = |c| !c.is_ascii();

const JSON_STYLES: [JsonStyle; 8] = [
    JSON,
    JsonStyle { numbered: HTML, stray: Some(r"\ufffd"), ..JSON },
    // Go before 1.22
    JsonStyle { numbered: HTML, stray: Some(r"\ufffd"), short: false, ..JSON },
    // jq
    JsonStyle { numbered: |c| c == '\u{7f}', stray: Some("\u{fffd}"), ..JSON },
    // Python's json
    JsonStyle { numbered: OUTSIDE_ASCII, ..JSON },
    // PHP's json_encode, and with JSON_UNESCAPED_UNICODE
    JsonStyle { numbered: OUTSIDE_ASCII, slash: true, ..JSON },
    JsonStyle { slash: true, ..JSON },
    // System.Text.Json of .NET
    JsonStyle {
        numbered: |c| !c.is_ascii() || matches!(c, '"' | '&' | '\'' | '+' | '<' | '>' | '`' | '\u{7f}'),
        quote: false,
        digits: UPPER,
        ..JSON
    },
];

pub(super) fn json(text: &[u8]) -> [Spelling; 8] {
    JSON_STYLES.map(|style| spelled(text, || move |unit, emit: &mut Emit<'_>| json_unit(unit, style, emit)))
}

fn json_unit(unit: Unit, style: JsonStyle, emit: &mut Emit<'_>) {
    let character = match unit {
        Unit::Character(character) => character,
        // No JSON writer keeps it as it is; kept here, the rest of the value is still found.
        Unit::Stray(byte) => return emit(style.stray.map_or(&[byte], str::as_bytes)),
    };
    match character {
        '"' if style.quote => emit(br#"\""#),
        '\\' => emit(br"\\"),
        '/' if style.slash => emit(br"\/"),
        '\n' => emit(br"\n"),
        '\r' => emit(br"\r"),
        '\t' => emit(br"\t"),
        '\u{8}' if style.short => emit(br"\b"),
        '\u{c}' if style.short => emit(br"\f"),
        _ if character < ' ' || (style.numbered)(character) => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let [high, low] = unit.to_be_bytes();
                emit(br"\u");
                emit(&digits(high, style.digits));
                emit(&digits(low, style.digits));
            }
        }
        _ => plain(unit, emit),
    }
}

/// `%q` and `%+q` (Go, `strconv.Quote` and `QuoteToASCII`).
pub(super) fn go(text: &[u8]) -> [Spelling; 2] {
    [false, true].map(|ascii| {
        spelled(text, || {
            move |unit, emit: &mut Emit<'_>| match unit {
                Unit::Stray(byte) => by_two(byte, emit),
                Unit::Character('"') => emit(br#"\""#),
                Unit::Character('\\') => emit(br"\\"),
                Unit::Character(c) => match letter(c) {
                    Some(letter) => emit(&[b'\\', letter]),
                    None if c < ' ' || c == '\u{7f}' => by_two(c as u8, emit),
                    None if !printable(c) || ascii && !c.is_ascii() => by_number(c, emit),
                    None => plain(unit, emit),
                },
            }
        })
    })
}

/// `repr` and `ascii` of a text, and `repr` of its bytes. An apostrophe is escaped where there are double quotes, too.
pub(super) fn python(text: &[u8]) -> [Spelling; 6] {
    /// What is written as it is, outside of ASCII.
    #[derive(Clone, Copy)]
    enum Kept {
        Printable,
        Nothing,
        Bytes,
    }
    let styles = [Kept::Printable, Kept::Nothing, Kept::Bytes];
    let styles = [0, 1, 2, 3, 4, 5].map(|index| (styles[index / 2], index % 2 == 1));
    styles.map(|(kept, apostrophe)| {
        spelled(text, || {
            move |unit, emit: &mut Emit<'_>| match (unit, kept) {
                (Unit::Stray(byte), _) => by_two(byte, emit),
                (Unit::Character('\\'), _) => emit(br"\\"),
                (Unit::Character('\''), _) if apostrophe => emit(br"\'"),
                (Unit::Character(c @ ('\n' | '\r' | '\t')), _) => {
                    emit(&[b'\\', letter(c).unwrap_or_default()]);
                }
                (Unit::Character(c), Kept::Printable) if printable(c) => plain(unit, emit),
                (Unit::Character(c), _) if c.is_ascii_graphic() || c == ' ' => plain(unit, emit),
                (Unit::Character(c), Kept::Bytes) => {
                    c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| by_two(byte, emit));
                }
                (Unit::Character(c), _) => match u8::try_from(u32::from(c)) {
                    Ok(byte) => by_two(byte, emit),
                    Err(_) => by_number(c, emit),
                },
            }
        })
    })
}

/// In a heredoc template, and in a quoted one (`hclwrite`, and HCL's specification, "Template Expressions").
pub(super) fn hcl(text: &[u8]) -> [Spelling; 2] {
    [false, true].map(|quoted| {
        spelled(text, || {
            let mut before = Unit::Stray(0);
            move |unit, emit: &mut Emit<'_>| {
                match (before, unit) {
                    (Unit::Character('$'), Unit::Character('{')) => emit(b"${"),
                    (Unit::Character('%'), Unit::Character('{')) => emit(b"%{"),
                    (_, Unit::Character('"')) if quoted => emit(br#"\""#),
                    (_, Unit::Character('\\')) if quoted => emit(br"\\"),
                    (_, Unit::Character(c @ ('\n' | '\r' | '\t'))) if quoted => {
                        emit(&[b'\\', letter(c).unwrap_or_default()]);
                    }
                    (_, Unit::Character(c)) if quoted && !printable(c) => by_number(c, emit),
                    _ => plain(unit, emit),
                }
                before = unit;
            }
        })
    })
}

/// Characters that `printf %q` of Bash writes with a backslash.
const SHELL_SPECIAL: &[u8] = b" !\"$&'()*,;<>?[\\]^`{|}";

pub(super) fn shell(text: &[u8]) -> [Spelling; 8] {
    [
        // In single quotes: by hand, Bash's `${x@Q}` and `set -x`; and Python's shlex.quote, dash's `export -p`.
        spelled(text, || |unit, emit: &mut Emit<'_>| apostrophe(unit, br"'\''", emit)),
        spelled(text, || |unit, emit: &mut Emit<'_>| apostrophe(unit, br#"'"'"'"#, emit)),
        // With backslashes: Bash's `printf %q` of what has no control characters.
        spelled(text, || {
            let mut before = Unit::Stray(0);
            move |unit, emit: &mut Emit<'_>| {
                let special = match unit {
                    Unit::Character('~') => matches!(before, Unit::Character(':' | '=')),
                    Unit::Character(c) => c.is_ascii() && SHELL_SPECIAL.contains(&(c as u8)),
                    Unit::Stray(_) => false,
                };
                if special {
                    emit(br"\");
                }
                plain(unit, emit);
                before = unit;
            }
        }),
        // In double quotes: Bash's `declare -p`, and by hand.
        spelled(text, || {
            |unit, emit: &mut Emit<'_>| {
                if let Unit::Character('"' | '$' | '`' | '\\') = unit {
                    emit(br"\");
                }
                plain(unit, emit);
            }
        }),
        // In `$'…'`: Bash's `printf %q` of what has control characters, in a UTF-8 locale (of the GNU C library, and of
        // others) and in the C locale.
        spelled(text, || |unit, emit: &mut Emit<'_>| dollar(unit, printable_by_glibc, emit)),
        spelled(text, || |unit, emit: &mut Emit<'_>| dollar(unit, printable, emit)),
        spelled(text, || |unit, emit: &mut Emit<'_>| dollar(unit, |_| false, emit)),
        // Both kinds of quotes in turn: printf and ls of the GNU coreutils.
        spelled(text, || {
            let mut in_dollar = false;
            move |unit, emit: &mut Emit<'_>| {
                let escaped = match unit {
                    Unit::Character(c) => !printable_by_glibc(c),
                    Unit::Stray(_) => true,
                };
                match (in_dollar, escaped) {
                    (false, true) => emit(b"'$'"),
                    (true, false) => emit(b"''"),
                    _ => {}
                }
                in_dollar = escaped;
                match unit {
                    // These know no `\E`.
                    Unit::Character('\u{1b}') => emit(br"\033"),
                    _ if escaped => dollar(unit, printable_by_glibc, emit),
                    _ => apostrophe(unit, br"'\''", emit),
                }
            }
        }),
    ]
}

fn apostrophe(unit: Unit, escaped: &[u8], emit: &mut Emit<'_>) {
    if unit == Unit::Character('\'') { emit(escaped) } else { plain(unit, emit) }
}

/// `iswprint` of the GNU C library in a UTF-8 locale: format characters and all blanks but the two separators, too.
fn printable_by_glibc(character: char) -> bool {
    !character.is_control() && !matches!(character, '\u{2028}' | '\u{2029}')
}

/// Inside of `$'…'` (Bash, "ANSI-C Quoting"). Of what is no ASCII, `kept` is written as it is.
fn dollar(unit: Unit, kept: fn(char) -> bool, emit: &mut Emit<'_>) {
    let octal = |byte: u8, emit: &mut Emit<'_>| {
        emit(&[b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]);
    };
    match unit {
        Unit::Stray(byte) => octal(byte, emit),
        Unit::Character('\\') => emit(br"\\"),
        Unit::Character('\'') => emit(br"\'"),
        Unit::Character('\u{1b}') => emit(br"\E"),
        Unit::Character(c) => match letter(c) {
            Some(letter) => emit(&[b'\\', letter]),
            None if c.is_ascii_control() => octal(c as u8, emit),
            None if !c.is_ascii() && !kept(c) => {
                c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| octal(byte, emit));
            }
            None => plain(unit, emit),
        },
    }
}

/// What stands for the double quote and the apostrophe, and for tab, LF and CR where they are escaped.
const XML_STYLES: [(&str, &str, Option<[&str; 3]>); 9] = [
    ("\"", "'", None), // in texts
    ("&quot;", "'", None),
    ("&quot;", "&apos;", None),
    ("&quot;", "&#39;", None),
    ("&quot;", "&#039;", None),                        // PHP's htmlspecialchars
    ("&quot;", "&#x27;", None),                        // Python's html.escape
    ("&quot;", "'", Some(["&#9;", "&#10;", "&#13;"])), // Python's quoteattr
    ("&#34;", "&#39;", None),                          // Go's html.EscapeString
    ("&#34;", "&#39;", GO_XML),                        // Go's xml.EscapeText
];

/// Of Go's `xml.EscapeText`, which also replaces what XML has no character for.
const GO_XML: Option<[&str; 3]> = Some(["&#x9;", "&#xA;", "&#xD;"]);

pub(super) fn xml(text: &[u8]) -> [Spelling; 9] {
    XML_STYLES.map(|(quote, apostrophe, blanks)| {
        spelled(text, || {
            move |unit, emit: &mut Emit<'_>| match (unit, blanks) {
                (Unit::Character('&'), _) => emit(b"&amp;"),
                (Unit::Character('<'), _) => emit(b"&lt;"),
                (Unit::Character('>'), _) => emit(b"&gt;"),
                (Unit::Character('"'), _) => emit(quote.as_bytes()),
                (Unit::Character('\''), _) => emit(apostrophe.as_bytes()),
                (Unit::Character('\t'), Some([tab, ..])) => emit(tab.as_bytes()),
                (Unit::Character('\n'), Some([_, lf, _])) => emit(lf.as_bytes()),
                (Unit::Character('\r'), Some([.., cr])) => emit(cr.as_bytes()),
                (Unit::Character('\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}') | Unit::Stray(_), GO_XML) => {
                    emit("\u{fffd}".as_bytes());
                }
                _ => plain(unit, emit),
            }
        })
    })
}
