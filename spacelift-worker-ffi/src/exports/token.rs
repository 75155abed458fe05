//! Worker pool tokens.

#![expect(unsafe_code, reason = "functions of the header: pointers in, a status out")]

use std::ffi::c_char;
use std::ptr;

use spacelift_worker_core::pool::PoolToken;
use spacelift_worker_core::secret::SecretText;

use crate::boundary::{Call, free};
use crate::handles::{PublicKey, slw_error, slw_public_key, slw_token};
use crate::shown::ShownToken;
use crate::status::{SLW_OK, SLW_WOULD_BLOCK, slw_status};

/// Reads a worker pool token, the content of SPACELIFT_TOKEN. Line ends and blanks around it are skipped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_token_parse(
    text: *const c_char,
    text_len: usize,
    token_out: *mut *mut slw_token,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let token_out = call.out_handle(token_out, "token_out")?;
        let text = SecretText::from(call.text(text, text_len, "text")?);
        token_out.set(ShownToken::from(PoolToken::parse(&text)?));
        Ok(SLW_OK)
    })
}

/// Where the broker listens: host and port.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_token_broker_endpoint(
    handle: *const slw_token,
    len_out: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(Some(&handle.broker_endpoint), len_out))
    })
}

/// The pool's ULID.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_token_pool_id(handle: *const slw_token, len_out: *mut usize) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(Some(&handle.pool_id), len_out))
    })
}

/// The first levels of the topics.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_token_namespace(handle: *const slw_token, len_out: *mut usize) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(Some(&handle.namespace), len_out))
    })
}

/// The pool's certificate in PEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_token_certificate_pem(
    handle: *const slw_token,
    len_out: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(Some(&handle.certificate_pem), len_out))
    })
}

/// The common name of the certificate's subject; NULL when it has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_token_common_name(
    handle: *const slw_token,
    len_out: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(handle.common_name.as_ref(), len_out))
    })
}

/// Who signed the broker's certificate, in PEM; NULL: the system's roots.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_token_ca_pem(handle: *const slw_token, len_out: *mut usize) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(handle.ca_pem.as_ref(), len_out))
    })
}

/// From when on the certificate is valid, in Unix seconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_token_not_before(handle: *const slw_token) -> i64 {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(0, |call| Ok(call.shared(handle)?.token.certificate().not_before))
}

/// Up to when the certificate is valid, in Unix seconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_token_not_after(handle: *const slw_token) -> i64 {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(0, |call| Ok(call.shared(handle)?.token.certificate().not_after))
}

/// The control plane's public key; SLW_WOULD_BLOCK and NULL when the token has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_token_signing_key(
    handle: *const slw_token,
    key_out: *mut *mut slw_public_key,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let key_out = call.out_handle(key_out, "key_out")?;
        let token = call.shared(handle)?;
        let Some(key) = &token.token.parts().signing_key else { return Ok(SLW_WOULD_BLOCK) };
        key_out.set(PublicKey::from(key.clone()));
        Ok(SLW_OK)
    })
}

/// Frees a token.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_token_free(handle: *mut slw_token) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}
