//! What `io.jwt.decode_verify` demands of a token.

use regorus::Value;

use super::keys::Keys;
use super::token::Header;
use crate::crypto::{JwsAlgorithm, JwsKey};
use crate::policy::builtins::extension::Missing;
use crate::policy::evaluation::now_unix_ns;
use crate::secret::SecretBytes;

/// The demands, read.
#[derive(Debug)]
pub(super) struct Constraints {
    key: Key,
    alg: Option<String>,
    iss: Option<String>,
    /// Empty when absent.
    aud: String,
    /// Unix seconds.
    now: f64,
}

#[derive(Debug)]
enum Key {
    Keys(Keys),
    Secret(JwsKey),
}

impl Constraints {
    pub(super) fn read(value: &Value) -> Result<Self, Missing> {
        let Value::Object(fields) = value else {
            return Err(Missing::undefined("its second argument is not an object"));
        };
        let (mut keys, mut secret) = (None, None);
        let (mut alg, mut iss, mut aud, mut nanoseconds) = (None, None, None, None);
        for (name, value) in fields.iter_sorted() {
            let Value::String(name) = name else {
                return Err(Missing::undefined("a constraint has a name that is not a string"));
            };
            let string = || match value {
                Value::String(text) => Ok(text.to_string()),
                _ => Err(Missing::Undefined(format!("the constraint `{name}` is not a string"))),
            };
            match &**name {
                "cert" => keys = Some(Keys::read(&string()?)?),
                "secret" => secret = Some(string()?),
                "alg" => alg = Some(string()?),
                "iss" => iss = Some(string()?),
                "aud" => aud = Some(string()?),
                "time" => nanoseconds = Some(time(value)?),
                _ => {
                    return Err(Missing::undefined(
                        "a constraint is none of cert, secret, alg, iss, aud, time",
                    ));
                }
            }
        }
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let key = match (keys, given(secret)) {
            (Some(keys), None) => Key::Keys(keys),
            (None, Some(secret)) => Key::Secret(JwsKey::symmetric(SecretBytes::new(secret.into_bytes()))),
            (None, None) => return Err(Missing::undefined("neither `cert` nor `secret` is given")),
            (Some(_), Some(_)) => return Err(Missing::undefined("`cert` and `secret` are both given")),
        };
        let nanoseconds = match nanoseconds {
            Some(nanoseconds) => nanoseconds,
            None => now_unix_ns().ok_or_else(|| Missing::refused("does not know the time"))? as f64,
        };
        let now = nanoseconds / 1e9;
        Ok(Self { key, alg: given(alg), iss: given(iss), aud: aud.unwrap_or_default(), now })
    }

    /// Whether the header may be looked at further.
    pub(super) fn admit(&self, header: &Header) -> bool {
        // RFC 7515, 4.1.1: alg "MUST be present"; 4.1.11: crit demands that each extension is understood.
        !header.alg.is_empty()
            && !header.demands_unknown
            && self.alg.as_ref().is_none_or(|alg| *alg == header.alg)
    }

    /// Whether the signature is one of a key that was given.
    pub(super) fn verify(&self, header: &Header, signed: &str, signature: &[u8]) -> bool {
        match &self.key {
            Key::Keys(keys) => keys.verify(header, None, signed, signature),
            Key::Secret(key) => JwsAlgorithm::from_name(&header.alg)
                .is_some_and(|algorithm| key.verify(algorithm, signed.as_bytes(), signature).is_ok()),
        }
    }

    /// Whether the claims hold: who issued it, for whom, from when and until when (RFC 7519, 4.1).
    pub(super) fn claims_hold(&self, payload: &Value) -> Result<bool, Missing> {
        let claim = |name: &str| match &payload[&Value::from(name)] {
            Value::Undefined => None,
            value => Some(value),
        };
        if let Some(expected) = &self.iss {
            match claim("iss") {
                Some(Value::String(iss)) if **iss == **expected => {}
                Some(Value::String(_)) | None => return Ok(false),
                Some(_) => return Err(Missing::refused("was given a token whose `iss` is not a string")),
            }
        }
        let is_ours = |aud: &Value| matches!(aud, Value::String(aud) if **aud == *self.aud);
        let for_us = match claim("aud") {
            None => self.aud.is_empty(),
            Some(Value::Array(all)) => all.iter().any(is_ours),
            Some(one) => is_ours(one),
        };
        if !for_us {
            return Ok(false);
        }
        // "on or after which the JWT MUST NOT be accepted", "before which the JWT MUST NOT be accepted"
        if let Some(exp) = claim("exp")
            && self.now >= seconds(exp, "exp")?
        {
            return Ok(false);
        }
        if let Some(nbf) = claim("nbf")
            && self.now < seconds(nbf, "nbf")?
        {
            return Ok(false);
        }
        Ok(true)
    }
}

/// The `time` to verify at, in Unix nanoseconds.
fn time(value: &Value) -> Result<f64, Missing> {
    match number(value) {
        Some(time) if time.is_finite() && time >= 0.0 => Ok(time),
        _ => Err(Missing::undefined("the constraint `time` is no number from 0 on")),
    }
}

fn seconds(value: &Value, name: &str) -> Result<f64, Missing> {
    number(value).ok_or_else(|| Missing::Undefined(format!("`{name}` of the token is not a number")))
}

/// A number of any form as the nearest of 64 bits. The engine's own conversion knows none of nanoseconds' size.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(_) => value.to_string().parse().ok(),
        _ => None,
    }
}
