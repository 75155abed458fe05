//! Sessions: options, the wait for events, and commands.

#![expect(unsafe_code, reason = "functions of the header: pointers in, a status out")]
#![expect(non_camel_case_types, reason = "they are the header's names")]

use std::ffi::{c_char, c_void};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use spacelift_worker_core::driver::{HostError, HostSession, Next, Offers, OperationId, StepId, Steps};
use spacelift_worker_core::exec::ExitStatus;
use spacelift_worker_core::ids::Lease;
use spacelift_worker_core::protocol::message::NackReason;
use tracing::Level;

use crate::boundary::{Call, Callback, Invoke, free};
use crate::events::Told;
use crate::failure::Failure;
use crate::handles::{slw_error, slw_event, slw_launcher, slw_runtime, slw_session, slw_session_options};
use crate::hosting::{HostedSession, SessionChoices};
use crate::status::{SLW_CLOSED, SLW_OK, SLW_TIMED_OUT, SLW_WOULD_BLOCK, slw_status};

/// Called when events begin to wait.
pub type slw_wake_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;
/// Called with a line of a log, which has no end of line and no NUL.
pub type slw_log_fn =
    Option<unsafe extern "C" fn(line: *const c_char, line_len: usize, user_data: *mut c_void)>;
/// Called once for the data of a callback; may be NULL.
pub type slw_drop_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// Errors alone.
pub const SLW_LOG_ERROR: i32 = 1;
/// And warnings.
pub const SLW_LOG_WARN: i32 = 2;
/// And what happens.
pub const SLW_LOG_INFO: i32 = 3;
/// And how.
pub const SLW_LOG_DEBUG: i32 = 4;

fn lease(call: &Call, text: *const c_char, len: usize) -> Result<Lease, Failure> {
    let text = call.text(text, len, "lease")?;
    text.parse().map_err(|_| {
        Failure::invalid("lease", "is no lease: it is the field of an event, as it stands there")
    })
}

fn reason(text: &str) -> Result<NackReason, Failure> {
    let reason: Option<NackReason> = serde_json::from_value(text.into()).ok();
    // What is not known reads as `other`, which is meant for the wire.
    let known = reason.filter(|reason| serde_json::to_value(reason).is_ok_and(|name| name == text));
    known.ok_or_else(|| Failure::invalid("reason", "is no reason"))
}

/// Asks for something that ends in an event.
fn command(
    call: &Call,
    handle: *const slw_session,
    operation_out: *mut u64,
    command: impl FnOnce(&HostSession) -> Result<OperationId, HostError>,
) -> Result<slw_status, Failure> {
    let operation_out = call.out_or_none(operation_out);
    let session = call.shared(handle)?;
    operation_out.set(command(session.get()?)?.0);
    Ok(SLW_OK)
}

/// Options of a session: every run is taken, the launcher runs the steps, nothing is logged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_options_new(
    options_out: *mut *mut slw_session_options,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.out_handle(options_out, "options_out")?.set(SessionChoices::default());
        Ok(SLW_OK)
    })
}

/// Whether each offered run is an event to which the host says yes or no, within 30 seconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_options_set_ask(
    handle: *const slw_session_options,
    on: bool,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.exclusive(handle)?.options.offers = if on { Offers::Ask } else { Offers::Accept };
        Ok(SLW_OK)
    })
}

/// Whether the host runs the steps: each is an event, and the host says what it prints and how it ends.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_options_set_host_steps(
    handle: *const slw_session_options,
    on: bool,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.exclusive(handle)?.options.steps = if on { Steps::Host } else { Steps::Library };
        Ok(SLW_OK)
    })
}

/// Whether lines of run logs are events, too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_options_set_lines(
    handle: *const slw_session_options,
    on: bool,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.exclusive(handle)?.options.lines = on;
        Ok(SLW_OK)
    })
}

