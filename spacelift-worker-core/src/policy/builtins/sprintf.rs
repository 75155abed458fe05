//! `sprintf` as Go's `fmt.Sprintf` does it under Open Policy Agent, and total: whatever the format and the arguments are,
//! there is a text. The text of a reason must never decide whether a run is denied.
//!
//! Source: Go, package fmt, "Printing" and "Format errors".

use std::fmt::Write as _;

/// The widest field and the longest precision, as in Go.
const MAX_FIELD: usize = 1_000_000;

/// The longest text, so that a few fields of the widest kind take no gigabytes.
const MAX_TEXT: usize = 4_000_000;

/// An argument, in the kinds to which Open Policy Agent reduces its values before it calls `fmt.Sprintf`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Arg {
    /// A whole number of 64 bits.
    Int(i64),
    /// A larger whole number, in decimal.
    Big(String),
    /// Any other number.
    Float(f64),
    /// A string, or the Rego text of any other value.
    Text(String),
}

#[derive(Clone, Copy, Debug, Default)]
struct Spec {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Formats `args` by `format`.
pub(super) fn sprintf(format: &str, args: &[Arg]) -> String {
    let mut printer = Printer { out: String::new(), args, next: 0, reordered: false };
    let mut rest = format;
    while let Some(percent) = rest.find('%') {
        printer.out.push_str(&rest[..percent]);
        rest = printer.directive(&rest[percent + 1..]);
        if printer.out.len() > MAX_TEXT {
            printer.out.truncate(printer.out.floor_char_boundary(MAX_TEXT));
            return printer.out;
        }
    }
    printer.out.push_str(rest);
    printer.extra();
    printer.out
}

struct Printer<'a> {
    out: String,
    args: &'a [Arg],
    next: usize,
    /// Whether `%[n]` was used: then leftover arguments are no mistake.
    reordered: bool,
}

impl Printer<'_> {
    /// Prints one directive, which `rest` begins with after its `%`, and returns what follows it.
    fn directive<'r>(&mut self, rest: &'r str) -> &'r str {
        let mut spec = Spec::default();
        let after_flags = rest.trim_start_matches(|c| {
            match c {
                '+' => spec.plus = true,
                '-' => spec.minus = true,
                '#' => spec.sharp = true,
                ' ' => spec.space = true,
                '0' => spec.zero = true,
                _ => return false,
            }
            true
        });
        let mut good_index = true;
        let mut rest = self.index(after_flags, &mut good_index);
        if let Some(after) = rest.strip_prefix('*') {
            rest = after;
            match self.star() {
                Some(width) => {
                    spec.width = Some(usize::try_from(width.unsigned_abs()).unwrap_or(MAX_FIELD));
                    spec.minus |= width < 0;
                }
                None => self.out.push_str("%!(BADWIDTH)"),
            }
        } else {
            (spec.width, rest) = number(rest);
        }
        if let Some(after) = rest.strip_prefix('.') {
            rest = self.index(after, &mut good_index);
            if let Some(after) = rest.strip_prefix('*') {
                rest = after;
                match self.star() {
                    Some(precision) if precision >= 0 => spec.precision = usize::try_from(precision).ok(),
                    Some(_) => {}
                    None => self.out.push_str("%!(BADPREC)"),
                }
            } else {
                let precision;
                (precision, rest) = number(rest);
                spec.precision = Some(precision.unwrap_or(0));
            }
        }
        rest = self.index(rest, &mut good_index);
        let Some(verb) = rest.chars().next() else {
            self.out.push_str("%!(NOVERB)");
            return rest;
        };
        let after = &rest[verb.len_utf8()..];
        // Writing to a String cannot fail, here and below.
        let _ = match (verb, self.args.get(self.next)) {
            ('%', _) => {
                self.out.push('%');
                return after;
            }
            _ if !good_index => write!(self.out, "%!{verb}(BADINDEX)"),
            (_, None) => write!(self.out, "%!{verb}(MISSING)"),
            (_, Some(arg)) => {
                let text = argument(verb, spec, arg);
                self.out.push_str(&text);
                self.next += 1;
                Ok(())
            }
        };
        after
    }

    /// Takes an argument index `[n]`, from 1, off the front.
    fn index<'r>(&mut self, rest: &'r str, good: &mut bool) -> &'r str {
        let Some(inner) = rest.strip_prefix('[') else { return rest };
        self.reordered = true;
        let Some((digits, after)) = inner.split_once(']') else {
            *good = false;
            return inner;
        };
        match digits.parse::<usize>() {
            Ok(number) if (1..=self.args.len()).contains(&number) => self.next = number - 1,
            _ => *good = false,
        }
        after
    }

    /// The next argument as a width or precision.
    fn star(&mut self) -> Option<i64> {
        let arg = self.args.get(self.next)?;
        self.next += 1;
        match arg {
            Arg::Int(number) if number.unsigned_abs() <= MAX_FIELD as u64 => Some(*number),
            _ => None,
        }
    }

    /// Names what was left over.
    fn extra(&mut self) {
        if self.reordered || self.next >= self.args.len() {
            return;
        }
        let extra: Vec<String> =
            self.args[self.next..].iter().map(|arg| typed(Spec::default(), arg)).collect();
        let _ = write!(self.out, "%!(EXTRA {})", extra.join(", "));
    }
}

