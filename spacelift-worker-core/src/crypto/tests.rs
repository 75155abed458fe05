//! Tests of the seam, under every backend of the build: known answers, refusals, and what must not be printed.

#[cfg(all(feature = "aws-lc", feature = "pure-rust"))]
mod backends;
mod wycheproof;

use super::*;
use crate::secret::SecretBytes;

/// 2048 bits, made by OpenSSL for the vectors.
pub(super) const KEY: &[u8] = include_bytes!("../../../tests/vectors/keys/ok_pkcs8.der");

/// Runs a test under each backend of the build.
pub(super) fn under_each_backend(test: impl Fn()) {
    #[cfg(all(feature = "aws-lc", feature = "pure-rust"))]
    with_backend(Backend::PureRust, &test);
    test();
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn hashes_give_the_published_answers() {
    under_each_backend(|| {
        assert_eq!(hex(&sha256(b"abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(hex(&sha512(b"abc")).starts_with("ddaf35a193617abacc417349ae204131"));
        let mut pieces = Sha256::new();
        pieces.update(b"a");
        pieces.update(b"bc");
        assert_eq!(pieces.finish(), sha256(b"abc"));
    });
}

#[test]
fn hmac_gives_the_answer_of_rfc_4231_and_refuses_others() {
    under_each_backend(|| {
        let key = SecretBytes::new(b"Jefe".to_vec());
        let tag = hmac_sha256(&key, b"what do ya want for nothing?");
        assert_eq!(hex(&tag), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert!(hmac_sha256_verify(&key, b"what do ya want for nothing?", &tag));
        assert!(!hmac_sha256_verify(&key, b"what do ya want for something?", &tag));
        assert!(!hmac_sha256_verify(&key, b"what do ya want for nothing?", &tag[..31]));
    });
}

#[test]
fn expansion_concatenates_its_info_and_refuses_impossible_lengths() {
    under_each_backend(|| {
        let (mut whole, mut parts) = ([0; 76], [0; 76]);
        hkdf_expand_sha512(&[7; 32], &[b"abcd"], &mut whole).unwrap();
        hkdf_expand_sha512(&[7; 32], &[b"ab", b"", b"cd"], &mut parts).unwrap();
        assert_eq!(whole, parts);
        assert_eq!(hkdf_expand_sha512(&[7; 32], &[], &mut vec![0; 16_321]), Err(CryptoError::Backend));
    });
}

#[test]
fn a_changed_ciphertext_or_tag_or_nonce_does_not_open() {
    under_each_backend(|| {
        let key = Aes256Gcm::new(&[1; 32]).unwrap();
        let mut sealed = b"attack at dawn".to_vec();
        let tag = key.seal_in_place(&[2; 12], &mut sealed).unwrap();
        sealed.extend(tag);
        let mut opened = sealed.clone();
        let len = key.open_in_place(&[2; 12], &mut opened).unwrap();
        assert_eq!(&opened[..len], b"attack at dawn");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open_into(&[2; 12], &changed, &mut [0; 14]), Err(CryptoError::Authentication));
            assert_eq!(key.open_in_place(&[2; 12], &mut changed), Err(CryptoError::Authentication));
        }
        for (len, out) in [(30, 13), (30, 15), (15, 0), (0, 0)] {
            let opened = key.open_into(&[2; 12], &sealed[..len], &mut vec![0; out]);
            assert_eq!(opened, Err(CryptoError::Authentication));
        }
        assert_eq!(key.open_in_place(&[3; 12], &mut sealed.clone()), Err(CryptoError::Authentication));
        assert_eq!(key.open_in_place(&[2; 12], &mut sealed[..10].to_vec()), Err(CryptoError::Authentication));
    });
}

#[test]
fn a_key_prints_nothing() {
    under_each_backend(|| {
        assert_eq!(format!("{:?}", Aes256Gcm::new(&[0; 32]).unwrap()), "Aes256Gcm { .. }");
    });
}

#[test]
fn a_certificate_gives_name_key_and_dates() {
    under_each_backend(|| {
        let key = RsaPrivateKey::from_pkcs8_der(KEY).unwrap();
        let der = self_signed_der(&key, "somebody", 1_700_000_000, 1_800_000_000);
        let facts = CertificateFacts::from_der(&der).unwrap();
        assert_eq!(facts.common_name.as_deref(), Some("somebody"));
        assert_eq!((facts.not_before, facts.not_after), (1_700_000_000, 1_800_000_000));
        assert_eq!(&facts.public_key, key.public_key());
        assert_eq!(CertificateFacts::from_der(&der[..der.len() - 1]).unwrap_err(), CertificateError::Damaged);
    });
}
