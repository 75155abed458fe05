//! Tests of the envelope, and what they share. `threats` has the table; vectors made elsewhere stand in `tests/vectors`.

mod adapters;
mod outputs;
mod sticky;
mod streams;
mod threats;
mod trust;
mod wycheproof;

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
