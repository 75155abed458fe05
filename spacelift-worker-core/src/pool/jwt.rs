//! The JSON Web Token with which a worker signs one HTTP request of the long-poll transport, and its verification.
//!
//! One form and no other (RFC 7515, RFC 7519): `PS256` (RFC 7518, 3.5), by the pool's key, for one request. Nothing in
//! the token chooses an algorithm or a key: the header is compared with the only one there is. The signature covers text
//! that begins with `eyJ`, unlike everything else that the key signs.
//!
//! ```text
//! header  {"alg":"PS256","kid":key,"typ":"JWT","x5t#S256":certificate}
//! claims  iss pool · sub worker · aud scheme and host · iat, exp at most 60 s apart · jti · sid process
//!         htm method · hto path and query · htb SHA-256 of the body · nonce of the server, once it is known
//! ```
//!
//! The certificate is named beside the key, since a reset may issue a new certificate for the same key, and the old
//! certificate must not open the door any more. Nothing here reads a clock or remembers a `jti`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::key::{PoolKey, PoolPublicKey};
use super::pem::{self, PemError};
use crate::crypto::{CryptoError, sha256};
use crate::ids::{PoolId, WorkerId};
use crate::secret::SecretText;

/// How long a token may live, in seconds.
pub const JWT_MAX_LIFE_SECS: u64 = 60;

/// What every token begins with: base64url of `{"`.
const PREFIX: &[u8] = b"eyJ";

/// The longest token that is read: a signature by a key of 8192 bits, and room for the claims.
const MAX_LEN: usize = 8 * 1024;

/// Names a certificate: SHA-256 over its DER form (RFC 7515, 4.1.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateThumbprint([u8; 32]);

impl CertificateThumbprint {
    /// Of the first certificate in a PEM text.
    ///
    /// # Errors
    /// [`PemError`], when the text does not begin with one.
    pub fn from_pem(text: &str) -> Result<Self, PemError> {
        match pem::first_block(text)? {
            ("CERTIFICATE", der) => Ok(Self(sha256(der.expose()))),
            _ => Err(PemError::NotPem),
        }
    }

