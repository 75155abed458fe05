//! URLs that allow one thing with one blob until an hour: a bearer secret each.
//!
//! ```text
//! https://host:port/blobs/<name>?op=put&exp=<unix seconds>&max=<bytes>&sig=<hex>
//! sig = HMAC-SHA-256(key, "mothership/blob-url/v1" LF op LF name LF exp LF max)
//! ```

use spacelift_worker_core::crypto::{hmac_sha256, hmac_sha256_verify};
use spacelift_worker_core::secret::SecretBytes;

use crate::store::BlobName;

/// What a URL allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// To read.
    Get,
    /// To write once.
    Put,
}

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
        }
    }
}

/// A URL that was found genuine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The most bytes that may be written.
    pub max_len: u64,
}

/// A URL is not accepted. It is not said whether it ended or was forged: the holder of a genuine one knows its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the URL is not valid for this request, or has expired; ask the control plane for a new one")]
pub struct UrlRefused;

/// The query of a signed URL as it came.
#[derive(Clone, Debug, serde::Deserialize)]
pub(super) struct SignedQuery {
    op: String,
    exp: u64,
    max: u64,
    sig: String,
}

/// Signs URLs and knows its own again. Clones share the key.
#[derive(Clone, Debug)]
pub struct BlobUrls {
    base: String,
    key: SecretBytes,
}

impl BlobUrls {
    /// URLs under `base` (`https://host:port`), signed with a key that must outlive every URL given out.
    pub fn new(base: &str, key: SecretBytes) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), key }
    }

    /// A URL with which a blob can be read until `until_ms`, in Unix milliseconds.
    pub fn get(&self, name: &BlobName, until_ms: u64) -> String {
        self.sign(Operation::Get, name, until_ms / 1000, 0)
    }

    /// A URL with which a blob of at most `max_len` bytes can be written once until `until_ms`, in Unix milliseconds.
    pub fn put(&self, name: &BlobName, max_len: u64, until_ms: u64) -> String {
        self.sign(Operation::Put, name, until_ms / 1000, max_len)
    }

    fn sign(&self, operation: Operation, name: &BlobName, exp: u64, max: u64) -> String {
        let op = operation.as_str();
        let sig = hmac_sha256(&self.key, &message(op, name, exp, max));
        let sig: String = sig.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}/blobs/{name}?op={op}&exp={exp}&max={max}&sig={sig}", self.base)
    }

    /// Checks what came.
    pub(super) fn check(
        &self,
        operation: Operation,
        name: &BlobName,
        query: &SignedQuery,
        now_ms: u64,
    ) -> Result<Granted, UrlRefused> {
        let sig = unhex(&query.sig).ok_or(UrlRefused)?;
        let genuine = hmac_sha256_verify(&self.key, &message(&query.op, name, query.exp, query.max), &sig);
        let meant = query.op == operation.as_str() && now_ms / 1000 <= query.exp;
        if genuine && meant { Ok(Granted { max_len: query.max }) } else { Err(UrlRefused) }
    }
}

fn message(op: &str, name: &BlobName, exp: u64, max: u64) -> Vec<u8> {
    format!("mothership/blob-url/v1\n{op}\n{name}\n{exp}\n{max}").into_bytes()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
