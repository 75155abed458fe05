//! The two backends of cryptography against each other: both write the same bytes, and what one seals the other opens.

use std::sync::LazyLock;

use spacelift_worker_core::crypto::{Aes256Gcm, Backend, CryptoError, hkdf_expand_sha512, with_backend};
use spacelift_worker_core::envelope::cobblestone::{CHUNK_LEN, Damaged};
use spacelift_worker_core::envelope::{Context, Trust, UnsealError, Unsealer, seal};
use spacelift_worker_core::pool::PoolKey;
use spacelift_worker_core::secret::SecretBytes;

use super::cobblestone::{CONTEXT, KEY, decrypt, encrypt};
use super::cuts::{pieces, split_first_part};

const DIRECTIONS: [(Backend, Backend); 2] =
    [(Backend::AwsLc, Backend::PureRust), (Backend::PureRust, Backend::AwsLc)];

/// Behind a `k` the DER of a private key; behind an `e` what a whole file is sealed of, with the cuts of its stream; else
/// the same of a body alone.
pub fn backends(data: &[u8]) {
    match data.split_first() {
        Some((b'k', der)) => private_key(der),
        Some((b'e', rest)) => DIRECTIONS.iter().for_each(|(one, other)| whole_file(rest, *one, *other)),
        _ => DIRECTIONS.iter().for_each(|(one, other)| body(data, *one, *other)),
    }
}

/// Both read a key as the same, or refuse it for the same reason.
fn private_key(der: &[u8]) {
    let read = || {
        let key = PoolKey::from_der(&SecretBytes::new(der.to_vec()));
        key.map(|key| (key.public_key(), key.to_pkcs8_der()))
    };
    let [one, other] = DIRECTIONS.map(|(backend, _)| with_backend(backend, read));
    assert!(one == other, "{one:?}, {other:?}");
}

fn body(data: &[u8], sealing: Backend, opening: Backend) {
    let (cuts, text) = split_first_part(data);
    // Longer than a chunk now and then, without a corpus of long files
    let plain = text.repeat(1 + cuts.len() * cuts.len());
    let sealed = with_backend(sealing, || encrypt(&plain, cuts));
    assert!(sealed.is_ok(), "{sealed:?}");
    let sealed = sealed.unwrap_or_default();
    assert!(with_backend(opening, || again(&plain, &sealed)).as_ref() == Ok(&sealed), "other bytes");
    assert!(with_backend(opening, || decrypt(&sealed, cuts)) == Ok(plain), "not opened");

    let mut damaged = sealed;
    let at = cuts.iter().fold(0_usize, |at, cut| at.wrapping_mul(256).wrapping_add(usize::from(*cut)));
    let at = at % damaged.len();
    damaged[at] ^= 1;
    assert_eq!(with_backend(opening, || decrypt(&damaged, cuts)), Err(Damaged));
    assert_eq!(with_backend(sealing, || decrypt(text, cuts)), with_backend(opening, || decrypt(text, cuts)));
}

/// The body of `plain` under the salt that `sealed` begins with, put together from the specification
/// (c2sp.org/chunked-encryption): the salt cannot be chosen where a body is sealed in earnest.
fn again(plain: &[u8], sealed: &[u8]) -> Result<Vec<u8>, CryptoError> {
    const LABEL: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";
    let salt = &sealed[..24];
    let mut keys = [0; 32 + 12 + 32];
    hkdf_expand_sha512(&KEY, &[LABEL, salt, CONTEXT], &mut keys)?;
    let (key, rest) = keys.split_at(32);
    let (base_nonce, commitment) = rest.split_at(12);
    let mut key_bytes = [0; 32];
    key_bytes.copy_from_slice(key);
    let aead = Aes256Gcm::new(&key_bytes)?;

    let mut out = [salt, commitment].concat();
    // The last chunk is shorter than the others, and empty where they are whole
    for number in 0..=plain.len() / CHUNK_LEN {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&(number as u64).to_be_bytes());
        nonce.iter_mut().zip(base_nonce).for_each(|(byte, base)| *byte ^= base);
        let start = number * CHUNK_LEN;
        let mut chunk = plain[start..plain.len().min(start + CHUNK_LEN)].to_vec();
        let tag = aead.seal_in_place(&nonce, &mut chunk)?;
        out.extend_from_slice(&chunk);
        out.extend_from_slice(&tag);
    }
    Ok(out)
}

/// One key in both backends. It was made for the vectors, and protects nothing.
static KEYS: LazyLock<Vec<PoolKey>> = LazyLock::new(|| {
    let der = SecretBytes::new(include_bytes!("../../tests/vectors/keys/ok_pkcs8.der").to_vec());
    let read = |(backend, _)| with_backend(backend, || PoolKey::from_der(&der).ok());
    DIRECTIONS.into_iter().filter_map(read).collect()
});

fn whole_file(data: &[u8], sealing: Backend, opening: Backend) {
    assert_eq!(KEYS.len(), 2, "the vectors have a key");
    let [aws_lc, pure_rust] = &KEYS[..] else { return };
    let key_of = |backend| if backend == Backend::AwsLc { aws_lc } else { pure_rust };
    let (cuts, plain) = split_first_part(data);
    let key = key_of(sealing);
    let context = Context::default();
    let sealed = with_backend(sealing, || seal(&key.public_key(), &context, Some(key), plain));
    assert!(sealed.is_ok(), "{sealed:?}");
    let sealed = sealed.unwrap_or_default();
    let open = |sealed: &[u8]| with_backend(opening, || unseal(key_of(opening), &context, sealed, cuts));
    assert!(open(&sealed).as_deref() == Ok(plain), "not opened");
    let mut damaged = sealed;
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    assert_eq!(open(&damaged), Err(UnsealError::Damaged));
}

fn unseal(key: &PoolKey, context: &Context, sealed: &[u8], cuts: &[u8]) -> Result<Vec<u8>, UnsealError> {
    let mut unsealer = Unsealer::new(&[key], context, &Trust::SignedBy(vec![key.public_key()]));
    let mut plain = Vec::new();
    for piece in pieces(sealed, cuts) {
        unsealer.update(piece, &mut plain)?;
    }
    unsealer.finish(&mut plain).map(|()| plain)
}
