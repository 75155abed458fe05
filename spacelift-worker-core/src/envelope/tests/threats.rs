//! What a sealed file promises, threat by threat, in the order of the table in `docs/sealed-state.md`; and below it what
//! is left open, so that nobody takes it for a promise.

use super::*;
use crate::pool::{PoolKeyError, PoolPublicKey, PublicKeyError};
use crate::secret::SecretText;

/// Reading: storage, broker or control plane looks inside a workspace.
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

/// Tampering, reordering, truncation, trailing data.
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
fn truncation_and_trailing_data_are_refused_at_and_around_every_boundary() {
    let len = 2 * CHUNK_LEN + 50;
    let bytes = sealed(len);
    let body = body_at(&bytes);
    let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let chunks = [0, 1, 2].map(|number| body + PREFIX_LEN + number * SEALED_CHUNK);
    // Where a part ends: header line, signature line, salt, commitment, each chunk, each chunk but for its tag.
    let boundaries = [first, body, body + 24, body + PREFIX_LEN, bytes.len(), bytes.len() - 16];
    for boundary in boundaries.into_iter().chain(chunks).chain(chunks.map(|at| at - 16)) {
        for cut in [boundary - 1, boundary, boundary + 1] {
            if cut >= bytes.len() {
                continue;
            }
            let expected = if cut < body { UnsealError::CutShort } else { UnsealError::Damaged };
            assert_eq!(open(&bytes[..cut]).unwrap_err(), expected, "{cut}");
        }
    }
    for more in [&[0][..], &[0; 16], &bytes[bytes.len() - 66..], &bytes[body..], &bytes] {
        assert_eq!(open(&[&bytes, more].concat()).unwrap_err(), UnsealError::Damaged);
    }
}

#[test]
fn reordered_repeated_removed_and_foreign_chunks_are_refused() {
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
    let final_chunk = &bytes[start + 3 * SEALED_CHUNK..];
    assert_eq!(open(&[&bytes, final_chunk].concat()).unwrap_err(), UnsealError::Damaged);
    assert_eq!(open(&[&bytes[..start], final_chunk].concat()).unwrap_err(), UnsealError::Damaged);
}

/// Swapping: another run's, stack's, phase's or version's file is put in place.
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

/// Forging: whoever knows the public key seals a workspace of its own, and the next worker executes it.
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

    // The body of a forger under a header and a signature that the pool made: K is not known to it.
    let head = &good[..body_at(&good)];
    let mut remade = head.to_vec();
    let mut encryptor = Encryptor::new(&[8; 32], head).unwrap();
    encryptor.update(b"evil", &mut remade).unwrap();
    encryptor.finish(&mut remade).unwrap();
    assert_eq!(open(&remade).unwrap_err(), UnsealError::Damaged);
}

#[test]
fn forging_with_an_older_key_under_the_present_keys_signature_is_refused() {
    // Sealed to the older key, signed by the present one: who has the older key knows K, and makes the body anew.
    let keys: [&PoolKey; 2] = [&POOL, &OTHER];
    let honest = seal(&OTHER.public_key(), &context(), Some(&POOL), b"honest").unwrap();
    let head = &honest[..body_at(&honest)];
    let known = key::unwrap(&OTHER, &inspect(head).unwrap()).unwrap();
    let mut remade = head.to_vec();
    let mut encryptor = Encryptor::new(&known, head).unwrap();
    encryptor.update(b"evil", &mut remade).unwrap();
    encryptor.finish(&mut remade).unwrap();
    let mut unsealer = workspace::unsealer(&keys, &context());
    let kid = POOL.public_key().kid();
    assert_eq!(unsealer.update(&remade, &mut Vec::new()).unwrap_err(), UnsealError::Untrusted { kid });
}

/// Two plaintexts behind one file.
#[test]
fn two_plaintexts_behind_one_file_are_stopped_by_the_commitment() {
    // The header wraps another key than the body was encrypted with: not one chunk is tried.
    let bytes = with_wrapped_key(key::wrap(&POOL.public_key(), &zeroize::Zeroizing::new([8; 32])).unwrap());
    let mut unsealer = workspace::unsealer(&[&POOL], &context());
    let prefix = body_at(&bytes) + PREFIX_LEN;
    assert_eq!(unsealer.update(&bytes[..prefix - 1], &mut Vec::new()), Ok(()));
    assert_eq!(unsealer.update(&bytes[prefix - 1..prefix], &mut Vec::new()), Err(UnsealError::Damaged));
}

