//! Whom a reader trusts, and what it expects.

use super::*;
use crate::crypto::sha256;
use crate::pool::{ControlKey, OfferSignatureError, verify_offer};

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
fn debug_shows_no_key_and_no_content() {
    let mut sealer = workspace::sealer(&POOL, &context(), None).unwrap();
    sealer.update(b"hunter2", &mut Vec::new()).unwrap();
    assert_eq!(format!("{sealer:?}"), "Sealer { given: 7, .. }");
    assert_eq!(format!("{:?}", workspace::unsealer(&[&POOL], &context())), "Unsealer { .. }");
    assert_eq!(format!("{:?}", Decryptor::new(&[7; 32], b"")), "Decryptor { .. }");
    assert_eq!(format!("{:?}", Encryptor::new(&[7; 32], b"").unwrap()), "Encryptor { .. }");
}

#[test]
fn a_key_out_of_its_role_is_refused() {
    let control = ControlKey::generate(2048).unwrap();
    // The pool's key signs an offer, as if it were the control plane's.
    let sealed = offer::seal(&POOL.public_key(), &context(), b"payload").unwrap();
    let posing = ControlKey::from_pem(&POOL.to_pem().unwrap()).unwrap();
    let signature = posing.sign_offer(&sha256(&sealed)).unwrap();
    assert_eq!(verify_offer(&control.public_key(), &sealed, &signature), Err(OfferSignatureError::Foreign));
    // The control plane's key signs a workspace, as if it were the pool's.
    let posing = PoolKey::from_pem(&control.to_pem().unwrap()).unwrap();
    let forged = seal(&POOL.public_key(), &context(), Some(&posing), b"evil").unwrap();
    assert_eq!(open(&forged).unwrap_err(), UnsealError::Untrusted { kid: posing.public_key().kid() });
}
