//! A worker in the hands of Python: events that it pulls, commands that it queues. No thread of the library enters the interpreter.

use std::os::fd::{AsRawFd, RawFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use serde_json::{Value, json};
use spacelift_worker_core::driver::{
    HostError, HostOptions, HostSession, Next, Offers, OperationId, PolicyIsolation, PolicyProgram, StepId,
    Steps, child_main,
};
use spacelift_worker_core::exec::ExitStatus;
use spacelift_worker_core::ids::Lease;
use spacelift_worker_core::launcher::{Launcher, SetupError};
use spacelift_worker_core::protocol::message::NackReason;

use crate::buffers::Given;
use crate::failure::{Class, Failure};
use crate::log::Log;
use crate::runtime;
use crate::work::{BETWEEN_SIGNALS, long_work};

/// A worker.
#[pyclass(frozen, module = "spacelift_worker._native")]
pub(crate) struct Session {
    /// There until it is dropped.
    session: Option<HostSession>,
    process: u32,
}

impl Drop for Session {
    fn drop(&mut self) {
        // In a child that was forked its threads are not there, and they may have held locks: it is left where it is.
        if self.process != std::process::id() {
            Box::leak(Box::new(self.session.take()));
        }
    }
}

impl Session {
    fn here(&self) -> Result<&HostSession, Failure> {
        match &self.session {
            Some(session) if self.process == std::process::id() => Ok(session),
            _ => Err(runtime::forked()),
        }
    }
}

#[pymethods]
impl Session {
    /// Checks everything and begins to connect. `policy_child`: a program with its arguments that evaluates policies.
    #[new]
    fn new(
        py: Python<'_>,
        pairs: Vec<(String, String)>,
        ask: bool,
        host_steps: bool,
        lines: bool,
        capacity: usize,
        policy_child: Option<Vec<String>>,
    ) -> Result<Self, Failure> {
        let (runtime, log) = (runtime::handle()?, Log::get()?);
        let mut options = HostOptions::default();
        options.offers = if ask { Offers::Ask } else { Offers::Accept };
        options.steps = if host_steps { Steps::Host } else { Steps::Library };
        options.lines = lines;
        options.capacity = capacity;
        let isolation = isolation(policy_child);
        let session = long_work(py, move || {
            let launcher = Launcher::from_pairs(pairs).policy_isolation(isolation).build()?;
            log.mask(&launcher);
            let no_descriptor = |error: std::io::Error| Failure::new(Class::Session, "descriptor", error);
            log.during(|| launcher.start(&runtime, &options)).map_err(no_descriptor)
        })?;
        Ok(Self { session: Some(session), process: std::process::id() })
    }

    fn wake_fd(&self) -> Result<RawFd, Failure> {
        Ok(self.here()?.wake_fd().as_raw_fd())
    }

    /// The next event as JSON, nothing when none waits, and whether the worker has ended and all was read.
    fn try_next(&self) -> Result<(Option<String>, bool), Failure> {
        Ok(shown(self.here()?.try_next()))
    }

    /// As [`Self::try_next`], and waits so many seconds, or for ever; Ctrl-C ends it.
    fn next(&self, py: Python<'_>, timeout: Option<f64>) -> Result<(Option<String>, bool), Failure> {
        let session = self.here()?;
        let deadline = timeout.and_then(|seconds| Instant::now().checked_add(seconds_or_forever(seconds)));
        loop {
            let left = deadline.map_or(BETWEEN_SIGNALS, |deadline| {
                deadline.saturating_duration_since(Instant::now()).min(BETWEEN_SIGNALS)
            });
            let found = long_work(py, || Ok(shown(session.next(Some(left)))))?;
            let over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if found.0.is_some() || found.1 || over {
                return Ok(found);
            }
            py.check_signals()?;
        }
    }

    fn accept(&self, lease: &str) -> Result<u64, Failure> {
        Ok(operation(self.here()?.accept(self::lease(lease)?))?)
    }

    fn refuse(&self, lease: &str, reason: &str, note: Option<String>) -> Result<u64, Failure> {
        let word = reason;
        let reason: NackReason = serde_json::from_value(Value::from(word)).map_err(Failure::argument)?;
        if reason == NackReason::Other && word != "other" {
            return Err(Failure::argument(format!("{word:?} is no reason of the protocol")));
        }
        Ok(operation(self.here()?.refuse(self::lease(lease)?, reason, note))?)
    }

    /// Whether there was room for it.
    fn step_output(&self, step: u64, data: &Bound<'_, PyAny>) -> Result<bool, Failure> {
        let given = Given::read(data)?;
        match self.here()?.step_output(StepId(step), given.bytes().to_vec()) {
            Err(HostError::Full(_)) => Ok(false),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(true),
        }
    }

    fn step_exited(&self, step: u64, code: i32, by_signal: bool) -> Result<(), Failure> {
        let status = if by_signal { ExitStatus::Signal(code) } else { ExitStatus::Code(code) };
        Ok(self.here()?.step_exited(StepId(step), status)?)
    }

    fn drain(&self) -> Result<u64, Failure> {
        Ok(operation(self.here()?.drain())?)
    }

    fn stop_run(&self) -> Result<u64, Failure> {
        Ok(operation(self.here()?.stop_run())?)
    }

    fn kill_run(&self) -> Result<u64, Failure> {
        Ok(operation(self.here()?.kill_run())?)
    }

    fn cancel(&self, operation: u64) -> Result<bool, Failure> {
        Ok(self.here()?.cancel(OperationId(operation)))
    }

    fn close(&self, py: Python<'_>, grace: f64) -> Result<(), Failure> {
        let session = self.here()?;
        let grace = seconds_or_forever(grace);
        long_work(py, || {
            session.close(grace);
            Ok(())
        })
    }
}

/// No time for what is below 0 or no number, and the longest there is for what is above it.
fn seconds_or_forever(seconds: f64) -> Duration {
    let longest = if seconds > 0.0 { Duration::MAX } else { Duration::ZERO };
    Duration::try_from_secs_f64(seconds).unwrap_or(longest)
}

fn isolation(policy_child: Option<Vec<String>>) -> PolicyIsolation {
    match policy_child.as_deref() {
        Some([program, arguments @ ..]) => {
            let arguments = arguments.iter().map(Into::into);
            PolicyIsolation::Process(PolicyProgram::new(PathBuf::from(program), arguments))
        }
        _ => PolicyIsolation::Thread,
    }
}

fn shown(next: Next) -> (Option<String>, bool) {
    match next {
        Next::Event(event) => (Some(event.to_json()), false),
        Next::Empty => (None, false),
        Next::Closed => (None, true),
    }
}

fn operation(asked: Result<OperationId, HostError>) -> Result<u64, HostError> {
    asked.map(|id| id.0)
}

fn lease(text: &str) -> Result<Lease, Failure> {
    text.parse().map_err(Failure::argument)
}

/// Evaluates the policy that is asked for on standard input, in a process that does nothing else; its exit code.
#[pyfunction]
pub(crate) fn policy_child(py: Python<'_>) -> Result<u8, Failure> {
    let succeeded = std::process::ExitCode::SUCCESS;
    long_work(py, || Ok(u8::from(child_main() != succeeded)))
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Ended => Self::new(Class::Closed, "ended", error),
            HostError::UnknownStep(_) => Self::new(Class::Session, "step", error),
            error => Self::new(Class::Session, "full", error),
        }
    }
}

impl From<SetupError> for Failure {
    /// Lines and not variables: what is wrong with a token or a key is no matter of one variable's form.
    fn from(error: SetupError) -> Self {
        Self::new(Class::Config, "setup", &error).with(json!({ "lines": error.problems() }))
    }
}
