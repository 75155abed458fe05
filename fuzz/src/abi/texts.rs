//! Tokens, keys, policies and headers through the header of the library: read as the core reads them, refused with its words.

#![expect(unsafe_code, reason = "functions of the header are called as a C program calls them")]

use std::fmt::Display;
use std::time::Duration;

use serde_json::Value;
use spacelift_worker_core::envelope::inspect;
use spacelift_worker_core::policy::InitializationPolicy;
use spacelift_worker_core::pool::{PoolKey, PoolPublicKey, PoolToken};
use spacelift_worker_core::secret::{SecretBytes, SecretText};
use spacelift_worker_ffi::*;

use super::super::cuts::split_first_part;
use super::call::{Fault, Free, Owned, bytes, call, made, text};

/// A handle, if the core has an object; if not, its fault with its words.
fn read<H, T, E: Display>(
    free: Free<H>,
    function: impl FnOnce(*mut *mut H, *mut *mut slw_error) -> slw_status,
    expected: Option<&Result<T, E>>,
    status: slw_status,
) -> Option<Owned<H>> {
    match (made(free, function), expected) {
        (Ok(handle), Some(Ok(_))) => handle,
        (Err(fault), Some(Err(error))) => {
            assert_eq!(fault, Fault { status, message: error.to_string() });
            None
        }
        // The core takes text alone.
        (Err(fault), None) => {
            assert_eq!(fault.status, SLW_ERR_NOT_UTF8);
            None
        }
        (answer, expected) => {
            let answers = (Some(answer.is_ok()), expected.map(Result::is_ok));
            assert_eq!(answers.0, answers.1, "whether C takes it, and whether the core does");
            None
        }
    }
}

/// A token.
pub(super) fn token(data: &[u8]) {
    let core = std::str::from_utf8(data).ok().map(|text| PoolToken::parse(&SecretText::from(text)));
    // SAFETY: the text is borrowed for the call, and the places are there.
    let new = |out: *mut *mut _, error: *mut *mut _| unsafe {
        slw_token_parse(data.as_ptr().cast(), data.len(), out, error)
    };
    let handle = read(slw_token_free, new, core.as_ref(), SLW_ERR_TOKEN);
    let (Some(handle), Some(Ok(token))) = (handle, core) else { return };
    let (parts, facts) = (token.parts(), token.certificate());
    assert_eq!(text(&handle, slw_token_broker_endpoint), Some(parts.broker_endpoint.to_string()));
    assert_eq!(text(&handle, slw_token_pool_id), Some(parts.pool_id.to_string()));
    assert_eq!(text(&handle, slw_token_namespace).as_deref(), Some(parts.namespace.as_str()));
    assert_eq!(text(&handle, slw_token_certificate_pem).as_deref(), Some(parts.certificate_pem.as_str()));
    assert_eq!(text(&handle, slw_token_common_name), facts.common_name);
    assert_eq!(text(&handle, slw_token_ca_pem), parts.ca_pem);
    // SAFETY: a handle that lives.
    let valid = unsafe { (slw_token_not_before(handle.raw), slw_token_not_after(handle.raw)) };
    assert_eq!(valid, (facts.not_before, facts.not_after));
    let key = made(slw_public_key_free, |out, error| unsafe {
        // SAFETY: a handle that lives, and places.
        slw_token_signing_key(handle.raw, out, error)
    });
    let key = key.map(|key| key.and_then(|key| text(&key, slw_public_key_pem)));
    assert_eq!(key, Ok(parts.signing_key.as_ref().map(PoolPublicKey::to_pem)));
}

/// A key: private, public, or in a certificate.
pub(super) fn key(data: &[u8]) {
    let as_text = std::str::from_utf8(data).ok();
    let core = match as_text {
        Some(text) if data.first() != Some(&b'0') => PoolKey::from_pem(&SecretText::from(text)),
        _ => PoolKey::from_der(&SecretBytes::new(data.to_vec())),
    };
    let new = |out: *mut *mut _, error: *mut *mut _| unsafe {
        // SAFETY: the bytes are borrowed for the call, and the places are there.
        slw_private_key_parse(data.as_ptr(), data.len(), out, error)
    };
    let handle = read(slw_private_key_free, new, Some(&core), SLW_ERR_KEY);
    if let (Some(handle), Ok(key)) = (handle, core) {
        let pem = bytes(|out, capacity, len, error| unsafe {
            // SAFETY: a handle that lives, a buffer of this capacity or none, and places.
            slw_private_key_to_pem(handle.raw, out, capacity, len, error)
        });
        assert_eq!(pem.ok(), key.to_pem().ok().map(|pem| pem.expose().as_bytes().to_vec()));
        let public = made(slw_public_key_free, |out, error| unsafe {
            // SAFETY: a handle that lives, and places.
            slw_private_key_public(handle.raw, out, error)
        });
        let kid = public.ok().flatten().and_then(|public| text(&public, slw_public_key_kid));
        assert_eq!(kid, Some(key.public_key().kid()));
    }
    for (function, core) in [
        (slw_public_key_parse as unsafe extern "C" fn(_, _, _, _) -> _, as_text.map(PoolPublicKey::from_pem)),
        (slw_public_key_from_certificate, as_text.map(PoolPublicKey::from_certificate_pem)),
    ] {
        // SAFETY: the text is borrowed for the call, and the places are there.
        let new = |out: *mut *mut _, error: *mut *mut _| unsafe {
            function(data.as_ptr().cast(), data.len(), out, error)
        };
        let handle = read(slw_public_key_free, new, core.as_ref(), SLW_ERR_KEY);
        let (Some(handle), Some(Ok(key))) = (handle, core) else { continue };
        assert_eq!(text(&handle, slw_public_key_kid), Some(key.kid()));
        assert_eq!(text(&handle, slw_public_key_pem), Some(key.to_pem()));
    }
}

