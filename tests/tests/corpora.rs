//! The seeds of the fuzz targets, through the same functions as under the fuzzer, in an ordinary build.
//!
//! It invents no bytes: `make fuzz` does. A finding becomes a file in `fuzz/corpus`, and is tried here from then on.

#![expect(clippy::expect_used, reason = "reading the corpora for a test stops the test where it cannot")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use spacelift_worker_tests::source::workspace;

#[path = "../../fuzz/src/lib.rs"]
pub mod targets;

/// The name of each target, and what it calls.
type Target = (&'static str, fn(&[u8]));

const TARGETS: &[Target] = &[
    ("abi", targets::abi::abi),
    ("backends", targets::backends::backends),
    ("cobblestone", targets::cobblestone::cobblestone),
    ("config", targets::config::config),
    ("envelope", targets::envelope::envelope),
    ("mask", targets::mask::mask),
    ("message", targets::message::message),
    ("outputs", targets::outputs::outputs),
    ("policy", targets::policy::policy),
    ("seal", targets::seal::seal),
    ("session", targets::session::session),
    ("token", targets::token::token),
    ("workspace", targets::workspace::workspace),
];

fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(workspace().join("fuzz").join(folder)).expect("a folder of fuzz/");
    let name = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    entries.map(|entry| name(entry.expect("an entry").path())).collect()
}

fn replay((name, target): &Target) {
    let folder = workspace().join("fuzz/corpus").join(name);
    let mut seeds: Vec<PathBuf> =
        fs::read_dir(folder).expect("a corpus").map(|entry| entry.expect("a seed").path()).collect();
    seeds.sort();
    for path in seeds {
        // Shown when the target panics
        eprintln!("{}", path.display());
        let seed = fs::read(&path).expect("a seed");
        target(&seed);
        for length in [0, 1, seed.len() / 2, seed.len().saturating_sub(1)] {
            target(&seed[..length.min(seed.len())]);
        }
    }
}

#[test]
fn every_target_is_replayed_and_has_seeds() {
    let replayed: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(replayed, names("fuzz_targets"));
    assert_eq!(replayed, names("corpus"));
    for target in &replayed {
        assert!(names(&format!("corpus/{target}")).len() >= 3, "{target} has few seeds");
    }
}

#[test]
fn every_seed_keeps_what_its_target_promises_whole_and_cut_short() {
    TARGETS.iter().for_each(replay);
}
