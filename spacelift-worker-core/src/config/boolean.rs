//! Booleans as Go's `strconv.ParseBool` reads them. Other spellings (`yes`, `on`) are refused, as the original does.

/// The value, or `None` for another spelling.
pub(super) fn parse(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// What the writer of another spelling probably meant.
pub(super) fn remedy(text: &str) -> String {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "y" | "on" | "enabled" | "true" => "write true".to_owned(),
        "no" | "n" | "off" | "disabled" | "false" => "write false".to_owned(),
        _ => "write true or false".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_twelve_spellings_of_go_are_booleans() {
        for text in ["1", "t", "T", "TRUE", "true", "True"] {
            assert_eq!(parse(text), Some(true), "{text}");
        }
        for text in ["0", "f", "F", "FALSE", "false", "False"] {
            assert_eq!(parse(text), Some(false), "{text}");
        }
        for text in ["", "tRUE", "yes", "no", "on", "off", "2", "-1", "y", "fALSE", " true"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(remedy("ON"), "write true");
        assert_eq!(remedy("2"), "write true or false");
    }
}
