//! The backend in Rust alone, over the crates of RustCrypto: each function is one call of the library, but for a check
//! that OAEP needs and the library leaves out.
//!
//! Private operations are constant-time and blinded with the operating system's randomness, as `rsa` does from 0.10 on
//! (RUSTSEC-2023-0071 is about the releases before). It decides nothing: which keys are acceptable stands in `rsa`, which
//! nonce is used with the caller.

use aes_gcm::aead::{AeadInOut, KeyInit};
use getrandom::SysRng;
use hkdf::{Hkdf, HmacImpl};
use hmac::Hmac;
use rsa::hazmat::rsa_decrypt_and_check;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, PrivateKey, PublicKey};
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use super::CryptoError;
use crate::secret::SecretBytes;

/// What a refusal comes to, but for one without randomness: `otherwise`.
fn refused(otherwise: CryptoError) -> impl Fn(rsa::Error) -> CryptoError {
    move |error| if error == rsa::Error::Rng { CryptoError::Randomness } else { otherwise }
}

pub(super) fn sha512(data: &[u8]) -> [u8; 64] {
    Sha512::digest(data).into()
}

#[derive(Clone)]
pub(super) struct Sha256(sha2::Sha256);

impl Sha256 {
    pub(super) fn new() -> Self {
        Self(sha2::Sha256::new())
    }

    pub(super) fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

pub(super) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = <Hmac<sha2::Sha256> as HmacImpl>::new_from_slice(key);
    HmacImpl::update(&mut mac, message);
    HmacImpl::finalize(mac).into()
}

pub(super) fn hkdf_expand_sha512(key: &[u8; 32], info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError> {
    // The library wants a key as long as the hash. HMAC pads a key with zeros to the hash's block (RFC 2104, 2), so that
    // these zeros change nothing.
    let mut padded = Zeroizing::new([0; 64]);
    let (head, _) = padded.split_at_mut(key.len());
    head.copy_from_slice(key);
    let hkdf = Hkdf::<Sha512>::from_prk(&*padded).map_err(|_| CryptoError::Backend)?;
    hkdf.expand_multi_info(info, out).map_err(|_| CryptoError::Backend)
}

pub(super) fn fill_random(out: &mut [u8]) -> Result<(), CryptoError> {
    getrandom::fill(out).map_err(|_| CryptoError::Randomness)
}

/// In a box, so that the expanded key leaves no copies behind when it moves.
pub(super) struct Aes256Gcm(Box<aes_gcm::Aes256Gcm>);

impl Aes256Gcm {
    pub(super) fn new(key: &[u8; 32]) -> Result<Self, CryptoError> {
        Ok(Self(Box::new(aes_gcm::Aes256Gcm::new(key.into()))))
    }

    pub(super) fn seal_in_place(&self, nonce: &[u8; 12], in_out: &mut [u8]) -> Result<[u8; 16], CryptoError> {
        let tag = self.0.encrypt_inout_detached(nonce.into(), b"", in_out.into());
        tag.map(Into::into).map_err(|_| CryptoError::Backend)
    }

    pub(super) fn seal_into(
        &self,
        nonce: &[u8; 12],
        plain: &[u8],
        text: &mut [u8],
        tag: &mut [u8; 16],
    ) -> Result<(), CryptoError> {
        text.copy_from_slice(plain);
        *tag = self.seal_in_place(nonce, text)?;
        Ok(())
    }

    pub(super) fn open_in_place(&self, nonce: &[u8; 12], in_out: &mut [u8]) -> Result<usize, CryptoError> {
        let (text, tag) = in_out.split_last_chunk_mut::<16>().ok_or(CryptoError::Authentication)?;
        let len = text.len();
        match self.0.decrypt_inout_detached(nonce.into(), b"", text.into(), (&*tag).into()) {
            Ok(()) => Ok(len),
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
        out.copy_from_slice(text);
        let opened = self.0.decrypt_inout_detached(nonce.into(), b"", out.into(), tag.into());
        opened.map_err(|_| CryptoError::Authentication)
    }
}

pub(super) struct RsaPrivate(PrivateKey);

impl RsaPrivate {
    pub(super) fn generate(bits: u32) -> Result<Self, CryptoError> {
        PrivateKey::new(&mut SysRng, bits as usize).map(Self).map_err(refused(CryptoError::Backend))
    }

    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Self, CryptoError> {
        PrivateKey::from_pkcs8_der(der).map(Self).map_err(|_| CryptoError::Backend)
    }

    pub(super) fn to_pkcs8(&self) -> Result<SecretBytes, CryptoError> {
        let der = self.0.to_pkcs8_der().map_err(|_| CryptoError::Backend)?;
        Ok(SecretBytes::new(der.as_bytes().to_vec()))
    }

    /// The library does not look at the first byte, of which the RFC says "if Y is nonzero, output 'decryption error' and
    /// stop" (8017, 7.1.2, 3.g). It is looked at here, by the operation once more and only when all else is right: nobody may
    /// learn anything of that byte alone.
    pub(super) fn decrypt_oaep(&self, ciphertext: &[u8]) -> Result<SecretBytes, CryptoError> {
        let refused = refused(CryptoError::Authentication);
        let plain =
            self.0.oaep_decrypt::<sha2::Sha256>(ciphertext).map(SecretBytes::new).map_err(&refused)?;
        let number = BoxedUint::from_be_slice(ciphertext, self.0.n_bits_precision())
            .map_err(|_| CryptoError::Authentication)?;
        let encoded = rsa_decrypt_and_check(&self.0, Some(&mut SysRng), &number).map(Zeroizing::new);
        if encoded.map_err(&refused)?.bit_width() as usize > 8 * (self.0.size() - 1) {
            return Err(CryptoError::Authentication);
        }
        Ok(plain)
    }

    pub(super) fn sign_pss(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.0.pss_sign::<sha2::Sha256>(message).map_err(refused(CryptoError::Backend))
    }

    pub(super) fn sign_pkcs1(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.0.pkcs1v15_sign::<sha2::Sha256>(message).map_err(refused(CryptoError::Backend))
    }
}

#[derive(Clone)]
pub(super) struct RsaPublic(PublicKey);

impl RsaPublic {
    pub(super) fn from_numbers(modulus: &[u8], exponent: &[u8]) -> Result<Self, CryptoError> {
        let number = BoxedUint::from_be_slice_vartime;
        PublicKey::new(number(modulus), number(exponent)).map(Self).map_err(refused(CryptoError::Backend))
    }

    pub(super) fn encrypt_oaep(&self, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.0.oaep_encrypt::<sha2::Sha256>(plain).map_err(refused(CryptoError::Backend))
    }

    pub(super) fn verify_pss(&self, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        self.0.pss_verify::<sha2::Sha256>(message, signature).map_err(refused(CryptoError::Authentication))
    }
}

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::*;
    use crate::crypto::tests::KEY;

    fn is_wiped_when_dropped(_: &impl ZeroizeOnDrop) {}

    #[test]
    fn keys_are_wiped_when_they_go() {
        is_wiped_when_dropped(&*Aes256Gcm::new(&[7; 32]).unwrap().0);
        let key = RsaPrivate::from_pkcs8(KEY).unwrap();
        is_wiped_when_dropped(&key.0);
        is_wiped_when_dropped(&key.to_pkcs8().unwrap());
    }
}
