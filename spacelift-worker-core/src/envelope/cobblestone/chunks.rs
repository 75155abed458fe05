//! One chunk at a time, by its number: the layer under encryptor, decryptor and ranges.
//!
//! It never counts: who calls it says which chunk is which, and never says one number twice when encrypting.

use zeroize::{Zeroize, Zeroizing};

use super::{Damaged, EncryptError, MAX_CHUNKS, SALT_LEN, TAG_LEN};
use crate::crypto::{self, Aes256Gcm, CryptoError};
use crate::envelope::key::{BodyKeys, derive};
use crate::output::Output;

/// The key of one message, expanded once.
pub(super) struct Chunks {
    pub(super) aead: Aes256Gcm,
    base_nonce: Zeroizing<[u8; 12]>,
}

impl Chunks {
    pub(super) fn new(keys: &BodyKeys) -> Result<Self, CryptoError> {
        Ok(Self { aead: Aes256Gcm::new(&keys.key)?, base_nonce: keys.base_nonce.clone() })
    }

    /// "Implementations MUST check the commitment matches the derived value before continuing."
    pub(super) fn committed(key: &[u8; 32], context: &[u8], prefix: &[u8]) -> Result<Self, Damaged> {
        let (salt, commitment) = prefix.split_first_chunk::<SALT_LEN>().ok_or(Damaged)?;
        let keys = derive(key, salt, context).map_err(|_| Damaged)?;
        if !crypto::constant_time_eq(&keys.commitment, commitment) {
            return Err(Damaged);
        }
        Self::new(&keys).map_err(|_| Damaged)
    }

    /// "The XOR of the base nonce and the chunk number as a big-endian integer as wide as the base nonce"; `None`
    /// from 2³⁸ on.
    pub(super) fn nonce(&self, number: u64) -> Option<[u8; 12]> {
        if number >= MAX_CHUNKS {
            return None;
        }
        let mut nonce = *self.base_nonce;
        for (byte, number) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *byte ^= number;
        }
        Some(nonce)
    }

    /// Appends one encrypted chunk to `out`, or nothing.
    pub(super) fn seal(&self, number: u64, plain: &[u8], out: &mut dyn Output) -> Result<(), EncryptError> {
        let nonce = self.nonce(number).ok_or(EncryptError::TooLong)?;
        let len = plain.len() + TAG_LEN;
        self.aead.seal_into(&nonce, plain, out.room(len)).map_err(|error| {
            out.take_back(len);
            EncryptError::Crypto(error)
        })
    }

    /// Appends one decrypted chunk to `out`, or nothing.
    pub(super) fn open(&self, number: u64, sealed: &[u8], out: &mut dyn Output) -> Result<(), Damaged> {
        let nonce = self.nonce(number).ok_or(Damaged)?;
        let len = sealed.len().saturating_sub(TAG_LEN);
        self.aead.open_into(&nonce, sealed, out.room(len)).map_err(|_| {
            out.take_back(len);
            Damaged
        })
    }
}

pub(super) fn wipe_from(out: &mut Vec<u8>, start: usize) {
    out.get_mut(start..).unwrap_or_default().zeroize();
    out.truncate(start);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chunk_number_fills_the_end_of_the_nonce_and_stops_at_4_pib() {
        let keys = derive(&[1; 32], &[2; SALT_LEN], b"").unwrap();
        let chunks = Chunks::new(&keys).unwrap();
        assert_eq!(chunks.nonce(0), Some(*keys.base_nonce));
        let mut last = *keys.base_nonce;
        for (byte, mask) in last[7..].iter_mut().zip([0x3f, 0xff, 0xff, 0xff, 0xff]) {
            *byte ^= mask;
        }
        assert_eq!(chunks.nonce(MAX_CHUNKS - 1), Some(last));
        assert_eq!(chunks.nonce(MAX_CHUNKS), None);
        assert_eq!(chunks.seal(MAX_CHUNKS, b"", &mut Vec::new()), Err(EncryptError::TooLong));
        assert_eq!(chunks.open(MAX_CHUNKS, &[0; TAG_LEN], &mut Vec::new()), Err(Damaged));
    }
}
