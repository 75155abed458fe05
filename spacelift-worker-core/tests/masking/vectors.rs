//! The vectors in `tests/vectors/mask`: what real tools make of values, and streams of every kind.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use spacelift_worker_core::mask::{Forms, MaskSettings};

use crate::streams::secrets;

/// One case; the folder's README.md tells what the fields mean.
#[derive(Deserialize)]
struct Case {
    name: String,
    settings: Settings,
    secrets: Vec<String>,
    writes: Vec<String>,
    output: String,
}

#[derive(Deserialize)]
struct Settings {
    forms: String,
    terminal: bool,
    well_known: bool,
    #[serde(default)]
    commands: bool,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/mask")
}

fn cases(file: &Path) -> Vec<Case> {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

fn bytes(text: &str) -> Vec<u8> {
    match text.strip_prefix("hex:") {
        Some(digits) => (0..digits.len() / 2)
            .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
            .collect(),
        None => text.as_bytes().to_vec(),
    }
}

fn masked(case: &Case, writes: &[&[u8]]) -> Vec<u8> {
    let mut settings = MaskSettings::default();
    settings.forms = match case.settings.forms.as_str() {
        "all" => Forms::default(),
        "none" => Forms::none(),
        other => panic!("{}: forms {other}", case.name),
    };
    (settings.terminal, settings.well_known) = (case.settings.terminal, case.settings.well_known);
    let values: Vec<Vec<u8>> = case.secrets.iter().map(|secret| bytes(secret)).collect();
    let secrets = secrets(settings, &values.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let mut masker = if case.settings.commands { secrets.masker_with_commands() } else { secrets.masker() };
    let mut out = Vec::new();
    writes.iter().for_each(|write| masker.push(write, &mut out));
    masker.finish(&mut out);
    out
}

/// What came out otherwise than expected, if anything did.
fn difference(file: &str, case: &Case) -> Option<String> {
    let writes: Vec<Vec<u8>> = case.writes.iter().map(|write| bytes(write)).collect();
    let whole = writes.concat();
    let expected = bytes(&case.output);
    let show = |bytes: &[u8]| bytes.escape_ascii().to_string();
    for (how, writes) in [
        ("as written", writes.iter().map(Vec::as_slice).collect::<Vec<_>>()),
        ("whole", vec![whole.as_slice()]),
        ("byte by byte", whole.chunks(1).collect()),
        ("by seven", whole.chunks(7).collect()),
    ] {
        let masked = masked(case, &writes);
        if masked != expected {
            let (name, whole) = (&case.name, show(&whole));
            let (masked, expected) = (show(&masked), show(&expected));
            return Some(format!(
                "{file}: {name}, {how}:\n  {whole}\n  masked   {masked}\n  expected {expected}"
            ));
        }
    }
    None
}

#[test]
fn every_vector_comes_out_as_expected() {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let (mut count, mut differences) = (0, Vec::new());
    for file in &files {
        let name = file.file_name().unwrap().to_string_lossy();
        for case in cases(file) {
            differences.extend(difference(&name, &case));
            count += 1;
        }
    }
    assert!(differences.is_empty(), "{} of {count} cases:\n{}", differences.len(), differences.join("\n"));
    assert!(files.len() >= 11 && count >= 1_100, "{count} cases in {} files", files.len());
}
