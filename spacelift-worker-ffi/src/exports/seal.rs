//! Sealing: options, streams, files.

#![expect(unsafe_code, reason = "functions of the header: pointers in, a status out")]

use std::ffi::c_char;
use std::path::Path;

use spacelift_worker_core::files::seal_file;

use crate::boundary::{Call, free};
use crate::choices::SealChoices;
use crate::handles::{slw_error, slw_private_key, slw_public_key, slw_seal_options, slw_sealer};
use crate::status::{SLW_OK, slw_status};
use crate::streams::Stream;

/// Options of sealing: a recipient, a context, and who signs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_seal_options_new(
    options_out: *mut *mut slw_seal_options,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.out_handle(options_out, "options_out")?.set(SealChoices::default());
        Ok(SLW_OK)
    })
}

/// To whom it is sealed. The format has room for one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_seal_options_add_recipient(
    handle: *mut slw_seal_options,
    key: *const slw_public_key,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let key = call.shared(key)?.key.clone();
        call.exclusive(handle)?.add_recipient(key)?;
        Ok(SLW_OK)
    })
}

/// One entry of what it is for: public, authenticated, and expected exactly by who opens it. At most 16; a key has 1 to 32
/// characters out of a-z and _, a value 1 to 256 printable ASCII characters without quote and backslash.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_seal_options_add_context(
    handle: *mut slw_seal_options,
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

/// Who signs it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_seal_options_set_signer(
    handle: *mut slw_seal_options,
    key: *const slw_private_key,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let key = (*call.shared(key)?).clone();
        call.exclusive(handle)?.set_signer(Some(key));
        Ok(SLW_OK)
    })
}

/// Nobody signs it: whoever knows the recipient's public key may have made it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_seal_options_set_unsigned(
    handle: *mut slw_seal_options,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.exclusive(handle)?.set_signer(None);
        Ok(SLW_OK)
    })
}

/// The length of the plaintext in bytes. Another length is an error then, and the sealed length is known beforehand.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_seal_options_set_plain_len(
    handle: *mut slw_seal_options,
    plain_len: u64,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        call.exclusive(handle)?.plain_len = Some(plain_len);
        Ok(SLW_OK)
    })
}

/// The length in bytes of a plaintext of plain_len bytes once it is sealed with these options.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_seal_options_sealed_len(
    handle: *const slw_seal_options,
    plain_len: u64,
    sealed_len_out: *mut u64,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let sealed_len_out = call.out(sealed_len_out, "sealed_len_out")?;
        sealed_len_out.set(call.exclusive(handle)?.ready()?.sealed_len(plain_len)?);
        Ok(SLW_OK)
    })
}

/// Frees options. What was made with them lives on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_seal_options_free(handle: *mut slw_seal_options) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}

/// A sealer for one plaintext. The options may be used again; each sealer draws a key of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_sealer_new(
    options: *const slw_seal_options,
    sealer_out: *mut *mut slw_sealer,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let sealer_out = call.out_handle(sealer_out, "sealer_out")?;
        let options = call.exclusive(options)?;
        sealer_out.set(Stream::new(options.ready()?.sealer(options.plain_len)?));
        Ok(SLW_OK)
    })
}

/// Takes input and writes output, as far as either goes.
///
/// The input is plaintext, the output sealed.
/// Answers SLW_OK when all of the input was taken, SLW_MORE_OUTPUT when the output buffer is full before
/// that: call again with what is left of the input and with room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_sealer_update(
    handle: *mut slw_sealer,
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
pub unsafe extern "C" fn slw_sealer_finish(
    handle: *mut slw_sealer,
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
pub unsafe extern "C" fn slw_sealer_bound(handle: *const slw_sealer, input_len: usize) -> usize {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(0, |call| Ok(call.exclusive(handle)?.bound(input_len)))
}

/// Frees it and wipes what it holds; before the finish, the stream stays unfinished.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_sealer_free(handle: *mut slw_sealer) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}

/// Seals a file into another, which appears whole or not at all and which only its owner may read. sealed_len_out, which
/// may be NULL, gets its length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_seal_file(
    options: *const slw_seal_options,
    source: *const c_char,
    source_len: usize,
    target: *const c_char,
    target_len: usize,
    sealed_len_out: *mut u64,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let sealed_len_out = call.out_or_none(sealed_len_out);
        let source = Path::new(call.text(source, source_len, "source")?);
        let target = Path::new(call.text(target, target_len, "target")?);
        let options = call.exclusive(options)?;
        let options = options.ready()?;
        sealed_len_out.set(seal_file(source, target, |len| options.sealer(Some(len)))?);
        Ok(SLW_OK)
    })
}
