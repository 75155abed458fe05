//! What `exec` may run, and the trait by which it runs it: starting a process is the driver's business.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Bytes kept of each stream of a program. One that prints more is ended, and the run denied.
pub const MAX_PROGRAM_OUTPUT: usize = 64 * 1024;

/// Which programs a policy may run. None by default, and then a policy that calls `exec` is not accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedPrograms {
    paths: BTreeSet<String>,
    environment: BTreeMap<String, String>,
}

/// A program that cannot be allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path:?} is not the absolute path of a program; write it from `/` on, without `.` and `..`")]
pub struct ProgramPathError {
    path: String,
}

impl AllowedPrograms {
    /// Allows the programs with these absolute paths. A policy names one of them letter by letter: no search path is
    /// looked at, and no link is followed when names are compared.
    ///
    /// # Errors
    /// [`ProgramPathError`] for a path that does not begin with `/` or has parts that lead nowhere.
    pub fn new(paths: impl IntoIterator<Item = String>) -> Result<Self, ProgramPathError> {
        let paths: BTreeSet<String> = paths.into_iter().collect();
        let plain = |path: &str| {
            path.strip_prefix('/')
                .is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")))
                && !path.contains('\0')
        };
        match paths.iter().find(|path| !plain(path)) {
            Some(path) => Err(ProgramPathError { path: path.clone() }),
            None => Ok(Self { paths, environment: BTreeMap::new() }),
        }
    }

    /// Sets the environment of the programs. Without it, it is empty.
    #[must_use]
    pub fn with_environment(mut self, environment: BTreeMap<String, String>) -> Self {
        self.environment = environment;
        self
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    /// The environment of the programs.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    pub(super) fn allows(&self, path: &str) -> bool {
        self.paths.contains(path)
    }
}

/// Runs programs for one evaluation.
///
/// The implementation starts the program itself, without a shell, with an empty standard input and no environment but the
/// allowed one; it keeps [`MAX_PROGRAM_OUTPUT`] bytes of each stream at most, and ends the program, and what it started,
/// when the evaluation's time is over. It is asked once for each list of arguments of one evaluation.
pub trait Programs: Send + Sync {
    /// Runs `argv`, whose first element is one of the allowed paths.
    ///
    /// # Errors
    /// [`ProgramError`]. The run is denied: what a policy wanted to know is not known.
    fn run(&self, argv: &[String]) -> Result<ProgramOutput, ProgramError>;
}

/// How a program ended, and what it printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgramOutput {
    /// The exit status; 128 and the number of the signal for one that a signal ended, as a shell has it.
    pub status: i64,
    /// What it wrote to standard output; bytes that are not UTF-8 become U+FFFD for the policy.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error, likewise.
    pub stderr: Vec<u8>,
}

/// Why a program gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ProgramError {
    /// It printed more than [`MAX_PROGRAM_OUTPUT`] bytes to one stream.
    #[error("printed more than {MAX_PROGRAM_OUTPUT} bytes")]
    Output,
    /// It could not be started or waited for.
    #[error("could not be run: {0}")]
    Start(String),
    /// It was still running when the evaluation's time was over.
    #[error("took longer than the evaluation may")]
    Timeout,
}

/// Answers as if each program succeeded silently, while a policy is only tried.
pub(super) struct Tried;

impl Programs for Tried {
    fn run(&self, _: &[String]) -> Result<ProgramOutput, ProgramError> {
        Ok(ProgramOutput::default())
    }
}

impl fmt::Debug for dyn Programs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Programs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_absolute_paths_are_allowed() {
        for path in
            ["", "verify", "./verify", "/", "/usr/../bin/sh", "/usr//bin/sh", "/usr/./sh", "/sh/", "/a\0b"]
        {
            assert!(AllowedPrograms::new([path.to_owned()]).is_err(), "{path:?}");
        }
        let allowed = AllowedPrograms::new(["/usr/bin/verify".to_owned()]).unwrap();
        assert!(
            allowed.allows("/usr/bin/verify") && !allowed.allows("/usr/bin/verify2") && !allowed.is_empty()
        );
        assert!(AllowedPrograms::default().is_empty());
    }
}
