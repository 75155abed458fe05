//! How long a call of the library takes without a language in between: the other end of the Python package's table.
//!
//! `boundary FOLDER` writes a log and secrets into the folder, for the other end to mask the same. Then it reads `update` or `push`
//! a line, and answers each with the nanoseconds of the processor that one call with 64 KiB takes: the best of some batches.

#![expect(clippy::expect_used, reason = "a benchmark that cannot do its work stops")]
#![expect(clippy::panic, reason = "a benchmark that cannot do its work stops")]

use std::hint::black_box;
use std::io::{BufRead, Write};
use std::path::PathBuf;

use spacelift_worker_benches::{context, cpu_time, masking, pool_key};
use spacelift_worker_core::envelope::Sealer;
use spacelift_worker_core::mask::{SecretSet, Secrets};

const BATCHES: usize = 20;
/// Bytes of one call.
const SIZE: usize = 64 << 10;
/// Calls of a batch.
const CALLS: usize = 128;

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("a folder"));
    let secrets = masking::secrets(20);
    let log = masking::log(&secrets, SIZE, false);
    std::fs::write(folder.join("secrets"), secrets.join("\n")).expect("written");
    std::fs::write(folder.join("log"), &log).expect("written");
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let best = match line.expect("a line").as_str() {
            "update" => update(),
            "push" => push(&secrets, &log),
            other => panic!("{other} is not measured"),
        };
        println!("{best:.1}");
        std::io::stdout().flush().expect("somebody reads");
    }
}

fn per_call(work: impl FnMut()) -> f64 {
    cpu_time(BATCHES, work).as_nanos() as f64 / CALLS as f64
}

fn update() -> f64 {
    let key = pool_key();
    let mut sealer = Sealer::new(&key.public_key(), &context(), None, None).expect("a sealer");
    let (plain, mut out) = (vec![7; SIZE], Vec::new());
    per_call(|| {
        for _ in 0..CALLS {
            out.clear();
            sealer.update(black_box(&plain), &mut out).expect("sealed");
        }
    })
}

fn push(secrets: &[String], log: &[u8]) -> f64 {
    let mut set = SecretSet::new();
    for secret in secrets {
        let _ = set.add(secret.as_bytes());
    }
    let mut masker = Secrets::new(set).expect("secrets").masker();
    let mut out = Vec::new();
    per_call(|| {
        for _ in 0..CALLS {
            out.clear();
            masker.push(black_box(log), &mut out);
        }
    })
}
