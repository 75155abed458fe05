//! Errors: what a failed call left behind.

#![expect(unsafe_code, reason = "functions of the header: pointers in, a status out")]

use std::ffi::c_char;
use std::ptr;

use crate::boundary::{Call, free};
use crate::handles::slw_error;
use crate::status::{SLW_OK, slw_status};

/// The status with which the call failed; SLW_OK for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_error_status(handle: *const slw_error) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(SLW_OK, |call| Ok(call.shared(handle)?.status))
}

/// What went wrong, for people, in English. No secret is in it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_error_message(handle: *const slw_error, len_out: *mut usize) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(Some(&handle.message), len_out))
    })
}

/// How many causes stand below the message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_error_cause_count(handle: *const slw_error) -> usize {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(0, |call| Ok(call.shared(handle)?.causes.len()))
}

/// A cause, from 0 on; each is the cause of the one before. NULL from the count on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_error_cause(
    handle: *const slw_error,
    index: usize,
    len_out: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(handle.causes.get(index), len_out))
    })
}

/// Whether the same call may go well later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_error_is_retryable(handle: *const slw_error) -> bool {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(false, |call| Ok(call.shared(handle)?.retryable))
}

/// What went wrong, for programs: a JSON object, "{}" when there is nothing to add.
///
/// An argument is named in "argument", the fault of sealed bytes in "code", lines and columns of a policy and the
/// variables of a configuration in "problems".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_error_details(handle: *const slw_error, len_out: *mut usize) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(Some(&handle.details), len_out))
    })
}

/// Frees an error. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_error_free(handle: *mut slw_error) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}
