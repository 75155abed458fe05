//! How long a call of the library takes without a language in between: the other end of the tables of C, Go and Python.
//!
//! `boundary FOLDER` reads the files `log` and `secrets` (a secret a line) of that folder. Then it reads `update` or `push` a line, and answers
//! each with the nanoseconds of the processor that one call with the length of the log takes: the best of some batches.

#![expect(clippy::expect_used, reason = "a benchmark that cannot do its work stops")]
#![expect(clippy::panic, reason = "a benchmark that cannot do its work stops")]

use std::hint::black_box;
use std::io::{BufRead, Write};
use std::path::PathBuf;

use rustix::time::{ClockId, clock_gettime};
use spacelift_worker_core::envelope::{Context, Sealer};
use spacelift_worker_core::mask::{SecretSet, Secrets};
use spacelift_worker_core::pool::PoolKey;

const BATCHES: usize = 20;
/// Calls of a batch.
const CALLS: usize = 128;

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("a folder"));
    let read = |name: &str| std::fs::read(folder.join(name)).expect("a file");
    let (log, secrets) = (read("log"), read("secrets"));
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let best = match line.expect("a line").as_str() {
            "update" => update(log.len()),
            "push" => push(&secrets, &log),
            other => panic!("{other} is not measured"),
        };
        println!("{best:.1}");
        std::io::stdout().flush().expect("somebody reads");
    }
}

/// Nanoseconds of the processor for one call.
fn per_call(mut work: impl FnMut()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
    };
    let mut best = f64::MAX;
    for _ in 0..BATCHES {
        let began = now();
        for _ in 0..CALLS {
            work();
        }
        best = best.min(now() - began);
    }
    best / CALLS as f64
}

fn update(len: usize) -> f64 {
    let key = PoolKey::generate(2048).expect("a key");
    let mut sealer = Sealer::new(&key.public_key(), &Context::default(), None, None).expect("a sealer");
    let (plain, mut out) = (vec![7; len], Vec::new());
    per_call(|| {
        out.clear();
        sealer.update(black_box(&plain), &mut out).expect("sealed");
    })
}

fn push(secrets: &[u8], log: &[u8]) -> f64 {
    let mut set = SecretSet::new();
    for secret in secrets.split(|byte| *byte == b'\n') {
        let _ = set.add(secret);
    }
    let (mut masker, mut out) = (Secrets::new(set).expect("secrets").masker(), Vec::new());
    per_call(|| {
        out.clear();
        masker.push(black_box(log), &mut out);
    })
}
