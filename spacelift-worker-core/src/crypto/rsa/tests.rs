//! Tests of keys under every backend of the build. More of the wrong ones stand in `tests/vectors/keys`.

use super::*;
use crate::crypto::tests::{KEY, under_each_backend};

#[test]
fn an_rsa_key_survives_its_der_and_does_what_it_is_for() {
    under_each_backend(|| {
        let key = RsaPrivateKey::from_pkcs8_der(KEY).unwrap();
        assert_eq!(key.to_pkcs8_der().unwrap().expose(), KEY);
        let public = RsaPublicKey::from_spki_der(&key.public_key().to_spki_der()).unwrap();
        assert_eq!((&public, public.modulus_len()), (key.public_key(), 256));

        let wrapped = public.encrypt_oaep_sha256(b"key").unwrap();
        assert_eq!(key.decrypt_oaep_sha256(&wrapped).unwrap().expose(), b"key");
        let mut damaged = wrapped.clone();
        damaged[255] ^= 1;
        assert_eq!(key.decrypt_oaep_sha256(&damaged), Err(CryptoError::Authentication));

        let signature = key.sign_pss_sha256(b"said").unwrap();
        assert_eq!(public.verify_pss_sha256(b"said", &signature), Ok(()));
        assert_eq!(public.verify_pss_sha256(b"unsaid", &signature), Err(CryptoError::Authentication));
        assert_eq!(public.verify_pss_sha256(b"said", &signature[1..]), Err(CryptoError::Authentication));
        let other = key.sign_pkcs1_sha256(b"said").unwrap();
        assert_eq!(public.verify_pss_sha256(b"said", &other), Err(CryptoError::Authentication));
    });
}

#[test]
fn a_new_key_is_read_again_and_odd_sizes_are_not_made() {
    under_each_backend(|| {
        let key = RsaPrivateKey::generate(2048).unwrap();
        let der = key.to_pkcs8_der().unwrap();
        assert_eq!(RsaPrivateKey::from_der(der.expose()).unwrap().public_key(), key.public_key());
        for bits in [0, 1024, 2047, 2049, 16_384] {
            assert_eq!(RsaPrivateKey::generate(bits).unwrap_err(), RsaKeyError::UnsupportedSize);
        }
    });
}

#[test]
fn a_private_key_prints_no_number() {
    under_each_backend(|| {
        let key = RsaPrivateKey::from_pkcs8_der(KEY).unwrap();
        assert_eq!(format!("{key:?}"), "RsaPrivateKey { public: RsaPublicKey { modulus_len: 256, .. }, .. }");
    });
}

#[test]
fn weak_and_odd_public_keys_are_refused_with_their_size() {
    under_each_backend(|| {
        let key = RsaPrivateKey::from_pkcs8_der(KEY).unwrap();
        let numbers = |len: usize, first: u8| {
            let mut modulus = vec![0xff; len];
            modulus[0] = first;
            modulus
        };
        let refused = |modulus: &[u8], exponent: &[u8]| {
            RsaPublicKey::from_spki_der(&PublicNumbers { modulus, exponent }.to_spki()).unwrap_err()
        };
        assert_eq!(refused(&numbers(128, 0xff), &EXPONENT), RsaKeyError::TooShort { bits: 1024 });
        assert_eq!(refused(&numbers(256, 0x7f), &EXPONENT), RsaKeyError::TooShort { bits: 2047 });
        assert_eq!(refused(&numbers(1025, 0x01), &EXPONENT), RsaKeyError::TooLong { bits: 8193 });
        assert_eq!(refused(&[], &EXPONENT), RsaKeyError::TooShort { bits: 0 });
        let modulus = key.public_key().numbers().modulus;
        assert_eq!(refused(modulus, &[3]), RsaKeyError::Exponent);
        assert_eq!(refused(modulus, &[1, 0, 0, 0, 1]), RsaKeyError::Exponent);
        assert_eq!(refused(modulus, &[1, 0, 0]), RsaKeyError::EvenExponent);
        assert_eq!(refused(modulus, &[]), RsaKeyError::EvenExponent);
        let mut even = modulus.to_vec();
        even[255] ^= 1;
        assert_eq!(refused(&even, &EXPONENT), RsaKeyError::Damaged);
    });
}

#[test]
fn a_public_key_that_is_cut_or_extended_anywhere_is_refused() {
    let spki = RsaPrivateKey::from_pkcs8_der(KEY).unwrap().public_key().to_spki_der();
    for len in 0..spki.len() {
        assert_eq!(RsaPublicKey::from_spki_der(&spki[..len]), Err(RsaKeyError::Damaged), "{len}");
    }
    let extended = [&spki[..], &[0]].concat();
    assert_eq!(RsaPublicKey::from_spki_der(&extended), Err(RsaKeyError::Damaged));
    // Bits that no byte is made of
    let mut odd_bits = spki.clone();
    odd_bits[23] = 1;
    assert_eq!(RsaPublicKey::from_spki_der(&odd_bits), Err(RsaKeyError::Damaged));
    assert_eq!((spki[22], spki[23]), (0x0f, 0), "the number of unused bits stands there");
}

#[test]
fn a_private_key_that_is_cut_anywhere_is_refused() {
    for len in 0..KEY.len() {
        assert_eq!(RsaPrivateKey::from_der(&KEY[..len]).unwrap_err(), RsaKeyError::Damaged, "{len}");
    }
}
