//! One thread, in memory, beside raw AES-256-GCM.

use std::hint::black_box;
use std::time::Instant;

use spacelift_worker_benches::{Pairs, context, median, pool_key};
use spacelift_worker_core::envelope::{Sealer, Trust, Unsealer, seal};

use super::{Bar, Table, Work};
use crate::aws_lc::AwsLc;

pub(crate) fn measure(work: &Work, table: &mut Table) {
    let plain: Vec<u8> = (0..work.memory).map(|at| (at * 31 % 251) as u8).collect();
    for (piece, name) in [(plain.len(), "in one piece"), (64 << 10, "in pieces of 64 KiB")] {
        let what = |verb| format!("`{verb}::update`, {name}, against raw AES-256-GCM");
        row(table, &what("Sealer"), plain.len(), &sealing(work, &plain, piece));
        row(table, &what("Unsealer"), plain.len(), &unsealing(work, &plain, piece));
    }
}

fn row(table: &mut Table, what: &str, len: usize, pairs: &Pairs) {
    let rate = |seconds: &[f64]| format!("{:.2} GiB/s", len as f64 / median(seconds) / f64::from(1 << 30));
    table.row(what, rate(&pairs.ours), rate(&pairs.rival), 1.0 / pairs.ratio(), &Bar::AtLeast(0.9));
}

fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn sealing(work: &Work, plain: &[u8], piece: usize) -> Pairs {
    let (key, context, raw) = (pool_key(), context(), AwsLc::new());
    let mut out = Vec::with_capacity(plain.len() + plain.len() / 512 + (1 << 20));
    let mut pairs = Pairs::default();
    // The first pair makes the memory there
    for turn in 0..=work.pairs {
        let mut sealer = Sealer::new(&key.public_key(), &context, Some(&key), None).expect("a sealer");
        out.clear();
        let ours = timed(|| {
            for piece in plain.chunks(piece) {
                sealer.update(black_box(piece), &mut out).expect("sealed");
            }
        });
        out.clear();
        let rival = timed(|| raw.seal(black_box(plain), &mut out));
        if turn > 0 {
            pairs.push(ours, rival);
        }
    }
    pairs
}

fn unsealing(work: &Work, plain: &[u8], piece: usize) -> Pairs {
    let (key, context, raw) = (pool_key(), context(), AwsLc::new());
    let trust = Trust::SignedBy(vec![key.public_key()]);
    let sealed = seal(&key.public_key(), &context, Some(&key), plain).expect("sealed");
    let head = sealed.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).nth(1);
    let (head, body) = sealed.split_at(head.expect("two lines"));
    let mut pieces = Vec::new();
    raw.seal(plain, &mut pieces);
    let mut out = Vec::with_capacity(plain.len() + (1 << 20));
    let mut pairs = Pairs::default();
    for turn in 0..=work.pairs {
        let mut unsealer = Unsealer::new(&[&key], &context, &trust);
        out.clear();
        unsealer.update(head, &mut out).expect("opened");
        let ours = timed(|| {
            for piece in body.chunks(piece) {
                unsealer.update(black_box(piece), &mut out).expect("opened");
            }
        });
        out.clear();
        let rival = timed(|| raw.open(black_box(&pieces), &mut out));
        if turn > 0 {
            pairs.push(ours, rival);
        }
    }
    pairs
}
