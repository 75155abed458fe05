//! Masking a log, beside the same promise without a filter, and beside a copy of the bytes. `make bench-mask` prints a table of many more.
//!
//! `all forms` and `values alone` are what a [`SecretSet`] looks for; the rival looks for the values alone.

#![expect(clippy::expect_used, reason = "a benchmark that cannot do its work stops")]

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use spacelift_worker_benches::in_test_mode;
use spacelift_worker_benches::masking::{PlainPatterns, PlainWalk, log, secrets};
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

fn masking(criterion: &mut Criterion, count: usize, size: usize) {
    let values = secrets(count);
    let log = log(&values, size, false);
    let mut group = criterion.benchmark_group(format!("mask/{count} secrets"));
    group.throughput(Throughput::Bytes(log.len() as u64));
    let mut out = Vec::with_capacity(log.len());
    for (name, forms) in [("all forms", Forms::default()), ("values alone", Forms::none())] {
        let mut settings = MaskSettings::default();
        settings.forms = forms;
        let mut set = SecretSet::with_settings(settings);
        values.iter().for_each(|value| set.add(value.as_bytes()).expect("a secret"));
        let secrets = Secrets::new(set).expect("not too many");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                let mut masker = secrets.masker();
                black_box(&log).chunks(READ).for_each(|piece| masker.push(piece, &mut out));
                masker.finish(&mut out);
            });
        });
    }
    let patterns: Vec<Vec<u8>> = values.iter().map(|value| value.as_bytes().to_vec()).collect();
    let patterns = PlainPatterns::new(&patterns).expect("an automaton");
    group.bench_function("rival: plain walk, values alone", |bencher| {
        bencher.iter(|| {
            out.clear();
            let mut walk = PlainWalk::new(&patterns);
            black_box(&log).chunks(READ).for_each(|piece| walk.push(piece, &mut out));
        });
    });
    group.bench_function("rival: copy", |bencher| {
        bencher.iter(|| {
            out.clear();
            black_box(&log).chunks(READ).for_each(|piece| out.extend_from_slice(black_box(piece)));
        });
    });
    group.finish();
}
