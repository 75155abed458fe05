//! What immutable handles show of themselves: the texts are made once, so that a pointer to one stays what it is.

use serde_json::{Map, Value, json};
use spacelift_worker_core::envelope::Header;
use spacelift_worker_core::policy::Decision;
use spacelift_worker_core::pool::PoolToken;

use crate::text::CText;

/// A token and its texts.
pub(crate) struct ShownToken {
    pub(crate) token: PoolToken,
    pub(crate) broker_endpoint: CText,
    pub(crate) pool_id: CText,
    pub(crate) namespace: CText,
    pub(crate) certificate_pem: CText,
    pub(crate) common_name: Option<CText>,
    pub(crate) ca_pem: Option<CText>,
}

impl From<PoolToken> for ShownToken {
    fn from(token: PoolToken) -> Self {
        let parts = token.parts();
        Self {
            broker_endpoint: CText::from(parts.broker_endpoint.to_string()),
            pool_id: CText::from(parts.pool_id.to_string()),
            namespace: CText::from(parts.namespace.as_str()),
            certificate_pem: CText::from(parts.certificate_pem.as_str()),
            common_name: token.certificate().common_name.as_deref().map(CText::from),
            ca_pem: parts.ca_pem.as_deref().map(CText::from),
            token,
        }
    }
}

/// The header of a sealed file.
pub(crate) struct ShownHeader {
    pub(crate) recipient: CText,
    pub(crate) signer: Option<CText>,
    pub(crate) context: CText,
}

impl From<Header> for ShownHeader {
    fn from(header: Header) -> Self {
        let entries = header.context().iter().map(|(key, value)| (key.to_owned(), Value::from(value)));
        Self {
            recipient: CText::from(header.recipient()),
            signer: header.signer().map(CText::from),
            context: CText::from(Value::Object(entries.collect::<Map<_, _>>()).to_string()),
        }
    }
}

/// A decision that was made.
pub(crate) struct Judged {
    pub(crate) allowed: bool,
    pub(crate) sampled: bool,
    pub(crate) reasons: Vec<CText>,
    pub(crate) warnings: Vec<CText>,
    pub(crate) json: CText,
}

impl From<&Decision> for Judged {
    fn from(decision: &Decision) -> Self {
        let texts = |all: &[String]| all.iter().map(|text| CText::from(text.as_str())).collect();
        let json = json!({
            "allowed": decision.allowed(),
            "sampled": decision.sampled(),
            "reasons": decision.reasons(),
            "warnings": decision.warnings(),
        });
        Self {
            allowed: decision.allowed(),
            sampled: decision.sampled(),
            reasons: texts(decision.reasons()),
            warnings: texts(decision.warnings()),
            json: CText::from(json.to_string()),
        }
    }
}
