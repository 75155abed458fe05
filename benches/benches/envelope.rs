//! Sealing and unsealing in memory, beside AES-256-GCM alone: what chunks, commitment, RSA and copies cost on top of it.
//!
//! The rival copies 16 KiB at a time into one buffer and encrypts it there, with the nonce counted up. It draws no key,
//! wraps none, signs nothing, and keeps no ciphertext.

#![expect(clippy::expect_used, reason = "a benchmark that cannot do its work stops")]

use std::hint::black_box;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};
use criterion::{Criterion, Throughput};
use spacelift_worker_benches::in_test_mode;
use spacelift_worker_core::envelope::cobblestone::{CHUNK_LEN, Decryptor, Encryptor};
use spacelift_worker_core::envelope::{Context, Trust, seal, unseal};
use spacelift_worker_core::pool::PoolKey;
use spacelift_worker_core::secret::SecretText;

const KEY: [u8; 32] = [7; 32];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let sizes: &[usize] = if in_test_mode() { &[40_000] } else { &[64 << 10, 16 << 20] };
    for size in sizes {
        let plain: Vec<u8> = (0..*size).map(|at| (at * 31 % 251) as u8).collect();
        sealing(&mut criterion, &plain);
        unsealing(&mut criterion, &plain);
    }
    criterion.final_summary();
}

/// The key of 2048 bits that the vectors are sealed to.
fn pool_key() -> PoolKey {
    let keys = include_str!("../../tests/vectors/envelope/keys.json");
    let keys: serde_json::Value = serde_json::from_str(keys).expect("JSON");
    let pem = keys["pool"]["private"].as_str().expect("a key").to_owned();
    PoolKey::from_pem(&SecretText::new(pem)).expect("a key")
}

fn context() -> Context {
    Context::new([("purpose", "workspace"), ("run", "01BX5ZZKBKACTAV9WEVGEMMVRZ")]).expect("a context")
}

fn raw_key() -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).expect("32 bytes"))
}

fn nonce(number: usize) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&(number as u64).to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// Encrypts `plain` piece by piece in `buffer`, and gives the tags.
fn encrypt_raw(key: &LessSafeKey, plain: &[u8], buffer: &mut [u8]) -> Vec<Tag> {
    let pieces = plain.chunks(CHUNK_LEN).enumerate();
    pieces
        .map(|(number, piece)| {
            let buffer = &mut buffer[..piece.len()];
            buffer.copy_from_slice(piece);
            key.seal_in_place_separate_tag(nonce(number), Aad::empty(), buffer).expect("encrypted")
        })
        .collect()
}

fn sealing(criterion: &mut Criterion, plain: &[u8]) {
    let (key, context) = (pool_key(), context());
    let recipient = key.public_key();
    let mut group = criterion.benchmark_group(format!("seal/{}", plain.len()));
    group.throughput(Throughput::Bytes(plain.len() as u64));
    group.bench_function("sealed file", |bencher| {
        bencher.iter(|| seal(&recipient, &context, Some(&key), black_box(plain)).expect("sealed"));
    });
    group.bench_function("body alone", |bencher| {
        let mut out = Vec::new();
        bencher.iter(|| {
            out.clear();
            let mut encryptor = Encryptor::new(&KEY, b"").expect("an encryptor");
            encryptor.update(black_box(plain), &mut out).expect("encrypted");
            encryptor.finish(&mut out).expect("encrypted");
        });
    });
    group.bench_function("rival: AES-256-GCM alone", |bencher| {
        let (raw, mut buffer) = (raw_key(), vec![0; CHUNK_LEN]);
        bencher.iter(|| encrypt_raw(&raw, black_box(plain), &mut buffer));
    });
    group.finish();
}

fn unsealing(criterion: &mut Criterion, plain: &[u8]) {
    let (key, context) = (pool_key(), context());
    let trust = Trust::SignedBy(vec![key.public_key()]);
    let sealed = seal(&key.public_key(), &context, Some(&key), plain).expect("sealed");
    let mut body = Vec::new();
    let mut encryptor = Encryptor::new(&KEY, b"").expect("an encryptor");
    encryptor.update(plain, &mut body).expect("encrypted");
    encryptor.finish(&mut body).expect("encrypted");
    let raw = raw_key();
    let pieces: Vec<Vec<u8>> = plain
        .chunks(CHUNK_LEN)
        .enumerate()
        .map(|(number, piece)| {
            let mut piece = piece.to_vec();
            raw.seal_in_place_append_tag(nonce(number), Aad::empty(), &mut piece).expect("encrypted");
            piece
        })
        .collect();

    let mut group = criterion.benchmark_group(format!("unseal/{}", plain.len()));
    group.throughput(Throughput::Bytes(plain.len() as u64));
    group.bench_function("sealed file", |bencher| {
        // Dropping the plaintext wipes it, which belongs to the price
        bencher.iter(|| unseal(&[&key], &context, &trust, black_box(&sealed)).expect("unsealed").len());
    });
    group.bench_function("body alone", |bencher| {
        let mut out = Vec::with_capacity(body.len());
        bencher.iter(|| {
            out.clear();
            let mut decryptor = Decryptor::new(&KEY, b"");
            decryptor.update(black_box(&body), &mut out).expect("decrypted");
            decryptor.finish(&mut out).expect("decrypted");
        });
    });
    group.bench_function("rival: AES-256-GCM alone", |bencher| {
        let mut buffer = vec![0; CHUNK_LEN + AES_256_GCM.tag_len()];
        bencher.iter(|| {
            for (number, piece) in black_box(&pieces).iter().enumerate() {
                let buffer = &mut buffer[..piece.len()];
                buffer.copy_from_slice(piece);
                raw.open_in_place(nonce(number), Aad::empty(), buffer).expect("decrypted");
            }
        });
    });
    group.finish();
}
