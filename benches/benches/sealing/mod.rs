//! What the table of sealing is made of.

pub(crate) mod files;
pub(crate) mod memory;
pub(crate) mod ranges;
pub(crate) mod small;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// How much is done.
pub(crate) struct Work {
    /// Pairs of measurements of a row.
    pub(crate) pairs: usize,
    /// Bytes sealed in memory.
    pub(crate) memory: usize,
    /// Bytes of the file that is sealed.
    pub(crate) file: u64,
    /// Bytes of the file out of which a range is read.
    pub(crate) range_file: u64,
    /// Bits of the keys.
    pub(crate) bits: u32,
}

impl Work {
    pub(crate) fn full() -> Self {
        Self { pairs: 11, memory: 64 << 20, file: 1 << 30, range_file: 4 << 30, bits: 4096 }
    }

    /// Enough to show that everything runs.
    pub(crate) fn smoke() -> Self {
        Self { pairs: 1, memory: 100_000, file: 1 << 20, range_file: 1 << 20, bits: 2048 }
    }
}

/// Rows with their bars.
#[derive(Default)]
pub(crate) struct Table(Vec<[String; 5]>);

/// A bar: what a figure is held to.
pub(crate) enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

impl Table {
    /// A row: what, ours, the rival's, and the figure that the bar is for.
    pub(crate) fn row(&mut self, what: &str, ours: String, rival: String, figure: f64, bar: &Bar) {
        let (sign, bar, holds) = match bar {
            Bar::AtLeast(bar) => ("≥", bar, figure >= *bar),
            Bar::AtMost(bar) => ("≤", bar, figure <= *bar),
        };
        let holds = if holds { "yes" } else { "**no**" };
        self.0.push([what.to_owned(), ours, rival, format!("{figure:.2} ({sign} {bar})"), holds.to_owned()]);
    }

    /// A row that could not be measured.
    pub(crate) fn missing(&mut self, what: &str, why: &str) {
        self.0.push([what.to_owned(), "–".to_owned(), "–".to_owned(), why.to_owned(), "–".to_owned()]);
    }

    pub(crate) fn to_markdown(&self) -> String {
        let mut text =
            "| what | ours | rival | figure (bar) | holds |\n| --- | --- | --- | --- | --- |\n".to_owned();
        for cells in &self.0 {
            // Writing to a String cannot fail
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        text
    }
}

/// Writes the table where `make bench` collects them.
pub(crate) fn write(text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/performance");
    fs::create_dir_all(&folder).expect("a folder for the table");
    fs::write(folder.join("sealing.md"), text).expect("a file for the table");
}

/// A folder in memory where there is one: the figures are about sealing, not about a disk.
pub(crate) fn in_memory() -> tempfile::TempDir {
    let shm = PathBuf::from("/dev/shm");
    if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.expect("a folder")
}

pub(crate) fn milliseconds(seconds: f64) -> String {
    format!("{:.3} ms", seconds * 1e3)
}
