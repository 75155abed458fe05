//! Unsealing: options, streams, files, ranges, headers.

#![expect(unsafe_code, reason = "functions of the header: pointers in, a status out")]

use std::ffi::c_char;
use std::fs::File;
use std::path::Path;
use std::ptr;

use spacelift_worker_core::envelope::{inspect, unseal_range};
use spacelift_worker_core::files::unseal_file;

use crate::boundary::{Call, free};
use crate::choices::UnsealChoices;
use crate::failure::Failure;
use crate::handles::{
    slw_error, slw_header, slw_private_key, slw_public_key, slw_unseal_options, slw_unsealer,
};
use crate::shown::ShownHeader;
use crate::status::{SLW_ERR_IO, SLW_OK, slw_status};
use crate::streams::Stream;

/// Options of unsealing: keys, the expected context, and whom to trust. There is no default for the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_unseal_options_new(
    options_out: *mut *mut slw_unseal_options,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.out_handle(options_out, "options_out")?.set(UnsealChoices::default());
        Ok(SLW_OK)
    })
}

/// A private key that the reader has; after a rotation there are several.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_unseal_options_add_key(
    handle: *mut slw_unseal_options,
    key: *const slw_private_key,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let key = (*call.shared(key)?).clone();
        call.exclusive(handle)?.add_key(key);
        Ok(SLW_OK)
    })
}

/// One entry of what the file must be for. The file's context must be these entries, no more and no fewer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_unseal_options_add_context(
    handle: *mut slw_unseal_options,
    key: *const c_char,
    key_len: usize,
    value: *const c_char,
    value_len: usize,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let (key, value) = (call.text(key, key_len, "key")?, call.text(value, value_len, "value")?);
        call.exclusive(handle)?.add_context(key, value)?;
        Ok(SLW_OK)
    })
}

/// The file must be signed by this key, or by another that is added.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_unseal_options_add_signer(
    handle: *mut slw_unseal_options,
    key: *const slw_public_key,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let key = call.shared(key)?.key.clone();
        call.exclusive(handle)?.add_signer(key)?;
        Ok(SLW_OK)
    })
}

/// The file must be signed by the key to which it is sealed: a workspace.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_unseal_options_set_signed_by_recipient(
    handle: *mut slw_unseal_options,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.exclusive(handle)?.set_signed_by_recipient()?;
        Ok(SLW_OK)
    })
}

/// Nobody signed the file, and whoever knows the recipient's public key may have made it; a signed one is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_unseal_options_set_unsigned(
    handle: *mut slw_unseal_options,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.exclusive(handle)?.set_unsigned()?;
        Ok(SLW_OK)
    })
}

/// Frees options. What was made with them lives on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_unseal_options_free(handle: *mut slw_unseal_options) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}

/// An unsealer for one sealed file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_unsealer_new(
    options: *const slw_unseal_options,
    unsealer_out: *mut *mut slw_unsealer,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let unsealer_out = call.out_handle(unsealer_out, "unsealer_out")?;
        unsealer_out.set(Stream::new(call.exclusive(options)?.unsealer()?));
        Ok(SLW_OK)
    })
}

/// Takes input and writes output, as far as either goes.
///
/// The input is sealed, the output plaintext of which each chunk is verified; that it is whole, only a finish says.
/// Answers SLW_OK when all of the input was taken, SLW_MORE_OUTPUT when the output buffer is full before
/// that: call again with what is left of the input and with room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_unsealer_update(
    handle: *mut slw_unsealer,
    input: *const u8,
    input_len: usize,
    consumed_out: *mut usize,
    out: *mut u8,
    out_capacity: usize,
    written_out: *mut usize,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.step((input, input_len, consumed_out), (out, out_capacity, written_out), |input, out| {
            call.exclusive(handle)?.update(input, out)
        })
    })
}

/// Ends the stream: call it until it answers SLW_OK. Only then is the output whole.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_unsealer_finish(
    handle: *mut slw_unsealer,
    out: *mut u8,
    out_capacity: usize,
    written_out: *mut usize,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }
        .run(|call| call.end((out, out_capacity, written_out), |out| call.exclusive(handle)?.finish(out)))
}

/// The room with which an update of so many bytes never answers SLW_MORE_OUTPUT; with 0, a finish.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_unsealer_bound(handle: *const slw_unsealer, input_len: usize) -> usize {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(0, |call| Ok(call.exclusive(handle)?.bound(input_len)))
}

/// Frees it and wipes what it holds; before the finish, the stream stays unfinished.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_unsealer_free(handle: *mut slw_unsealer) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}

/// Unseals a file into another, which appears when all of it was verified, or not at all. plain_len_out, which may be NULL,
/// gets its length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_unseal_file(
    options: *const slw_unseal_options,
    source: *const c_char,
    source_len: usize,
    target: *const c_char,
    target_len: usize,
    plain_len_out: *mut u64,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let plain_len_out = call.out_or_none(plain_len_out);
        let source = Path::new(call.text(source, source_len, "source")?);
        let target = Path::new(call.text(target, target_len, "target")?);
        let unsealer = call.exclusive(options)?.unsealer()?;
        plain_len_out.set(unseal_file(source, target, unsealer)?);
        Ok(SLW_OK)
    })
}

/// Exactly range_len bytes of plaintext from offset on, out of a sealed file of any length: the head, the last chunk and what
/// the range touches are read and verified. A range past the end is SLW_ERR_RANGE, never a short read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_unseal_range(
    options: *const slw_unseal_options,
    source: *const c_char,
    source_len: usize,
    offset: u64,
    range_len: usize,
    out: *mut u8,
    out_capacity: usize,
    written_out: *mut usize,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let written_out = call.out(written_out, "written_out")?;
        let source = call.text(source, source_len, "source")?;
        let unsealer = call.exclusive(options)?.unsealer()?;
        let file = File::open(Path::new(source)).map_err(|error| Failure::of(SLW_ERR_IO, &error))?;
        let plain = unseal_range(file, unsealer, offset, range_len as u64)?;
        call.give_bytes(plain.expose(), (out, out_capacity), &written_out)
    })
}

/// Reads the header at the beginning of sealed bytes. Nothing is verified.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_inspect(
    sealed: *const u8,
    sealed_len: usize,
    header_out: *mut *mut slw_header,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let header_out = call.out_handle(header_out, "header_out")?;
        header_out.set(ShownHeader::from(inspect(call.bytes(sealed, sealed_len, "sealed")?)?));
        Ok(SLW_OK)
    })
}

/// The kid of the key that it is sealed to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_header_recipient(
    handle: *const slw_header,
    len_out: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(Some(&handle.recipient), len_out))
    })
}

/// The kid of the key that it claims to be signed by; NULL when nobody signed it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_header_signer(handle: *const slw_header, len_out: *mut usize) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(handle.signer.as_ref(), len_out))
    })
}

/// What it claims to be for: a JSON object of texts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_header_context(handle: *const slw_header, len_out: *mut usize) -> *const c_char {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(ptr::null(), |call| {
        call.give_text(None, len_out);
        let handle = call.shared(handle)?;
        Ok(call.give_text(Some(&handle.context), len_out))
    })
}

/// Frees a header.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_header_free(handle: *mut slw_header) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}
