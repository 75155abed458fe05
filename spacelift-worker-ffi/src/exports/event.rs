//! Events: their kinds and fields.

#![expect(unsafe_code, reason = "functions of the header: pointers in, a status out")]

use std::ffi::c_char;
use std::ptr;

use crate::boundary::{Call, free};
use crate::events::Field;
use crate::handles::slw_event;
use crate::status::{SLW_ERR_SESSION, SLW_OK, slw_status};

/// The control plane is in reach. Fields: worker.
pub const SLW_EVENT_CONNECTED: i32 = 1;
/// It is not; the next attempt comes by itself. Fields: reason.
pub const SLW_EVENT_DISCONNECTED: i32 = 2;
/// A run waits for slw_session_accept or slw_session_refuse. Fields: lease, run, phase, stack, document.
pub const SLW_EVENT_OFFERED: i32 = 3;
/// The library refused an offer by itself. Fields: lease, reason, note.
pub const SLW_EVENT_REFUSED: i32 = 4;
/// The run is this worker's. Fields: lease, run, phase.
pub const SLW_EVENT_STARTED: i32 = 5;
/// The run entered a state. Fields: lease, state, version.
pub const SLW_EVENT_STATE: i32 = 6;
/// A line of a run's log, masked. Fields: line.
pub const SLW_EVENT_LINE: i32 = 7;
/// Run this. Fields: step, argv, env, cwd. Secret: env is in it.
pub const SLW_EVENT_STEP: i32 = 8;
/// Pass this signal to all that the step started. Fields: step, signal (terminate, kill).
pub const SLW_EVENT_STEP_SIGNAL: i32 = 9;
/// There is room for output of the step again. Fields: step.
pub const SLW_EVENT_STEP_READY: i32 = 10;
/// The phase ended. Fields: lease, run, outcome, reason.
pub const SLW_EVENT_RUN_ENDED: i32 = 11;
/// The control plane took the report. Fields: run.
pub const SLW_EVENT_REPORTED: i32 = 12;
/// The lease goes on. Fields: lease.
pub const SLW_EVENT_RENEWED: i32 = 13;
/// Somebody asked the run to end. Fields: lease.
pub const SLW_EVENT_STOP: i32 = 14;
/// Somebody wants the run ended now, or withdrew an offer. Fields: lease.
pub const SLW_EVENT_KILL: i32 = 15;
/// The lease ended without being renewed. Fields: lease.
pub const SLW_EVENT_LEASE_ENDED: i32 = 16;
/// Whether new work is refused changed. Fields: drained.
pub const SLW_EVENT_DRAINED: i32 = 17;
/// The pool is cycled; this worker ends within 20 seconds.
pub const SLW_EVENT_CYCLE: i32 = 18;
/// A command was carried out. Fields: id.
pub const SLW_EVENT_OPERATION_DONE: i32 = 19;
/// A command was refused or came too late. Fields: id, reason.
pub const SLW_EVENT_OPERATION_FAILED: i32 = 20;
/// Events were dropped, none of which had to be answered. Fields: lost.
pub const SLW_EVENT_LAGGED: i32 = 21;
/// The worker has ended; nothing follows. Fields: exit_code, reason.
pub const SLW_EVENT_ENDED: i32 = 22;

/// Of which kind it is: a SLW_EVENT_ number; 0 for NULL. Kinds may be added: pass over those that you do not know.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_event_kind(handle: *const slw_event) -> i32 {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(0, |call| Ok(call.shared(handle)?.kind))
}

/// The id of the command whose end this is; 0 where it is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_event_operation(handle: *const slw_event) -> u64 {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(0, |call| Ok(call.shared(handle)?.operation))
}

/// SLW_OK, or SLW_ERR_SESSION for a command that failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_event_status(handle: *const slw_event) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }
        .read(SLW_OK, |call| Ok(if call.shared(handle)?.failed { SLW_ERR_SESSION } else { SLW_OK }))
}

/// The event as a JSON object, with the name of its kind in "event". That of a step is a secret.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_event_json(handle: *const slw_event, len_out: *mut usize) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(Some(&handle.json), len_out))
    })
}

/// A field that is a text, or JSON where it is an object; NULL where it is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_event_text(
    handle: *const slw_event,
    name: *const c_char,
    name_len: usize,
    len_out: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let name = call.text(name, name_len, "name")?;
        let event = call.shared(handle)?;
        let text = match event.field(name) {
            Some(Field::Text(text)) => Some(text),
            _ => None,
        };
        Ok(call.give_text(text, len_out))
    })
}

/// A field that is a number, or a truth as 0 or 1; -1 where it is neither.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_event_number(
    handle: *const slw_event,
    name: *const c_char,
    name_len: usize,
) -> i64 {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(-1, |call| {
        let name = call.text(name, name_len, "name")?;
        Ok(match call.shared(handle)?.field(name) {
            Some(Field::Number(number)) => *number,
            _ => -1,
        })
    })
}

/// How many texts stand in a field that is a list: argv, and env as NAME=value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_event_list_count(
    handle: *const slw_event,
    name: *const c_char,
    name_len: usize,
) -> usize {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(0, |call| {
        let name = call.text(name, name_len, "name")?;
        Ok(match call.shared(handle)?.field(name) {
            Some(Field::List(texts)) => texts.len(),
            _ => 0,
        })
    })
}

/// Such a text, from 0 on; NULL from the count on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_event_list_item(
    handle: *const slw_event,
    name: *const c_char,
    name_len: usize,
    index: usize,
    len_out: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let name = call.text(name, name_len, "name")?;
        let event = call.shared(handle)?;
        let text = match event.field(name) {
            Some(Field::List(texts)) => texts.get(index),
            _ => None,
        };
        Ok(call.give_text(text, len_out))
    })
}

/// Frees an event. Callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_event_free(handle: *mut slw_event) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}
