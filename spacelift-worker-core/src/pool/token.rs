//! The worker pool token (`SPACELIFT_TOKEN`): base64 of a JSON object.
//!
//! Source: Spacelift, worker pools ("base64-encoded … containing configuration for your worker pool launchers and the
//! certificate"). Of the original's fields only `.broker.endpoint` is public, so fields that are not known here are kept,
//! and a missing one is named. It never holds a private key, and it is a secret all the same.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::endpoint::{BrokerEndpoint, EndpointError};
use super::key::{PoolPublicKey, PublicKeyError, certificate_facts};
use crate::crypto::CertificateFacts;
use crate::ids::PoolId;
use crate::secret::SecretText;

/// The first level of a worker's topics, when a token names none.
pub const DEFAULT_NAMESPACE: &str = "spacelift";

/// Why a text is no worker pool token. Each message says what to do; none shows the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// `ca` is not a certificate in PEM.
    #[error(
        "the token's ca is not a certificate in PEM; get a new token from whoever runs the control plane"
    )]
    Ca,
    /// `certificate` cannot be used.
    #[error("the token's certificate cannot be used: {}; get a new token", deepest(.0))]
    Certificate(PublicKeyError),
    /// The text ends too early.
    #[error("the token is cut short: its end is missing; copy the whole file again, on one line")]
    CutShort,
    /// Nothing but white space.
    #[error("the token is empty; set it to the content of the file that was downloaded for the pool")]
    Empty,
    /// `broker.endpoint` cannot be understood.
    #[error("the token cannot be used: {0}; get a new token")]
    Endpoint(EndpointError),
    /// A field that must be there is not, or is no text.
    #[error("the token has no {0}; it is not a worker pool token, or one of another kind: download it again")]
    MissingField(&'static str),
    /// `namespace` has no place in a topic.
    #[error("the token's namespace has no place in a topic; get a new token")]
    Namespace,
    /// A character that base64 does not have. The offset counts input bytes from 0.
    #[error(
        "unable to base64 decode token: illegal base64 data at input byte {offset}; copy the whole file again, on one line"
    )]
    NotBase64 {
        /// Where.
        offset: usize,
    },
    /// Base64 of something else.
    #[error(
        "the token is not base64 of a JSON object; use the token that was downloaded for the pool, not its key or certificate"
    )]
    NotJson,
    /// `pool_ulid` is no ULID.
    #[error("the token's pool_ulid is not a ULID; get a new token")]
    PoolUlid,
    /// `signing_key` cannot be used.
    #[error("the token's signing_key cannot be used: {}; get a new token", deepest(.0))]
    SigningKey(PublicKeyError),
    /// `signing_key` is the pool's own key, with which every worker could forge offers.
    #[error("the token's signing_key is the pool's own key; get a new token")]
    SigningKeyIsPoolKey,
}

/// The last error of a chain, which says what is wrong: the levels above it say where, and the message does, too.
fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// What a token is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenParts {
    /// Where the broker listens.
    pub broker_endpoint: BrokerEndpoint,
    /// The pool's certificate in PEM, with its chain if there is one.
    pub certificate_pem: String,
    /// The pool.
    pub pool_id: PoolId,
    /// The first levels of the topics.
    pub namespace: String,
    /// Who signed the broker's certificate, in PEM; absent: the system's roots.
    pub ca_pem: Option<String>,
    /// The control plane's public key. Present: an unsigned offer is refused.
    pub signing_key: Option<PoolPublicKey>,
}

/// A worker pool token that was read and checked by itself.
#[derive(Clone, PartialEq, Eq)]
pub struct PoolToken {
    parts: TokenParts,
    facts: CertificateFacts,
    /// Fields that are not known here, kept as they were.
    other: Map<String, Value>,
}

impl PoolToken {
    /// A new token of these parts, for a control plane.
    ///
    /// # Errors
    /// [`TokenError`], for parts that [`PoolToken::parse`] would refuse.
    pub fn new(parts: TokenParts) -> Result<Self, TokenError> {
        Self::checked(parts, Map::new())
    }

