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

    #[derive(serde::Deserialize)]
    struct Vectors {
        booleans: Vec<Vector>,
    }

    #[derive(serde::Deserialize)]
    struct Vector {
        text: String,
        /// Nothing for what Go refuses.
        value: Option<bool>,
    }

    #[test]
    fn exactly_the_twelve_spellings_of_go_are_booleans() {
        let vectors = include_str!("../../../tests/vectors/environment/go.json");
        let vectors: Vectors = serde_json::from_str(vectors).unwrap();
        assert_eq!(vectors.booleans.iter().filter(|vector| vector.value.is_some()).count(), 12);
        for Vector { text, value } in vectors.booleans {
            assert_eq!(parse(&text), value, "{text:?}");
        }
    }

    #[test]
    fn what_was_meant_is_suggested() {
        assert_eq!(remedy("ON"), "write true");
        assert_eq!(remedy("Disabled"), "write false");
        assert_eq!(remedy("2"), "write true or false");
    }
}