/// Padding oracles and timing.
#[test]
fn padding_oracles_have_nothing_to_ask_every_failure_of_oaep_looks_like_a_wrong_key() {
    let public = POOL.public_key();
    let good = with_wrapped_key(public.wrap(&[9; 32]).unwrap());
    assert_eq!(open(&good).unwrap(), b"plain");
    let (mut zeros, random) = (vec![0; public.modulus_len()], OTHER.public_key().wrap(&[9; 32]).unwrap());
    zeros[0] = 1;
    for wrapped in [
        zeros,
        random,
        public.wrap(&[9; 16]).unwrap(),
        public.wrap(&[9; 33]).unwrap(),
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

/// Weak or odd keys.
#[test]
fn weak_or_odd_keys_can_be_neither_made_nor_read() {
    for bits in [0, 512, 1024, 2047, 2056, 16_384] {
        assert!(matches!(PoolKey::generate(bits), Err(PoolKeyError::Key(_))), "{bits}");
    }
    for pem in [
        include_str!("../../../../tests/vectors/keys/fail_1024_bits.pem"),
        include_str!("../../../../tests/vectors/keys/fail_exponent_3.pem"),
    ] {
        assert!(matches!(PoolKey::from_pem(&SecretText::from(pem)), Err(PoolKeyError::Key(_))));
    }
    for pem in [
        include_str!("../../../../tests/vectors/keys/fail_public_1024_bits.pem"),
        include_str!("../../../../tests/vectors/keys/fail_public_exponent_3.pem"),
        include_str!("../../../../tests/vectors/keys/fail_public_rsa_pss.pem"),
    ] {
        assert!(matches!(PoolPublicKey::from_pem(pem), Err(PublicKeyError::Key(_))));
    }
}

/// Nonce reuse.
#[test]
fn nonces_are_not_reused_each_seal_draws_its_own_key_and_salt() {
    let (one, two) = (sealed(50), sealed(50));
    assert_ne!(inspect(&one).unwrap().wrapped_key, inspect(&two).unwrap().wrapped_key);
    let body = body_at(&one);
    assert_ne!(one[body..body + 24], two[body..body + 24]);
    assert_ne!(one[body + PREFIX_LEN..], two[body + PREFIX_LEN..]);
    let unwrapped = |bytes: &[u8]| key::unwrap(&POOL, &inspect(bytes).unwrap()).unwrap();
    assert_ne!(unwrapped(&one), unwrapped(&two));
}

#[test]
fn nonces_are_not_reused_no_stream_can_be_cloned_or_stored() {
    trait Unlike<A> {
        fn check() {}
    }
    // Where a type had one of the traits, two of these would fit, and its call below would not compile.
    impl<T> Unlike<()> for T {}
    impl<T: Clone> Unlike<u8> for T {}
    impl<T: serde::Serialize> Unlike<u16> for T {}
    <Sealer as Unlike<_>>::check();
    <Encryptor as Unlike<_>>::check();
    <SealWriter<Vec<u8>> as Unlike<_>>::check();
}

/// A partly verified file is taken for a whole one.
#[test]
fn a_partly_verified_file_gives_whole_verified_chunks_and_then_fails_for_good() {
    let plain = pattern(3 * CHUNK_LEN);
    let mut bytes = sealed(plain.len());
    let second = body_at(&bytes) + PREFIX_LEN + SEALED_CHUNK + 5;
    bytes[second] ^= 1;
    for step in [usize::MAX, 1000] {
        let mut unsealer = workspace::unsealer(&[&POOL], &context());
        let mut out = Vec::new();
        let fed = bytes.chunks(step.min(bytes.len())).try_for_each(|piece| unsealer.update(piece, &mut out));
        assert_eq!(fed, Err(UnsealError::Damaged));
        assert!(out == plain[..CHUNK_LEN]);
        assert_eq!(unsealer.update(&[], &mut out), Err(UnsealError::Damaged));
        assert_eq!(unsealer.finish(&mut out), Err(UnsealError::Damaged));
        assert_eq!(out.len(), CHUNK_LEN);
    }
}

/// One key, many protocols.
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
fn left_open_the_holder_of_the_private_key_reads_what_was_sealed_before_and_can_forge() {
    let before = sealed(5);
    let stolen = PoolKey::from_pem(&POOL.to_pem().unwrap()).unwrap();
    assert_eq!(unseal::all_of(workspace::unsealer(&[&stolen], &context()), &before).unwrap().len(), 5);
    let forged = seal(&stolen.public_key(), &context(), Some(&stolen), b"evil").unwrap();
    assert_eq!(open(&forged).unwrap(), b"evil");
}

#[test]
fn left_open_the_length_of_a_file_is_visible() {
    for len in [0, 5, CHUNK_LEN, 3 * CHUNK_LEN + 1] {
        let bytes = sealed(len);
        let body = (bytes.len() - body_at(&bytes)) as u64;
        assert_eq!(cobblestone::plain_len(body), Some(len as u64));
    }
}

#[test]
fn left_open_an_older_version_is_refused_unless_the_offer_itself_asks_for_it() {
    let version = |number| {
        let (pool, run) = (PoolId::from_parts(1, 1), RunId::from_parts(2, 2));
        workspace::context(pool, "networking", run, "plan", number).unwrap()
    };
    let old = seal(&POOL.public_key(), &version(3), Some(&POOL), b"old").unwrap();
    let read = |expected| unseal::all_of(workspace::unsealer(&[&POOL], &expected), &old);
    assert!(matches!(read(version(4)), Err(UnsealError::Context { key, .. }) if key == "state_version"));
    assert_eq!(read(version(3)).unwrap().expose(), b"old");
}
