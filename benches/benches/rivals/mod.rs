//! The rivals of sealing: AES-256-GCM with nothing around it, by aws-lc-rs and by OpenSSL, and the files of age.
//!
//! Each raw rival copies 16 KiB at a time to a reused output and encrypts it there, with the nonce counted up. It draws no
//! key, wraps none, signs nothing and derives nothing.

use std::io::{Read, Write};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use openssl::symm::{Cipher, Crypter, Mode};
use spacelift_worker_core::envelope::cobblestone::CHUNK_LEN;

/// A piece and its tag.
const SEALED_LEN: usize = CHUNK_LEN + TAG_LEN;
const TAG_LEN: usize = 16;
const KEY: [u8; 32] = [7; 32];

fn nonce(number: usize) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&(number as u64).to_be_bytes());
    nonce
}

/// AES-256-GCM by aws-lc-rs.
pub(crate) struct AwsLc(LessSafeKey);

impl AwsLc {
    /// With a key that is expanded now.
    pub(crate) fn new() -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).expect("32 bytes")))
    }

    /// Encrypts `plain` to the end of `out`.
    pub(crate) fn seal(&self, plain: &[u8], out: &mut Vec<u8>) {
        for (number, piece) in plain.chunks(CHUNK_LEN).enumerate() {
            let start = out.len();
            out.extend_from_slice(piece);
            let nonce = Nonce::assume_unique_for_key(nonce(number));
            let tag = self.0.seal_in_place_separate_tag(nonce, Aad::empty(), &mut out[start..]);
            out.extend_from_slice(tag.expect("encrypted").as_ref());
        }
    }

    /// Decrypts what [`AwsLc::seal`] made to the end of `out`.
    pub(crate) fn open(&self, sealed: &[u8], out: &mut Vec<u8>) {
        for (number, piece) in sealed.chunks(SEALED_LEN).enumerate() {
            let start = out.len();
            out.extend_from_slice(piece);
            let nonce = Nonce::assume_unique_for_key(nonce(number));
            let len = self.0.open_in_place(nonce, Aad::empty(), &mut out[start..]).expect("decrypted").len();
            out.truncate(start + len);
        }
    }
}

/// AES-256-GCM by OpenSSL's EVP. It reads from its input and writes to its output, so that nothing is copied before.
pub(crate) fn openssl_seal(plain: &[u8], out: &mut Vec<u8>) {
    for (number, piece) in plain.chunks(CHUNK_LEN).enumerate() {
        let start = out.len();
        out.resize(start + piece.len() + TAG_LEN, 0);
        let (body, tag) = out[start..].split_at_mut(piece.len());
        let mut crypter = Crypter::new(Cipher::aes_256_gcm(), Mode::Encrypt, &KEY, Some(&nonce(number)))
            .expect("a cipher of OpenSSL");
        crypter.update(piece, body).expect("encrypted");
        crypter.finalize(&mut []).expect("encrypted");
        crypter.get_tag(tag).expect("a tag");
    }
}

/// Decrypts what [`openssl_seal`] made.
pub(crate) fn openssl_open(sealed: &[u8], out: &mut Vec<u8>) {
    for (number, piece) in sealed.chunks(SEALED_LEN).enumerate() {
        let start = out.len();
        let (body, tag) = piece.split_at(piece.len() - TAG_LEN);
        out.resize(start + body.len(), 0);
        let mut crypter = Crypter::new(Cipher::aes_256_gcm(), Mode::Decrypt, &KEY, Some(&nonce(number)))
            .expect("a cipher of OpenSSL");
        crypter.set_tag(tag).expect("a tag");
        crypter.update(body, &mut out[start..]).expect("decrypted");
        crypter.finalize(&mut []).expect("decrypted");
    }
}

/// The crate `age`, with one recipient of its own kind (X25519): the stream is the same for every kind.
pub(crate) struct Age(age::x25519::Identity);

impl Age {
    /// With a new identity.
    pub(crate) fn new() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// Encrypts `plain` to the end of `out`.
    pub(crate) fn seal(&self, plain: &[u8], out: &mut Vec<u8>) {
        let recipient = self.0.to_public();
        let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient));
        let mut writer = encryptor.expect("a recipient").wrap_output(out).expect("a writer");
        writer.write_all(plain).expect("encrypted");
        writer.finish().expect("encrypted");
    }

    /// Decrypts what [`Age::seal`] made.
    pub(crate) fn open(&self, sealed: &[u8], out: &mut Vec<u8>) {
        let decryptor = age::Decryptor::new(sealed).expect("a file of age");
        let identity = std::iter::once(&self.0 as &dyn age::Identity);
        decryptor.decrypt(identity).expect("a reader").read_to_end(out).expect("decrypted");
    }
}
