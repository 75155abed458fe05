//! Unsealing: the checks in their order, then the body, pushed piece by piece.
//!
//! It never hands out an unverified byte, never takes a key from the file, and has no default of whom to trust.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::cobblestone::{Damaged, Decryptor, PREFIX_LEN};
use super::context::Context;
use super::header::{Header, HeaderFault, MAX_HEADER_LEN, MAX_SIGNATURE_LEN, parse_signature};
use super::key::{self, InputKey};
use crate::output::Output;
use crate::pool::{PoolKey, PoolPublicKey};
use crate::secret::SecretBytes;

/// The most bytes that can stand before the first chunk.
pub(crate) const MAX_START_LEN: usize = MAX_HEADER_LEN + 1 + MAX_SIGNATURE_LEN + 1 + PREFIX_LEN;

/// Whom the reader trusts. There is no default, and no key comes from the file.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Signed by one of these keys; an unsigned file is refused.
    SignedBy(Vec<PoolPublicKey>),
    /// Nobody signed it, and whoever knows the recipient's public key may have made it; a signed file is refused.
    Unsigned,
}

/// Why a sealed file is not opened. Everything but [`UnsealError::Damaged`] speaks of public facts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnsealError {
    /// It was sealed for something else.
    #[error("the file was sealed for something else: its {key} is {}, expected {}", shown(.found), shown(.expected))]
    Context {
        /// The first key of the context that differs.
        key: String,
        /// What the file says.
        found: Option<String>,
        /// What the reader expects.
        expected: Option<String>,
    },
    /// It ends before its body begins.
    #[error("the sealed file is cut short: it ends in its header")]
    CutShort,
    /// The one answer from the private key on: damaged, cut, extended, or made for another key.
    #[error("the sealed file cannot be opened: it is damaged, cut short, or was not sealed to this key")]
    Damaged,
    /// Its first two lines are not of this format.
    #[error("this is not a sealed file, or its header is damaged")]
    Form,
    /// It was sealed to a key that the reader does not have.
    #[error("the file was sealed to the key {kid}, which this pool does not have")]
    Recipient {
        /// The kid of that key.
        kid: String,
    },
    /// The signature is not one of this header.
    #[error("the signature of the sealed file is forged or damaged")]
    Signature,
    /// A signed file where only unsigned ones are read.
    #[error("the file is signed by the key {kid}, but an unsigned one was expected")]
    Signed {
        /// The kid of the signer.
        kid: String,
    },
    /// Nobody signed it, and the reader wants a signature.
    #[error("the sealed file is not signed; whoever knows the pool's public key may have made it")]
    Unsigned,
    /// Something was opened with it before, where a whole file is to be opened.
    #[error("the unsealer was used before; a file needs one of its own")]
    Started,
    /// Somebody signed it whom the reader does not trust.
    #[error("the file was signed by the key {kid}, which is not trusted for it")]
    Untrusted {
        /// The kid of the signer.
        kid: String,
    },
    /// Made by another version of the format.
    #[error("the file was sealed in another version of the format than 1; update the worker")]
    Version,
}

impl UnsealError {
    /// The fault in a word that keeps its meaning, as the vectors of sealed run state name it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Context { .. } => "context",
            Self::CutShort => "cut_short",
            Self::Damaged => "damaged",
            Self::Form => "form",
            Self::Recipient { .. } => "recipient",
            Self::Signature => "signature",
            Self::Signed { .. } => "signed",
            Self::Unsigned => "unsigned",
            Self::Started => "started",
            Self::Untrusted { .. } => "untrusted",
            Self::Version => "version",
        }
    }
}

impl From<Damaged> for UnsealError {
    fn from(_: Damaged) -> Self {
        Self::Damaged
    }
}

impl From<HeaderFault> for UnsealError {
    fn from(fault: HeaderFault) -> Self {
        match fault {
            HeaderFault::Form => Self::Form,
            HeaderFault::Version => Self::Version,
        }
    }
}

fn shown(value: &Option<String>) -> &str {
    value.as_deref().unwrap_or("absent")
}

/// A key of the reader's.
enum Key<'a> {
    Borrowed(&'a PoolKey),
    Shared(Arc<PoolKey>),
}

impl Deref for Key<'_> {
    type Target = PoolKey;

    fn deref(&self) -> &PoolKey {
        match self {
            Self::Borrowed(key) => key,
            Self::Shared(key) => key,
        }
    }
}

/// What the reader brings along.
struct Reader<'a> {
    keys: Vec<Key<'a>>,
    expected: Context,
    trust: Trust,
    signer_is_recipient: bool,
}

