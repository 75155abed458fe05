//! How work is done for an interpreter: other threads run meanwhile, and a panic ends nothing but the call.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;

use crate::failure::{Class, Failure};

/// From this many bytes on the interpreter's lock is let go: below, taking it back costs more than the work.
const WORTH_DETACHING: usize = 2048;

/// Does work on `len` bytes. A panic becomes an error.
pub(crate) fn work<T: Send>(
    py: Python<'_>,
    len: usize,
    work: impl FnOnce() -> Result<T, Failure> + Send,
) -> Result<T, Failure> {
    if len < WORTH_DETACHING { caught(work) } else { py.detach(|| caught(work)) }
}

/// Does work that takes long or waits, whatever the length of anything.
pub(crate) fn long_work<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, Failure> + Send,
) -> Result<T, Failure> {
    py.detach(|| caught(work))
}

/// How often a call that waits looks whether Ctrl-C was pressed.
pub(crate) const BETWEEN_SIGNALS: Duration = Duration::from_millis(100);

/// Does work that may take seconds, on a thread of its own, so that Ctrl-C ends the call. The work itself goes on to its
/// end then, for nobody: it must change nothing but what it returns.
pub(crate) fn interruptible<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (sender, receiver) = channel();
    let started = thread::Builder::new().name("spacelift-work".to_owned()).spawn(move || {
        let _ = sender.send(caught(work));
    });
    started.map_err(|error| {
        Failure::new(Class::Worker, "threads", format!("no thread can be started: {error}"))
    })?;
    // In a place that may be shared with the closure that waits.
    let receiver = Mutex::new(receiver);
    loop {
        let waited = py.detach(|| {
            let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
            receiver.recv_timeout(BETWEEN_SIGNALS)
        });
        match waited {
            Ok(done) => return done,
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => return Err(Failure::internal("a thread ended early")),
        }
    }
}

fn caught<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let said = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied());
        let failure = Failure::internal(said.unwrap_or("no message"));
        // What was thrown may panic again when it is dropped.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
        Err(failure)
    })
}

/// Breaks down, for the test of what becomes of it. In no release.
#[cfg(debug_assertions)]
#[pyfunction]
#[expect(clippy::panic, reason = "that is what it is for")]
pub(crate) fn break_down(py: Python<'_>) -> Result<(), Failure> {
    work(py, usize::MAX, || panic!("on purpose"))
}
