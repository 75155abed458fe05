//! Configurations, durations, and what a worker needs.

#![expect(unsafe_code, reason = "functions of the header: pointers in, a status out")]

use std::ffi::c_char;
use std::ptr;

use spacelift_worker_core::config::duration::parse_nanos;

use crate::boundary::{Call, free};
use crate::failure::Failure;
use crate::handles::{slw_config, slw_error, slw_preflight};
use crate::hosting::{ConfigPairs, Found};
use crate::status::{SLW_ERR_DURATION, SLW_OK, slw_status};

/// A configuration without variables.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_config_new(
    config_out: *mut *mut slw_config,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.out_handle(config_out, "config_out")?.set(ConfigPairs::default());
        Ok(SLW_OK)
    })
}

/// Sets one of the documented variables, such as SPACELIFT_TOKEN, or another one that runs may be given.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_config_set(
    handle: *const slw_config,
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let (name, value) = (call.text(name, name_len, "name")?, call.text(value, value_len, "value")?);
        call.exclusive(handle)?.set(name, value);
        Ok(SLW_OK)
    })
}

/// Sets every variable of this process's environment. Nothing else reads it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_config_set_from_environment(
    handle: *const slw_config,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.exclusive(handle)?.set_from_environment();
        Ok(SLW_OK)
    })
}

/// Says everything that is wrong with the variables at once: SLW_ERR_CONFIG, with all problems in the details.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_config_check(
    handle: *const slw_config,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.exclusive(handle)?.check()?;
        Ok(SLW_OK)
    })
}

/// How many variables the last check found odd and not wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_config_warning_count(handle: *const slw_config) -> usize {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(0, |call| Ok(call.exclusive(handle)?.warnings.len()))
}

/// Such a warning, from 0 on, until the next check; NULL from the count on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_config_warning(
    handle: *const slw_config,
    index: usize,
    len_out: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.exclusive(handle)?;
        Ok(call.give_text(handle.warnings.get(index), len_out))
    })
}

/// Frees a configuration and wipes its values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_config_free(handle: *mut slw_config) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}

/// Reads a duration as Go writes it, such as "1h30m", into nanoseconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_parse_duration(
    text: *const c_char,
    text_len: usize,
    nanos_out: *mut i64,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let nanos_out = call.out(nanos_out, "nanos_out")?;
        let nanos = parse_nanos(call.text(text, text_len, "text")?);
        nanos_out.set(nanos.map_err(|error| Failure::of(SLW_ERR_DURATION, &error))?);
        Ok(SLW_OK)
    })
}

/// Looks at everything that a worker of this configuration needs; with probe, tries the endpoints, too. Blocks meanwhile.
/// What is missing is a result and not an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_preflight_run(
    config: *const slw_config,
    probe: bool,
    preflight_out: *mut *mut slw_preflight,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let preflight_out = call.out_handle(preflight_out, "preflight_out")?;
        let builder = call.exclusive(config)?.builder();
        preflight_out.set(Found::look(&builder, probe)?);
        Ok(SLW_OK)
    })
}

/// Whether nothing failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_preflight_passed(handle: *const slw_preflight) -> bool {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(false, |call| Ok(call.shared(handle)?.passed))
}

/// The documented exit code: 0, 1 for the machine, 2 for the configuration, 3 for the network.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_preflight_exit_code(handle: *const slw_preflight) -> i32 {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(1, |call| Ok(call.shared(handle)?.exit_code))
}

/// What was looked at, as a table for people.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_preflight_table(
    handle: *const slw_preflight,
    len_out: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(Some(&handle.table), len_out))
    })
}

/// What was looked at, as a JSON object: "checks" with area, what, verdict and detail.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_preflight_json(
    handle: *const slw_preflight,
    len_out: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(Some(&handle.json), len_out))
    })
}

/// Frees what was found.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_preflight_free(handle: *mut slw_preflight) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}
