//! Durations as Go's `time.ParseDuration` reads them: `7m`, `1h30m`, `1000s`, `1.5h`, `-1.5us`.
//!
//! The grammar and the limits are those of <https://pkg.go.dev/time#ParseDuration>.

use std::time::Duration;

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// No number where one must stand, or nothing at all.
    #[error("not a number with a unit")]
    NoNumber,
    /// A number without a unit; only a lone `0` needs none.
    #[error("no unit behind a number")]
    NoUnit,
    /// A unit other than ns, us, µs, ms, s, m and h.
    #[error("an unknown unit")]
    UnknownUnit,
    /// More than 63 bits of nanoseconds, which is about 292 years.
    #[error("too long")]
    TooLong,
}

/// The largest magnitude while adding up, in nanoseconds: that of the most negative duration.
const MOST: u64 = 1 << 63;

/// Parses a Go duration into nanoseconds, negative ones included.
///
/// # Errors
///
/// What Go refuses.
pub fn parse_nanos(text: &str) -> Result<i64, DurationError> {
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(DurationError::NoNumber);
    }
    let mut sum: u64 = 0;
    while !rest.is_empty() {
        let (term, after) = term(rest)?;
        sum = sum.checked_add(term).filter(|sum| *sum <= MOST).ok_or(DurationError::TooLong)?;
        rest = after;
    }
    if negative {
        Ok(0i64.wrapping_sub_unsigned(sum))
    } else {
        i64::try_from(sum).map_err(|_| DurationError::TooLong)
    }
}

/// Parses a Go duration that must be longer than zero, such as a timeout. `None`: it is zero or negative.
///
/// # Errors
///
/// What Go refuses.
pub fn parse_positive(text: &str) -> Result<Option<Duration>, DurationError> {
    let nanos = parse_nanos(text)?;
    Ok(u64::try_from(nanos).ok().filter(|nanos| *nanos > 0).map(Duration::from_nanos))
}

/// One number with its unit, in nanoseconds, and what follows.
fn term(text: &str) -> Result<(u64, &str), DurationError> {
    let (whole, rest) = text.split_at(digits(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::NoNumber);
    }
    let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let unit: u64 = match unit {
        "" => return Err(DurationError::NoUnit),
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(DurationError::UnknownUnit),
    };
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| DurationError::TooLong)? };
    let nanos = whole.checked_mul(unit).ok_or(DurationError::TooLong)?;
    let nanos = nanos.checked_add(part_of(unit, fraction)).filter(|nanos| *nanos <= MOST);
    Ok((nanos.ok_or(DurationError::TooLong)?, rest))
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// `0.fraction` of a unit, rounded down. Go computes this in floating point; the digits that fit are the same.
fn part_of(unit: u64, fraction: &str) -> u64 {
    let (mut value, mut scale): (u64, f64) = (0, 1.0);
    for digit in fraction.bytes() {
        // Digits past 63 bits are read and have no weight, as in Go.
        match value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit - b'0'))) {
            Some(next) if next <= MOST => (value, scale) = (next, scale * 10.0),
            _ => break,
        }
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

/// What the writer of something else probably meant, as a Go duration: `7 minutes` is `7m`, a bare `420` is `420s`.
pub(super) fn suggestion(text: &str) -> Option<String> {
    let mut rest = text.trim();
    let mut out = String::new();
    while !rest.is_empty() {
        let number = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        if number == 0 {
            return None;
        }
        let (value, after) = rest.split_at(number);
        let after = after.trim_start();
        let word = after.len() - after.trim_start_matches(|c: char| c.is_alphabetic()).len();
        let (unit, after) = after.split_at(word);
        let unit = match unit.to_lowercase().as_str() {
            "" | "s" | "sec" | "secs" | "second" | "seconds" => "s",
            "m" | "min" | "mins" | "minute" | "minutes" => "m",
            "h" | "hr" | "hrs" | "hour" | "hours" => "h",
            "ms" | "msec" | "millisecond" | "milliseconds" => "ms",
            _ => return None,
        };
        out.push_str(value);
        out.push_str(unit);
        rest = after.trim_start_matches([' ', ',', '\t']);
    }
    matches!(parse_positive(&out), Ok(Some(_))).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vectors {
        durations: Vec<Vector>,
    }

    #[derive(serde::Deserialize)]
    struct Vector {
        text: String,
        /// Nothing for what Go refuses.
        nanos: Option<i64>,
    }

    #[test]
    fn durations_are_those_of_go() {
        let vectors = include_str!("../../../tests/vectors/environment/go.json");
        let vectors: Vectors = serde_json::from_str(vectors).unwrap();
        assert!(vectors.durations.len() >= 100);
        for Vector { text, nanos } in vectors.durations {
            assert_eq!(parse_nanos(&text).ok(), nanos, "{text:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        use DurationError::*;
        for (text, error) in [
            ("", NoNumber),
            ("-", NoNumber),
            ("+", NoNumber),
            ("s", NoNumber),
            (".", NoNumber),
            ("-.", NoNumber),
            (".s", NoNumber),
            ("+.s", NoNumber),
            ("--5s", NoNumber),
            ("3", NoUnit),
            ("1h2", NoUnit),
            ("3.3.s", NoUnit),
            ("7 minutes", UnknownUnit),
            ("7 m", UnknownUnit),
            ("7m ", UnknownUnit),
            ("7M", UnknownUnit),
            ("1d", UnknownUnit),
            ("7min", UnknownUnit),
            ("9223372036854775808ns", TooLong),
            ("-9223372036854775809ns", TooLong),
            ("9223372036854775.808us", TooLong),
            ("2562047h47m16.854775808s", TooLong),
            ("3000000h", TooLong),
            ("99999999999999999999s", TooLong),
        ] {
            assert_eq!(parse_nanos(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_timeout_is_longer_than_zero() {
        assert_eq!(parse_positive("7m"), Ok(Some(Duration::from_secs(420))));
        assert_eq!(parse_positive("0"), Ok(None));
        assert_eq!(parse_positive("-7m"), Ok(None));
    }

    #[test]
    fn what_was_meant_is_suggested() {
        for (text, meant) in [
            ("7 minutes", "7m"),
            ("1 hour, 30 min", "1h30m"),
            ("420", "420s"),
            ("1.5 Hours", "1.5h"),
            ("7M", "7m"),
        ] {
            assert_eq!(suggestion(text).as_deref(), Some(meant), "{text}");
        }
        for text in ["", "soon", "1 day", "-7 minutes", "0"] {
            assert_eq!(suggestion(text), None, "{text}");
        }
    }
}
