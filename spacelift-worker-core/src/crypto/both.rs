//! Both backends in one build: aws-lc serves, and a thread may ask for the other one, which is how tests and the fuzz
//! target `backends` compare them.
//!
//! The choice is made where a key or a hash is made, and stays with it. It is not in a build with one backend.

use std::cell::Cell;

use super::{CryptoError, aws_lc, pure};
use crate::secret::SecretBytes;

/// A backend of the seam.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// aws-lc-rs, which serves unless a thread says otherwise.
    AwsLc,
    /// RustCrypto.
    PureRust,
}

thread_local! {
    static SERVING: Cell<Backend> = const { Cell::new(Backend::AwsLc) };
}

/// Runs `f` with keys and hashes of `backend`, on this thread alone. For comparisons, not for use.
pub fn with_backend<T>(backend: Backend, f: impl FnOnce() -> T) -> T {
    /// Puts the one before back, after a panic, too.
    struct Before(Backend);
    impl Drop for Before {
        fn drop(&mut self) {
            SERVING.set(self.0);
        }
    }
    let _before = Before(SERVING.replace(backend));
    f()
}

/// The backend that serves this thread.
pub(super) fn serving() -> Backend {
    SERVING.get()
}

/// What one of the two made.
#[derive(Clone)]
enum Either<A, P> {
    AwsLc(A),
    PureRust(P),
}

/// The same function of the backend that serves.
macro_rules! serving {
    ($($path:ident)::+ ($($argument:expr),*)) => {
        match serving() {
            Backend::AwsLc => aws_lc::$($path)::+($($argument),*),
            Backend::PureRust => pure::$($path)::+($($argument),*),
        }
    };
}

/// What the same function of the backend that serves makes, as `Self`.
macro_rules! made {
    ($($path:ident)::+ ($($argument:expr),*)) => {
        match serving() {
            Backend::AwsLc => aws_lc::$($path)::+($($argument),*).map(Either::AwsLc).map(Self),
            Backend::PureRust => pure::$($path)::+($($argument),*).map(Either::PureRust).map(Self),
        }
    };
}

/// The same method of whichever backend made it.
macro_rules! its {
    ($self:ident . $method:ident ($($argument:expr),*)) => {
        match $self.0 {
            Either::AwsLc(ref it) => it.$method($($argument),*),
            Either::PureRust(ref it) => it.$method($($argument),*),
        }
    };
}

pub(super) fn sha512(data: &[u8]) -> [u8; 64] {
    serving!(sha512(data))
}

#[derive(Clone)]
pub(super) struct Sha256(Either<aws_lc::Sha256, pure::Sha256>);

impl Sha256 {
    pub(super) fn new() -> Self {
        match serving() {
            Backend::AwsLc => Self(Either::AwsLc(aws_lc::Sha256::new())),
            Backend::PureRust => Self(Either::PureRust(pure::Sha256::new())),
        }
    }

    pub(super) fn update(&mut self, data: &[u8]) {
        match &mut self.0 {
            Either::AwsLc(hash) => hash.update(data),
            Either::PureRust(hash) => hash.update(data),
        }
    }

    pub(super) fn finish(self) -> [u8; 32] {
        match self.0 {
            Either::AwsLc(hash) => hash.finish(),
            Either::PureRust(hash) => hash.finish(),
        }
    }
}

pub(super) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    serving!(hmac_sha256(key, message))
}

pub(super) fn hkdf_expand_sha512(key: &[u8; 32], info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError> {
    serving!(hkdf_expand_sha512(key, info, out))
}

pub(super) fn fill_random(out: &mut [u8]) -> Result<(), CryptoError> {
    serving!(fill_random(out))
}

pub(super) struct Aes256Gcm(Either<aws_lc::Aes256Gcm, pure::Aes256Gcm>);

impl Aes256Gcm {
    pub(super) fn new(key: &[u8; 32]) -> Result<Self, CryptoError> {
        made!(Aes256Gcm::new(key))
    }

    pub(super) fn seal_in_place(&self, nonce: &[u8; 12], in_out: &mut [u8]) -> Result<[u8; 16], CryptoError> {
        its!(self.seal_in_place(nonce, in_out))
    }

    pub(super) fn seal_into(
        &self,
        nonce: &[u8; 12],
        plain: &[u8],
        text: &mut [u8],
        tag: &mut [u8; 16],
    ) -> Result<(), CryptoError> {
        its!(self.seal_into(nonce, plain, text, tag))
    }

    pub(super) fn open_in_place(&self, nonce: &[u8; 12], in_out: &mut [u8]) -> Result<usize, CryptoError> {
        its!(self.open_in_place(nonce, in_out))
    }

    pub(super) fn open_into(
        &self,
        nonce: &[u8; 12],
        text: &[u8],
        tag: &[u8; 16],
        out: &mut [u8],
    ) -> Result<(), CryptoError> {
        its!(self.open_into(nonce, text, tag, out))
    }
}

pub(super) struct RsaPrivate(Either<aws_lc::RsaPrivate, pure::RsaPrivate>);

impl RsaPrivate {
    pub(super) fn generate(bits: u32) -> Result<Self, CryptoError> {
        made!(RsaPrivate::generate(bits))
    }

    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Self, CryptoError> {
        made!(RsaPrivate::from_pkcs8(der))
    }

    pub(super) fn to_pkcs8(&self) -> Result<SecretBytes, CryptoError> {
        its!(self.to_pkcs8())
    }

    pub(super) fn decrypt_oaep(&self, ciphertext: &[u8]) -> Result<SecretBytes, CryptoError> {
        its!(self.decrypt_oaep(ciphertext))
    }

    pub(super) fn sign_pss(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        its!(self.sign_pss(message))
    }

    pub(super) fn sign_pkcs1(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        its!(self.sign_pkcs1(message))
    }
}

#[derive(Clone)]
pub(super) struct RsaPublic(Either<aws_lc::RsaPublic, pure::RsaPublic>);

impl RsaPublic {
    pub(super) fn from_numbers(modulus: &[u8], exponent: &[u8]) -> Result<Self, CryptoError> {
        made!(RsaPublic::from_numbers(modulus, exponent))
    }

    pub(super) fn encrypt_oaep(&self, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        its!(self.encrypt_oaep(plain))
    }

    pub(super) fn verify_pss(&self, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        its!(self.verify_pss(message, signature))
    }
}
