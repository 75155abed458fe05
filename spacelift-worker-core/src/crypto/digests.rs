//! Hashes and HMAC by name, for policies that ask for one: MD5 and SHA-1 among them, which protect nothing any more.
//!
//! Nothing else of this crate may use them for a purpose of its own.

use sha1::Digest as _;

use super::{sha256, sha512};

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digest {
    /// RFC 1321. Broken: two texts of one digest are made in seconds.
    Md5,
    /// FIPS 180-4. Broken likewise, at some expense.
    Sha1,
    /// FIPS 180-4.
    Sha256,
    /// FIPS 180-4.
    Sha512,
}

impl Digest {
    /// Bytes in which HMAC cuts its key (RFC 2104, 2: B).
    fn block_len(self) -> usize {
        match self {
            Self::Md5 | Self::Sha1 | Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// The digest of `data`.
pub(crate) fn digest(function: Digest, data: &[u8]) -> Vec<u8> {
    match function {
        Digest::Md5 => md5::Md5::digest(data).to_vec(),
        Digest::Sha1 => sha1::Sha1::digest(data).to_vec(),
        Digest::Sha256 => sha256(data).to_vec(),
        Digest::Sha512 => sha512(data).to_vec(),
    }
}

/// HMAC of `message` under `key` (RFC 2104, 2).
pub(crate) fn hmac(function: Digest, key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = vec![0; function.block_len()];
    let hashed = if key.len() > block.len() { Some(digest(function, key)) } else { None };
    for (to, from) in block.iter_mut().zip(hashed.as_deref().unwrap_or(key)) {
        *to = *from;
    }
    let padded = |with: u8| block.iter().map(move |byte| byte ^ with);
    let inner: Vec<u8> = padded(0x36).chain(message.iter().copied()).collect();
    let outer: Vec<u8> = padded(0x5c).chain(digest(function, &inner)).collect();
    digest(function, &outer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hex;

    /// RFC 1321, A.5; FIPS 180-4 examples.
    #[test]
    fn digests_of_abc_are_the_published_ones() {
        for (function, expected) in [
            (Digest::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (Digest::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (Digest::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ] {
            assert_eq!(hex(&digest(function, b"abc")), expected);
        }
        assert!(hex(&digest(Digest::Sha512, b"abc")).starts_with("ddaf35a193617abacc417349ae204131"));
    }

    /// RFC 2202, 2 and 3; RFC 4231, 4.3 and 4.7: a short key, and one longer than a block.
    #[test]
    fn hmac_is_the_published_one_for_short_and_long_keys() {
        let (key, message) = (b"Jefe", b"what do ya want for nothing?");
        for (function, expected) in [
            (Digest::Md5, "750c783e6ab0b503eaa86e310a5db738"),
            (Digest::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (Digest::Sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        ] {
            assert_eq!(hex(&hmac(function, key, message)), expected);
        }
        let (key, message) = ([0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(
            hex(&hmac(Digest::Sha256, &key, message)),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
        assert!(hex(&hmac(Digest::Sha512, &key, message)).starts_with("80b24263c7c1a3ebb71493c1dd7be8b4"));
    }
}
