//! AES-256-GCM by OpenSSL's EVP with nothing around it.
//!
//! It reads from its input and writes to its output, so that nothing is copied before.

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

/// Encrypts `plain` to the end of `out`.
pub(crate) fn seal(plain: &[u8], out: &mut Vec<u8>) {
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

/// Decrypts what [`seal`] made.
pub(crate) fn open(sealed: &[u8], out: &mut Vec<u8>) {
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
