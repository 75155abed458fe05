//! Chunked encryption: the cuts of a stream change nothing, and a text that was touched is refused.

use spacelift_worker_core::envelope::cobblestone::{Damaged, Decryptor, EncryptError, Encryptor};

use super::cuts::{pieces, split_first_part};

pub(crate) const KEY: [u8; 32] = [7; 32];
pub(crate) const CONTEXT: &[u8] = b"fuzz";

/// How a stream is cut, and its plaintext; the plaintext as a ciphertext, too.
pub fn cobblestone(data: &[u8]) {
    let (cuts, text) = split_first_part(data);
    // Longer than a chunk now and then, without a corpus of long files
    let plain = text.repeat(1 + cuts.len() * cuts.len());
    let Ok(sealed) = encrypt(&plain, cuts) else { return };
    assert!(decrypt(&sealed, &[]).as_ref() == Ok(&plain), "in one piece");
    assert!(decrypt(&sealed, cuts) == Ok(plain), "in pieces");

    let mut damaged = sealed;
    let at = cuts.iter().fold(0_usize, |at, cut| at.wrapping_mul(256).wrapping_add(usize::from(*cut)))
        % damaged.len();
    damaged[at] ^= 1;
    assert_eq!(decrypt(&damaged, cuts), Err(Damaged));
    assert_eq!(decrypt(text, cuts), decrypt(text, &[]));
}

pub(crate) fn encrypt(plain: &[u8], cuts: &[u8]) -> Result<Vec<u8>, EncryptError> {
    let mut sealed = Vec::new();
    let mut encryptor = Encryptor::new(&KEY, CONTEXT)?;
    for piece in pieces(plain, cuts) {
        encryptor.update(piece, &mut sealed)?;
    }
    encryptor.finish(&mut sealed).map(|()| sealed)
}

pub(crate) fn decrypt(sealed: &[u8], cuts: &[u8]) -> Result<Vec<u8>, Damaged> {
    let mut plain = Vec::new();
    let mut decryptor = Decryptor::new(&KEY, CONTEXT);
    for piece in pieces(sealed, cuts) {
        decryptor.update(piece, &mut plain)?;
    }
    decryptor.finish(&mut plain).map(|()| plain)
}
