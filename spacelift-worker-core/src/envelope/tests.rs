//! Tests of the envelope, one or more for each row of its threat table. Vectors made elsewhere stand in `tests/vectors`.

use std::io::{Read, Write};
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::cobblestone::{self, CHUNK_LEN, Decryptor, Encryptor, PREFIX_LEN};
use super::*;
use crate::ids::{PoolId, RunId};
use crate::pool::{OFFER_SIGNATURE_PREFIX, PoolKey};

static POOL: LazyLock<PoolKey> = LazyLock::new(|| PoolKey::generate(2048).unwrap());
static OTHER: LazyLock<PoolKey> = LazyLock::new(|| PoolKey::generate(2048).unwrap());

const SEALED_CHUNK: usize = CHUNK_LEN + 16;

fn context() -> Context {
    workspace::context(PoolId::from_parts(1, 1), "networking", RunId::from_parts(2, 2), "plan", 3).unwrap()
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

fn sealed(len: usize) -> Vec<u8> {
    seal(&POOL.public_key(), &context(), Some(&POOL), &pattern(len)).unwrap()
}

fn open(bytes: &[u8]) -> Result<Vec<u8>, UnsealError> {
    let mut unsealer = workspace::unsealer(&[&POOL], &context());
    let mut out = Vec::new();
    unsealer.update(bytes, &mut out)?;
    unsealer.finish(&mut out).map(|()| out)
}

/// Where the body begins.
fn body_at(bytes: &[u8]) -> usize {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    ends.take(2).last().unwrap()
}

/// A file whose header wraps `wrapped` instead of K, with everything else in order.
fn with_wrapped_key(wrapped: Vec<u8>) -> Vec<u8> {
    let header = Header {
        kid: POOL.public_key().kid(),
        wrapped_key: wrapped,
        signer: Some(POOL.public_key().kid()),
        context: context(),
    };
    let mut bytes = header.encode();
    let signature = key::sign(&POOL, &bytes).unwrap();
    bytes.push(b'\n');
    bytes.extend(URL_SAFE_NO_PAD.encode(signature).into_bytes());
    bytes.push(b'\n');
    let mut encryptor = Encryptor::new(&[9; 32], &bytes).unwrap();
    encryptor.update(b"plain", &mut bytes).unwrap();
    encryptor.finish(&mut bytes).unwrap();
    bytes
}

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
fn reading_needs_the_private_key_and_the_header_holds_nothing_secret() {
    let plain = b"password = hunter2".repeat(10);
    let bytes = seal(&POOL.public_key(), &context(), None, &plain).unwrap();
    assert!(!bytes.windows(7).any(|window| window == b"hunter2"));
    let header = inspect(&bytes).unwrap();
    assert_eq!(header.recipient(), POOL.public_key().kid());
    assert_eq!((header.signer(), header.context()), (None, &context()));
    assert_eq!(
        unseal(&[&OTHER], &context(), &Trust::Unsigned, &bytes).unwrap_err(),
        UnsealError::Recipient { kid: POOL.public_key().kid() }
    );
    assert_eq!(unseal(&[&OTHER, &POOL], &context(), &Trust::Unsigned, &bytes).unwrap().expose(), plain);
}

#[test]
fn tampering_with_any_byte_is_refused_before_a_wrong_byte_comes_out() {
    let bytes = sealed(100);
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x01;
        let mut out = Vec::new();
        let mut unsealer = workspace::unsealer(&[&POOL], &context());
        let result = unsealer.update(&changed, &mut out).and_then(|()| unsealer.finish(&mut out));
        assert!(result.is_err() && out.is_empty(), "byte {at}");
    }
}

