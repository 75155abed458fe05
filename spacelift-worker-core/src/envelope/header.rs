//! The header line: one JSON object that can be written in one way only.
//!
//! A reader parses it, writes it again and compares the bytes, because JSON libraries disagree on duplicates, null,
//! arrays for objects and case, and base64 libraries on spare bits. It never decides about trust.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::context::Context;

/// The longest header line, in bytes without its LF.
pub(super) const MAX_HEADER_LEN: usize = 16_384;
/// The longest signature line, in bytes without its LF: base64url of 1,024 bytes.
pub(super) const MAX_SIGNATURE_LEN: usize = 1_366;
/// The signature line of what nobody signed.
pub(super) const UNSIGNED: &[u8] = b"-";

const TYPE: &str = "spacelift-worker/sealed";
const ALG: &str = "RSA-OAEP-256";
const ENC: &str = "Cobblestone-256";
const KID_LEN: usize = 32;

/// What stands in the header of a sealed file: public, and not verified by being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub(super) kid: String,
    pub(super) wrapped_key: Vec<u8>,
    pub(super) signer: Option<String>,
    pub(super) context: Context,
}

/// The line as serde sees it; whatever it lets through beyond the fixed form shows when it is written again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: u64,
    r#type: String,
    alg: String,
    enc: String,
    kid: String,
    key: String,
    #[serde(default)]
    signer: Option<String>,
    context: BTreeMap<String, String>,
}

/// How a line can fail to be a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderFault {
    Form,
    Version,
}

impl Header {
    /// The kid of the key that the file is sealed to.
    pub fn recipient(&self) -> &str {
        &self.kid
    }

    /// The kid of the key that the file claims to be signed by.
    pub fn signer(&self) -> Option<&str> {
        self.signer.as_deref()
    }

    /// What the file claims to be for.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The line in its fixed form, without LF: fields in this order, no white space outside of strings, no escapes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut line = String::with_capacity(2_048);
        line.push_str("{\"v\":1");
        let mut field = |name: &str, value: &str| {
            for part in [",\"", name, "\":\"", value, "\""] {
                line.push_str(part);
            }
        };
        field("type", TYPE);
        field("alg", ALG);
        field("enc", ENC);
        field("kid", &self.kid);
        field("key", &URL_SAFE_NO_PAD.encode(&self.wrapped_key));
        if let Some(signer) = &self.signer {
            field("signer", signer);
        }
        line.push_str(",\"context\":{");
        for (number, (key, value)) in self.context.iter().enumerate() {
            if number > 0 {
                line.push(',');
            }
            for part in ["\"", key, "\":\"", value, "\""] {
                line.push_str(part);
            }
        }
        line.push_str("}}");
        line.into_bytes()
    }

    /// Reads a line without its LF.
    pub(super) fn parse(line: &[u8]) -> Result<Self, HeaderFault> {
        if line.len() > MAX_HEADER_LEN {
            return Err(HeaderFault::Form);
        }
        let fault = match line.strip_prefix(b"{\"v\":") {
            Some(rest) if !rest.starts_with(b"1,") => HeaderFault::Version,
            _ => HeaderFault::Form,
        };
        let wire: Wire = serde_json::from_slice(line).map_err(|_| fault)?;
        if (wire.v, wire.r#type.as_str(), wire.alg.as_str(), wire.enc.as_str()) != (1, TYPE, ALG, ENC) {
            return Err(fault);
        }
        let header = Self {
            kid: wire.kid,
            wrapped_key: decode(wire.key.as_bytes()).ok_or(HeaderFault::Form)?,
            signer: wire.signer,
            context: Context::new(wire.context).map_err(|_| HeaderFault::Form)?,
        };
        let kids_are_kids = is_kid(&header.kid) && header.signer.as_deref().is_none_or(is_kid);
        if kids_are_kids && header.encode() == line { Ok(header) } else { Err(HeaderFault::Form) }
    }
}

/// Reads a signature line without its LF: `None` for what nobody signed.
pub(super) fn parse_signature(line: &[u8]) -> Result<Option<Vec<u8>>, HeaderFault> {
    if line == UNSIGNED {
        return Ok(None);
    }
    if line.is_empty() || line.len() > MAX_SIGNATURE_LEN {
        return Err(HeaderFault::Form);
    }
    decode(line).map(Some).ok_or(HeaderFault::Form)
}

pub(super) fn encode_signature(signature: Option<&[u8]>) -> Vec<u8> {
    signature.map_or_else(|| UNSIGNED.to_vec(), |bytes| URL_SAFE_NO_PAD.encode(bytes).into_bytes())
}

/// Base64url without padding that gives the same text when it is written again.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    (URL_SAFE_NO_PAD.encode(&bytes).as_bytes() == text).then_some(bytes)
}

fn is_kid(text: &str) -> bool {
    decode(text.as_bytes()).is_some_and(|bytes| bytes.len() == KID_LEN)
}
