//! Sealing as a table: each row beside its rival in the same run, and the bar that it has to hold.
//!
//! `cargo bench -p spacelift-worker-benches --bench sealing_table` prints it and writes `target/performance/sealing.md`.
//! Names behind `--` choose parts of it: `memory`, `small`, `files`, `ranges`. Without `--bench` everything runs once on small inputs, and the bars are not looked at.

#![expect(clippy::expect_used, reason = "a benchmark that cannot do its work stops")]

#[path = "rivals/aws_lc.rs"]
mod aws_lc;
mod sealing;

use std::process::ExitCode;

use sealing::{Table, Work, files, memory, ranges, small};
use spacelift_worker_benches::in_test_mode;

/// Measures one part and adds its rows.
type Part = fn(&Work, &mut Table);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // The files are sealed by processes of this program, so that they are measured as `cp` is
    if files::as_child(&arguments) {
        return ExitCode::SUCCESS;
    }
    let work = if in_test_mode() { Work::smoke() } else { Work::full() };
    let mut table = Table::default();
    let parts: [(&str, Part); 4] = [
        ("memory", memory::measure),
        ("small", small::measure),
        ("files", files::measure),
        ("ranges", ranges::measure),
    ];
    let named = |name: &str| arguments.iter().any(|argument| argument == name);
    let all = !parts.iter().any(|(name, _)| named(name));
    for (_, measure) in parts.iter().filter(|(name, _)| all || named(name)) {
        measure(&work, &mut table);
    }
    let text = table.to_markdown();
    println!("{text}");
    if !in_test_mode() {
        sealing::write(&text);
    }
    ExitCode::SUCCESS
}