/// How many events wait before those are dropped that nobody has to answer; 1,024 by default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_options_set_capacity(
    handle: *const slw_session_options,
    events: usize,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.exclusive(handle)?.options.capacity = events;
        Ok(SLW_OK)
    })
}

/// A log of the session's own, as JSON lines with every secret masked: those of a SLW_LOG_ level and above. Only for a session
/// with threads of its own. drop_fn(user_data) is called when the session or, without one, the options are freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_options_set_log(
    handle: *const slw_session_options,
    level: i32,
    log: slw_log_fn,
    user_data: *mut c_void,
    drop_fn: slw_drop_fn,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let level = match level {
            SLW_LOG_ERROR => Level::ERROR,
            SLW_LOG_WARN => Level::WARN,
            SLW_LOG_INFO => Level::INFO,
            SLW_LOG_DEBUG => Level::DEBUG,
            _ => return Err(Failure::invalid("level", "is no level")),
        };
        let log = log.ok_or_else(|| Failure::null("log"))?;
        let callback = Arc::new(Callback::new(Invoke::Log(log), user_data, drop_fn));
        call.exclusive(handle)?.set_log(level, callback);
        Ok(SLW_OK)
    })
}

/// Frees options. Sessions that were started with them live on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_options_free(handle: *mut slw_session_options) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}

/// Starts a worker, which takes the launcher's place: a launcher is started once. Without a runtime (NULL) the session gets a
/// thread of its own; without options (NULL) they are the default ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_start(
    launcher: *mut slw_launcher,
    runtime: *const slw_runtime,
    options: *const slw_session_options,
    session_out: *mut *mut slw_session,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let session_out = call.out_handle(session_out, "session_out")?;
        let mut launcher = call.exclusive(launcher)?;
        let threads = if runtime.is_null() { None } else { Some((*call.shared(runtime)?).clone()) };
        let session = if options.is_null() {
            HostedSession::start(threads, &mut launcher, &SessionChoices::default())?
        } else {
            HostedSession::start(threads, &mut launcher, &*call.exclusive(options)?)?
        };
        session_out.set(session);
        Ok(SLW_OK)
    })
}

/// Takes the next event. timeout_ms: 0 does not wait (SLW_WOULD_BLOCK when there is none), a positive one waits so long
/// (SLW_TIMED_OUT), a negative one for ever. SLW_CLOSED when the last event was taken. Several threads may wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_next_event(
    handle: *const slw_session,
    timeout_ms: i32,
    event_out: *mut *mut slw_event,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let event_out = call.out_handle(event_out, "event_out")?;
        let session = call.shared(handle)?;
        let session = session.get()?;
        let next = match u64::try_from(timeout_ms) {
            Ok(0) => session.try_next(),
            Ok(timeout) => session.next(Some(Duration::from_millis(timeout))),
            Err(_) => session.next(None),
        };
        match next {
            Next::Event(event) => event_out.set(Told::from(&event)),
            Next::Empty if timeout_ms == 0 => return Ok(SLW_WOULD_BLOCK),
            Next::Empty => return Ok(SLW_TIMED_OUT),
            Next::Closed => return Ok(SLW_CLOSED),
        }
        Ok(SLW_OK)
    })
}

/// A descriptor for poll, epoll or select: readable while events wait, and for ever once the worker has ended. Never read from
/// it, never close it; it lives as long as the session. -1 for a handle that is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_wake_handle(handle: *const slw_session) -> isize {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(-1, |call| {
        let session = call.shared(handle)?;
        Ok(session.get()?.wake_fd().as_raw_fd() as isize)
    })
}

/// Calls wake(user_data) when events begin to wait, in place of what was set before; NULL takes it back. When events wait
/// already it is called at once, from inside of this function.
///
/// The callback may call slw_session_free and slw_runtime_free, and nothing else of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_set_wake(
    handle: *const slw_session,
    wake: slw_wake_fn,
    user_data: *mut c_void,
    drop_fn: slw_drop_fn,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let callback = wake.map(|wake| Arc::new(Callback::new(Invoke::Wake(wake), user_data, drop_fn)));
        call.shared(handle)?.set_wake(callback)?;
        Ok(SLW_OK)
    })
}

