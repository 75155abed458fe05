//! `io.jwt.…`: tokens are taken apart and verified, never made.
//!
//! What Open Policy Agent answers is answered: undefined where it cannot read what it was given, `false` and
//! `[false, {}, {}]` where it could and the answer is no. Where it would read a thing that is not read here, the run is
//! refused: undefined would be the laxer answer.
//!
//! Stricter than there: a signature has the length, the curve and the salt that its algorithm has in RFC 7518, and RSA
//! keys have 2048 bits at least.
//!
//! Source: RFC 7515, RFC 7517, RFC 7519; Open Policy Agent, policy reference, "Tokens".

mod constraints;
mod decode_verify;
mod keys;
mod token;

use regorus::Value;

use self::keys::Keys;
use self::token::Token;
use super::extension::{Function, Missing, text};
use crate::crypto::{JwsAlgorithm, JwsHash, JwsKey, hex};
use crate::secret::SecretBytes;

/// Name, number of arguments, function.
pub(super) const FUNCTIONS: [(&str, u8, Function); 15] = [
    ("io.jwt.decode", 1, decode),
    ("io.jwt.decode_verify", 2, decode_verify::decode_verify),
    ("io.jwt.verify_eddsa", 2, |args| verify(JwsAlgorithm::EdDsa, args)),
    ("io.jwt.verify_es256", 2, |args| verify(JwsAlgorithm::Es(JwsHash::Sha256), args)),
    ("io.jwt.verify_es384", 2, |args| verify(JwsAlgorithm::Es(JwsHash::Sha384), args)),
    ("io.jwt.verify_es512", 2, |args| verify(JwsAlgorithm::Es(JwsHash::Sha512), args)),
    ("io.jwt.verify_hs256", 2, |args| verify_secret(JwsHash::Sha256, args)),
    ("io.jwt.verify_hs384", 2, |args| verify_secret(JwsHash::Sha384, args)),
    ("io.jwt.verify_hs512", 2, |args| verify_secret(JwsHash::Sha512, args)),
    ("io.jwt.verify_ps256", 2, |args| verify(JwsAlgorithm::Ps(JwsHash::Sha256), args)),
    ("io.jwt.verify_ps384", 2, |args| verify(JwsAlgorithm::Ps(JwsHash::Sha384), args)),
    ("io.jwt.verify_ps512", 2, |args| verify(JwsAlgorithm::Ps(JwsHash::Sha512), args)),
    ("io.jwt.verify_rs256", 2, |args| verify(JwsAlgorithm::Rs(JwsHash::Sha256), args)),
    ("io.jwt.verify_rs384", 2, |args| verify(JwsAlgorithm::Rs(JwsHash::Sha384), args)),
    ("io.jwt.verify_rs512", 2, |args| verify(JwsAlgorithm::Rs(JwsHash::Sha512), args)),
];

/// `[header, payload, signature in hexadecimal]`, of the innermost token where one is the payload of another. Nothing is
/// verified.
fn decode(args: &[Value]) -> Result<Value, Missing> {
    let [token] = args else { return Err(Missing::refused("takes one argument")) };
    let mut encoded = text(token, "the token")?.to_owned();
    loop {
        let token = Token::split(&encoded)?;
        let header = token.header()?;
        let payload = token.payload_bytes()?;
        match &header[&Value::from("cty")] {
            // Some write the inner token as JSON, in quotes.
            Value::String(cty) if **cty == *"JWT" => {
                let inner = String::from_utf8_lossy(&payload);
                encoded = inner.trim_matches(['"', '\'']).to_owned();
            }
            Value::String(_) | Value::Undefined => {
                let payload = token::object(&payload, "the payload")?;
                let signature = Value::from(hex(&token.signature()?));
                return Ok(Value::from(vec![header, payload, signature]));
            }
            _ => return Err(Missing::refused("was given a token whose `cty` is not a string")),
        }
    }
}

/// Whether a token is signed by one of the keys, in the algorithm of the function's name.
fn verify(algorithm: JwsAlgorithm, args: &[Value]) -> Result<Value, Missing> {
    let [token, keys] = args else { return Err(Missing::refused("takes two arguments")) };
    let token = Token::split(text(token, "the token")?)?;
    let keys = Keys::read(text(keys, "the key")?)?;
    let signature = token.signature()?;
    let header = token.parsed_header()?;
    Ok(Value::from(keys.verify(&header, Some(algorithm), &token.signed(), &signature)))
}

/// Whether a token has the tag that a secret gives it.
fn verify_secret(hash: JwsHash, args: &[Value]) -> Result<Value, Missing> {
    let [token, secret] = args else { return Err(Missing::refused("takes two arguments")) };
    let (token, secret) = (text(token, "the token")?, text(secret, "the secret")?);
    let token = Token::split(token)?;
    let key = JwsKey::symmetric(SecretBytes::new(secret.as_bytes().to_vec()));
    let signature = token.signature()?;
    Ok(Value::from(key.verify(JwsAlgorithm::Hs(hash), token.signed().as_bytes(), &signature).is_ok()))
}