enum State<'a> {
    /// The two lines are not complete yet.
    Head {
        reader: Reader<'a>,
        head: Vec<u8>,
    },
    Body(Decryptor),
    Failed(UnsealError),
}

/// Opens one sealed file that comes in pieces. The first error stays for good.
pub struct Unsealer<'a> {
    state: State<'a>,
}

impl<'a> Unsealer<'a> {
    /// A reader that has these keys, expects exactly this context, and trusts only whom it says.
    pub fn new(keys: &[&'a PoolKey], expected: &Context, trust: &Trust) -> Self {
        Self::with(keys.iter().copied().map(Key::Borrowed).collect(), expected, trust, false)
    }

    /// As [`Unsealer::new`], with keys that live as long as the reader needs them: for hosts that keep it in an object.
    pub fn with_shared_keys(keys: &[Arc<PoolKey>], expected: &Context, trust: &Trust) -> Unsealer<'static> {
        Unsealer::with(keys.iter().cloned().map(Key::Shared).collect(), expected, trust, false)
    }

    /// As [`Unsealer::with_shared_keys`], for a file whose signer is its recipient: a workspace.
    pub(super) fn shared_signed_by_recipient(keys: &[Arc<PoolKey>], expected: &Context) -> Unsealer<'static> {
        let trust = Trust::SignedBy(keys.iter().map(|key| key.public_key()).collect());
        Unsealer::with(keys.iter().cloned().map(Key::Shared).collect(), expected, &trust, true)
    }

    /// As [`Unsealer::new`], and the signer must be the recipient as well.
    pub(super) fn signed_by_recipient(keys: &[&'a PoolKey], expected: &Context) -> Self {
        let trust = Trust::SignedBy(keys.iter().map(|key| key.public_key()).collect());
        Self::with(keys.iter().copied().map(Key::Borrowed).collect(), expected, &trust, true)
    }

    fn with(keys: Vec<Key<'a>>, expected: &Context, trust: &Trust, signer_is_recipient: bool) -> Self {
        let reader = Reader { keys, expected: expected.clone(), trust: trust.clone(), signer_is_recipient };
        Self { state: State::Head { reader, head: Vec::new() } }
    }

    /// Takes the next piece of the file and appends what is verified to `out`. Nothing may be believed of the
    /// whole before [`Unsealer::finish`].
    ///
    /// # Errors
    /// [`UnsealError`], the same one again at each further call.
    pub fn update(&mut self, sealed: &[u8], out: &mut dyn Output) -> Result<(), UnsealError> {
        let step = match &mut self.state {
            State::Head { reader, head } => match take_head(head, sealed) {
                Ok(None) => Ok(None),
                Ok(Some(body)) => reader.open(head).and_then(|input_key| {
                    let mut decryptor = Decryptor::new(&input_key, head);
                    decryptor.update(body, out)?;
                    Ok(Some(State::Body(decryptor)))
                }),
                Err(error) => Err(error),
            },
            State::Body(decryptor) => decryptor.update(sealed, out).map(|()| None).map_err(Into::into),
            State::Failed(error) => Err(error.clone()),
        };
        match step {
            Ok(Some(next)) => self.state = next,
            Ok(None) => {}
            Err(error) => {
                self.state = State::Failed(error.clone());
                return Err(error);
            }
        }
        Ok(())
    }

    /// Opens the two lines at the beginning of `start`: K, the lines, and what of `start` follows them.
    pub(super) fn open_head(self, start: &[u8]) -> Result<(InputKey, &[u8], &[u8]), UnsealError> {
        let (reader, mut head) = match self.state {
            State::Head { reader, head } if head.is_empty() => (reader, head),
            State::Failed(error) => return Err(error),
            State::Head { .. } | State::Body(_) => return Err(UnsealError::Started),
        };
        let body = take_head(&mut head, start)?.ok_or(UnsealError::CutShort)?;
        let (lines, _) = start.split_at(start.len() - body.len());
        Ok((reader.open(lines)?, lines, body))
    }

    /// Verifies the end and appends the last bytes to `out`: only now is the plaintext whole and authentic.
    ///
    /// # Errors
    /// [`UnsealError`]
    pub fn finish(self, out: &mut dyn Output) -> Result<(), UnsealError> {
        match self.state {
            State::Head { .. } => Err(UnsealError::CutShort),
            State::Body(decryptor) => Ok(decryptor.finish(out)?),
            State::Failed(error) => Err(error),
        }
    }
}

impl fmt::Debug for Unsealer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsealer").finish_non_exhaustive()
    }
}

