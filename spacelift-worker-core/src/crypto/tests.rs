//! Tests of the seam: known answers, refusals, and what must not be printed.

use super::*;
use crate::secret::SecretBytes;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn hashes_give_the_published_answers() {
    assert_eq!(hex(&sha256(b"abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert!(hex(&sha512(b"abc")).starts_with("ddaf35a193617abacc417349ae204131"));
    let mut pieces = Sha256::new();
    pieces.update(b"a");
    pieces.update(b"bc");
    assert_eq!(pieces.finish(), sha256(b"abc"));
}

#[test]
fn hmac_gives_the_answer_of_rfc_4231_and_refuses_others() {
    let key = SecretBytes::new(b"Jefe".to_vec());
    let tag = hmac_sha256(&key, b"what do ya want for nothing?");
    assert_eq!(hex(&tag), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert!(hmac_sha256_verify(&key, b"what do ya want for nothing?", &tag));
    assert!(!hmac_sha256_verify(&key, b"what do ya want for something?", &tag));
    assert!(!hmac_sha256_verify(&key, b"what do ya want for nothing?", &tag[..31]));
}

#[test]
fn expansion_concatenates_its_info_and_refuses_impossible_lengths() {
    let (mut whole, mut parts) = ([0; 76], [0; 76]);
    hkdf_expand_sha512(&[7; 32], &[b"abcd"], &mut whole).unwrap();
    hkdf_expand_sha512(&[7; 32], &[b"ab", b"", b"cd"], &mut parts).unwrap();
    assert_eq!(whole, parts);
    assert_eq!(hkdf_expand_sha512(&[7; 32], &[], &mut vec![0; 16_321]), Err(CryptoError::Backend));
}

#[test]
fn a_changed_ciphertext_or_tag_or_nonce_does_not_open() {
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
        assert_eq!(key.open_in_place(&[2; 12], &mut changed), Err(CryptoError::Authentication));
    }
    assert_eq!(key.open_in_place(&[3; 12], &mut sealed.clone()), Err(CryptoError::Authentication));
    assert_eq!(key.open_in_place(&[2; 12], &mut sealed[..10].to_vec()), Err(CryptoError::Authentication));
}

#[test]
fn an_rsa_key_survives_its_der_and_does_what_it_is_for() {
    let key = RsaPrivateKey::generate(2048).unwrap();
    let again = RsaPrivateKey::from_pkcs8_der(key.to_pkcs8_der().unwrap().expose()).unwrap();
    assert_eq!(again.public_key(), key.public_key());
    let public = RsaPublicKey::from_spki_der(&key.public_key().to_spki_der()).unwrap();
    assert_eq!(public.modulus_len(), 256);

    let wrapped = public.encrypt_oaep_sha256(b"key").unwrap();
    assert_eq!(again.decrypt_oaep_sha256(&wrapped).unwrap().expose(), b"key");
    let mut damaged = wrapped.clone();
    damaged[255] ^= 1;
    assert_eq!(again.decrypt_oaep_sha256(&damaged), Err(CryptoError::Authentication));

    let signature = key.sign_pss_sha256(b"said").unwrap();
    assert_eq!(public.verify_pss_sha256(b"said", &signature), Ok(()));
    assert_eq!(public.verify_pss_sha256(b"unsaid", &signature), Err(CryptoError::Authentication));
    assert_eq!(public.verify_pss_sha256(b"said", &signature[1..]), Err(CryptoError::Authentication));
    let other = key.sign_pkcs1_sha256(b"said").unwrap();
    assert_eq!(public.verify_pss_sha256(b"said", &other), Err(CryptoError::Authentication));
}

#[test]
fn odd_sizes_are_not_made_and_trailing_bytes_not_read() {
    assert_eq!(RsaPrivateKey::generate(1024).unwrap_err(), RsaKeyError::UnsupportedSize);
    let mut spki = RsaPrivateKey::generate(2048).unwrap().public_key().to_spki_der();
    spki.push(0);
    assert_eq!(RsaPublicKey::from_spki_der(&spki), Err(RsaKeyError::Damaged));
    assert_eq!(RsaPublicKey::from_spki_der(b""), Err(RsaKeyError::Damaged));
}

#[test]
fn a_private_key_prints_no_number() {
    let key = RsaPrivateKey::generate(2048).unwrap();
    assert_eq!(format!("{key:?}"), "RsaPrivateKey { public: RsaPublicKey { modulus_len: 256, .. }, .. }");
    assert_eq!(format!("{:?}", Aes256Gcm::new(&[0; 32]).unwrap()), "Aes256Gcm { .. }");
}

#[test]
fn a_certificate_gives_name_key_and_dates() {
    let key = RsaPrivateKey::generate(2048).unwrap();
    let der = self_signed_der(&key, "somebody", 1_700_000_000, 1_800_000_000);
    let facts = CertificateFacts::from_der(&der).unwrap();
    assert_eq!(facts.common_name.as_deref(), Some("somebody"));
    assert_eq!((facts.not_before, facts.not_after), (1_700_000_000, 1_800_000_000));
    assert_eq!(&facts.public_key, key.public_key());
    assert_eq!(CertificateFacts::from_der(&der[..der.len() - 1]).unwrap_err(), CertificateError::Damaged);
}

#[test]
fn weak_and_odd_public_keys_are_refused_with_their_size() {
    let key = RsaPrivateKey::generate(2048).unwrap();
    let numbers = |len: usize, first: u8| {
        let mut modulus = vec![0xff; len];
        modulus[0] = first;
        modulus
    };
    let e = [1, 0, 1];
    let refused =
        |modulus: &[u8], exponent: &[u8]| RsaPublicKey::from_numbers(modulus, exponent).unwrap_err();
    assert_eq!(refused(&numbers(128, 0xff), &e), RsaKeyError::TooShort { bits: 1024 });
    assert_eq!(refused(&numbers(256, 0x7f), &e), RsaKeyError::TooShort { bits: 2047 });
    assert_eq!(refused(&numbers(1025, 0x01), &e), RsaKeyError::TooLong { bits: 8193 });
    assert_eq!(refused(&[0, 0], &e), RsaKeyError::Damaged);
    let pkcs1 = key.public_key().to_pkcs1_der();
    let modulus = &pkcs1[pkcs1.len() - 5 - 256..pkcs1.len() - 5];
    RsaPublicKey::from_numbers(modulus, &e).unwrap();
    RsaPublicKey::from_numbers(&[&[0], modulus].concat(), &e).unwrap();
    assert_eq!(refused(modulus, &[3]), RsaKeyError::Exponent);
    assert_eq!(refused(modulus, &[1, 0, 0, 0, 1]), RsaKeyError::Exponent);
}
