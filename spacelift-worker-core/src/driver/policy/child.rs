//! The process in which a policy is evaluated: this program again, which a hidden argument tells what it is.
//!
//! It has an empty environment, no standard error, and [`MEMORY_LIMIT`] bytes of memory. It gets the policy's text and the
//! input through its standard input, gives its answer on its standard output, and ends.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::driver::process::usage;
use crate::policy;

/// Bytes of address space of the process that evaluates, over those that it begins with.
pub const MEMORY_LIMIT: u64 = 256 * 1024 * 1024;

/// What tells this program that it evaluates a policy. Long, so that nobody's own argument is taken for it.
const ARGUMENT: &str = "--spacelift-worker-evaluate-policy";

/// Whether this program answers to [`ARGUMENT`].
static ANSWERS: AtomicBool = AtomicBool::new(false);

/// Evaluates a policy if this process was started for that, and then gives the exit code that `main` returns.
///
/// A program calls it first of all in its `main`: what stands before it is done in every such process, too. A
/// [`Launcher`](crate::launcher::Launcher) of this process then evaluates policies in processes of their own.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     if let Some(code) = spacelift_worker_core::driver::main_if_asked() {
///         return code;
///     }
///     // the launcher
///     ExitCode::SUCCESS
/// }
/// ```
pub fn main_if_asked() -> Option<ExitCode> {
    asked_by(std::env::args_os().skip(1)).then(child_main)
}

/// Whether the arguments of `main`, without the program's name, ask for [`child_main`]; where they do not, this program is
/// one that answers to them. For a program whose `main` is not in Rust, which gets them there.
pub fn asked_by(arguments: impl IntoIterator<Item = OsString>) -> bool {
    let mut arguments = arguments.into_iter();
    let asked = arguments.next().is_some_and(|first| first == ARGUMENT) && arguments.next().is_none();
    if !asked {
        ANSWERS.store(true, Ordering::Relaxed);
    }
    asked
}

/// Evaluates one policy, which is asked for on standard input, and answers on standard output. For a program whose `main`
/// is not in Rust: it names itself, with an argument of its own, as a [`PolicyProgram`].
pub fn child_main() -> ExitCode {
    if child_work() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// As [`child_main`]; whether it went well.
pub fn child_work() -> bool {
    limit_resources().and_then(|()| policy::serve(io::stdin(), io::stdout())).is_ok()
}

/// No more memory than the limit, no core file, and no file to write.
pub(super) fn limit_resources() -> io::Result<()> {
    // Some programs reserve a lot and use little of it, such as an interpreter whose allocator keeps a gibibyte for its threads.
    let memory = usage::size("self", "VmSize").unwrap_or(0).saturating_add(MEMORY_LIMIT);
    for (resource, limit) in [(Resource::As, memory), (Resource::Core, 0), (Resource::Fsize, 0)] {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    Ok(())
}

/// A program that evaluates one policy, and how it is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProgram {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl PolicyProgram {
    /// A program that calls [`child_main`] when it is started with these arguments.
    pub fn new(program: impl Into<PathBuf>, arguments: impl IntoIterator<Item = OsString>) -> Self {
        Self { program: program.into(), arguments: arguments.into_iter().collect() }
    }

    /// This program itself, where its `main` has called [`main_if_asked`].
    pub(super) fn this() -> Option<Self> {
        if !ANSWERS.load(Ordering::Relaxed) {
            return None;
        }
        // The program that runs now, whatever has become of its file.
        let program = match cfg!(target_os = "linux") {
            true => PathBuf::from("/proc/self/exe"),
            false => std::env::current_exe().ok()?,
        };
        Some(Self::new(program, [ARGUMENT.into()]))
    }

    pub(super) fn start(&self) -> io::Result<Child> {
        Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            // Each arena of glibc's takes 64 MiB of address space.
            .env("MALLOC_ARENA_MAX", "1")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
    }
}
