//! Reads Rust sources and tells which paths each of them names, and on which line.
//!
//! It works on tokens, not on text: comments, documentation and the insides of string literals name nothing, and code
//! inside a macro call counts like any other. Items under `#[cfg(test)]` and `#[test]` are left out. A path is written
//! out in full: groups and renames of `use` are followed, `self` and `super` become paths from `crate`. It never
//! compiles anything, so a name that a glob import brings is seen where it is imported from, not where it is used.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

mod scan;

/// A source file, and what it names.
#[derive(Clone, Debug)]
pub struct Source {
    /// The folder of the workspace that was read; empty for the workspace itself.
    pub folder: String,
    /// Where it stands in that folder, with forward slashes.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Every path that it names outside tests, in the order of the file.
    pub names: Vec<Name>,
    /// Every keyword of an item that is written on the file's own level, such as `fn` and `impl`.
    pub items: Vec<Name>,
    /// Every `allow` attribute, in tests too.
    pub allows: Vec<usize>,
    /// Modules that exist in tests alone, as paths from `crate`.
    pub test_modules: Vec<Vec<String>>,
}

/// A path that a file names, such as `std::fs::read`, or a method call such as `.elapsed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Its segments.
    pub segments: Vec<String>,
    /// The line, from 1.
    pub line: usize,
}

/// Why the sources cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A file or folder could not be read.
    #[error("cannot read {path}")]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: std::io::Error,
    },
    /// A file is not a sequence of Rust tokens.
    #[error("{path} is not Rust")]
    NotRust {
        /// The file.
        path: String,
        /// What the tokenizer answered.
        #[source]
        source: proc_macro2::LexError,
    },
}

impl Source {
    /// Scans one file. `path` is relative to the folder that holds `lib.rs`, with forward slashes.
    ///
    /// # Errors
    ///
    /// When the text is not a sequence of Rust tokens.
    pub fn scan(path: &str, text: &str) -> Result<Self, SourceError> {
        let not_rust = |source| SourceError::NotRust { path: path.to_owned(), source };
        let scan = scan::scan(text, module_of(path)).map_err(not_rust)?;
        Ok(Self {
            folder: String::new(),
            path: path.to_owned(),
            text: text.to_owned(),
            names: scan.names,
            items: scan.items,
            allows: scan.allows,
            test_modules: scan.test_modules,
        })
    }

    /// Where it stands in the workspace.
    pub fn place(&self) -> String {
        if self.folder.is_empty() { self.path.clone() } else { format!("{}/{}", self.folder, self.path) }
    }

    /// The top-level module to which the file belongs; `None` for the crate's root.
    pub fn room(&self) -> Option<&str> {
        let first = self.path.split('/').next().unwrap_or_default();
        let room = first.strip_suffix(".rs").unwrap_or(first);
        (!matches!(room, "lib" | "main")).then_some(room)
    }
}

impl Name {
    /// Whether the path begins with `pattern`. A pattern that begins with `*::` may match anywhere in the path.
    pub fn matches(&self, pattern: &str) -> bool {
        let (anywhere, pattern) = pattern.strip_prefix("*::").map_or((false, pattern), |rest| (true, rest));
        let wanted: Vec<&str> = pattern.split("::").collect();
        let mut starts = self.segments.windows(wanted.len());
        if anywhere {
            starts.any(|window| window == wanted)
        } else {
            starts.next().is_some_and(|window| window == wanted)
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.segments.join("::"))
    }
}

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Reads every Rust file below `folder` of the workspace, without what is built and without files of tests alone,
/// sorted by path.
///
/// # Errors
///
/// When a file cannot be read or is not Rust.
pub fn read_crate(folder: &str) -> Result<Vec<Source>, SourceError> {
    let mut sources = read_all(folder)?;
    let test_modules: BTreeSet<Vec<String>> =
        sources.iter().flat_map(|source| source.test_modules.clone()).collect();
    sources.retain(|source| {
        let module = module_of(&source.path);
        !(1..=module.len()).any(|depth| test_modules.contains(&module[..depth]))
    });
    Ok(sources)
}

/// Reads every Rust file below `folder` of the workspace, tests too, without what is built, sorted by path.
///
/// # Errors
///
/// When a file cannot be read or is not Rust.
pub fn read_all(folder: &str) -> Result<Vec<Source>, SourceError> {
    let root = workspace().join(folder);
    let mut files = Vec::new();
    list(&root, &mut files)?;
    files.sort();
    files
        .iter()
        .map(|file| {
            let text = fs::read_to_string(file)
                .map_err(|source| SourceError::Read { path: file.clone(), source })?;
            let path = file.strip_prefix(&root).unwrap_or(file).to_string_lossy().replace('\\', "/");
            Ok(Source { folder: folder.to_owned(), ..Source::scan(&path, &text)? })
        })
        .collect()
}

/// Collects the Rust files below a folder. Hidden folders and build output are not sources.
fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    let failed = |source| SourceError::Read { path: folder.to_path_buf(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().map_err(failed)?.is_dir() {
            if !name.starts_with('.') && name != "target" {
                list(&path, files)?;
            }
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The module that a file holds, as a path from `crate`.
fn module_of(path: &str) -> Vec<String> {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let mut module = vec!["crate".to_owned()];
    module.extend(stem.split('/').map(str::to_owned));
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

#[cfg(test)]
mod tests;