impl Reader<'_> {
    /// Expected context, trust and recipient, signature, one RSA-OAEP; `head` is both lines with their LFs.
    fn open(&self, head: &[u8]) -> Result<InputKey, UnsealError> {
        let Head { line, header, signature } = parse_head(head)?;
        if let Some(key) = header.context.first_difference(&self.expected) {
            let value = |context: &Context| context.get(&key).map(str::to_owned);
            let (found, expected) = (value(&header.context), value(&self.expected));
            return Err(UnsealError::Context { key, found, expected });
        }
        let signer = self.trusted_signer(&header)?;
        let recipient = self.keys.iter().find(|key| key.public_key().kid() == header.kid);
        let recipient = recipient.ok_or_else(|| UnsealError::Recipient { kid: header.kid.clone() })?;
        if header.wrapped_key.len() != recipient.public_key().modulus_len() {
            return Err(UnsealError::Form);
        }
        if let Some(signer) = signer {
            let signature = signature.ok_or(UnsealError::Form)?;
            key::verify(signer, line, &signature).map_err(|_| UnsealError::Signature)?;
        }
        key::unwrap(recipient, &header).map_err(|_| UnsealError::Damaged)
    }

    fn trusted_signer(&self, header: &Header) -> Result<Option<&PoolPublicKey>, UnsealError> {
        match (&self.trust, &header.signer) {
            (Trust::Unsigned, None) => Ok(None),
            (Trust::Unsigned, Some(kid)) => Err(UnsealError::Signed { kid: kid.clone() }),
            (Trust::SignedBy(_), None) => Err(UnsealError::Unsigned),
            (Trust::SignedBy(keys), Some(kid)) => keys
                .iter()
                .find(|key| key.kid() == *kid)
                .filter(|_| !self.signer_is_recipient || *kid == header.kid)
                .map(Some)
                .ok_or_else(|| UnsealError::Untrusted { kid: kid.clone() }),
        }
    }
}

/// Moves bytes from `sealed` to `head` until it holds two lines, then gives what is left of `sealed`.
fn take_head<'s>(head: &mut Vec<u8>, sealed: &'s [u8]) -> Result<Option<&'s [u8]>, UnsealError> {
    let mut rest = sealed;
    loop {
        let (start, limit) = match head.iter().position(|byte| *byte == b'\n') {
            None => (0, MAX_HEADER_LEN),
            Some(end) => (end + 1, MAX_SIGNATURE_LEN),
        };
        let room = (start + limit + 1).saturating_sub(head.len());
        let window = rest.get(..rest.len().min(room)).unwrap_or_default();
        match window.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                let (line, more) = rest.split_at(end + 1);
                head.extend_from_slice(line);
                if start > 0 {
                    return Ok(Some(more));
                }
                rest = more;
            }
            None if window.len() == room => return Err(UnsealError::Form),
            None => {
                head.extend_from_slice(window);
                return Ok(None);
            }
        }
    }
}

/// Both lines, read.
struct Head<'h> {
    line: &'h [u8],
    header: Header,
    signature: Option<Vec<u8>>,
}

fn parse_head(head: &[u8]) -> Result<Head<'_>, UnsealError> {
    let mut lines = head.split(|byte| *byte == b'\n');
    let line = lines.next().ok_or(UnsealError::Form)?;
    let header = Header::parse(line)?;
    let signature = parse_signature(lines.next().ok_or(UnsealError::Form)?)?;
    // The signature line is "-" exactly when no signer is named.
    if header.signer.is_some() != signature.is_some() {
        return Err(UnsealError::Form);
    }
    Ok(Head { line, header, signature })
}

/// Reads the header at the beginning of a sealed file: what it is, for whom, for what. Nothing is verified.
///
/// # Errors
/// [`UnsealError::Form`], [`UnsealError::Version`], [`UnsealError::CutShort`].
pub fn inspect(sealed: &[u8]) -> Result<Header, UnsealError> {
    let mut head = Vec::new();
    take_head(&mut head, sealed)?.ok_or(UnsealError::CutShort)?;
    parse_head(&head).map(|head| head.header)
}

/// Opens what is in memory.
///
/// # Errors
/// [`UnsealError`]
pub fn unseal(
    keys: &[&PoolKey],
    expected: &Context,
    trust: &Trust,
    sealed: &[u8],
) -> Result<SecretBytes, UnsealError> {
    all_of(Unsealer::new(keys, expected, trust), sealed)
}

pub(super) fn all_of(mut unsealer: Unsealer<'_>, sealed: &[u8]) -> Result<SecretBytes, UnsealError> {
    // Decryption is in place, tag included, so that the vector never grows and leaves a copy behind.
    let mut plain = zeroize::Zeroizing::new(Vec::with_capacity(sealed.len()));
    unsealer.update(sealed, &mut *plain)?;
    unsealer.finish(&mut *plain)?;
    Ok(SecretBytes::new(std::mem::take(&mut *plain)))
}
