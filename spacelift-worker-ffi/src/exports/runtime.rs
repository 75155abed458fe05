//! Runtimes, and launchers before they start.

#![expect(unsafe_code, reason = "functions of the header: pointers in, a status out")]

use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

use spacelift_worker_core::driver;

use crate::boundary::{Call, free};
use crate::failure::Failure;
use crate::handles::{slw_config, slw_error, slw_launcher, slw_runtime};
use crate::hosting::{ReadyLauncher, Threads};
use crate::status::{SLW_ERR_IO, SLW_OK, slw_status};

/// Starts threads for sessions: worker_threads of them, 0 for one, which serves many sessions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_runtime_new(
    worker_threads: u32,
    runtime_out: *mut *mut slw_runtime,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let runtime_out = call.out_handle(runtime_out, "runtime_out")?;
        runtime_out.set(Arc::new(Threads::start(worker_threads, None)?));
        Ok(SLW_OK)
    })
}

/// Ends the sessions of a runtime at once, and waits up to timeout_ms for what its threads still do.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_runtime_shutdown(
    handle: *const slw_runtime,
    timeout_ms: u32,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.shared(handle)?.shut_down(Duration::from_millis(timeout_ms.into()))?;
        Ok(SLW_OK)
    })
}

/// Frees a runtime; its threads go with its last session, without anybody waiting for them. Callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_runtime_free(handle: *mut slw_runtime) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}

/// Sets up a worker of this configuration, and connects to nothing. Everything that is wrong is said at once: SLW_ERR_CONFIG,
/// with all problems in the details.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_launcher_new(
    config: *const slw_config,
    launcher_out: *mut *mut slw_launcher,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let launcher_out = call.out_handle(launcher_out, "launcher_out")?;
        let launcher = ReadyLauncher::build(&*call.exclusive(config)?)?;
        launcher_out.set(launcher);
        Ok(SLW_OK)
    })
}

/// Sets up count workers of this configuration for one process: they share the key, the certificate, the policy and the masks,
/// and each has an identity, a connection and runs of its own. launchers_out has room for count handles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_launcher_new_many(
    config: *const slw_config,
    count: usize,
    launchers_out: *mut *mut slw_launcher,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let places = call.out_handles(launchers_out, count, "launchers_out")?;
        let launchers = ReadyLauncher::build_many(&*call.exclusive(config)?, count)?;
        places.iter().zip(launchers).for_each(|(place, launcher)| place.set(launcher));
        Ok(SLW_OK)
    })
}

/// Runs a worker until SIGTERM or SIGINT, a cycle of its pool, or something that cannot be mended; exit_code_out gets the
/// documented exit code. Its log goes to standard error as JSON lines.
///
/// This function alone listens to signals: the first one drains, a second one stops the run in hand, a third one kills it. A
/// program calls it once, at the end of its main. Sessions are for everything else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_launcher_run(
    handle: *const slw_launcher,
    exit_code_out: *mut i32,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let exit_code_out = call.out(exit_code_out, "exit_code_out")?;
        exit_code_out.set(call.exclusive(handle)?.run()?);
        Ok(SLW_OK)
    })
}

/// Frees a launcher that was not started; what was started lives on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_launcher_free(handle: *mut slw_launcher) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}

/// Keeps the pool's key out of reach of the runs: no core file, no reading of this process's memory. For the whole process,
/// and therefore for its main to call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_protect_process(error_out: *mut *mut slw_error) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|_| {
        driver::protect_process().map_err(|error| Failure::of(SLW_ERR_IO, &error))?;
        Ok(SLW_OK)
    })
}

/// Evaluates a policy, if the arguments of main say that this process was started for that. Then asked_out is true, and main
/// returns exit_code_out at once.
///
/// A program calls it first of all in its main: its launchers then evaluate run initialization policies in processes of their own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_main_if_asked(
    argument_count: i32,
    arguments: *const *const c_char,
    asked_out: *mut bool,
    exit_code_out: *mut i32,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let asked_out = call.out(asked_out, "asked_out")?;
        let exit_code_out = call.out(exit_code_out, "exit_code_out")?;
        let arguments = call.arguments(argument_count, arguments)?;
        // The first of them is the program's name.
        if driver::asked_by(arguments.into_iter().skip(1)) {
            asked_out.set(true);
            exit_code_out.set(i32::from(!driver::child_work()));
        }
        Ok(SLW_OK)
    })
}
