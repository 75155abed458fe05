//! A token in its compact form: three parts in base64url (RFC 7515, 7.1).

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use regorus::Value;

use crate::policy::builtins::extension::Missing;

/// As Go decodes: bits beyond the last byte may be anything.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// The parts of a token, as they stand.
#[derive(Debug)]
pub(super) struct Token<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

/// What a header says about the signature (RFC 7515, 4.1).
#[derive(Debug, Default)]
pub(super) struct Header {
    /// Empty when absent.
    pub(super) alg: String,
    pub(super) kid: String,
    pub(super) cty: String,
    /// Whether it demands something that is not known here.
    pub(super) demands_unknown: bool,
}

impl<'a> Token<'a> {
    pub(super) fn split(encoded: &'a str) -> Result<Self, Missing> {
        let parts: Vec<&str> = encoded.split('.').collect();
        match parts[..] {
            [header, payload, signature] => Ok(Self { header, payload, signature }),
            _ => Err(Missing::Undefined(format!("the token has {} parts, not 3", parts.len()))),
        }
    }

    /// The header as an object.
    pub(super) fn header(&self) -> Result<Value, Missing> {
        let header = object(&base64url(self.header, "the token's header")?, "the token's header")?;
        if header[&Value::from("enc")] != Value::Undefined {
            return Err(Missing::undefined("the token is encrypted (JWE), which is not supported"));
        }
        Ok(header)
    }

    /// The header as far as verification depends on it.
    pub(super) fn parsed_header(&self) -> Result<Header, Missing> {
        Header::parse(&self.header()?)
    }

    pub(super) fn payload_bytes(&self) -> Result<Vec<u8>, Missing> {
        base64url(self.payload, "the token's payload")
    }

    pub(super) fn signature(&self) -> Result<Vec<u8>, Missing> {
        base64url(self.signature, "the token's signature")
    }

    /// What the signature is over.
    pub(super) fn signed(&self) -> String {
        format!("{}.{}", self.header, self.payload)
    }
}

impl Header {
    pub(super) fn parse(header: &Value) -> Result<Self, Missing> {
        let Value::Object(fields) = header else { return Err(Missing::undefined("the header is no object")) };
        let string = |name: &str| match &header[&Value::from(name)] {
            Value::Undefined => Ok(String::new()),
            Value::String(text) => Ok(text.to_string()),
            _ => Err(Missing::Undefined(format!("`{name}` in the token's header is not a string"))),
        };
        string("typ")?;
        let critical = match &header[&Value::from("crit")] {
            Value::Undefined => &[][..],
            Value::Array(names) => names.as_slice(),
            _ => return Err(Missing::undefined("`crit` in the token's header is not a list")),
        };
        // Open Policy Agent looks no further than the first that is no string.
        let critical: Vec<&Value> =
            critical.iter().take_while(|name| matches!(name, Value::String(_))).collect();
        if critical.is_empty() && header[&Value::from("crit")] != Value::Undefined {
            return Err(Missing::undefined("`crit` in the token's header names nothing"));
        }
        let known = |name: &Value| matches!(name, Value::String(name) if matches!(&**name, "alg" | "kid" | "typ" | "cty" | "crit"));
        let demands_unknown = fields.keys().any(|name| !known(name) && critical.contains(&name));
        Ok(Self { alg: string("alg")?, kid: string("kid")?, cty: string("cty")?, demands_unknown })
    }
}

/// base64url with its padding or without it (RFC 7515, appendix C), line ends left out of account.
pub(super) fn base64url(text: &str, what: &str) -> Result<Vec<u8>, Missing> {
    let undefined = || Missing::Undefined(format!("{what} is not base64url"));
    let padding = match text.len() % 4 {
        _ if text.ends_with('=') => "",
        0 => "",
        2 => "==",
        3 => "=",
        _ => return Err(undefined()),
    };
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).chain(padding.chars()).collect();
    BASE64URL.decode(text).map_err(|_| undefined())
}

/// A JSON object. Of a name that occurs twice the last counts, as in Go.
pub(super) fn object(json: &[u8], what: &str) -> Result<Value, Missing> {
    match Value::from_json_str(&String::from_utf8_lossy(json)) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(Missing::Undefined(format!("{what} is not a JSON object"))),
        Err(error) => {
            // Go reads these.
            let readable =
                ["recursion limit", "surrogate", "hex escape", "unicode code point", "number out of range"];
            let error = error.to_string();
            match readable.iter().any(|words| error.contains(words)) {
                true => Err(Missing::Refused(format!("cannot read {what}"))),
                false => Err(Missing::Undefined(format!("{what} is not JSON"))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_is_read_as_go_reads_it() {
        let read = |text| base64url(text, "it").ok();
        for text in ["YWI", "YWI=", "YWI\n=", "YWJ"] {
            assert_eq!(read(text).as_deref(), Some(&b"ab"[..]), "{text:?}");
        }
        for text in ["Y", "YWI==", "YW=", "Y+I", "YWI ", "=", "YWI=YWI="] {
            assert_eq!(read(text), None, "{text:?}");
        }
        assert_eq!(read("").as_deref(), Some(&b""[..]));
    }

    #[test]
    fn a_header_that_demands_the_unknown_is_told_apart() {
        let parse = |json: &str| Header::parse(&Value::from_json_str(json).unwrap());
        assert!(parse(r#"{"alg":"x","crit":["b64"],"b64":false}"#).unwrap().demands_unknown);
        assert!(!parse(r#"{"alg":"x","crit":["b64"]}"#).unwrap().demands_unknown);
        assert!(!parse(r#"{"alg":"x","crit":["alg"]}"#).unwrap().demands_unknown);
        for json in
            [r#"{"crit":[]}"#, r#"{"crit":"b64"}"#, r#"{"crit":[1]}"#, r#"{"alg":1}"#, r#"{"typ":null}"#]
        {
            assert!(matches!(parse(json), Err(Missing::Undefined(_))), "{json}");
        }
    }

    #[test]
    fn what_go_reads_and_we_do_not_refuses_the_run() {
        let read = |json: &str| object(json.as_bytes(), "it");
        assert!(matches!(read(r#"{"a":"\ud800"}"#), Err(Missing::Refused(_))));
        assert!(matches!(read(&"{\"a\":".repeat(200)), Err(Missing::Refused(_))));
        for json in ["", "{", "[]", "1", "{} {}", "{'a':1}"] {
            assert!(matches!(read(json), Err(Missing::Undefined(_))), "{json}");
        }
    }
}