    fn encode(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// What a token says about the one request that it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtClaims {
    /// The pool.
    #[serde(rename = "iss")]
    pub pool: PoolId,
    /// The worker.
    #[serde(rename = "sub")]
    pub worker: WorkerId,
    /// Scheme and host of the server, and the port unless it is the scheme's own: an origin (RFC 6454, 6.2).
    #[serde(rename = "aud")]
    pub audience: String,
    /// Since when, in Unix seconds of the server's clock as far as the worker knows it.
    #[serde(rename = "iat")]
    pub issued_at: u64,
    /// Until when, likewise.
    #[serde(rename = "exp")]
    pub expires_at: u64,
    /// Different in every token.
    #[serde(rename = "jti")]
    pub id: String,
    /// The process that speaks: two processes with the same worker differ in it.
    #[serde(rename = "sid")]
    pub process: String,
    /// The request's method.
    #[serde(rename = "htm")]
    pub method: String,
    /// The request's path and query, as on the wire (RFC 9112, 3.2.1).
    #[serde(rename = "hto")]
    pub target: String,
    /// Base64url, without padding, of SHA-256 over the body; see [`body_digest`](Self::body_digest).
    #[serde(rename = "htb")]
    pub body: String,
    /// What the server last gave out: it binds the token to one life of the server. Absent until it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

impl JwtClaims {
    /// The form in which a token names a body.
    pub fn body_digest(body: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(sha256(body))
    }
}

/// Why a token is not accepted. It repeats nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {
    /// It is not a token of the one form.
    #[error("the token is not a JWT signed with PS256 for one request")]
    Form,
    /// Its key or certificate is not the pool's current one.
    #[error("the token names another key or certificate than the pool has now: was the pool reset?")]
    ForeignKey,
    /// It may live too long, or ends before it begins.
    #[error("the token may live for 60 seconds at most")]
    Life,
    /// Its signature is not one by the pool's key.
    #[error("the token's signature is not one by the pool's key")]
    Signature,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
    #[serde(rename = "x5t#S256")]
    certificate: String,
}

impl Header {
    /// The only header that a token of this key and certificate can have.
    fn of(key: &PoolPublicKey, certificate: CertificateThumbprint) -> Self {
        let (alg, typ) = ("PS256".to_owned(), "JWT".to_owned());
        Self { alg, kid: key.kid(), typ, certificate: certificate.encode() }
    }
}

impl PoolKey {
    /// Signs one request. The token is a secret until it has been used.
    ///
    /// # Errors
    /// [`CryptoError::Backend`] when there is no memory for it.
    pub fn sign_jwt(
        &self,
        certificate: CertificateThumbprint,
        claims: &JwtClaims,
    ) -> Result<SecretText, CryptoError> {
        let header = encode(&Header::of(&self.public_key(), certificate))?;
        let signed = format!("{header}.{}", encode(claims)?);
        // Base64url of a JSON object begins with the prefix.
        let message = signed.as_bytes().strip_prefix(PREFIX).ok_or(CryptoError::Backend)?;
        let signature = URL_SAFE_NO_PAD.encode(self.sign(PREFIX, message)?);
        Ok(SecretText::new(format!("{signed}.{signature}")))
    }
}

fn encode(part: &impl Serialize) -> Result<String, CryptoError> {
    let json = serde_json::to_vec(part).map_err(|_| CryptoError::Backend)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// A token that was read and not verified: it names who claims to have sent it, and no more than that is to be believed.
#[derive(Debug)]
pub struct UnverifiedJwt<'a> {
    header: Header,
    claims: JwtClaims,
    /// What the signature covers, after the prefix.
    message: &'a [u8],
    signature: Vec<u8>,
}

impl<'a> UnverifiedJwt<'a> {
    /// Reads a token in compact form (RFC 7515, 7.1).
    ///
    /// # Errors
    /// [`JwtError::Form`], also for unknown and repeated fields of header and claims.
    pub fn parse(text: &'a str) -> Result<Self, JwtError> {
        if text.len() > MAX_LEN {
            return Err(JwtError::Form);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(JwtError::Form)?;
        let (header, claims) = signed.split_once('.').ok_or(JwtError::Form)?;
        Ok(Self {
            header: decode(header)?,
            claims: decode(claims)?,
            message: signed.as_bytes().strip_prefix(PREFIX).ok_or(JwtError::Form)?,
            signature: URL_SAFE_NO_PAD.decode(signature).map_err(|_| JwtError::Form)?,
        })
    }

    /// The pool that the token claims to come from: whose key is to be looked up.
    pub fn claimed_pool(&self) -> PoolId {
        self.claims.pool
    }

    /// Verifies the token with the pool's current key and certificate.
    ///
    /// # Errors
    /// [`JwtError`]
    pub fn verify(
        self,
        key: &PoolPublicKey,
        certificate: CertificateThumbprint,
    ) -> Result<JwtClaims, JwtError> {
        let expected = Header::of(key, certificate);
        if (&self.header.alg, &self.header.typ) != (&expected.alg, &expected.typ) {
            return Err(JwtError::Form);
        }
        if self.header != expected {
            return Err(JwtError::ForeignKey);
        }
        key.verify(PREFIX, self.message, &self.signature).map_err(|_| JwtError::Signature)?;
        let life = self.claims.expires_at.checked_sub(self.claims.issued_at);
        match life {
            Some(1..=JWT_MAX_LIFE_SECS) => Ok(self.claims),
            _ => Err(JwtError::Life),
        }
    }
}

fn decode<T: DeserializeOwned>(part: &str) -> Result<T, JwtError> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Form)?;
    // A derived reader takes an array for an object, too.
    if json.first() != Some(&b'{') {
        return Err(JwtError::Form);
    }
    serde_json::from_slice(&json).map_err(|_| JwtError::Form)
}

#[cfg(test)]
mod tests;
