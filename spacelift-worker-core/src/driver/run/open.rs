//! Opening an offer: fetch its sealed part, verify who sealed it, open it, compare it with the hints outside.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::context::RunContext;
use crate::driver::blob::BlobError;
use crate::envelope::{Context, ContextError, UnsealError, offer as offer_envelope};
use crate::ids::Lease;
use crate::pool::{OfferSignatureError, verify_offer};
use crate::protocol::message::{Grant, LogUploads, Offer, OfferPayload, SealedPart, Upload};
use crate::run::{Assignment, AssignmentError, Hints};
use crate::secret::SecretBytes;

/// The most bytes of a sealed part that is fetched by reference.
const MAX_SEALED_LEN: u64 = 16 << 20;

/// Why an offer cannot be opened. The note goes to the control plane, so it speaks of public facts only.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum OpenError {
    /// The sealed part is no base64.
    #[error("the sealed part of the offer is not base64")]
    NotBase64,
    /// The sealed part could not be fetched.
    #[error("the sealed part of the offer could not be fetched")]
    Fetch(#[from] BlobError),
    /// The token names a signing key, and there is no signature.
    #[error("the offer is not signed, and the pool's token names a signing key")]
    Unsigned,
    /// The signature is not the control plane's.
    #[error("the signature of the offer is not that of the control plane")]
    Signature(#[from] OfferSignatureError),
    /// The hints make no context.
    #[error("the offer names no valid context")]
    Context(#[from] ContextError),
    /// It is not sealed for this pool, worker, run, phase and lease.
    #[error("the offer cannot be opened")]
    Unseal(#[from] UnsealError),
    /// What is inside is no payload of this version.
    #[error("the offer's contents have not the form of this version")]
    Form,
    /// What is inside is about something else than what is outside.
    #[error("the offer is not meant for this worker")]
    Assignment(#[from] AssignmentError),
}

impl RunContext {
    /// Opens an offer.
    pub(super) async fn open_offer(&self, offer: &Offer) -> Result<Assignment, OpenError> {
        let phase = offer.phase.as_str();
        let context = offer_envelope::context(self.pool(), self.worker, offer.run, phase, offer.lease)?;
        let plain = self.open_sealed(&offer.sealed, offer.sig.as_deref(), context).await?;
        let payload: OfferPayload = serde_json::from_slice(plain.expose()).map_err(|_| OpenError::Form)?;
        let hints = Hints {
            pool: self.pool(),
            worker: self.worker,
            run: offer.run,
            lease: offer.lease,
            phase: offer.phase,
        };
        Ok(Assignment::new(payload, hints)?)
    }

    /// Opens the places for logs that a renewal brings, which stand in the message itself: the loop of a run waits for this,
    /// and must not wait for a server.
    pub(super) async fn open_renewal(&self, grant: &Grant, lease: Lease) -> Result<Vec<Upload>, OpenError> {
        let sealed = match &grant.sealed {
            None => return Ok(Vec::new()),
            Some(SealedPart::Reference { .. }) => return Err(OpenError::Form),
            Some(sealed) => sealed,
        };
        let context = Context::new([
            ("purpose", "renew".to_owned()),
            ("pool", self.pool().to_string()),
            ("worker", self.worker.to_string()),
            ("run", grant.run.to_string()),
            ("lease", grant.lease.to_string()),
        ])?;
        let plain = self.open_sealed(sealed, grant.sig.as_deref(), context).await?;
        let uploads: LogUploads = serde_json::from_slice(plain.expose()).map_err(|_| OpenError::Form)?;
        if uploads.lease == lease { Ok(uploads.logs) } else { Err(OpenError::Form) }
    }

    /// The signature is checked before anything is opened.
    async fn open_sealed(
        &self,
        sealed: &SealedPart,
        signature: Option<&str>,
        context: Context,
    ) -> Result<SecretBytes, OpenError> {
        let sealed = match sealed {
            SealedPart::Inline(text) => STANDARD.decode(text).map_err(|_| OpenError::NotBase64)?,
            SealedPart::Reference { url, len, sha256 } => {
                self.blobs.get_bytes(url, *len, sha256, MAX_SEALED_LEN).await?
            }
        };
        let credentials = self.credentials.clone();
        let signature = signature.map(str::to_owned);
        let opened = tokio::task::spawn_blocking(move || {
            if let Some(key) = &credentials.token().parts().signing_key {
                let signature = signature.ok_or(OpenError::Unsigned)?;
                verify_offer(key, &sealed, &signature)?;
            }
            // The pool's key is never trusted for an offer: the signature outside speaks for it.
            Ok(offer_envelope::unseal(&credentials.opening_keys(), &context, &sealed)?)
        });
        opened.await.unwrap_or(Err(OpenError::Form))
    }
}
