//! AES-256-GCM by aws-lc-rs with nothing around it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use spacelift_worker_core::envelope::cobblestone::CHUNK_LEN;

/// A piece and its tag.
const SEALED_LEN: usize = CHUNK_LEN + 16;
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
