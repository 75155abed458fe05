//! Keys as a policy writes them: a certificate or a public key in PEM, a JSON Web Key, or a set of those (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::token::{Header, base64url};
use crate::crypto::{JwsAlgorithm, JwsCurve, JwsKey, JwsKeyError};
use crate::policy::builtins::extension::Missing;
use crate::secret::SecretBytes;

/// One or more keys, any of which may have signed.
#[derive(Debug)]
pub(super) struct Keys(Vec<NamedKey>);

#[derive(Debug)]
struct NamedKey {
    key: JwsKey,
    /// Empty when absent.
    kid: String,
    /// The only algorithm that it is for.
    alg: Option<String>,
}

impl Keys {
    pub(super) fn read(text: &str) -> Result<Self, Missing> {
        if let Some(pem) = begin(text) {
            let key = from_pem(pem)?;
            return Ok(Self(vec![NamedKey { key, kid: String::new(), alg: None }]));
        }
        let json: Json = serde_json::from_str(text)
            .map_err(|_| Missing::undefined("the key is neither PEM nor a JSON Web Key"))?;
        match json.get("keys") {
            Some(Json::Array(keys)) => {
                let keys: Vec<Option<NamedKey>> = keys.iter().map(from_jwk).collect::<Result<_, _>>()?;
                Ok(Self(keys.into_iter().flatten().collect()))
            }
            Some(_) => Err(Missing::refused("was given a set of keys whose `keys` is no list")),
            None => Ok(Self(from_jwk(&json)?.into_iter().collect())),
        }
    }

    /// Whether one of the keys made the signature. `algorithm` is that of the header where it is not given.
    pub(super) fn verify(
        &self,
        header: &Header,
        algorithm: Option<JwsAlgorithm>,
        signed: &str,
        signature: &[u8],
    ) -> bool {
        let Some(algorithm) = algorithm.or_else(|| JwsAlgorithm::from_name(&header.alg)) else {
            return false;
        };
        let verifies = |named: &NamedKey| named.key.verify(algorithm, signed.as_bytes(), signature).is_ok();
        let named = self.0.iter().find(|named| !header.kid.is_empty() && named.kid == header.kid);
        match named {
            Some(named) => verifies(named),
            None => self
                .0
                .iter()
                .filter(|named| named.alg.as_ref().is_none_or(|alg| *alg == header.alg))
                .any(verifies),
        }
    }
}

/// From the line that begins a PEM block on, which may follow other text (RFC 7468, 2).
fn begin(text: &str) -> Option<&str> {
    const BEGIN: &str = "-----BEGIN ";
    if text.starts_with(BEGIN) {
        return Some(text);
    }
    text.find("\n-----BEGIN ").map(|at| &text[at + 1..])
}

fn from_pem(pem: &str) -> Result<JwsKey, Missing> {
    let broken =
        || Missing::refused("was given a PEM block that cannot be read; give it one whole block alone");
    let (label, rest) = pem["-----BEGIN ".len()..].split_once("-----").ok_or_else(broken)?;
    let end = format!("-----END {label}-----");
    let (body, after) = rest.split_once(end.as_str()).ok_or_else(broken)?;
    if !matches!(after, "" | "\n" | "\r\n") {
        return Err(Missing::undefined("there is more after the PEM block of the key"));
    }
    let body: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(body).map_err(|_| broken())?;
    let key = match label {
        "CERTIFICATE" => JwsKey::from_certificate_der(&der),
        "PUBLIC KEY" => JwsKey::from_spki_der(&der),
        _ => {
            return Err(Missing::Undefined(format!(
                "a key is in PEM of CERTIFICATE or PUBLIC KEY, not {label}"
            )));
        }
    };
    key.map_err(unusable)
}

/// A JSON Web Key; none for one of an algorithm that is not known here.
fn from_jwk(jwk: &Json) -> Result<Option<NamedKey>, Missing> {
    let unreadable = |why: &str| Missing::Refused(format!("was given a JSON Web Key {why}"));
    let optional = |name: &str| match jwk.get(name) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(unreadable("with a field that is not a string")),
    };
    let bytes = |name: &str| match optional(name)? {
        Some(text) => base64url(text, "it").map_err(|_| unreadable("with a field that is not base64url")),
        None => Err(unreadable("without all of its fields")),
    };
    let Some(kty) = optional("kty")? else {
        return Err(Missing::undefined("the key is neither PEM nor a JSON Web Key"));
    };
    let alg = optional("alg")?.map(str::to_owned);
    if alg.as_deref().is_some_and(|alg| JwsAlgorithm::from_name(alg).is_none()) {
        return Ok(None);
    }
    if jwk.get("d").is_some() {
        return Err(unreadable("that is private; give it the public half alone"));
    }
    let key = match (kty, optional("crv")?) {
        ("RSA", _) => JwsKey::rsa(&bytes("n")?, &bytes("e")?),
        ("EC", Some(curve)) => {
            let curve =
                JwsCurve::from_name(curve).ok_or_else(|| unreadable("of a curve that is not known"))?;
            JwsKey::ec(curve, &bytes("x")?, &bytes("y")?)
        }
        ("OKP", Some("Ed25519")) => JwsKey::ed25519(&bytes("x")?),
        ("oct", _) => Ok(JwsKey::symmetric(SecretBytes::new(bytes("k")?))),
        _ => return Err(unreadable("of a kind that is not known")),
    };
    let kid = optional("kid")?.unwrap_or_default().to_owned();
    Ok(Some(NamedKey { key: key.map_err(unusable)?, kid, alg }))
}

fn unusable(error: JwsKeyError) -> Missing {
    Missing::Refused(format!("was given a key that cannot be used: {error}"))
}
