//! From a payload to the sealed and signed part of a message: inline where it fits, by reference where it does not.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use spacelift_worker_core::crypto::{CryptoError, sha256};
use spacelift_worker_core::envelope::{self, Context, ContextError};
use spacelift_worker_core::pool::{ControlKey, PoolPublicKey, PublicKeyError};
use spacelift_worker_core::protocol::message::SealedPart;

use crate::store::{BlobError, BlobName, Blobs, NotABlobName};

/// Signed URLs to blobs. Each is a bearer secret.
pub trait BlobLinks: Send + Sync + 'static {
    /// A URL with which a blob can be read until `until_ms`, in Unix milliseconds.
    fn get(&self, name: &BlobName, until_ms: u64) -> String;

    /// A URL with which a blob of at most `max_len` bytes can be written once until `until_ms`, in Unix milliseconds.
    fn put(&self, name: &BlobName, max_len: u64, until_ms: u64) -> String;
}

/// Why something could not be sealed or referred to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The pool's certificate holds no usable key.
    #[error("the certificate of the pool holds no key to seal to; reset the pool")]
    Key(#[from] PublicKeyError),
    /// An identifier has no place in a context.
    #[error("the purpose of a sealed part cannot be written down")]
    Context(#[from] ContextError),
    /// The envelope could not be made.
    #[error("a message could not be sealed to the pool")]
    Seal(#[from] envelope::SealError),
    /// The signature could not be made.
    #[error("an offer could not be signed")]
    Sign(#[from] CryptoError),
    /// The sealed part could not be stored.
    #[error("a sealed part could not be stored")]
    Blob(#[from] BlobError),
    /// A stored name is not that of a blob.
    #[error("the store names a blob in a way that no blob is named")]
    Name(#[from] NotABlobName),
}

/// What sealing takes, and where long parts go.
#[derive(Clone)]
pub(super) struct Sealing {
    pub(super) key: Arc<ControlKey>,
    pub(super) blobs: Blobs,
    pub(super) links: Arc<dyn BlobLinks>,
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealing").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Sealed and signed.
#[derive(Debug)]
pub(super) struct Sealed {
    bytes: Vec<u8>,
    /// The signature over all sealed bytes.
    pub(super) sig: String,
}

impl Sealing {
    /// Seals to the pool for exactly this purpose, and signs what came out.
    pub(super) fn seal(
        &self,
        pool_certificate_pem: &str,
        context: &Context,
        payload: &[u8],
    ) -> Result<Sealed, SealError> {
        let recipient = PoolPublicKey::from_certificate_pem(pool_certificate_pem)?;
        // The signature of a command stands outside, over all sealed bytes; inside there is none.
        let bytes = envelope::seal(&recipient, context, None, payload)?;
        let sig = self.key.sign_offer(&sha256(&bytes))?;
        Ok(Sealed { bytes, sig })
    }

    /// The sealed bytes within the message.
    pub(super) fn inline(sealed: &Sealed) -> SealedPart {
        SealedPart::Inline(STANDARD.encode(&sealed.bytes))
    }

    /// The sealed bytes as a blob of that name, and where it is.
    pub(super) async fn reference(
        &self,
        sealed: &Sealed,
        name: &str,
        until: u64,
    ) -> Result<SealedPart, SealError> {
        let name: BlobName = name.parse()?;
        self.blobs.put_bytes(name.clone(), &sealed.bytes).await?;
        let len = u64::try_from(sealed.bytes.len()).unwrap_or(u64::MAX);
        let sha256 = sha256(&sealed.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(SealedPart::Reference { url: self.links.get(&name, until), len, sha256 })
    }
}
