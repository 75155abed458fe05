//! The two backends against each other, function by function: the same bytes, and the same refusals.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::{aws_lc, pure};
use super::*;

/// 2049 bits: the modulus has a byte of one bit, and signatures one byte more than their hashes.
const ODD_KEY: &[u8] = include_bytes!("../../../../tests/vectors/keys/ok_2049_bits_pkcs8.der");

/// One key in both backends, private and public.
struct Pair {
    aws_lc: (aws_lc::RsaPrivate, aws_lc::RsaPublic),
    pure: (pure::RsaPrivate, pure::RsaPublic),
    modulus: Vec<u8>,
}

impl Pair {
    fn new(pkcs8: &[u8]) -> Self {
        let modulus = modulus(pkcs8);
        let e = [1, 0, 1];
        Self {
            aws_lc: (
                aws_lc::RsaPrivate::from_pkcs8(pkcs8).unwrap(),
                aws_lc::RsaPublic::from_numbers(&modulus, &e).unwrap(),
            ),
            pure: (
                pure::RsaPrivate::from_pkcs8(pkcs8).unwrap(),
                pure::RsaPublic::from_numbers(&modulus, &e).unwrap(),
            ),
            modulus,
        }
    }

    /// What both make of one ciphertext, which is the same.
    #[track_caller]
    fn decrypt(&self, ciphertext: &[u8]) -> Result<SecretBytes, CryptoError> {
        let plain = self.aws_lc.0.decrypt_oaep(ciphertext);
        assert_eq!(plain, self.pure.0.decrypt_oaep(ciphertext));
        plain
    }

    /// What both make of one signature, which is the same.
    #[track_caller]
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let verified = self.aws_lc.1.verify_pss(message, signature);
        assert_eq!(verified, self.pure.1.verify_pss(message, signature));
        verified
    }
}

fn modulus(pkcs8: &[u8]) -> Vec<u8> {
    let spki = RsaPrivateKey::from_pkcs8_der(pkcs8).unwrap().public_key().to_spki_der();
    // Behind it stand the five bytes of the exponent, before it the two or three of its own head and a zero
    let len = if pkcs8 == ODD_KEY { 257 } else { 256 };
    spki[spki.len() - 5 - len..spki.len() - 5].to_vec()
}

static KEYS: LazyLock<[Pair; 2]> = LazyLock::new(|| [Pair::new(KEY), Pair::new(ODD_KEY)]);

