//! Masking a log, beside the `aho-corasick` crate that only looks for the values, and beside a copy of the bytes.
//!
//! `all forms` and `values alone` are what a [`SecretSet`] looks for. The first rival counts the values themselves and
//! writes nothing: it may skip over bytes, does not see overlaps, holds nothing back and looks for no form.

#![expect(clippy::expect_used, reason = "a benchmark that cannot do its work stops")]

use std::hint::black_box;

use aho_corasick::AhoCorasick;
use criterion::{Criterion, Throughput};
use spacelift_worker_benches::in_test_mode;
use spacelift_worker_core::mask::{Forms, MaskSettings, SecretSet, Secrets};

/// What a pipe gives at a time.
const READ: usize = 8 << 10;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let size = if in_test_mode() { 20_000 } else { 4 << 20 };
    for count in [5, 50, 500] {
        masking(&mut criterion, count, size);
    }
    criterion.final_summary();
}

/// Values of 24 characters that look like keys, always the same.
fn values(count: usize) -> Vec<String> {
    let mut state = 1_u64;
    let mut next = || {
        // The constants of Knuth's MMIX; the upper bits are the good ones
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/+"[(state >> 58) as usize],
        )
    };
    (0..count).map(|_| (0..24).map(|_| next()).collect()).collect()
}

/// A log of `len` bytes in which every 500th line holds one of the values.
fn log(values: &[String], len: usize) -> Vec<u8> {
    let mut log = Vec::with_capacity(len + 200);
    for line in 0.. {
        if log.len() >= len {
            break;
        }
        let text =
            format!("module.network.aws_subnet.private[{line}]: Still creating... [{}s elapsed]", line % 60);
        log.extend_from_slice(text.as_bytes());
        if line % 500 == 250 {
            log.extend_from_slice(values[line / 500 % values.len()].as_bytes());
        }
        log.push(b'\n');
    }
    log.truncate(len);
    log
}

fn masking(criterion: &mut Criterion, count: usize, size: usize) {
    let values = values(count);
    let log = log(&values, size);
    let mut group = criterion.benchmark_group(format!("mask/{count} secrets"));
    group.throughput(Throughput::Bytes(log.len() as u64));
    for (name, forms) in [("all forms", Forms::default()), ("values alone", Forms::none())] {
        let mut settings = MaskSettings::default();
        settings.forms = forms;
        let mut set = SecretSet::with_settings(settings);
        values.iter().for_each(|value| set.add(value.as_bytes()).expect("a secret"));
        let secrets = Secrets::new(set).expect("not too many");
        group.bench_function(name, |bencher| {
            let mut out = Vec::with_capacity(log.len());
            bencher.iter(|| {
                out.clear();
                let mut masker = secrets.masker();
                black_box(&log).chunks(READ).for_each(|piece| masker.push(piece, &mut out));
                masker.finish(&mut out);
            });
        });
    }
    group.bench_function("rival: aho-corasick, values alone, counting", |bencher| {
        let automaton = AhoCorasick::new(&values).expect("an automaton");
        bencher.iter(|| {
            black_box(&log).chunks(READ).map(|piece| automaton.find_iter(piece).count()).sum::<usize>()
        });
    });
    group.bench_function("rival: copy", |bencher| {
        let mut out = Vec::with_capacity(log.len());
        bencher.iter(|| {
            out.clear();
            black_box(&log).chunks(READ).for_each(|piece| out.extend_from_slice(black_box(piece)));
        });
    });
    group.finish();
}
