//! Private keys that a passphrase protects: PKCS#8 with PBES2 (RFC 8018).

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::Decode;
use pkcs8::pkcs5::pbes2::{Kdf, ScryptParams};
use pkcs8::pkcs5::{EncryptionScheme, Error};

use super::key::{PoolKeyError, is_traditionally_encrypted, private_from_pem};
use super::pem;
use crate::crypto::{RsaKeyError, RsaPrivateKey};
use crate::secret::{SecretBytes, SecretText};

/// The most iterations of PBKDF2: more than a minute of work.
const MAX_ITERATIONS: u32 = 100_000_000;

/// Bytes of memory that scrypt may take, 16 times as many as OpenSSL has it take.
const MAX_MEMORY: u64 = 256 << 20;

/// How many bytes scrypt may fill in all its lanes, one after the other in the same memory.
const MAX_FILLED: u64 = 16 * MAX_MEMORY;

pub(super) fn from_pem(text: &SecretText, passphrase: &SecretBytes) -> Result<RsaPrivateKey, PoolKeyError> {
    if is_traditionally_encrypted(text) {
        return Err(PoolKeyError::Encryption);
    }
    let (label, der) = pem::first_block(text.expose()).map_err(PoolKeyError::Pem)?;
    if label != "ENCRYPTED PRIVATE KEY" {
        return Err(private_from_pem(text).err().unwrap_or(PoolKeyError::NotEncrypted));
    }
    let protected =
        EncryptedPrivateKeyInfoRef::from_der(der.expose()).map_err(|_| PoolKeyError::Encryption)?;
    if !is_bounded(&protected.encryption_algorithm) {
        return Err(PoolKeyError::Encryption);
    }
    let opened =
        protected.encryption_algorithm.decrypt(passphrase.expose(), protected.encrypted_data.as_bytes());
    let key = SecretBytes::new(opened.map_err(|error| match error {
        Error::DecryptFailed => PoolKeyError::Passphrase,
        _ => PoolKeyError::Encryption,
    })?);
    RsaPrivateKey::from_pkcs8_der(key.expose()).map_err(|error| match error {
        // One in 256 wrong passphrases gives a good padding, and then no DER.
        RsaKeyError::Damaged => PoolKeyError::Passphrase,
        error => PoolKeyError::Key(error),
    })
}

/// Whether a wrong passphrase takes seconds and not hours, and an amount of memory that is there: where it is not, the process
/// is aborted.
fn is_bounded(scheme: &EncryptionScheme) -> bool {
    match scheme.pbes2().map(|parameters| &parameters.kdf) {
        Some(Kdf::Pbkdf2(parameters)) => parameters.iteration_count <= MAX_ITERATIONS,
        Some(Kdf::Scrypt(parameters)) => is_bounded_scrypt(parameters),
        Some(_) => false,
        // PBES1, which is not decrypted at all.
        None => true,
    }
}

/// RFC 7914, 6: `N` blocks of `128 * r` bytes in memory for each of `p` lanes, which take a block each beside it.
fn is_bounded_scrypt(parameters: &ScryptParams) -> bool {
    let block = 128 * u64::from(parameters.block_size);
    let lanes = u64::from(parameters.parallelization);
    let within = |number: Option<u64>, limit| number.is_some_and(|number| (1..=limit).contains(&number));
    let memory = block.checked_mul(parameters.cost_parameter);
    within(memory, MAX_MEMORY)
        && within(block.checked_mul(lanes), MAX_MEMORY)
        && within(memory.and_then(|memory| memory.checked_mul(lanes)), MAX_FILLED)
}

#[cfg(test)]
mod tests {
    use pkcs8::EncryptedPrivateKeyInfoOwned;
    use pkcs8::der::Encode as _;
    use pkcs8::der::asn1::OctetString;
    use pkcs8::pkcs5::pbes2::{EncryptionScheme as Cipher, Parameters, Pbkdf2Params, Pbkdf2Prf, Salt};

    use super::*;

    /// What comes of a key that is protected in this way, with nothing sensible in it.
    fn opened(kdf: impl Into<Kdf>) -> PoolKeyError {
        let parameters = Parameters { kdf: kdf.into(), encryption: Cipher::Aes256Cbc { iv: [7; 16] } };
        let protected = EncryptedPrivateKeyInfoOwned {
            encryption_algorithm: parameters.into(),
            encrypted_data: OctetString::new([7; 32]).unwrap(),
        };
        let text = pem::encode("ENCRYPTED PRIVATE KEY", &protected.to_der().unwrap());
        from_pem(&SecretText::from(text.as_str()), &SecretBytes::new(b"x".to_vec())).unwrap_err()
    }

    fn scrypt((cost_parameter, block_size, parallelization): (u64, u16, u16)) -> PoolKeyError {
        let salt = Salt::new([7; 16]).unwrap();
        opened(ScryptParams { salt, cost_parameter, block_size, parallelization, key_length: None })
    }

    #[test]
    fn scrypt_that_takes_more_memory_or_time_than_there_is_is_refused_before_it_takes_any() {
        for parameters in [
            (1 << 40, 8, 1),
            (1 << 63, 8, 1),
            (u64::MAX, u16::MAX, u16::MAX),
            (1 << 19, 8, 1),
            (2, u16::MAX, u16::MAX),
            (1 << 21, 1, 17),
            (0, 8, 1),
            (1 << 14, 0, 1),
            (1 << 14, 8, 0),
            (3, 8, 1),
        ] {
            assert_eq!(scrypt(parameters), PoolKeyError::Encryption, "{parameters:?}");
        }
        assert_eq!(scrypt((16, 8, 1)), PoolKeyError::Passphrase);
        let limits = |cost_parameter, block_size, parallelization| {
            let salt = Salt::new([7; 16]).unwrap();
            is_bounded_scrypt(&ScryptParams {
                salt,
                cost_parameter,
                block_size,
                parallelization,
                key_length: None,
            })
        };
        assert!(limits(1 << 18, 8, 1) && limits(1 << 21, 1, 16) && limits(1, 1, u16::MAX));
    }

    #[test]
    fn pbkdf2_that_takes_minutes_is_refused_before_it_begins() {
        let pbkdf2 = |iteration_count| {
            let (salt, prf) = (Salt::new([7; 16]).unwrap(), Pbkdf2Prf::HmacWithSha256);
            opened(Pbkdf2Params { salt, iteration_count, key_length: None, prf })
        };
        for iterations in [MAX_ITERATIONS + 1, u32::MAX] {
            assert_eq!(pbkdf2(iterations), PoolKeyError::Encryption, "{iterations}");
        }
        assert_eq!(pbkdf2(2), PoolKeyError::Passphrase);
    }
}