/// Every way in which something of the length of the modulus may be wrong without being noticed at once.
fn damaged(genuine: &[u8], modulus: &[u8]) -> Vec<Vec<u8>> {
    let mut damaged: Vec<Vec<u8>> = [0, 1, genuine.len() / 2, genuine.len() - 1]
        .into_iter()
        .map(|at| {
            let mut bytes = genuine.to_vec();
            bytes[at] ^= 1;
            bytes
        })
        .collect();
    damaged.extend([
        Vec::new(),
        genuine[1..].to_vec(),
        genuine[..genuine.len() - 1].to_vec(),
        [&[0], genuine].concat(),
        [genuine, &[0]].concat(),
        vec![0; genuine.len()],
        vec![0xff; genuine.len()],
        [vec![0; genuine.len() - 1], vec![1]].concat(),
        modulus.to_vec(),
    ]);
    damaged
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hashes_are_the_same_in_any_pieces(data: Vec<u8>, cut: prop::sample::Index) {
        let at = cut.index(data.len() + 1);
        let (mut one, mut other) = (aws_lc::Sha256::new(), pure::Sha256::new());
        for piece in [&data[..at], &data[at..]] {
            one.update(piece);
            other.update(piece);
        }
        prop_assert_eq!(one.clone().finish(), other.clone().finish());
        prop_assert_eq!(one.finish(), sha256(&data));
        prop_assert_eq!(aws_lc::sha512(&data), pure::sha512(&data));
    }

    #[test]
    fn hmac_is_the_same_for_keys_of_any_length(key in prop::collection::vec(any::<u8>(), 0..200), message: Vec<u8>) {
        prop_assert_eq!(aws_lc::hmac_sha256(&key, &message), pure::hmac_sha256(&key, &message));
    }

    #[test]
    fn expansion_is_the_same_for_any_parts(key: [u8; 32], info: Vec<Vec<u8>>, len in 0_usize..300) {
        let info: Vec<&[u8]> = info.iter().map(Vec::as_slice).collect();
        let (mut one, mut other) = (vec![0; len], vec![1; len]);
        prop_assert_eq!(aws_lc::hkdf_expand_sha512(&key, &info, &mut one), Ok(()));
        prop_assert_eq!(pure::hkdf_expand_sha512(&key, &info, &mut other), Ok(()));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn aes_gcm_seals_the_same_and_opens_what_the_other_sealed(
        key: [u8; 32],
        nonce: [u8; 12],
        plain in prop::collection::vec(any::<u8>(), 0..1_100),
        bit: prop::sample::Index,
    ) {
        let (one, other) = (aws_lc::Aes256Gcm::new(&key).unwrap(), pure::Aes256Gcm::new(&key).unwrap());
        let (mut sealed, mut again) = (plain.clone(), plain.clone());
        let tag = one.seal_in_place(&nonce, &mut sealed).unwrap();
        sealed.extend(tag);
        let tag = other.seal_in_place(&nonce, &mut again).unwrap();
        again.extend(tag);
        prop_assert_eq!(&sealed, &again);

        let (mut first, mut second) = (vec![0; plain.len()], vec![1; plain.len()]);
        let (text, tag) = again.split_last_chunk::<16>().unwrap();
        prop_assert_eq!(one.open_into(&nonce, text, tag, &mut first), Ok(()));
        prop_assert_eq!(other.open_into(&nonce, text, tag, &mut second), Ok(()));
        prop_assert_eq!((&first, &second), (&plain, &plain));

        prop_assert_eq!(one.open_in_place(&nonce, &mut again), Ok(plain.len()));
        prop_assert_eq!(&again[..plain.len()], &plain);
        let mut again = sealed.clone();
        prop_assert_eq!(other.open_in_place(&nonce, &mut again), Ok(plain.len()));
        prop_assert_eq!(&again[..plain.len()], &plain);

        let bit = bit.index(sealed.len() * 8);
        sealed[bit / 8] ^= 1 << (bit % 8);
        for bytes in [&sealed[..], &sealed[1..], &sealed[..15], &[]] {
            prop_assert_eq!(one.open_in_place(&nonce, &mut bytes.to_vec()), Err(CryptoError::Authentication));
            prop_assert_eq!(other.open_in_place(&nonce, &mut bytes.to_vec()), Err(CryptoError::Authentication));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_key_with_any_byte_changed_is_read_or_refused_alike(at: prop::sample::Index, bits in 1_u8..) {
        let mut der = KEY.to_vec();
        let at = at.index(der.len());
        der[at] ^= bits;
        let read = |backend| with_backend(backend, || RsaPrivateKey::from_der(&der).map(|key| key.to_pkcs8_der()));
        let (one, other) = (read(Backend::AwsLc), read(Backend::PureRust));
        prop_assert!(one.is_err(), "byte {at}");
        prop_assert_eq!(one, other);
    }
}

#[test]
fn aes_gcm_seals_whole_chunks_the_same() {
    let (one, other) = (aws_lc::Aes256Gcm::new(&[7; 32]).unwrap(), pure::Aes256Gcm::new(&[7; 32]).unwrap());
    let plain: Vec<u8> = (0..16_384 + 7).map(|at| (at % 251) as u8).collect();
    for len in [0, 1, 15, 16, 17, 16_383, 16_384, 16_385, plain.len()] {
        let (mut sealed, mut again) = (plain[..len].to_vec(), plain[..len].to_vec());
        assert_eq!(
            one.seal_in_place(&[3; 12], &mut sealed),
            other.seal_in_place(&[3; 12], &mut again),
            "{len}"
        );
        assert!(sealed == again, "{len}");
    }
}

#[test]
fn expansion_ends_where_it_must() {
    for (len, expected) in [(16_320, Ok(())), (16_321, Err(CryptoError::Backend))] {
        let (mut one, mut other) = (vec![0; len], vec![0; len]);
        assert_eq!(aws_lc::hkdf_expand_sha512(&[5; 32], &[b"info"], &mut one), expected);
        assert_eq!(pure::hkdf_expand_sha512(&[5; 32], &[b"info"], &mut other), expected);
        assert!(one == other);
    }
}

#[test]
fn randomness_is_not_the_same_twice() {
    let mut drawn = [[0; 32]; 4];
    let [one, two, three, four] = &mut drawn;
    for out in [one, two] {
        aws_lc::fill_random(out).unwrap();
    }
    for out in [three, four] {
        pure::fill_random(out).unwrap();
    }
    for (at, bytes) in drawn.iter().enumerate() {
        assert!(!drawn[..at].contains(bytes) && *bytes != [0; 32]);
    }
}

#[test]
fn oaep_opens_what_the_other_wrapped_and_both_refuse_the_same() {
    for pair in &*KEYS {
        let most = pair.modulus.len() - 66;
        for plain in [&b""[..], b"k", &[9; 32], &vec![0; most]] {
            for wrapped in [pair.aws_lc.1.encrypt_oaep(plain), pair.pure.1.encrypt_oaep(plain)] {
                let wrapped = wrapped.unwrap();
                assert_eq!(wrapped.len(), pair.modulus.len());
                assert_eq!(pair.decrypt(&wrapped).unwrap().expose(), plain);
                if plain.len() == 32 {
                    for bytes in damaged(&wrapped, &pair.modulus) {
                        assert_eq!(pair.decrypt(&bytes), Err(CryptoError::Authentication));
                    }
                }
            }
        }
        let too_long = vec![0; most + 1];
        assert_eq!(pair.aws_lc.1.encrypt_oaep(&too_long), Err(CryptoError::Backend));
        assert_eq!(pair.pure.1.encrypt_oaep(&too_long), Err(CryptoError::Backend));
    }
}

#[test]
fn pss_verifies_what_the_other_signed_and_both_refuse_the_same() {
    for pair in &*KEYS {
        for signature in [pair.aws_lc.0.sign_pss(b"said"), pair.pure.0.sign_pss(b"said")] {
            let signature = signature.unwrap();
            assert_eq!(pair.verify(b"said", &signature), Ok(()));
            assert_eq!(pair.verify(b"unsaid", &signature), Err(CryptoError::Authentication));
            for bytes in damaged(&signature, &pair.modulus) {
                assert_eq!(pair.verify(b"said", &bytes), Err(CryptoError::Authentication));
            }
        }
        let other = pair.pure.0.sign_pkcs1(b"said").unwrap();
        assert_eq!(pair.verify(b"said", &other), Err(CryptoError::Authentication));
    }
}

#[test]
fn deterministic_signatures_are_the_same_bytes() {
    for pair in &*KEYS {
        for message in [&b""[..], b"said", &[7; 1_000]] {
            let signature = pair.aws_lc.0.sign_pkcs1(message).unwrap();
            assert_eq!(pair.pure.0.sign_pkcs1(message).unwrap(), signature);
        }
    }
}

#[test]
fn a_key_is_written_the_same_and_a_new_one_read_by_the_other() {
    for (pair, der) in KEYS.iter().zip([KEY, ODD_KEY]) {
        assert_eq!(pair.aws_lc.0.to_pkcs8().unwrap().expose(), der);
        assert_eq!(pair.pure.0.to_pkcs8().unwrap().expose(), der);
    }
    let made = aws_lc::RsaPrivate::generate(2048).unwrap().to_pkcs8().unwrap();
    assert_eq!(pure::RsaPrivate::from_pkcs8(made.expose()).unwrap().to_pkcs8(), Ok(made));
    let made = pure::RsaPrivate::generate(2048).unwrap().to_pkcs8().unwrap();
    assert_eq!(aws_lc::RsaPrivate::from_pkcs8(made.expose()).unwrap().to_pkcs8(), Ok(made));
}

#[test]
fn a_certificate_request_is_the_same_bytes() {
    let request = |backend| {
        with_backend(backend, || {
            certificate_request_der(&RsaPrivateKey::from_pkcs8_der(KEY).unwrap(), "pool").unwrap()
        })
    };
    assert_eq!(request(Backend::AwsLc), request(Backend::PureRust));
}

#[test]
fn a_thread_has_the_other_backend_for_as_long_as_it_asks_for_it() {
    assert_eq!(both::serving(), Backend::AwsLc);
    with_backend(Backend::PureRust, || {
        assert_eq!(both::serving(), Backend::PureRust);
        with_backend(Backend::AwsLc, || assert_eq!(both::serving(), Backend::AwsLc));
        assert_eq!(both::serving(), Backend::PureRust);
    });
    let panicked = std::panic::catch_unwind(|| with_backend(Backend::PureRust, || assert_eq!(1, 2)));
    assert!(panicked.is_err());
    assert_eq!(both::serving(), Backend::AwsLc);
}