/// A decimal number off the front; none where there are no digits or it is too large.
fn number(rest: &str) -> (Option<usize>, &str) {
    let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &rest[..rest.len() - after.len()];
    (digits.parse().ok().filter(|number| *number <= MAX_FIELD), after)
}

fn argument(verb: char, spec: Spec, arg: &Arg) -> String {
    match (verb, arg) {
        ('T', _) => padded(spec, type_name(arg)),
        ('v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X', Arg::Int(number)) => integer(verb, spec, *number),
        ('c', Arg::Int(number)) => padded(spec, &character(*number).to_string()),
        ('q', Arg::Int(number)) => padded(spec, &quoted_by('\'', &character(*number).to_string())),
        ('U', Arg::Int(number)) => padded(spec, &format!("U+{number:04X}")),
        ('v' | 'd' | 's', Arg::Big(digits)) => {
            let (negative, digits) =
                digits.strip_prefix('-').map_or((false, digits.as_str()), |rest| (true, rest));
            signed(spec, negative, digits.to_owned())
        }
        ('v' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G', Arg::Float(number)) => float(verb, spec, *number),
        ('v' | 's', Arg::Text(text)) => padded(spec, cut(spec, text)),
        ('q', Arg::Text(text)) => padded(spec, &quoted(cut(spec, text))),
        ('x' | 'X', Arg::Text(text)) => {
            let hex = text.bytes().take(spec.precision.unwrap_or(usize::MAX)).fold(
                String::new(),
                |mut hex, byte| {
                    let _ = if verb == 'x' { write!(hex, "{byte:02x}") } else { write!(hex, "{byte:02X}") };
                    hex
                },
            );
            padded(spec, &hex)
        }
        _ => format!("%!{verb}({})", typed(spec, arg)),
    }
}

fn type_name(arg: &Arg) -> &'static str {
    match arg {
        Arg::Int(_) => "int64",
        Arg::Big(_) => "*big.Int",
        Arg::Float(_) => "float64",
        Arg::Text(_) => "string",
    }
}

/// As Go names an argument that does not fit: type and value.
fn typed(spec: Spec, arg: &Arg) -> String {
    let value = argument('v', spec, arg);
    format!("{}={value}", type_name(arg))
}

