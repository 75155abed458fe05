//! Whole sealed files under arbitrary cuts: what is sealed opens as it was, is as long as announced, and does not open once a
//! bit of it changed, a byte went or one came.

use spacelift_worker_core::envelope::{Context, UnsealError, workspace};
use spacelift_worker_core::pool::PoolKey;

use super::cuts::{pieces, split_first_part};
use super::envelope::KEY;

/// How the stream is cut, and its plaintext.
pub fn seal(data: &[u8]) {
    let key = KEY.as_ref();
    assert!(key.is_some(), "the vectors have a key");
    let Some(key) = key else { return };
    let (cuts, text) = split_first_part(data);
    // Longer than a chunk now and then, without a corpus of long files
    let plain = text.repeat(1 + cuts.len() * cuts.len());
    let Some(sealed) = sealed(key, &plain, cuts) else { return };
    assert!(open(key, &sealed, &[]).as_ref() == Ok(&plain), "in one piece");
    assert!(open(key, &sealed, cuts).as_ref() == Ok(&plain), "in pieces");

    let number = cuts.iter().fold(0_usize, |at, cut| at.wrapping_mul(256).wrapping_add(usize::from(*cut)));
    let at = number % sealed.len();
    let mut damaged = sealed.clone();
    damaged[at] ^= 1 << (number % 8);
    let mut longer = sealed.clone();
    longer.insert(at, damaged[at]);
    for bad in [&damaged, &longer, &sealed[..at]] {
        let refused = open(key, bad, cuts);
        assert!(refused.is_err(), "at {at}");
        assert_eq!(refused, open(key, bad, &[]), "at {at}");
    }
}

fn sealed(key: &PoolKey, plain: &[u8], cuts: &[u8]) -> Option<Vec<u8>> {
    let mut sealer = workspace::sealer(key, &context(), Some(plain.len() as u64)).ok()?;
    let announced = sealer.sealed_len();
    let mut out = Vec::new();
    for piece in pieces(plain, cuts) {
        assert_eq!(sealer.update(piece, &mut out), Ok(()));
    }
    assert_eq!(sealer.finish(&mut out), Ok(()));
    assert_eq!(announced, Some(out.len() as u64));
    Some(out)
}

fn open(key: &PoolKey, sealed: &[u8], cuts: &[u8]) -> Result<Vec<u8>, UnsealError> {
    let mut unsealer = workspace::unsealer(&[key], &context());
    let mut plain = Vec::new();
    for piece in pieces(sealed, cuts) {
        unsealer.update(piece, &mut plain)?;
    }
    unsealer.finish(&mut plain).map(|()| plain)
}

fn context() -> Context {
    Context::new([("purpose", "workspace")]).unwrap_or_default()
}