    /// Reads a token. White space around it and line ends inside of it are skipped, as the original does.
    ///
    /// # Errors
    /// [`TokenError`]
    pub fn parse(text: &SecretText) -> Result<Self, TokenError> {
        let json = decode(text)?;
        let mut fields = match serde_json::from_slice(&json) {
            Ok(Value::Object(fields)) => fields,
            Err(error) if error.is_eof() => return Err(TokenError::CutShort),
            Ok(_) | Err(_) => return Err(TokenError::NotJson),
        };
        let endpoint: BrokerEndpoint = fields
            .get("broker")
            .and_then(|broker| broker.get("endpoint"))
            .and_then(Value::as_str)
            .ok_or(TokenError::MissingField("broker.endpoint"))?
            .parse()
            .map_err(TokenError::Endpoint)?;
        let mut text_of = |field: &'static str| match fields.remove(field) {
            Some(Value::String(text)) => Ok(Some(text)),
            None | Some(Value::Null) => Ok(None),
            Some(_) => Err(TokenError::MissingField(field)),
        };
        let parts = TokenParts {
            broker_endpoint: endpoint,
            certificate_pem: text_of("certificate")?.ok_or(TokenError::MissingField("certificate"))?,
            pool_id: text_of("pool_ulid")?
                .ok_or(TokenError::MissingField("pool_ulid"))?
                .parse()
                .map_err(|_| TokenError::PoolUlid)?,
            namespace: text_of("namespace")?.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
            ca_pem: text_of("ca")?,
            signing_key: text_of("signing_key")?
                .map(|pem| PoolPublicKey::from_pem(&pem))
                .transpose()
                .map_err(TokenError::SigningKey)?,
        };
        Self::checked(parts, fields)
    }

    fn checked(parts: TokenParts, other: Map<String, Value>) -> Result<Self, TokenError> {
        let facts = certificate_facts(&parts.certificate_pem).map_err(TokenError::Certificate)?;
        if parts
            .ca_pem
            .as_deref()
            .is_some_and(|ca| super::pem::first_block(ca).map_or(true, |(label, _)| label != "CERTIFICATE"))
        {
            return Err(TokenError::Ca);
        }
        if !is_namespace(&parts.namespace) {
            return Err(TokenError::Namespace);
        }
        if parts.signing_key.as_ref() == Some(&super::key::public_from(facts.public_key.clone())) {
            return Err(TokenError::SigningKeyIsPoolKey);
        }
        Ok(Self { parts, facts, other })
    }

    /// Writes the token: the same parts give the same text.
    pub fn encode(&self) -> SecretText {
        let mut fields = self.other.clone();
        let mut broker = match fields.remove("broker") {
            Some(Value::Object(broker)) => broker,
            _ => Map::new(),
        };
        broker.insert("endpoint".to_owned(), self.parts.broker_endpoint.to_string().into());
        fields.insert("broker".to_owned(), Value::Object(broker));
        fields.insert("certificate".to_owned(), self.parts.certificate_pem.clone().into());
        fields.insert("pool_ulid".to_owned(), self.parts.pool_id.to_string().into());
        fields.insert("namespace".to_owned(), self.parts.namespace.clone().into());
        if let Some(ca) = &self.parts.ca_pem {
            fields.insert("ca".to_owned(), ca.clone().into());
        }
        if let Some(key) = &self.parts.signing_key {
            fields.insert("signing_key".to_owned(), key.to_pem().into());
        }
        let json = Zeroizing::new(Value::Object(fields).to_string());
        SecretText::new(STANDARD.encode(json.as_bytes()))
    }

    /// What the token is made of.
    pub fn parts(&self) -> &TokenParts {
        &self.parts
    }

    /// What the token's certificate says.
    pub fn certificate(&self) -> &CertificateFacts {
        &self.facts
    }

    /// The fields that this version does not know.
    pub fn other_fields(&self) -> &Map<String, Value> {
        &self.other
    }
}

impl fmt::Debug for PoolToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolToken")
            .field("pool_id", &self.parts.pool_id)
            .field("broker_endpoint", &self.parts.broker_endpoint)
            .finish_non_exhaustive()
    }
}

fn decode(text: &SecretText) -> Result<Zeroizing<Vec<u8>>, TokenError> {
    let trimmed = text.expose().trim();
    if trimmed.is_empty() {
        return Err(TokenError::Empty);
    }
    decode_base64(trimmed).map_err(|fault| match fault {
        // `{` in base64 begins with an e; what begins otherwise was no token before it was cut either.
        Base64Fault::CutShort if trimmed.starts_with('e') => TokenError::CutShort,
        Base64Fault::CutShort => TokenError::NotJson,
        Base64Fault::Illegal { offset } => TokenError::NotBase64 { offset },
    })
}

pub(super) enum Base64Fault {
    CutShort,
    Illegal { offset: usize },
}

/// Decodes standard base64; line ends inside are skipped.
pub(super) fn decode_base64(text: &str) -> Result<Zeroizing<Vec<u8>>, Base64Fault> {
    let mut packed = Zeroizing::new(Vec::with_capacity(text.len()));
    packed.extend(text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')));
    match STANDARD.decode(&*packed) {
        Ok(bytes) => Ok(Zeroizing::new(bytes)),
        Err(base64::DecodeError::InvalidByte(at, _)) => {
            Err(Base64Fault::Illegal { offset: offset_in(text, at) })
        }
        Err(_) if packed.len() % 4 != 0 => Err(Base64Fault::CutShort),
        Err(base64::DecodeError::InvalidLastSymbol { offset: at, .. }) => {
            Err(Base64Fault::Illegal { offset: offset_in(text, at) })
        }
        Err(_) => Err(Base64Fault::Illegal { offset: text.len() }),
    }
}

/// Where in `text` the byte stands that is number `at` when line ends are left out.
fn offset_in(text: &str, at: usize) -> usize {
    text.bytes()
        .enumerate()
        .filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'))
        .nth(at)
        .map_or(text.len(), |(offset, _)| offset)
}

/// MQTT 3.1.1, 4.7: no wildcards, no empty levels; AWS IoT Core reserves `$` and allows 7 slashes, three of them ours.
fn is_namespace(text: &str) -> bool {
    text.len() <= 128
        && !text.starts_with('$')
        && text.split('/').count() <= 5
        && text
            .split('/')
            .all(|level| !level.is_empty() && level.chars().all(|c| !c.is_control() && c != '+' && c != '#'))
}
