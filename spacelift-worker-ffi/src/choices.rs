//! What a caller says of sealing and unsealing, one setter at a time, and whether it is enough.

use std::sync::Arc;

use spacelift_worker_core::envelope::{Context, SealError, Sealer, Trust, Unsealer, sealed_len, workspace};
use spacelift_worker_core::pool::{PoolKey, PoolPublicKey};

use crate::failure::Failure;
use crate::status::SLW_ERR_SEAL;

/// To whom, for what, and by whom something is sealed.
#[derive(Default)]
pub(crate) struct SealChoices {
    recipient: Option<PoolPublicKey>,
    context: Vec<(String, String)>,
    /// Nothing was said of it; nobody signs; this key does.
    signer: Option<Option<Arc<PoolKey>>>,
    pub(crate) plain_len: Option<u64>,
}

impl SealChoices {
    /// One recipient is what the format has room for.
    pub(crate) fn add_recipient(&mut self, key: PoolPublicKey) -> Result<(), Failure> {
        if self.recipient.is_some() {
            return Err(Failure::new(SLW_ERR_SEAL, "version 1 of the format seals to one recipient"));
        }
        self.recipient = Some(key);
        Ok(())
    }

    pub(crate) fn add_context(&mut self, key: &str, value: &str) -> Result<(), Failure> {
        add_entry(&mut self.context, key, value)
    }

    pub(crate) fn set_signer(&mut self, signer: Option<Arc<PoolKey>>) {
        self.signer = Some(signer);
    }

    /// What was said, if it is enough.
    pub(crate) fn ready(&self) -> Result<ReadyToSeal<'_>, Failure> {
        let recipient = self.recipient.as_ref();
        let recipient = recipient.ok_or_else(|| Failure::invalid("options", "name no recipient"))?;
        let signer = self.signer.as_ref();
        let signer = signer.ok_or_else(|| {
            Failure::invalid("options", "do not say who signs: set a signer, or say that it is unsigned")
        })?;
        let context = Context::new(self.context.iter().cloned())?;
        Ok(ReadyToSeal { recipient, context, signer: signer.as_deref() })
    }
}

/// Choices that are enough to seal with.
pub(crate) struct ReadyToSeal<'c> {
    recipient: &'c PoolPublicKey,
    context: Context,
    signer: Option<&'c PoolKey>,
}

impl ReadyToSeal<'_> {
    /// A sealer for a plaintext of this length, if it is known.
    pub(crate) fn sealer(&self, plain_len: Option<u64>) -> Result<Sealer, SealError> {
        Sealer::new(self.recipient, &self.context, self.signer, plain_len)
    }

    /// The length of a sealed file.
    pub(crate) fn sealed_len(&self, plain_len: u64) -> Result<u64, SealError> {
        let signer = self.signer.map(PoolKey::public_key);
        sealed_len(self.recipient, &self.context, signer.as_ref(), plain_len)
    }
}

/// Whom a reader trusts.
enum TrustChoice {
    SignedBy(Vec<PoolPublicKey>),
    SignedByRecipient,
    Unsigned,
}

/// With which keys, for what, and by whom signed something is opened.
#[derive(Default)]
pub(crate) struct UnsealChoices {
    keys: Vec<Arc<PoolKey>>,
    context: Vec<(String, String)>,
    trust: Option<TrustChoice>,
}

impl UnsealChoices {
    pub(crate) fn add_key(&mut self, key: Arc<PoolKey>) {
        self.keys.push(key);
    }

    pub(crate) fn add_context(&mut self, key: &str, value: &str) -> Result<(), Failure> {
        add_entry(&mut self.context, key, value)
    }

    pub(crate) fn add_signer(&mut self, key: PoolPublicKey) -> Result<(), Failure> {
        match self.trust.get_or_insert_with(|| TrustChoice::SignedBy(Vec::new())) {
            TrustChoice::SignedBy(keys) => {
                keys.push(key);
                Ok(())
            }
            TrustChoice::SignedByRecipient | TrustChoice::Unsigned => Err(Self::twice()),
        }
    }

    pub(crate) fn set_unsigned(&mut self) -> Result<(), Failure> {
        match self.trust.get_or_insert(TrustChoice::Unsigned) {
            TrustChoice::Unsigned => Ok(()),
            TrustChoice::SignedBy(_) | TrustChoice::SignedByRecipient => Err(Self::twice()),
        }
    }

    pub(crate) fn set_signed_by_recipient(&mut self) -> Result<(), Failure> {
        match self.trust.get_or_insert(TrustChoice::SignedByRecipient) {
            TrustChoice::SignedByRecipient => Ok(()),
            TrustChoice::SignedBy(_) | TrustChoice::Unsigned => Err(Self::twice()),
        }
    }

    fn twice() -> Failure {
        Failure::invalid("options", "say two different things of whom to trust")
    }

    pub(crate) fn unsealer(&self) -> Result<Unsealer<'static>, Failure> {
        if self.keys.is_empty() {
            return Err(Failure::invalid("options", "name no private key"));
        }
        let context = Context::new(self.context.iter().cloned())?;
        let trust = match &self.trust {
            None => {
                return Err(Failure::invalid(
                    "options",
                    "do not say whom to trust: add a signer, or say that the file is unsigned",
                ));
            }
            Some(TrustChoice::SignedByRecipient) => {
                return Ok(workspace::unsealer_with_shared_keys(&self.keys, &context));
            }
            Some(TrustChoice::SignedBy(keys)) => Trust::SignedBy(keys.clone()),
            Some(TrustChoice::Unsigned) => Trust::Unsigned,
        };
        Ok(Unsealer::with_shared_keys(&self.keys, &context, &trust))
    }
}

/// One more entry, if the context keeps its form with it.
fn add_entry(entries: &mut Vec<(String, String)>, key: &str, value: &str) -> Result<(), Failure> {
    let mut more = entries.clone();
    more.push((key.to_owned(), value.to_owned()));
    Context::new(more.iter().cloned())?;
    *entries = more;
    Ok(())
}