/// Bytes that may be a sealed file.
pub(super) fn header(data: &[u8]) {
    let core = inspect(data);
    // SAFETY: the bytes are borrowed for the call, and the places are there.
    let new =
        |out: *mut *mut _, error: *mut *mut _| unsafe { slw_inspect(data.as_ptr(), data.len(), out, error) };
    let handle = read(slw_header_free, new, Some(&core), SLW_ERR_UNSEAL);
    let (Some(handle), Ok(header)) = (handle, core) else { return };
    assert_eq!(text(&handle, slw_header_recipient).as_deref(), Some(header.recipient()));
    assert_eq!(text(&handle, slw_header_signer).as_deref(), header.signer());
    let entries = header.context().iter().map(|(key, value)| (key.to_owned(), Value::from(value)));
    let context = text(&handle, slw_header_context).unwrap_or_default();
    assert_eq!(serde_json::from_str(&context).ok(), Some(Value::Object(entries.collect())));
}

/// A document behind its length, and a policy.
pub(super) fn policy(data: &[u8]) {
    const LIMIT: Duration = Duration::from_millis(200);
    let (document, source) = split_first_part(data);
    let core = std::str::from_utf8(source)
        .ok()
        .map(|source| InitializationPolicy::from_source("policy.rego", source));
    // SAFETY: the text is borrowed for the call, and the places are there.
    let new = |out: *mut *mut _, error: *mut *mut _| unsafe {
        slw_policy_load(source.as_ptr().cast(), source.len(), out, error)
    };
    let handle = read(slw_policy_free, new, core.as_ref(), SLW_ERR_POLICY);
    let (Some(handle), Some(Ok(policy))) = (handle, core) else { return };
    let decision = made(slw_decision_free, |out, error| unsafe {
        // SAFETY: a handle that lives, text that is borrowed for the call, and places.
        let (text, len) = (document.as_ptr().cast(), document.len());
        slw_policy_evaluate(handle.raw, text, len, LIMIT.as_millis() as u32, out, error)
    });
    let Ok(Ok(document)) = std::str::from_utf8(document).map(serde_json::from_str::<Value>) else {
        let status = decision.map(|_| ()).map_err(|fault| fault.status);
        assert!(matches!(status, Err(SLW_ERR_INVALID_ARGUMENT | SLW_ERR_NOT_UTF8)), "{status:?}");
        return;
    };
    let wanted = policy.with_time_limit(LIMIT).evaluate_document(&document, 0);
    // Whether a time limit is met depends on the machine, and what is drawn or told by the clock on the moment.
    let depends = ["time.", "rand.", "uuid.", "opa.runtime"];
    let by_chance =
        std::str::from_utf8(source).is_ok_and(|source| depends.iter().any(|name| source.contains(name)));
    if by_chance || wanted.failure().is_some() {
        assert!(decision.is_ok() || decision.is_err_and(|fault| fault.status == SLW_ERR_POLICY_EVALUATION));
        return;
    }
    let decision = match decision {
        Ok(Some(decision)) => decision,
        Ok(None) => return,
        Err(fault) => return assert_eq!(fault.status, SLW_ERR_POLICY_EVALUATION),
    };
    // SAFETY: a handle that lives.
    let (allowed, reasons) =
        unsafe { (slw_decision_allowed(decision.raw), slw_decision_reason_count(decision.raw)) };
    assert_eq!((allowed, reasons), (wanted.allowed(), wanted.reasons().len()));
    let json = text(&decision, slw_decision_json).and_then(|json| serde_json::from_str::<Value>(&json).ok());
    assert_eq!(json.map(|json| json["reasons"].clone()), Some(Value::from(wanted.reasons().to_vec())));
    // SAFETY: no handle.
    assert!(!unsafe { slw_decision_allowed(std::ptr::null()) }, "what is not there allows nothing");
    // SAFETY: a handle that lives, no text, and no places.
    let nothing = call(|error| unsafe {
        slw_policy_evaluate(handle.raw, std::ptr::null(), 2, 0, std::ptr::null_mut(), error)
    });
    assert_eq!(nothing.map_err(|fault| fault.status), Err(SLW_ERR_NULL));
}
