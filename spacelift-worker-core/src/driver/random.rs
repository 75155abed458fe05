//! Randomness for identifiers and pauses; nothing here protects a secret.

use crate::crypto::{CryptoError, fill_random, hex};

/// For the pause before the next connection. Without randomness the pauses of workers coincide, and that is all.
pub(crate) fn jitter() -> u64 {
    let mut bytes = [0; 8];
    let _ = fill_random(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// For identifiers.
///
/// # Errors
/// The operating system gave no randomness.
pub(crate) fn bits() -> Result<u128, CryptoError> {
    let mut bytes = [0; 16];
    fill_random(&mut bytes)?;
    Ok(u128::from_le_bytes(bytes))
}

/// A name that nobody else has.
///
/// # Errors
/// The operating system gave no randomness.
pub(crate) fn name() -> Result<String, CryptoError> {
    Ok(hex(&bits()?.to_le_bytes()))
}
