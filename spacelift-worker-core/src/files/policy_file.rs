//! The run initialization policy from its file.
//!
//! Judges nothing itself: `policy` does.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::policy::{InitializationPolicy, PolicyError};

/// Bytes read at most. `policy` allows fewer, and says so better.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Why a file gives no policy. The launcher must not start: without its policy it would run anything.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFileError {
    /// The file is there and is no valid policy.
    #[error(transparent)]
    Invalid(#[from] PolicyError),
    /// The file cannot be read.
    #[error("cannot read the run initialization policy {}: check the path and its permissions", path.display())]
    Read {
        /// The path.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
}

/// A policy file, read and not yet looked at.
#[derive(Clone, PartialEq, Eq)]
pub struct PolicySource {
    /// The path, which stands for the file in messages.
    pub name: String,
    /// The text.
    pub text: String,
}

impl fmt::Debug for PolicySource {
    /// The name alone: the text may have a key in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicySource").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Reads the text of the policy at `path`.
///
/// # Errors
/// [`PolicyFileError::Read`].
pub fn read_policy_source(path: &Path) -> Result<PolicySource, PolicyFileError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
    read.map_err(|source| PolicyFileError::Read { path: path.to_owned(), source })?;
    Ok(PolicySource { name: path.display().to_string(), text })
}

/// Reads and validates the policy at `path`. It is read once: a later change of the file changes nothing.
///
/// # Errors
/// [`PolicyFileError`].
pub fn read_policy(path: &Path) -> Result<InitializationPolicy, PolicyFileError> {
    let PolicySource { name, text } = read_policy_source(path)?;
    Ok(InitializationPolicy::from_source(&name, &text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_and_one_that_is_not_text_are_read_errors_with_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.rego");
        let missing = read_policy(&path).unwrap_err();
        assert!(
            matches!(missing, PolicyFileError::Read { .. }) && missing.to_string().contains("policy.rego")
        );
        std::fs::write(&path, b"package spacelift\xff").unwrap();
        assert!(matches!(read_policy(&path), Err(PolicyFileError::Read { .. })));
        assert!(matches!(read_policy(folder.path()), Err(PolicyFileError::Read { .. })));
    }

    #[test]
    fn a_broken_policy_is_shown_with_the_path_and_a_good_one_decides() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.rego");
        std::fs::write(&path, "package spacelift\ndeny := 1\n").unwrap();
        let text = read_policy(&path).unwrap_err().to_string();
        assert!(text.contains(&format!("{}:2:1: ", path.display())), "{text}");
        std::fs::write(&path, "package spacelift\ndeny[\"no\"] { true }\n").unwrap();
        let decision = read_policy(&path).unwrap().evaluate(&crate::policy::PolicyInput::default(), 0);
        assert_eq!(decision.reasons(), ["no"]);
    }
}
