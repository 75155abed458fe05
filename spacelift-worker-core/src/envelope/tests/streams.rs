//! Lengths, splits and cuts: a stream is the same however it comes in pieces, and is refused wherever it is cut.

use super::*;

#[test]
fn every_length_around_the_chunks_opens_and_is_as_long_as_announced() {
    for len in [0, 1, CHUNK_LEN - 1, CHUNK_LEN, CHUNK_LEN + 1, 2 * CHUNK_LEN, 3 * CHUNK_LEN + 7] {
        let bytes = sealed(len);
        assert_eq!(open(&bytes).unwrap(), pattern(len), "{len}");
        let key = POOL.public_key();
        assert_eq!(sealed_len(&key, &context(), Some(&key), len as u64).unwrap(), bytes.len() as u64);
        let body = (bytes.len() - body_at(&bytes)) as u64;
        assert_eq!(cobblestone::sealed_len(len as u64), Some(body));
        assert_eq!(cobblestone::plain_len(body), Some(len as u64));
    }
    let key = POOL.public_key();
    let unsigned = seal(&key, &context(), None, b"plain").unwrap();
    assert_eq!(sealed_len(&key, &context(), None, 5).unwrap(), unsigned.len() as u64);
}

#[test]
fn lengths_that_no_ciphertext_has_are_known_and_4_pib_is_the_end() {
    for len in
        [0, 55, 56, 56 + 15, (PREFIX_LEN + SEALED_CHUNK) as u64, (PREFIX_LEN + SEALED_CHUNK + 15) as u64]
    {
        assert_eq!(cobblestone::plain_len(len), None, "{len}");
    }
    assert!(cobblestone::sealed_len((1 << 52) - 1).is_some());
    assert_eq!(cobblestone::sealed_len(1 << 52), None);
    assert_eq!(cobblestone::sealed_len(u64::MAX), None);
    assert_eq!(cobblestone::plain_len(u64::MAX), None);
    let refused = Sealer::new(&POOL.public_key(), &context(), None, Some(1 << 52));
    assert_eq!(refused.unwrap_err(), SealError::TooLong);
}

#[test]
fn pieces_of_any_size_make_no_difference() {
    let plain = pattern(2 * CHUNK_LEN + 100);
    for step in [1, 37, 16_383, 16_400, 50_000] {
        let mut sealer = workspace::sealer(&POOL, &context(), Some(plain.len() as u64)).unwrap();
        let announced = sealer.sealed_len().unwrap();
        let mut bytes = Vec::new();
        for piece in plain.chunks(step) {
            sealer.update(piece, &mut bytes).unwrap();
        }
        sealer.finish(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, announced);
        let mut unsealer = workspace::unsealer(&[&POOL], &context());
        let mut out = Vec::new();
        for piece in bytes.chunks(step) {
            unsealer.update(piece, &mut out).unwrap();
        }
        unsealer.finish(&mut out).unwrap();
        assert!(out == plain, "{step}");
    }
}

#[test]
fn another_length_than_declared_is_an_error_and_does_not_open() {
    for (declared, given) in [(10, 9), (10, 11), (0, 1)] {
        let mut out = Vec::new();
        let mut sealer = workspace::sealer(&POOL, &context(), Some(declared)).unwrap();
        let result = sealer
            .update(&pattern(given as usize), &mut out)
            .and_then(|()| sealer.finish(&mut out))
            .unwrap_err();
        assert_eq!(result, SealError::Length { declared, given });
        open(&out).unwrap_err();
    }
    let mut sealer = workspace::sealer(&POOL, &context(), Some(1)).unwrap();
    let first = sealer.update(b"12", &mut Vec::new()).unwrap_err();
    assert_eq!(sealer.update(b"", &mut Vec::new()), Err(first));
    assert_eq!(sealer.finish(&mut Vec::new()), Err(first));
}

#[test]
fn a_file_cut_at_any_byte_is_refused_however_it_comes_in() {
    let bytes = sealed(40);
    let body = body_at(&bytes);
    for cut in 0..bytes.len() {
        let expected = if cut < body { UnsealError::CutShort } else { UnsealError::Damaged };
        assert_eq!(open(&bytes[..cut]).unwrap_err(), expected, "{cut}");
    }
    // Byte by byte: no call before the end may say that anything is wrong, or give anything out.
    let mut unsealer = workspace::unsealer(&[&POOL], &context());
    let mut out = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        assert_eq!(unsealer.update(&[*byte], &mut out), Ok(()), "{at}");
        assert!(out.is_empty(), "{at}");
    }
    unsealer.finish(&mut out).unwrap();
    assert_eq!(out, pattern(40));
}

#[test]
fn a_body_cut_at_any_byte_is_refused_and_gives_out_whole_chunks_alone() {
    let plain = pattern(CHUNK_LEN + 3);
    let mut sealed = Vec::new();
    let mut encryptor = Encryptor::new(&[7; 32], b"context").unwrap();
    encryptor.update(&plain, &mut sealed).unwrap();
    encryptor.finish(&mut sealed).unwrap();
    let around = |at: usize| at - 20..at + 20;
    let first_end = PREFIX_LEN + SEALED_CHUNK;
    for cut in (0..PREFIX_LEN + 40).chain(around(first_end)).filter(|cut| *cut < sealed.len()) {
        let mut decryptor = Decryptor::new(&[7; 32], b"context");
        let mut out = Vec::new();
        assert_eq!(decryptor.update(&sealed[..cut], &mut out), Ok(()), "{cut}");
        assert_eq!(decryptor.finish(&mut out), Err(cobblestone::Damaged), "{cut}");
        let whole = if cut < first_end { 0 } else { CHUNK_LEN };
        assert!(out == plain[..whole], "{cut}");
    }
}
