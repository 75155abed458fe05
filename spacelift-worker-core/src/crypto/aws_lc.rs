//! The backend over aws-lc-rs: each function is one call of the library.
//!
//! It decides nothing: which keys are acceptable stands in `rsa`, which nonce is used with the caller.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use aws_lc_rs::signature::{
    RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256, RsaKeyPair, RsaPublicKeyComponents,
    RsaSignatureEncoding,
};
use aws_lc_rs::{aead, digest, hkdf, hmac, rand};
use zeroize::Zeroizing;

use super::CryptoError;
use crate::secret::SecretBytes;

/// What all refusals come to; the library says no more.
fn refused<E>(_: E) -> CryptoError {
    CryptoError::Backend
}

/// The beginning of a digest or tag, which has exactly that length.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(bytes);
    out
}

pub(super) fn sha512(data: &[u8]) -> [u8; 64] {
    array(digest::digest(&digest::SHA512, data).as_ref())
}

#[derive(Clone)]
pub(super) struct Sha256(digest::Context);

impl Sha256 {
    pub(super) fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    pub(super) fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    pub(super) fn finish(self) -> [u8; 32] {
        array(self.0.finish().as_ref())
    }
}

pub(super) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    array(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref())
}

struct OutputLen(usize);

impl hkdf::KeyType for OutputLen {
    fn len(&self) -> usize {
        self.0
    }
}

pub(super) fn hkdf_expand_sha512(key: &[u8; 32], info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError> {
    let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA512, key);
    prk.expand(info, OutputLen(out.len())).and_then(|okm| okm.fill(out)).map_err(refused)
}

pub(super) fn fill_random(out: &mut [u8]) -> Result<(), CryptoError> {
    rand::fill(out).map_err(|_| CryptoError::Randomness)
}

pub(super) struct Aes256Gcm(aead::LessSafeKey);

impl Aes256Gcm {
    pub(super) fn new(key: &[u8; 32]) -> Result<Self, CryptoError> {
        let key = aead::UnboundKey::new(&aead::AES_256_GCM, key).map_err(refused)?;
        Ok(Self(aead::LessSafeKey::new(key)))
    }

    pub(super) fn seal_in_place(&self, nonce: &[u8; 12], in_out: &mut [u8]) -> Result<[u8; 16], CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, aead::Aad::empty(), in_out).map_err(refused)?;
        Ok(array(tag.as_ref()))
    }

    pub(super) fn seal_into(
        &self,
        nonce: &[u8; 12],
        plain: &[u8],
        text: &mut [u8],
        tag: &mut [u8; 16],
    ) -> Result<(), CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        self.0.seal_out_of_place_scatter(nonce, aead::Aad::empty(), plain, text, &[], tag).map_err(refused)
    }

    pub(super) fn open_in_place(&self, nonce: &[u8; 12], in_out: &mut [u8]) -> Result<usize, CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        match self.0.open_in_place(nonce, aead::Aad::empty(), in_out) {
            Ok(plain) => Ok(plain.len()),
            Err(_) => Err(CryptoError::Authentication),
        }
    }

    pub(super) fn open_into(
        &self,
        nonce: &[u8; 12],
        text: &[u8],
        tag: &[u8; 16],
        out: &mut [u8],
    ) -> Result<(), CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_separate_gather(nonce, aead::Aad::empty(), text, tag, out);
        opened.map_err(|_| CryptoError::Authentication)
    }
}

/// A private key as the library holds it: once to sign, once to decrypt.
pub(super) struct RsaPrivate {
    signing: RsaKeyPair,
    decrypting: OaepPrivateDecryptingKey,
}

impl RsaPrivate {
    pub(super) fn generate(bits: u32) -> Result<Self, CryptoError> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            8192 => KeySize::Rsa8192,
            _ => return Err(CryptoError::Backend),
        };
        RsaKeyPair::generate(size).map_err(refused).and_then(Self::from_pair)
    }

    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Self, CryptoError> {
        RsaKeyPair::from_pkcs8(der).map_err(refused).and_then(Self::from_pair)
    }

    fn from_pair(signing: RsaKeyPair) -> Result<Self, CryptoError> {
        let pkcs8: Pkcs8V1Der<'_> = signing.as_der().map_err(refused)?;
        let decrypting = PrivateDecryptingKey::from_pkcs8(pkcs8.as_ref()).map_err(refused)?;
        let decrypting = OaepPrivateDecryptingKey::new(decrypting).map_err(refused)?;
        Ok(Self { signing, decrypting })
    }

    pub(super) fn to_pkcs8(&self) -> Result<SecretBytes, CryptoError> {
        let der: Pkcs8V1Der<'_> = self.signing.as_der().map_err(refused)?;
        Ok(SecretBytes::new(der.as_ref().to_vec()))
    }

    pub(super) fn decrypt_oaep(&self, ciphertext: &[u8]) -> Result<SecretBytes, CryptoError> {
        let mut buffer = Zeroizing::new(vec![0; self.decrypting.min_output_size()]);
        match self.decrypting.decrypt(&OAEP_SHA256_MGF1SHA256, ciphertext, &mut buffer, None) {
            Ok(plain) => Ok(SecretBytes::new(plain.to_vec())),
            Err(_) => Err(CryptoError::Authentication),
        }
    }

    pub(super) fn sign_pss(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.sign(&RSA_PSS_SHA256, message)
    }

    pub(super) fn sign_pkcs1(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.sign(&RSA_PKCS1_SHA256, message)
    }

    fn sign(&self, encoding: &'static RsaSignatureEncoding, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let mut signature = vec![0; self.signing.public_modulus_len()];
        self.signing.sign(encoding, &rand::SystemRandom::new(), message, &mut signature).map_err(refused)?;
        Ok(signature)
    }
}

#[derive(Clone)]
pub(super) struct RsaPublic {
    numbers: RsaPublicKeyComponents<Vec<u8>>,
    encrypting: PublicEncryptingKey,
}

impl RsaPublic {
    pub(super) fn from_numbers(modulus: &[u8], exponent: &[u8]) -> Result<Self, CryptoError> {
        let numbers = RsaPublicKeyComponents { n: modulus.to_vec(), e: exponent.to_vec() };
        let encrypting = RsaPublicKeyComponents { n: modulus, e: exponent }
            .try_into()
            .map_err(|error: Unspecified| refused(error))?;
        Ok(Self { numbers, encrypting })
    }

    pub(super) fn encrypt_oaep(&self, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let key = OaepPublicEncryptingKey::new(self.encrypting.clone()).map_err(refused)?;
        let mut buffer = vec![0; key.ciphertext_size()];
        let wrapped = key.encrypt(&OAEP_SHA256_MGF1SHA256, plain, &mut buffer, None).map_err(refused)?;
        let len = wrapped.len();
        buffer.truncate(len);
        Ok(buffer)
    }

    pub(super) fn verify_pss(&self, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        self.numbers
            .verify(&RSA_PSS_2048_8192_SHA256, message, signature)
            .map_err(|_| CryptoError::Authentication)
    }
}