#[test]
fn truncation_and_trailing_data_are_refused_at_every_place() {
    let bytes = sealed(2 * CHUNK_LEN + 50);
    let body = body_at(&bytes);
    let cuts = [0, 1, PREFIX_LEN - 1, PREFIX_LEN, PREFIX_LEN + 15, PREFIX_LEN + 16, PREFIX_LEN + 16 + 50];
    let at_chunks = [SEALED_CHUNK, SEALED_CHUNK + 16, 2 * SEALED_CHUNK].map(|at| PREFIX_LEN + at);
    for cut in cuts.into_iter().chain(at_chunks).map(|at| body + at).chain([bytes.len() - 1]) {
        assert_eq!(open(&bytes[..cut]).unwrap_err(), UnsealError::Damaged, "{cut}");
    }
    for cut in 0..body {
        assert_eq!(open(&bytes[..cut]).unwrap_err(), UnsealError::CutShort, "{cut}");
    }
    assert_eq!(open(&[&bytes[..], &[0]].concat()).unwrap_err(), UnsealError::Damaged);
    assert_eq!(open(&[&bytes[..], &bytes[..]].concat()).unwrap_err(), UnsealError::Damaged);
}

#[test]
fn reordered_repeated_and_foreign_chunks_are_refused() {
    let bytes = sealed(3 * CHUNK_LEN + 50);
    let other = sealed(3 * CHUNK_LEN + 50);
    let start = body_at(&bytes) + PREFIX_LEN;
    let chunk = |number: usize| start + number * SEALED_CHUNK..start + (number + 1) * SEALED_CHUNK;
    for (to, from, source) in [(0, 1, &bytes), (1, 0, &bytes), (2, 1, &bytes), (1, 1, &other)] {
        let mut changed = bytes.clone();
        changed[chunk(to)].copy_from_slice(&source[chunk(from)]);
        assert_eq!(open(&changed).unwrap_err(), UnsealError::Damaged);
    }
    let without = [&bytes[..start], &bytes[start + SEALED_CHUNK..]].concat();
    assert_eq!(open(&without).unwrap_err(), UnsealError::Damaged);
}