fn character(number: i64) -> char {
    u32::try_from(number).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn cut(spec: Spec, text: &str) -> &str {
    let end = spec.precision.and_then(|precision| text.char_indices().nth(precision));
    end.map_or(text, |(end, _)| &text[..end])
}

fn integer(verb: char, spec: Spec, number: i64) -> String {
    let magnitude = number.unsigned_abs();
    let (prefix, digits) = match verb {
        'b' => ("0b", format!("{magnitude:b}")),
        'o' => ("0", format!("{magnitude:o}")),
        'O' => ("0o", format!("{magnitude:o}")),
        'x' => ("0x", format!("{magnitude:x}")),
        'X' => ("0X", format!("{magnitude:X}")),
        _ => ("", magnitude.to_string()),
    };
    let digits = match spec.precision {
        Some(0) if number == 0 => String::new(),
        Some(precision) => format!("{}{digits}", fill('0', precision, &digits)),
        None => digits,
    };
    let digits = if verb == 'O' || spec.sharp { format!("{prefix}{digits}") } else { digits };
    signed(spec, number < 0, digits)
}

fn float(verb: char, spec: Spec, number: f64) -> String {
    let magnitude = number.abs();
    let digits = match verb {
        _ if !number.is_finite() => if number.is_nan() { "NaN" } else { "Inf" }.to_owned(),
        'f' | 'F' => format!("{magnitude:.*}", spec.precision.unwrap_or(6).min(1100)),
        'e' | 'E' => exponent(format!("{magnitude:.*e}", spec.precision.unwrap_or(6).min(1100))),
        _ => general(spec.precision, magnitude),
    };
    let digits = if matches!(verb, 'E' | 'G') { digits.to_uppercase() } else { digits };
    // Zeros stand before digits alone.
    let spec = if number.is_finite() { spec } else { Spec { zero: false, ..spec } };
    signed(spec, number.is_sign_negative() && !number.is_nan(), digits)
}

/// `%g`: the shorter of `%e` and `%f`, with the fewest digits that give the number back unless a precision is given.
fn general(precision: Option<usize>, number: f64) -> String {
    let scientific = match precision {
        Some(precision) => format!("{number:.*e}", precision.clamp(1, 1100) - 1),
        None => format!("{number:e}"),
    };
    let (digits, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    // Go, strconv, %g: "%e is used if the exponent from the conversion is less than -4 or greater than or equal to the
    // precision. if precision was the shortest possible, use precision 6 for this decision."
    let limit = precision.map_or(6, |precision| i32::try_from(precision.max(1)).unwrap_or(i32::MAX));
    let trimmed = |digits: &str| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    if power < -4 || power >= limit {
        return exponent(format!("{}e{power}", trimmed(digits)));
    }
    match precision {
        Some(_) => {
            let decimals = usize::try_from(limit - 1 - power).unwrap_or(0).min(1100);
            trimmed(&format!("{number:.decimals$}"))
        }
        None => number.to_string(),
    }
}

/// Rust's exponents as Go writes them: a sign, and two digits at least.
fn exponent(text: String) -> String {
    let Some((digits, power)) = text.split_once('e') else { return text };
    let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
    format!("{digits}e{sign}{power:0>2}")
}

/// A number with its sign, padded.
fn signed(spec: Spec, negative: bool, digits: String) -> String {
    let sign = if negative {
        "-"
    } else if spec.plus {
        "+"
    } else if spec.space {
        " "
    } else {
        ""
    };
    let width = spec.width.unwrap_or(0);
    // Go: zeros go between the sign and the digits; `-` overrides `0`, and so does a precision of a whole number.
    if spec.zero && !spec.minus && spec.precision.is_none_or(|_| digits.contains('.')) {
        let width = width.saturating_sub(sign.len());
        return format!("{sign}{}{digits}", fill('0', width, &digits));
    }
    padded(Spec { zero: false, ..spec }, &format!("{sign}{digits}"))
}

fn padded(spec: Spec, text: &str) -> String {
    let fill = |with| fill(with, spec.width.unwrap_or(0), text);
    match (spec.minus, spec.zero) {
        (true, _) => format!("{text}{}", fill(' ')),
        (false, true) => format!("{}{text}", fill('0')),
        (false, false) => format!("{}{text}", fill(' ')),
    }
}

/// What `text` lacks of `width` characters. (Rust's own padding ends at 65,535.)
fn fill(with: char, width: usize, text: &str) -> String {
    with.to_string().repeat(width.saturating_sub(text.chars().count()))
}

/// Go's `strconv.Quote`.
pub(super) fn quoted(text: &str) -> String {
    quoted_by('"', text)
}

/// Go's `strconv.Quote`, and `strconv.QuoteRune`, which differ in what stands around.
fn quoted_by(quote: char, text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        let _ = match c {
            c if c == quote || c == '\\' => write!(out, "\\{c}"),
            '\u{7}' => out.write_str("\\a"),
            '\u{8}' => out.write_str("\\b"),
            '\u{c}' => out.write_str("\\f"),
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            '\u{b}' => out.write_str("\\v"),
            c if c.is_ascii_control() => write!(out, "\\x{:02x}", u32::from(c)),
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c)),
            c => out.write_char(c),
        };
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Arg {
        Arg::Text(text.to_owned())
    }

    #[test]
    fn what_go_documents_comes_out() {
        for (format, args, expected) in [
            ("", vec![], ""),
            ("100%%", vec![], "100%"),
            ("%s is %v", vec![text("a"), Arg::Int(1)], "a is 1"),
            ("[%5d|%-5d|%05d|%+d|% d]", [42; 5].map(Arg::Int).to_vec(), "[   42|42   |00042|+42| 42]"),
            ("%06d %.3d", vec![Arg::Int(-42), Arg::Int(7)], "-00042 007"),
            ("%x %X %#x %o %O %b", [255; 6].map(Arg::Int).to_vec(), "ff FF 0xff 377 0o377 11111111"),
            ("%c %q %U", [0x4e16; 3].map(Arg::Int).to_vec(), "世 '世' U+4E16"),
            ("[%6s|%-6s|%.2s|%q|%x]", ["héy"; 5].map(text).to_vec(), "[   héy|héy   |hé|\"héy\"|68c3a979]"),
            (
                "%f %.2f %8.3f %e",
                [9.87654; 4].map(Arg::Float).to_vec(),
                "9.876540 9.88    9.877 9.876540e+00",
            ),
            ("%v %g %.3g", [0.00001234; 3].map(Arg::Float).to_vec(), "1.234e-05 1.234e-05 1.23e-05"),
            ("%v %.3g", [1234.5; 2].map(Arg::Float).to_vec(), "1234.5 1.23e+03"),
            (
                "%d",
                vec![Arg::Big("-123456789012345678901234567890".into())],
                "-123456789012345678901234567890",
            ),
            ("%[2]s %[1]s", vec![text("a"), text("b")], "b a"),
            (
                "%*d|%-*d|%.*f",
                vec![Arg::Int(4), Arg::Int(1), Arg::Int(4), Arg::Int(2), Arg::Int(1), Arg::Float(0.25)],
                "   1|2   |0.2",
            ),
            ("%T %T %T", vec![Arg::Int(1), Arg::Float(0.5), text("")], "int64 float64 string"),
        ] {
            assert_eq!(sprintf(format, &args), expected, "{format}");
        }
    }

    #[test]
    fn mistakes_are_told_in_the_text_and_the_text_is_there() {
        for (format, args, expected) in [
            ("%d", vec![text("a")], "%!d(string=a)"),
            ("%s", vec![Arg::Int(1)], "%!s(int64=1)"),
            ("%t", vec![text("true")], "%!t(string=true)"),
            ("%8.2f|%-5d|", vec![Arg::Int(314), text("x")], "%!f(int64=     314)|%!d(string=x    )|"),
            ("%d %d", vec![Arg::Int(1)], "1 %!d(MISSING)"),
            ("%s", vec![], "%!s(MISSING)"),
            ("hi", vec![Arg::Int(1), text("b")], "hi%!(EXTRA int64=1, string=b)"),
            ("%", vec![], "%!(NOVERB)"),
            ("%5", vec![Arg::Int(1)], "%!(NOVERB)%!(EXTRA int64=1)"),
            ("%!", vec![Arg::Int(1)], "%!!(int64=1)"),
            ("%[5]d", vec![Arg::Int(1)], "%!d(BADINDEX)"),
            ("%[x]d", vec![Arg::Int(1)], "%!d(BADINDEX)"),
            ("%*d", vec![text("x"), Arg::Int(1)], "%!(BADWIDTH)1"),
            ("%q %q %q", vec![Arg::Int(7), Arg::Int(34), Arg::Int(39)], r#"'\a' '"' '\''"#),
            ("%z", vec![Arg::Float(0.5)], "%!z(float64=0.5)"),
        ] {
            assert_eq!(sprintf(format, &args), expected, "{format}");
        }
    }

    #[test]
    fn no_width_or_precision_takes_much_memory() {
        assert_eq!(sprintf("%99999999999d", &[Arg::Int(1)]), "1");
        assert!(sprintf(&"%1000000d".repeat(50), &vec![Arg::Int(1); 50]).len() <= MAX_TEXT);
        assert!(sprintf("%.1000000f", &[Arg::Float(0.1)]).len() < 2000);
    }

    proptest::proptest! {
        #[test]
        fn every_format_and_argument_gives_a_text(format in ".{0,40}", directives in "(%[-+# 0]{0,2}[0-9*]{0,2}(\\.[0-9*]{0,2})?[a-zA-Z]){0,4}", number: i64, float: f64, word in ".{0,8}") {
            let args = [Arg::Int(number), Arg::Float(float), Arg::Text(word), Arg::Big("1".repeat(30))];
            sprintf(&format, &args);
            sprintf(&directives, &args);
        }
    }
}
