//! A range out of a large file, beside a whole small file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use spacelift_worker_benches::{context, median};
use spacelift_worker_core::envelope::{unseal_range, workspace};
use spacelift_worker_core::files::seal_file;
use spacelift_worker_core::pool::PoolKey;

use super::small::in_turn;
use super::{Bar, Table, Work, in_memory, milliseconds};

const LEN: u64 = 64 << 10;

/// Counts what is read.
struct Counted<R>(R, u64);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.0.read(out)?;
        self.1 += len as u64;
        Ok(len)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

pub(crate) fn measure(work: &Work, table: &mut Table) {
    let (folder, key) = (in_memory(), PoolKey::generate(work.bits).expect("a key"));
    let at = |name: &str| folder.path().join(name);
    for (name, len) in [("large", work.range_file), ("small", LEN)] {
        // A hole takes no memory, and reads as zeros
        File::create(at("plain")).and_then(|file| file.set_len(len)).expect("a file");
        seal_file(&at("plain"), &at(name), |len| workspace::sealer(&key, &context(), Some(len)))
            .expect("sealed");
    }
    let unsealer = || workspace::unsealer(&[&key], &context());
    let mut counted = Counted(File::open(at("large")).expect("a file"), 0);
    let middle = work.range_file / 2 + 12_345;
    unseal_range(&mut counted, unsealer(), middle, LEN).expect("opened");
    let pairs = in_turn(
        work,
        || {
            let file = File::open(at("large")).expect("a file");
            unseal_range(file, unsealer(), middle, LEN).expect("opened").expose().len()
        },
        || {
            let sealed = std::fs::read(at("small")).expect("a file");
            let mut unsealer = unsealer();
            let mut out = Vec::with_capacity(sealed.len());
            unsealer.update(&sealed, &mut out).expect("opened");
            unsealer.finish(&mut out).expect("opened");
            out.len()
        },
    );
    let what =
        format!("`unseal_range` of 64 KiB out of {} MiB, against a file of 64 KiB", work.range_file >> 20);
    let (ours, rival) = (milliseconds(median(&pairs.ours)), milliseconds(median(&pairs.rival)));
    table.row(&what, ours, rival, pairs.ratio(), &Bar::AtMost(1.2));
    let kib = counted.1 as f64 / 1024.0;
    table.row("the same, KiB read", format!("{kib:.1} KiB"), "–".to_owned(), kib, &Bar::AtMost(128.0));
}
