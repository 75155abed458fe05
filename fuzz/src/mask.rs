//! Masking: the cuts of a stream change nothing, and no registered secret comes out.

use spacelift_worker_core::mask::{Forms, SecretSet, Secrets};

use super::cuts::{pieces, split_first_part};

/// How the stream is cut, three secrets, and the stream, each but the last behind its length.
pub fn mask(data: &[u8]) {
    let (cuts, rest) = split_first_part(data);
    let mut set = SecretSet::with_forms(if cuts.len() % 2 == 0 { Forms::default() } else { Forms::none() });
    let (mut registered, mut rest) = (Vec::new(), rest);
    for _ in 0..3 {
        let length = 1 + rest.first().map_or(0, |length| usize::from(*length));
        let (secret, _) = split_first_part(rest);
        rest = rest.get(length..).unwrap_or_default();
        if set.add(secret).is_ok() {
            registered.push(secret.trim_ascii());
        }
    }
    let Ok(secrets) = Secrets::new(set) else { return };
    let masked = |cuts: &[u8]| {
        let (mut masker, mut out) = (secrets.masker(), Vec::new());
        pieces(rest, cuts).into_iter().for_each(|piece| masker.push(piece, &mut out));
        masker.finish(&mut out);
        out
    };
    let whole = masked(&[]);
    assert_eq!(masked(cuts), whole);
    assert_eq!(masked(&vec![1; rest.len()]), whole);
    // A mask between two other bytes may spell a secret that has asterisks in it
    for secret in registered.into_iter().filter(|secret| !secret.contains(&b'*')) {
        assert!(!whole.windows(secret.len()).any(|window| window == secret), "a secret came out");
    }
}
