//! After an error every further call gives the same error, and nothing more comes out.

use super::*;

/// Bytes that are refused for this reason by a reader with `POOL`'s key.
fn refused() -> Vec<(Vec<u8>, UnsealError)> {
    let good = sealed(CHUNK_LEN + 5);
    let (public, line) = (POOL.public_key(), good.iter().position(|byte| *byte == b'\n').unwrap());
    let kid = OTHER.public_key().kid();
    let mut forged = good.clone();
    forged[line + 1..line + 5].copy_from_slice(b"AAAA");
    let mut damaged = good.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let foreign = seal(&public, &context(), Some(&OTHER), b"plain").unwrap();
    let to_another = seal(&OTHER.public_key(), &context(), Some(&POOL), b"plain").unwrap();
    let other_context = seal(&public, &Context::default(), Some(&POOL), b"plain").unwrap();
    let context_error = UnsealError::Context {
        key: "phase".to_owned(),
        found: None,
        expected: context().get("phase").map(str::to_owned),
    };
    vec![
        (b"{}\n-\n".to_vec(), UnsealError::Form),
        (b"{\"v\":2}\n-\n".to_vec(), UnsealError::Version),
        (vec![b'x'; 20_000], UnsealError::Form),
        (good[..line].to_vec(), UnsealError::CutShort),
        (other_context, context_error),
        (seal(&public, &context(), None, b"plain").unwrap(), UnsealError::Unsigned),
        (foreign, UnsealError::Untrusted { kid: kid.clone() }),
        (to_another, UnsealError::Recipient { kid }),
        (forged, UnsealError::Signature),
        (damaged, UnsealError::Damaged),
        (good[..good.len() - 1].to_vec(), UnsealError::Damaged),
        ([&good, &good[..]].concat(), UnsealError::Damaged),
    ]
}

#[test]
fn an_unsealer_that_failed_repeats_its_error_and_gives_out_nothing_more() {
    let trust = Trust::SignedBy(vec![POOL.public_key()]);
    for (bytes, expected) in refused() {
        for step in [usize::MAX, 7] {
            let mut unsealer = Unsealer::new(&[&POOL], &context(), &trust);
            let mut out = Vec::new();
            let fed =
                bytes.chunks(step.min(bytes.len())).try_for_each(|piece| unsealer.update(piece, &mut out));
            let Err(error) = fed else {
                // What is only cut short shows at the end, which takes the unsealer with it.
                assert_eq!(unsealer.finish(&mut out), Err(expected.clone()));
                continue;
            };
            assert_eq!(error, expected);
            let given = out.len();
            for more in [&b""[..], b"x", &sealed(5)] {
                assert_eq!(unsealer.update(more, &mut out), Err(expected.clone()));
            }
            assert_eq!(unsealer.finish(&mut out), Err(expected.clone()));
            assert_eq!(out.len(), given);
        }
    }
}

#[test]
fn a_decryptor_that_failed_repeats_its_error_and_gives_out_nothing_more() {
    let mut sealed = Vec::new();
    let mut encryptor = Encryptor::new(&[7; 32], b"context").unwrap();
    encryptor.update(&pattern(2 * CHUNK_LEN), &mut sealed).unwrap();
    encryptor.finish(&mut sealed).unwrap();
    for at in [0, PREFIX_LEN - 1, PREFIX_LEN, PREFIX_LEN + SEALED_CHUNK] {
        let mut damaged = sealed.clone();
        damaged[at] ^= 1;
        let mut decryptor = Decryptor::new(&[7; 32], b"context");
        let mut out = Vec::new();
        assert_eq!(decryptor.update(&damaged, &mut out), Err(cobblestone::Damaged), "{at}");
        let given = out.len();
        // Not even what would be right from the beginning helps any more.
        for more in [&b""[..], &sealed] {
            assert_eq!(decryptor.update(more, &mut out), Err(cobblestone::Damaged), "{at}");
        }
        assert_eq!(decryptor.finish(&mut out), Err(cobblestone::Damaged), "{at}");
        assert_eq!(out.len(), given, "{at}");
    }
}

#[test]
fn a_sealer_that_failed_repeats_its_error_and_gives_out_nothing_more() {
    for declared in [0, 10, CHUNK_LEN as u64 + 1] {
        let mut out = Vec::new();
        let mut sealer = workspace::sealer(&POOL, &context(), Some(declared)).unwrap();
        let first = sealer.update(&pattern(2 * CHUNK_LEN), &mut out).unwrap_err();
        assert_eq!(first, SealError::Length { declared, given: 2 * CHUNK_LEN as u64 });
        let given = out.len();
        for more in [&b""[..], b"x", &pattern(CHUNK_LEN)] {
            assert_eq!(sealer.update(more, &mut out), Err(first));
        }
        assert_eq!(sealer.finish(&mut out), Err(first));
        assert_eq!(out.len(), given);
        open(&out).unwrap_err();
    }
}
