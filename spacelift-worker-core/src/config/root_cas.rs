//! `ADDITIONAL_ROOT_CAS`: base64 of `{"caCertificates":["<base64 of PEM>",…]}`, as self-hosted installations write it.
//! The certificates themselves are parsed by whoever trusts them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// What every refused value should have been.
pub(super) const EXPECTED: &str = r#"base64 of {"caCertificates":["<base64 of PEM>", …]}"#;

#[derive(Deserialize)]
struct RootCas {
    #[serde(rename = "caCertificates")]
    certificates: Vec<String>,
}

/// The PEM texts.
///
/// # Errors
///
/// What to do about it.
pub(super) fn parse(text: &str) -> Result<Vec<String>, String> {
    let json =
        decode(text).ok_or("encode the JSON document with base64, without line breaks (base64 -w0)")?;
    let document: RootCas = serde_json::from_slice(&json)
        .map_err(|_| "make the decoded text a JSON object with a list caCertificates of texts")?;
    let mut certificates = Vec::new();
    for (index, entry) in document.certificates.iter().enumerate() {
        let pem = decode(entry)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .filter(|pem| pem.contains("-----BEGIN CERTIFICATE-----"))
            .ok_or_else(|| {
                format!("make entry {} of caCertificates base64 of a PEM certificate", index + 1)
            })?;
        certificates.push(pem);
    }
    Ok(certificates)
}

/// Standard base64, in which line breaks are harmless.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

    #[test]
    fn certificates_come_out_as_pem() {
        let json = serde_json::json!({ "caCertificates": [STANDARD.encode(PEM), STANDARD.encode(PEM)] });
        assert_eq!(parse(&STANDARD.encode(json.to_string())), Ok(vec![PEM.to_owned(), PEM.to_owned()]));
    }

    #[test]
    fn a_refusal_says_which_layer_is_wrong() {
        let inner =
            |entry: &str| STANDARD.encode(serde_json::json!({ "caCertificates": [entry] }).to_string());
        for (text, part) in [
            (PEM.to_owned(), "encode the JSON document"),
            (STANDARD.encode(PEM), "JSON object"),
            (STANDARD.encode("{}"), "JSON object"),
            (inner(PEM), "entry 1"),
            (inner(&STANDARD.encode("hello")), "entry 1"),
        ] {
            assert!(parse(&text).unwrap_err().contains(part), "{text}");
        }
    }
}
