//! The corpus in `tests/vectors/policy`: policies, and what each of them judges.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::mutation::change;
use crate::source::workspace;

/// The time of every judgement: 2025-01-01T00:00:00Z.
pub const NOW_UNIX_NS: u64 = 1_735_689_600_000_000_000;

/// A policy with inputs of its own.
#[derive(Clone, Debug)]
pub struct Case {
    /// The name of its file, without the ending.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Inputs made for it: the worker's document with changes.
    pub inputs: Vec<Value>,
}

/// The policies.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// Those that are judged, by name.
    pub cases: Vec<Case>,
    /// Those that are refused when they are loaded: name and text.
    pub refused: Vec<(String, String)>,
}

fn folder() -> PathBuf {
    workspace().join("tests/vectors/policy")
}

/// A file of the corpus as JSON.
///
/// # Panics
/// When it is missing or no JSON.
pub fn read_json(name: &str) -> Value {
    let path = folder().join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The inputs that every policy judges, with their names: the documented sample, and a whole document of the worker's.
pub fn inputs() -> Vec<(&'static str, Value)> {
    ["documented", "worker"].map(|name| (name, read_json(&format!("inputs/{name}.json")))).to_vec()
}

/// A text of a few lines, and whether Open Policy Agent loads it.
#[derive(Clone, Debug)]
pub struct LoadCase {
    /// What it tries.
    pub name: String,
    /// The policy.
    pub text: String,
    /// Whether Open Policy Agent loads it.
    pub loads: bool,
    /// Why the worker refuses what Open Policy Agent loads.
    pub stricter: Option<String>,
}

/// The texts in `load/cases.json`.
///
/// # Panics
/// When the file is not as it should be.
pub fn load_cases() -> Vec<LoadCase> {
    let list = read_json("load/cases.json");
    let text = |case: &Value, name: &str| case[name].as_str().map(str::to_owned);
    let case = |case: &Value| LoadCase {
        name: text(case, "name").expect("a name"),
        text: text(case, "text").expect("a text"),
        loads: match case["opa"].as_str() {
            Some("accepted") => true,
            Some("refused") => false,
            other => panic!("{other:?} is no verdict"),
        },
        stricter: text(case, "stricter"),
    };
    list.as_array().expect("a list").iter().map(case).collect()
}

impl Corpus {
    /// Reads all of it.
    ///
    /// # Panics
    /// When a file cannot be read.
    pub fn read() -> Self {
        let worker = read_json("inputs/worker.json");
        let cases = policies(&folder())
            .into_iter()
            .map(|(name, text)| {
                let own = format!("{name}.json");
                let changes = folder().join(&own).exists().then(|| read_json(&own));
                let changes = changes.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
                let inputs = changes.iter().map(|changes| changed(&worker, changes)).collect();
                Case { name, text, inputs }
            })
            .collect();
        Self { cases, refused: policies(&folder().join("refused")) }
    }
}

/// A document with some of its places changed: paths, parts joined by dots, with the values for them.
fn changed(document: &Value, changes: &Value) -> Value {
    let mut document = document.clone();
    for (path, value) in changes.as_object().expect("an object of changes") {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        change(&mut document, &path, Some(value.clone()));
    }
    document
}

fn policies(folder: &Path) -> Vec<(String, String)> {
    let mut policies: Vec<(String, String)> = fs::read_dir(folder)
        .expect("a folder of policies")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rego"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("a policy"))
        })
        .collect();
    policies.sort();
    policies
}