#[test]
fn swapping_is_refused_before_anything_is_decrypted_with_the_difference_named() {
    let expected = context();
    let entries = |change: (&str, &str)| {
        let changed =
            expected.iter().map(|(key, value)| (key, if key == change.0 { change.1 } else { value }));
        Context::new(changed).unwrap()
    };
    for change in [
        ("phase", "apply"),
        ("pool", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("purpose", "offer"),
        ("run", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("stack", "Networking"),
        ("state_version", "2"),
    ] {
        let mut bytes = seal(&POOL.public_key(), &entries(change), Some(&POOL), b"plain").unwrap();
        bytes.truncate(body_at(&bytes));
        let UnsealError::Context { key, found, expected } = open(&bytes).unwrap_err() else { panic!() };
        assert_eq!((key.as_str(), found.as_deref()), (change.0, Some(change.1)));
        assert_eq!(expected.as_deref(), context().get(change.0));
    }
    let more = Context::new(expected.iter().chain([("extra", "1")])).unwrap();
    let fewer = Context::new(expected.iter().filter(|(key, _)| *key != "stack")).unwrap();
    for other in [more, fewer, Context::default()] {
        let bytes = seal(&POOL.public_key(), &other, Some(&POOL), b"plain").unwrap();
        assert!(matches!(open(&bytes).unwrap_err(), UnsealError::Context { .. }));
    }
}

#[test]
fn forging_with_the_public_key_alone_is_refused() {
    let key = POOL.public_key();
    let unsigned = seal(&key, &context(), None, b"evil").unwrap();
    assert_eq!(open(&unsigned).unwrap_err(), UnsealError::Unsigned);
    let foreign = seal(&key, &context(), Some(&OTHER), b"evil").unwrap();
    assert_eq!(open(&foreign).unwrap_err(), UnsealError::Untrusted { kid: OTHER.public_key().kid() });

    // A signature that the pool made, over a header of its own, on a header with another K.
    let (good, mut forged) = (sealed(4), Vec::new());
    let claimed = Header { signer: Some(key.kid()), ..inspect(&unsigned).unwrap() };
    forged.extend(claimed.encode());
    forged.extend(&good[good.iter().position(|byte| *byte == b'\n').unwrap()..]);
    assert_eq!(open(&forged).unwrap_err(), UnsealError::Signature);

    // A signed header with its signature line taken away.
    let line = good.iter().position(|byte| *byte == b'\n').unwrap();
    let stripped = [&good[..line], b"\n-\n", &good[body_at(&good)..]].concat();
    assert_eq!(open(&stripped).unwrap_err(), UnsealError::Form);
}

#[test]
fn a_workspace_is_signed_by_its_recipient_and_by_nobody_else() {
    // OTHER is trusted as an older key of the pool, but it did not seal this file to itself.
    let bytes = seal(&POOL.public_key(), &context(), Some(&OTHER), b"plain").unwrap();
    let keys: [&PoolKey; 2] = [&POOL, &OTHER];
    let mut unsealer = workspace::unsealer(&keys, &context());
    let kid = OTHER.public_key().kid();
    assert_eq!(unsealer.update(&bytes, &mut Vec::new()).unwrap_err(), UnsealError::Untrusted { kid });
    let trust = Trust::SignedBy(vec![OTHER.public_key()]);
    assert_eq!(unseal(&[&POOL], &context(), &trust, &bytes).unwrap().expose(), b"plain");
    // What an older key sealed and signed still opens after the rotation.
    let old = seal(&OTHER.public_key(), &context(), Some(&OTHER), b"old").unwrap();
    assert_eq!(unseal::all_of(workspace::unsealer(&keys, &context()), &old).unwrap().expose(), b"old");
}

#[test]
fn whom_to_trust_is_never_taken_from_the_file() {
    let bytes = sealed(5);
    let kid = POOL.public_key().kid();
    for (trust, error) in [
        (Trust::SignedBy(Vec::new()), UnsealError::Untrusted { kid: kid.clone() }),
        (Trust::SignedBy(vec![OTHER.public_key()]), UnsealError::Untrusted { kid: kid.clone() }),
        (Trust::Unsigned, UnsealError::Signed { kid }),
    ] {
        assert_eq!(unseal(&[&POOL], &context(), &trust, &bytes).unwrap_err(), error);
    }
}

#[test]
fn two_plaintexts_behind_one_file_are_stopped_by_the_commitment() {
    // The header wraps another key than the body was encrypted with: not one chunk is tried.
    let bytes = with_wrapped_key(key::wrap(&POOL.public_key(), &zeroize::Zeroizing::new([8; 32])).unwrap());
    let mut unsealer = workspace::unsealer(&[&POOL], &context());
    let prefix = body_at(&bytes) + PREFIX_LEN;
    assert_eq!(unsealer.update(&bytes[..prefix - 1], &mut Vec::new()), Ok(()));
    assert_eq!(unsealer.update(&bytes[prefix - 1..prefix], &mut Vec::new()), Err(UnsealError::Damaged));
}

#[test]
fn every_failure_of_oaep_looks_like_a_wrong_key() {
    let public = POOL.public_key();
    let good = with_wrapped_key(public.wrap(&[9; 32]).unwrap());
    assert_eq!(open(&good).unwrap(), b"plain");
    let (mut zeros, random) = (vec![0; public.modulus_len()], OTHER.public_key().wrap(&[9; 32]).unwrap());
    zeros[0] = 1;
    for wrapped in [
        zeros,
        random,
        public.wrap(&[9; 16]).unwrap(),
        public.wrap(b"").unwrap(),
        public.wrap(&[8; 32]).unwrap(),
    ] {
        let bytes = with_wrapped_key(wrapped);
        let mut unsealer = workspace::unsealer(&[&POOL], &context());
        let mut out = Vec::new();
        // No sign of it yet when the header is read and the private key was used …
        let prefix = body_at(&bytes) + PREFIX_LEN;
        assert_eq!(unsealer.update(&bytes[..prefix - 1], &mut out), Ok(()));
        // … and the same error in the same place for all of them.
        assert_eq!(unsealer.update(&bytes[prefix - 1..], &mut out), Err(UnsealError::Damaged));
    }
    let short = with_wrapped_key(vec![1; public.modulus_len() - 1]);
    assert_eq!(open(&short).unwrap_err(), UnsealError::Form);
}

#[test]
fn nonces_are_not_reused_each_seal_draws_its_own_key_and_salt() {
    let (one, two) = (sealed(50), sealed(50));
    assert_ne!(inspect(&one).unwrap().wrapped_key, inspect(&two).unwrap().wrapped_key);
    let body = body_at(&one);
    assert_ne!(one[body..body + 24], two[body..body + 24]);
    assert_ne!(one[body + PREFIX_LEN..], two[body + PREFIX_LEN..]);
}

#[test]
fn sealers_and_encryptors_cannot_be_cloned() {
    trait AmbiguousIfClone<A> {
        fn check() {}
    }
    impl<T> AmbiguousIfClone<()> for T {}
    impl<T: Clone> AmbiguousIfClone<u8> for T {}
    <Sealer as AmbiguousIfClone<_>>::check();
    <Encryptor as AmbiguousIfClone<_>>::check();
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
    sealer.update(b"12", &mut Vec::new()).unwrap_err();
    assert_eq!(sealer.update(b"", &mut Vec::new()), Err(SealError::Failed));
    assert_eq!(sealer.finish(&mut Vec::new()), Err(SealError::Failed));
}

#[test]
fn a_partly_verified_file_gives_whole_verified_chunks_and_then_fails_for_good() {
    let plain = pattern(3 * CHUNK_LEN);
    let mut bytes = sealed(plain.len());
    let second = body_at(&bytes) + PREFIX_LEN + SEALED_CHUNK + 5;
    bytes[second] ^= 1;
    let mut unsealer = workspace::unsealer(&[&POOL], &context());
    let mut out = Vec::new();
    assert_eq!(unsealer.update(&bytes, &mut out), Err(UnsealError::Damaged));
    assert!(out == plain[..CHUNK_LEN]);
    assert_eq!(unsealer.update(&[], &mut out), Err(UnsealError::Damaged));
    assert_eq!(unsealer.finish(&mut out), Err(UnsealError::Damaged));
    assert_eq!(out.len(), CHUNK_LEN);

    // The body alone, and an error before the private key, are as sticky.
    let mut decryptor = Decryptor::new(&[0; 32], b"");
    decryptor.update(&[0; 56], &mut out).unwrap_err();
    decryptor.update(&[], &mut out).unwrap_err();
    let mut unsealer = workspace::unsealer(&[&POOL], &context());
    assert_eq!(unsealer.update(b"{}\n-\n", &mut out), Err(UnsealError::Form));
    assert_eq!(unsealer.update(&sealed(5), &mut out), Err(UnsealError::Form));
}

#[test]
fn the_reader_keeps_failing_and_never_reports_the_end_of_a_cut_file() {
    let bytes = sealed(2 * CHUNK_LEN);
    let mut reader = UnsealReader::new(workspace::unsealer(&[&POOL], &context()), &bytes[..bytes.len() - 1]);
    let mut buffer = vec![0; 1_000_000];
    let read = loop {
        match reader.read(&mut buffer) {
            Ok(0) => panic!("the cut file ended like a whole one"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(read.to_string(), UnsealError::Damaged.to_string());
    for _ in 0..3 {
        reader.read(&mut buffer).unwrap_err();
    }
}

#[test]
fn writer_and_reader_are_the_same_as_the_core() {
    let plain = pattern(600_000);
    let sealer = workspace::sealer(&POOL, &context(), None).unwrap();
    let mut writer = SealWriter::new(sealer, Vec::new());
    writer.write_all(&plain).unwrap();
    let bytes = writer.finish().unwrap();
    let mut out = Vec::new();
    UnsealReader::new(workspace::unsealer(&[&POOL], &context()), &bytes[..]).read_to_end(&mut out).unwrap();
    assert!(out == plain && open(&bytes).unwrap() == plain);
}

#[test]
fn a_writer_below_that_failed_once_makes_the_sealed_file_fail() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += 1;
            if self.0 == 2 { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(bytes.len()) }
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut writer = SealWriter::new(workspace::sealer(&POOL, &context(), None).unwrap(), Full(0));
    writer.write_all(&pattern(100)).unwrap();
    writer.write_all(&pattern(20_000)).unwrap_err();
    writer.write_all(&pattern(100)).unwrap_err();
    assert!(writer.finish().is_err());
}

#[test]
fn one_key_speaks_many_protocols_and_each_begins_unlike_the_others() {
    let ours = [SIGNATURE_PREFIX, OFFER_SIGNATURE_PREFIX];
    let spaces = [b' '; 64];
    let theirs: [&[u8]; 4] = [b"eyJ", &spaces, &[0x01], &[0x30]];
    for prefix in ours {
        assert!(prefix.starts_with(b"spacelift-worker/") && prefix.ends_with(b"\n"));
        assert!(ours.iter().all(|other| *other == prefix || !other.starts_with(prefix)));
        assert!(theirs.iter().all(|other| !prefix.starts_with(other) && !other.starts_with(prefix)));
    }
    // A signature of the same bytes for another purpose is none of a header.
    let mut bytes = sealed(5);
    let line = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    let other = URL_SAFE_NO_PAD.encode(POOL.sign(OFFER_SIGNATURE_PREFIX, &bytes[..line]).unwrap());
    bytes.splice(line + 1..line + 1 + other.len(), other.into_bytes());
    assert_eq!(open(&bytes).unwrap_err(), UnsealError::Signature);
}

#[test]
fn contexts_that_have_no_place_in_a_header_are_not_made() {
    let one = |key: &str, value: &str| Context::new([(key, value)]);
    for key in ["", "A", "a1", "a-b", &"a".repeat(33)] {
        assert_eq!(one(key, "x"), Err(ContextError::Key), "{key}");
    }
    for value in ["", "\"", "\\", "\n", "ä", "\u{7f}", &"x".repeat(257)] {
        assert_eq!(one("a", value), Err(ContextError::Value("a".to_owned())), "{value}");
    }
    assert_eq!(Context::new([("a", "1"), ("a", "1")]), Err(ContextError::Duplicate("a".to_owned())));
    let many =
        |count: u8| Context::new((0..count).map(|number| (((b'a' + number) as char).to_string(), "x")));
    assert_eq!(many(17), Err(ContextError::TooMany));
    let largest =
        Context::new((b'a'..=b'p').map(|key| ((key as char).to_string().repeat(32), "x".repeat(256))));
    let largest = largest.unwrap();
    let bytes = seal(&POOL.public_key(), &largest, None, b"plain").unwrap();
    assert_eq!(unseal(&[&POOL], &largest, &Trust::Unsigned, &bytes).unwrap().expose(), b"plain");
}

#[test]
fn an_offer_opens_for_the_worker_and_lease_that_it_names_alone() {
    let (pool, run) = (PoolId::from_parts(1, 1), RunId::from_parts(2, 2));
    let to = |worker, counter| {
        let lease = crate::ids::Lease { generation: 1, counter };
        offer::context(pool, crate::ids::WorkerId::from_parts(3, worker), run, "plan", lease).unwrap()
    };
    let bytes = offer::seal(&POOL.public_key(), &to(1, 7), b"payload").unwrap();
    assert_eq!(offer::unseal(&[&POOL], &to(1, 7), &bytes).unwrap().expose(), b"payload");
    for other in [to(2, 7), to(1, 8)] {
        assert!(matches!(offer::unseal(&[&POOL], &other, &bytes), Err(UnsealError::Context { .. })));
    }
    // A workspace of the pool is no offer.
    let forged = seal(&POOL.public_key(), &to(1, 7), Some(&POOL), b"payload").unwrap();
    assert!(matches!(offer::unseal(&[&POOL], &to(1, 7), &forged), Err(UnsealError::Signed { .. })));
}

#[test]
fn debug_shows_no_key_and_no_content() {
    let mut sealer = workspace::sealer(&POOL, &context(), None).unwrap();
    sealer.update(b"hunter2", &mut Vec::new()).unwrap();
    assert_eq!(format!("{sealer:?}"), "Sealer { given: 7, .. }");
    assert_eq!(format!("{:?}", workspace::unsealer(&[&POOL], &context())), "Unsealer { .. }");
    assert_eq!(format!("{:?}", Decryptor::new(&[7; 32], b"")), "Decryptor { .. }");
    assert_eq!(format!("{:?}", Encryptor::new(&[7; 32], b"").unwrap()), "Encryptor { .. }");
}
