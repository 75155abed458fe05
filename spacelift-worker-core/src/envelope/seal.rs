//! Sealing: a header, a signature if there is a signer, and the encrypted body, pushed piece by piece.
//!
//! It never seals twice with one K: a sealer cannot be copied, and `finish` ends it.

use std::fmt;

use super::cobblestone::{self, EncryptError, Encryptor};
use super::context::Context;
use super::header::{Header, MAX_HEADER_LEN, UNSIGNED, encode_signature};
use super::key;
use crate::crypto::CryptoError;
use crate::output::Output;
use crate::pool::{PoolKey, PoolPublicKey};

/// Why nothing can be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The header would not fit into its bounds.
    #[error("the context is too long for a header")]
    Context,
    /// The operating system or the library refused.
    #[error("sealing is not possible here")]
    Crypto(#[source] CryptoError),
    /// The plaintext is not as long as was declared; what was sealed so far does not open.
    #[error("{given} bytes came to be sealed, {declared} were declared; the file changed meanwhile")]
    Length {
        /// What was declared, in bytes.
        declared: u64,
        /// What came, in bytes; at the first byte too many counting stops.
        given: u64,
    },
    /// Something was sealed with it before, where a whole file is to be sealed.
    #[error("the sealer was used before; a file needs one of its own")]
    Started,
    /// More than 4 PiB.
    #[error("the plaintext is longer than 4 PiB")]
    TooLong,
}

impl From<EncryptError> for SealError {
    fn from(error: EncryptError) -> Self {
        match error {
            EncryptError::Crypto(error) => Self::Crypto(error),
            EncryptError::TooLong => Self::TooLong,
        }
    }
}

/// Seals one plaintext that comes in pieces. Not `Clone`: two ends of one stream would use a nonce twice.
pub struct Sealer {
    /// Header and signature line, until they are written.
    pub(super) head: Vec<u8>,
    head_len: usize,
    pub(super) encryptor: Encryptor,
    pub(super) length: Length,
    pub(super) failed: Option<SealError>,
}

/// What was declared of the plaintext's length, and what came.
pub(super) struct Length {
    declared: Option<u64>,
    given: u64,
}

impl Length {
    pub(super) fn give(&mut self, len: usize) -> Result<(), SealError> {
        self.given = self.given.saturating_add(len as u64);
        match self.declared {
            Some(declared) if self.given > declared => Err(SealError::Length { declared, given: self.given }),
            _ => Ok(()),
        }
    }

    pub(super) fn end(&self) -> Result<(), SealError> {
        match self.declared {
            Some(declared) if self.given != declared => {
                Err(SealError::Length { declared, given: self.given })
            }
            _ => Ok(()),
        }
    }
}

impl Sealer {
    /// Draws K, wraps it to `recipient` and signs with `signer`, or leaves the file unsigned.
    ///
    /// A declared `plain_len` gives the sealed length beforehand and makes another length an error.
    ///
    /// # Errors
    /// [`SealError`]
    pub fn new(
        recipient: &PoolPublicKey,
        context: &Context,
        signer: Option<&PoolKey>,
        plain_len: Option<u64>,
    ) -> Result<Self, SealError> {
        if plain_len.is_some_and(|len| cobblestone::sealed_len(len).is_none()) {
            return Err(SealError::TooLong);
        }
        let input_key = key::draw().map_err(SealError::Crypto)?;
        let header = Header {
            kid: recipient.kid(),
            wrapped_key: key::wrap(recipient, &input_key).map_err(SealError::Crypto)?,
            signer: signer.map(|signer| signer.public_key().kid()),
            context: context.clone(),
        };
        let mut head = header.encode();
        if head.len() > MAX_HEADER_LEN {
            return Err(SealError::Context);
        }
        let signature =
            signer.map(|signer| key::sign(signer, &head)).transpose().map_err(SealError::Crypto)?;
        head.push(b'\n');
        head.extend(encode_signature(signature.as_deref()));
        head.push(b'\n');
        Ok(Self {
            encryptor: Encryptor::new(&input_key, &head)?,
            head_len: head.len(),
            head,
            length: Length { declared: plain_len, given: 0 },
            failed: None,
        })
    }

    /// Length of the sealed file in bytes, when the plain length was declared.
    pub fn sealed_len(&self) -> Option<u64> {
        let body = cobblestone::sealed_len(self.length.declared?)?;
        Some(self.head_len as u64 + body)
    }

    /// Takes the next piece of plaintext and appends what is ready to `out`.
    ///
    /// # Errors
    /// [`SealError`], the same one again at each further call.
    pub fn update(&mut self, plain: &[u8], out: &mut dyn Output) -> Result<(), SealError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.push(plain, out).inspect_err(|error| self.failed = Some(*error))
    }

    fn push(&mut self, plain: &[u8], out: &mut dyn Output) -> Result<(), SealError> {
        self.length.give(plain.len())?;
        out.push_all(&std::mem::take(&mut self.head));
        Ok(self.encryptor.update(plain, out)?)
    }

    /// Appends the end to `out`; without it the file does not open.
    ///
    /// # Errors
    /// [`SealError`], [`SealError::Length`] when less came than was declared.
    pub fn finish(mut self, out: &mut dyn Output) -> Result<(), SealError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.length.end()?;
        out.push_all(&std::mem::take(&mut self.head));
        Ok(self.encryptor.finish(out)?)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("given", &self.length.given).finish_non_exhaustive()
    }
}

/// Length in bytes of `plain_len` bytes once sealed, known before anything is: pre-signed uploads need it.
///
/// # Errors
/// [`SealError::Context`], [`SealError::TooLong`].
pub fn sealed_len(
    recipient: &PoolPublicKey,
    context: &Context,
    signer: Option<&PoolPublicKey>,
    plain_len: u64,
) -> Result<u64, SealError> {
    let header = Header {
        kid: recipient.kid(),
        wrapped_key: vec![0; recipient.modulus_len()],
        signer: signer.map(PoolPublicKey::kid),
        context: context.clone(),
    };
    let header_len = header.encode().len();
    if header_len > MAX_HEADER_LEN {
        return Err(SealError::Context);
    }
    // Base64 without padding: 4 characters for 3 bytes, rounded up.
    let signature_len = signer.map_or(UNSIGNED.len(), |signer| (signer.modulus_len() * 4).div_ceil(3));
    let body = cobblestone::sealed_len(plain_len).ok_or(SealError::TooLong)?;
    Ok((header_len + 1 + signature_len + 1) as u64 + body)
}

/// Seals what is in memory.
///
/// # Errors
/// [`SealError`]
pub fn seal(
    recipient: &PoolPublicKey,
    context: &Context,
    signer: Option<&PoolKey>,
    plain: &[u8],
) -> Result<Vec<u8>, SealError> {
    let mut sealer = Sealer::new(recipient, context, signer, Some(plain.len() as u64))?;
    let len = sealer.sealed_len().and_then(|len| usize::try_from(len).ok());
    let mut out = Vec::with_capacity(len.unwrap_or_default());
    sealer.update(plain, &mut out)?;
    sealer.finish(&mut out)?;
    Ok(out)
}
