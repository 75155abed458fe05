//! Run initialization policies and their decisions.

#![expect(unsafe_code, reason = "functions of the header: pointers in, a status out")]

use std::ffi::c_char;
use std::path::Path;
use std::ptr;
use std::time::{Duration, SystemTime};

use serde_json::json;
use spacelift_worker_core::files::read_policy;
use spacelift_worker_core::policy::{DEFAULT_TIME_LIMIT, InitializationPolicy};

use crate::boundary::{Call, free};
use crate::failure::Failure;
use crate::handles::{slw_decision, slw_error, slw_policy};
use crate::shown::Judged;
use crate::status::{SLW_ERR_INVALID_ARGUMENT, SLW_OK, slw_status};

/// Takes a run initialization policy from its text in Rego, and finds all of its mistakes at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_policy_load(
    rego: *const c_char,
    rego_len: usize,
    policy_out: *mut *mut slw_policy,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let policy_out = call.out_handle(policy_out, "policy_out")?;
        let text = call.text(rego, rego_len, "rego")?;
        policy_out.set(InitializationPolicy::from_source("policy.rego", text)?);
        Ok(SLW_OK)
    })
}

/// Likewise from a file, which is read once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_policy_load_file(
    path: *const c_char,
    path_len: usize,
    policy_out: *mut *mut slw_policy,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let policy_out = call.out_handle(policy_out, "policy_out")?;
        policy_out.set(read_policy(Path::new(call.text(path, path_len, "path")?))?);
        Ok(SLW_OK)
    })
}

/// Judges a run by a document in JSON, within time_limit_ms (0: 5 seconds).
///
/// An evaluation that fails is SLW_ERR_POLICY_EVALUATION with no decision, and slw_decision_allowed(NULL) is false: whoever
/// forgets to look denies. Blocks; several threads may evaluate one policy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_policy_evaluate(
    handle: *const slw_policy,
    input_json: *const c_char,
    input_json_len: usize,
    time_limit_ms: u32,
    decision_out: *mut *mut slw_decision,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let decision_out = call.out_handle(decision_out, "decision_out")?;
        let text = call.text(input_json, input_json_len, "input_json")?;
        let input = serde_json::from_str(text).map_err(|error| {
            let details = json!({ "argument": "input_json", "line": error.line(), "column": error.column() });
            Failure::new(SLW_ERR_INVALID_ARGUMENT, format!("input_json is no JSON: {error}")).with(details)
        })?;
        let limit = Duration::from_millis(u64::from(time_limit_ms));
        let limit = if limit.is_zero() { DEFAULT_TIME_LIMIT } else { limit };
        let policy = call.shared(handle)?.clone().with_time_limit(limit);
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let decision = policy.evaluate_document(&input, now);
        if let Some(failure) = decision.failure() {
            return Err(Failure::from(failure));
        }
        decision_out.set(Judged::from(&decision));
        Ok(SLW_OK)
    })
}

/// Frees a policy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_policy_free(handle: *mut slw_policy) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}

/// Whether the run may start; false for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_decision_allowed(handle: *const slw_decision) -> bool {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(false, |call| Ok(call.shared(handle)?.allowed))
}

/// Whether the policy asks for its input and its results to be logged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_decision_sampled(handle: *const slw_decision) -> bool {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(false, |call| Ok(call.shared(handle)?.sampled))
}

/// How many reasons stand against the run: 0 exactly when it may start.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_decision_reason_count(handle: *const slw_decision) -> usize {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(0, |call| Ok(call.shared(handle)?.reasons.len()))
}

/// A reason, from 0 on, sorted; NULL from the count on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_decision_reason(
    handle: *const slw_decision,
    index: usize,
    len_out: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(handle.reasons.get(index), len_out))
    })
}

/// How many functions of the policy could not work on what they were given.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_decision_warning_count(handle: *const slw_decision) -> usize {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(0, |call| Ok(call.shared(handle)?.warnings.len()))
}

/// Such a function with the reason, from 0 on; NULL from the count on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_decision_warning(
    handle: *const slw_decision,
    index: usize,
    len_out: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(handle.warnings.get(index), len_out))
    })
}

/// The decision as a JSON object: allowed, sampled, reasons, warnings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_decision_json(
    handle: *const slw_decision,
    len_out: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(Some(&handle.json), len_out))
    })
}

/// Frees a decision.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_decision_free(handle: *mut slw_decision) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}
