//! `to_number` on texts: what Go's `strconv.ParseFloat` takes in decimal, leading zeros and a plus included. The engine's
//! own takes JSON's numbers alone, so that a rule about `0042` would disappear.
//!
//! Source: Open Policy Agent, policy reference, "Conversions"; Go, package strconv, "ParseFloat".

use regorus::Value;

use super::extension::Missing;

/// The number in a text.
pub(super) fn to_number(text: &str) -> Result<Value, Missing> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if unsigned.len() > 2
        && unsigned.as_bytes().get(..2).is_some_and(|front| front.eq_ignore_ascii_case(b"0x"))
    {
        // Open Policy Agent reads some of these, and compares them with others as texts.
        return Err(Missing::refused("was given a hexadecimal number"));
    }
    let json = json_number(unsigned).ok_or_else(|| Missing::undefined("its argument is not a number"))?;
    match Value::from_json_str(&format!("{sign}{json}")) {
        Ok(number @ Value::Number(_)) => Ok(number),
        // A number beyond what either engine computes with.
        _ => Err(Missing::undefined("its argument is beyond its range")),
    }
}

/// A decimal number as JSON writes it.
fn json_number(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let mut json = match whole.trim_start_matches('0') {
        "" => "0".to_owned(),
        whole => whole.to_owned(),
    };
    if !fraction.is_empty() {
        json.push('.');
        json.push_str(fraction);
    }
    if let Some(exponent) = exponent {
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if unsigned.is_empty() || !digits(unsigned) {
            return None;
        }
        json.push('e');
        json.push_str(exponent);
    }
    Some(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_number_that_go_reads_in_it() {
        for (text, number) in [
            ("0042", "42"),
            ("42", "42"),
            ("+7", "7"),
            ("-00.50", "-0.5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1e3", "1000"),
            ("00", "0"),
            ("1735689600000000000", "1735689600000000000"),
        ] {
            assert_eq!(to_number(text).unwrap(), Value::from_json_str(number).unwrap(), "{text}");
        }
        for text in
            ["", " 1", "1 ", "1_000", "inf", "-Infinity", "NaN", "e5", "1e", "1e+", ".", "--1", "+-1", "١"]
        {
            assert!(matches!(to_number(text), Err(Missing::Undefined(_))), "{text}");
        }
        assert!(matches!(to_number("0x1p-2"), Err(Missing::Refused(_))));
    }
}
