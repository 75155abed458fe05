//! The one runtime of the process, made when it is first needed.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use spacelift_worker_core::driver;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::failure::{Class, Failure};
use crate::log::Log;

/// The runtime and the process that made it: the threads of a runtime do not follow into a child that was forked.
static RUNTIME: Mutex<Option<(u32, Runtime)>> = Mutex::new(None);

/// A handle to the runtime of this process.
pub(crate) fn handle() -> Result<Handle, Failure> {
    let mut made = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if let Some((owner, runtime)) = &*made {
        if *owner == process {
            return Ok(runtime.handle().clone());
        }
        return Err(forked());
    }
    let log = Log::get()?;
    let built = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("spacelift-worker")
        .on_thread_start(|| log.on_this_thread())
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::new(Class::Worker, "threads", format!("no thread can be started: {error}"))
        })?;
    let handle = built.handle().clone();
    *made = Some((process, built));
    Ok(handle)
}

/// Makes the runtime if it is not there. Its threads have the signal mask of the thread that calls this first.
#[pyfunction]
pub(crate) fn start_runtime() -> Result<(), Failure> {
    handle().map(drop)
}

/// Keeps the memory and the environment of this process from other processes of its user, and from core files.
#[pyfunction]
pub(crate) fn protect_process() -> Result<(), Failure> {
    driver::protect_process().map_err(|error| {
        Failure::new(Class::Worker, "protection", format!("the process cannot be protected: {error}"))
    })
}

/// What a child says that was forked from a process with a runtime.
pub(crate) fn forked() -> Failure {
    Failure::new(
        Class::Forked,
        "forked",
        "this process was forked from one that talks to a control plane; \
         start it anew instead, such as with multiprocessing's \"spawn\"",
    )
}