/// Takes the run that was offered. lease is the field of the event. Ends in an event, as all commands do: operation_out, which
/// may be NULL, gets the id that is in it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_accept(
    handle: *const slw_session,
    lease: *const c_char,
    lease_len: usize,
    operation_out: *mut u64,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let lease = self::lease(call, lease, lease_len)?;
        command(call, handle, operation_out, |session| session.accept(lease))
    })
}

/// Refuses it. reason is one of busy, cannot_open, drained, expired, malformed, policy_denied, stale, unknown_type,
/// unsupported, other; note is for people, may be empty, and goes to the control plane masked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_refuse(
    handle: *const slw_session,
    lease: *const c_char,
    lease_len: usize,
    reason: *const c_char,
    reason_len: usize,
    note: *const c_char,
    note_len: usize,
    operation_out: *mut u64,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let lease = self::lease(call, lease, lease_len)?;
        let reason = self::reason(call.text(reason, reason_len, "reason")?)?;
        let note = call.text(note, note_len, "note")?;
        let note = (!note.is_empty()).then(|| note.to_owned());
        command(call, handle, operation_out, |session| session.refuse(lease, reason, note))
    })
}

/// What a step of the host printed. SLW_WOULD_BLOCK when 1 MiB waits: nothing was taken, say it again after
/// SLW_EVENT_STEP_READY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_step_output(
    handle: *const slw_session,
    step: u64,
    bytes: *const u8,
    bytes_len: usize,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let bytes = call.bytes(bytes, bytes_len, "bytes")?;
        match call.shared(handle)?.get()?.step_output(StepId(step), bytes.to_vec()) {
            Err(HostError::Full(_)) => return Ok(SLW_WOULD_BLOCK),
            other => other?,
        }
        Ok(SLW_OK)
    })
}

/// How a step of the host ended: with an exit code, or by a signal where that is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_step_exited(
    handle: *const slw_session,
    step: u64,
    exit_code: i32,
    signal: i32,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let status = if signal == 0 { ExitStatus::Code(exit_code) } else { ExitStatus::Signal(signal) };
        call.shared(handle)?.get()?.step_exited(StepId(step), status)?;
        Ok(SLW_OK)
    })
}

/// Takes no new work, finishes what is in hand, ends.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_drain(
    handle: *const slw_session,
    operation_out: *mut u64,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| command(call, handle, operation_out, HostSession::drain))
}

/// As slw_session_drain, and asks the run in hand to end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_stop_run(
    handle: *const slw_session,
    operation_out: *mut u64,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| command(call, handle, operation_out, HostSession::stop_run))
}

/// As slw_session_drain, and ends the run in hand at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_kill_run(
    handle: *const slw_session,
    operation_out: *mut u64,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| command(call, handle, operation_out, HostSession::kill_run))
}

/// Takes a command back: SLW_OK when that came in time, SLW_TIMED_OUT when not. Its end is an event all the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_cancel(
    handle: *const slw_session,
    operation: u64,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let in_time = call.shared(handle)?.get()?.cancel(OperationId(operation));
        Ok(if in_time { SLW_OK } else { SLW_TIMED_OUT })
    })
}

/// Ends the worker: takes no new work, kills what is in hand after grace_ms, says goodbye, and waits for that up to eight
/// seconds longer. From any thread, again too. Whoever waits for events gets what is left of them, then SLW_CLOSED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_close(
    handle: *const slw_session,
    grace_ms: u32,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.shared(handle)?.get()?.close(Duration::from_millis(grace_ms.into()));
        Ok(SLW_OK)
    })
}

/// Frees a session. A worker that was not closed ends at once, with its run. Callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_session_free(handle: *mut slw_session) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}
