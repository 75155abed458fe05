//! Sealing and unsealing in memory, beside AES-256-GCM alone and the files of age: what chunks, commitment, RSA and copies
//! cost on top of it. `sealing_table` measures files, ranges and memory.

#![expect(clippy::expect_used, reason = "a benchmark that cannot do its work stops")]

mod rivals;

use std::hint::black_box;

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use rivals::{age::Age, aws_lc::AwsLc, openssl};
use spacelift_worker_benches::{context, in_test_mode, pool_key};
use spacelift_worker_core::crypto::{Backend, with_backend};
use spacelift_worker_core::envelope::cobblestone::{CHUNK_LEN, Decryptor, Encryptor};
use spacelift_worker_core::envelope::{Sealer, Trust, Unsealer, seal, unseal};

const KEY: [u8; 32] = [7; 32];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    // Around a chunk, where each byte counts; a small file, where RSA does; a large one, where AES does
    let sizes: &[usize] = if in_test_mode() {
        &[CHUNK_LEN + 1]
    } else {
        &[1 << 10, CHUNK_LEN - 1, CHUNK_LEN, CHUNK_LEN + 1, 1 << 20, 64 << 20]
    };
    for size in sizes {
        let plain: Vec<u8> = (0..*size).map(|at| (at * 31 % 251) as u8).collect();
        sealing(&mut criterion, &plain);
        unsealing(&mut criterion, &plain);
    }
    criterion.final_summary();
}

/// One row of a group: what appends to an output that is used again.
fn row(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut work: impl FnMut(&mut Vec<u8>)) {
    group.bench_function(name, |bencher| {
        let mut out = Vec::new();
        bencher.iter(|| {
            out.clear();
            work(black_box(&mut out));
        });
    });
}

fn encrypt(plain: &[u8], out: &mut Vec<u8>) {
    let mut encryptor = Encryptor::new(&KEY, b"").expect("an encryptor");
    encryptor.update(plain, out).expect("encrypted");
    encryptor.finish(out).expect("encrypted");
}

fn decrypt(body: &[u8], out: &mut Vec<u8>) {
    let mut decryptor = Decryptor::new(&KEY, b"");
    decryptor.update(body, out).expect("decrypted");
    decryptor.finish(out).expect("decrypted");
}

fn sealing(criterion: &mut Criterion, plain: &[u8]) {
    let (key, context) = (pool_key(), context());
    let recipient = key.public_key();
    let mut group = criterion.benchmark_group(format!("seal/{}", plain.len()));
    group.throughput(Throughput::Bytes(plain.len() as u64));
    row(&mut group, "sealed file", |out| {
        let len = Some(plain.len() as u64);
        let mut sealer = Sealer::new(&recipient, &context, Some(&key), len).expect("a sealer");
        sealer.update(plain, out).expect("sealed");
        sealer.finish(out).expect("sealed");
    });
    row(&mut group, "body alone", |out| encrypt(plain, out));
    row(&mut group, "body alone, pure Rust", |out| with_backend(Backend::PureRust, || encrypt(plain, out)));
    let raw = AwsLc::new();
    row(&mut group, "rival: AES-256-GCM alone, aws-lc", |out| raw.seal(plain, out));
    row(&mut group, "rival: AES-256-GCM alone, OpenSSL", |out| openssl::seal(plain, out));
    let age = Age::new();
    row(&mut group, "rival: age", |out| age.seal(plain, out));
    group.finish();
}

fn unsealing(criterion: &mut Criterion, plain: &[u8]) {
    let (key, context) = (pool_key(), context());
    let trust = Trust::SignedBy(vec![key.public_key()]);
    let sealed = seal(&key.public_key(), &context, Some(&key), plain).expect("sealed");
    let mut body = Vec::new();
    encrypt(plain, &mut body);

    let mut group = criterion.benchmark_group(format!("unseal/{}", plain.len()));
    group.throughput(Throughput::Bytes(plain.len() as u64));
    row(&mut group, "sealed file", |out| {
        let mut unsealer = Unsealer::new(&[&key], &context, &trust);
        unsealer.update(&sealed, out).expect("unsealed");
        unsealer.finish(out).expect("unsealed");
    });
    group.bench_function("sealed file into memory that is wiped", |bencher| {
        bencher.iter(|| unseal(&[&key], &context, &trust, black_box(&sealed)).expect("unsealed").len());
    });
    row(&mut group, "body alone", |out| decrypt(&body, out));
    row(&mut group, "body alone, pure Rust", |out| with_backend(Backend::PureRust, || decrypt(&body, out)));
    let (raw, mut pieces) = (AwsLc::new(), Vec::new());
    raw.seal(plain, &mut pieces);
    row(&mut group, "rival: AES-256-GCM alone, aws-lc", |out| raw.open(&pieces, out));
    row(&mut group, "rival: AES-256-GCM alone, OpenSSL", |out| openssl::open(&pieces, out));
    let (age, mut file) = (Age::new(), Vec::new());
    age.seal(plain, &mut file);
    row(&mut group, "rival: age", |out| age.open(&file, out));
    group.finish();
}
