//! Every key of a sealed file on one screen: K is drawn, wrapped, signed for, unwrapped; the body's keys are derived.
//!
//! It never writes a key anywhere but into types that wipe themselves.

use zeroize::Zeroizing;

use super::header::Header;
use crate::crypto::{self, CryptoError};
use crate::pool::{PoolKey, PoolPublicKey};

/// Goes before the header line when it is signed, so that the signature means nothing anywhere else.
pub const SIGNATURE_PREFIX: &[u8] = b"spacelift-worker/sealed/v1\n";

/// K: 32 random bytes, used for one sealed file.
pub(super) type InputKey = Zeroizing<[u8; 32]>;

/// K for a new file.
pub(super) fn draw() -> Result<InputKey, CryptoError> {
    let mut key = InputKey::default();
    crypto::fill_random(&mut *key)?;
    Ok(key)
}

/// RSA-OAEP-SHA-256 of K to the recipient.
pub(super) fn wrap(recipient: &PoolPublicKey, key: &InputKey) -> Result<Vec<u8>, CryptoError> {
    recipient.wrap(&**key)
}

/// K out of a header; a random one when that fails, so that every failure meets at the body's commitment.
pub(super) fn unwrap(recipient: &PoolKey, header: &Header) -> Result<InputKey, CryptoError> {
    let mut key = draw()?;
    if let Ok(plain) = recipient.unwrap(&header.wrapped_key)
        && plain.len() == key.len()
    {
        key.copy_from_slice(plain.expose());
    }
    Ok(key)
}

/// RSASSA-PSS-SHA-256 over the prefix and the header line, which holds the wrapped K: the body is as authentic
/// as K is secret.
pub(super) fn sign(signer: &PoolKey, header_line: &[u8]) -> Result<Vec<u8>, CryptoError> {
    signer.sign(SIGNATURE_PREFIX, header_line)
}

/// Verifies what [`sign`] made.
pub(super) fn verify(
    signer: &PoolPublicKey,
    header_line: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    signer.verify(SIGNATURE_PREFIX, header_line, signature)
}

/// What a body is encrypted with, and what commits it to K.
pub(super) struct BodyKeys {
    pub(super) key: Zeroizing<[u8; 32]>,
    pub(super) base_nonce: Zeroizing<[u8; 12]>,
    pub(super) commitment: [u8; 32],
}

/// c2sp.org/chunked-encryption, key derivation: "`key || base nonce || commitment = HKDF-Expand(prk = input key,
/// info = "c2sp.org/chunked-encryption@v1+" || aead || 0x00 || salt || context)`", with SHA-512.
pub(super) fn derive(input_key: &[u8; 32], salt: &[u8; 24], context: &[u8]) -> Result<BodyKeys, CryptoError> {
    const LABEL: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";
    let mut output = Zeroizing::new([0; 32 + 12 + 32]);
    crypto::hkdf_expand_sha512(input_key, &[LABEL, salt, context], &mut *output)?;
    let (key, rest) = output.split_at(32);
    let (base_nonce, commitment) = rest.split_at(12);
    let mut keys =
        BodyKeys { key: Zeroizing::default(), base_nonce: Zeroizing::default(), commitment: [0; 32] };
    keys.key.copy_from_slice(key);
    keys.base_nonce.copy_from_slice(base_nonce);
    keys.commitment.copy_from_slice(commitment);
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::*;

    fn is_wiped_when_dropped(_: &impl ZeroizeOnDrop) {}

    #[test]
    fn each_key_of_a_file_is_wiped_when_it_goes() {
        let input_key: InputKey = draw().unwrap();
        is_wiped_when_dropped(&input_key);
        let BodyKeys { key, base_nonce, commitment } = derive(&input_key, &[7; 24], b"context").unwrap();
        is_wiped_when_dropped(&key);
        is_wiped_when_dropped(&base_nonce);
        // What stands in the file is no secret
        let _: [u8; 32] = commitment;
    }
}
