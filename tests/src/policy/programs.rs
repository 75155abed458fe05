//! Stand-ins for the programs of `exec`, which answer from their arguments alone. The oracle has the same.

use spacelift_worker_core::policy::{AllowedPrograms, ProgramError, ProgramOutput, Programs};

/// Answers for `/bin/echo` and `/bin/false`.
#[derive(Clone, Copy, Debug, Default)]
pub struct StandIns;

/// What may be run.
///
/// # Panics
/// Never: the paths are plain.
pub fn allowed() -> AllowedPrograms {
    AllowedPrograms::new(["/bin/echo", "/bin/false"].map(str::to_owned)).expect("plain paths")
}

impl Programs for StandIns {
    fn run(&self, argv: &[String]) -> Result<ProgramOutput, ProgramError> {
        let stdout = argv.get(1..).unwrap_or_default().join(" ").into_bytes();
        match argv.first().map(String::as_str) {
            Some("/bin/echo") => Ok(ProgramOutput { status: 0, stdout, stderr: Vec::new() }),
            Some("/bin/false") => Ok(ProgramOutput { status: 1, stdout, stderr: b"false".to_vec() }),
            _ => Err(ProgramError::Start("there is no stand-in for it".to_owned())),
        }
    }
}
