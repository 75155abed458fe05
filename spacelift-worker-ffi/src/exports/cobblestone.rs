//! Cobblestone-256 alone: the body of a sealed file, under a key of the caller's.

#![expect(unsafe_code, reason = "functions of the header: pointers in, a status out")]

use spacelift_worker_core::envelope::cobblestone::{Decryptor, Encryptor, plain_len, sealed_len};
use zeroize::Zeroizing;

use crate::boundary::{Call, free};
use crate::failure::Failure;
use crate::handles::{slw_cobblestone_decryptor, slw_cobblestone_encryptor, slw_error};
use crate::status::{SLW_OK, slw_status};
use crate::streams::Stream;

fn key(bytes: &[u8]) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let key = <[u8; 32]>::try_from(bytes).map_err(|_| Failure::invalid("key", "has not 32 bytes"))?;
    Ok(Zeroizing::new(key))
}

/// Encrypts one message under a random key of 32 bytes, for a context of any bytes (c2sp.org/chunked-encryption).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_cobblestone_encryptor_new(
    key: *const u8,
    key_len: usize,
    context: *const u8,
    context_len: usize,
    encryptor_out: *mut *mut slw_cobblestone_encryptor,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let encryptor_out = call.out_handle(encryptor_out, "encryptor_out")?;
        let key = self::key(call.bytes(key, key_len, "key")?)?;
        let context = call.bytes(context, context_len, "context")?;
        encryptor_out.set(Stream::new(Encryptor::new(&key, context)?));
        Ok(SLW_OK)
    })
}

/// Takes input and writes output, as far as either goes.
///
/// The input is plaintext, the output ciphertext.
/// Answers SLW_OK when all of the input was taken, SLW_MORE_OUTPUT when the output buffer is full before
/// that: call again with what is left of the input and with room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_cobblestone_encryptor_update(
    handle: *mut slw_cobblestone_encryptor,
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
pub unsafe extern "C" fn slw_cobblestone_encryptor_finish(
    handle: *mut slw_cobblestone_encryptor,
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
pub unsafe extern "C" fn slw_cobblestone_encryptor_bound(
    handle: *const slw_cobblestone_encryptor,
    input_len: usize,
) -> usize {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(0, |call| Ok(call.exclusive(handle)?.bound(input_len)))
}

/// Frees it and wipes what it holds; before the finish, the stream stays unfinished.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_cobblestone_encryptor_free(handle: *mut slw_cobblestone_encryptor) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}

/// Decrypts one message under its key, for its context.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_cobblestone_decryptor_new(
    key: *const u8,
    key_len: usize,
    context: *const u8,
    context_len: usize,
    decryptor_out: *mut *mut slw_cobblestone_decryptor,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let decryptor_out = call.out_handle(decryptor_out, "decryptor_out")?;
        let key = self::key(call.bytes(key, key_len, "key")?)?;
        let context = call.bytes(context, context_len, "context")?;
        decryptor_out.set(Stream::new(Decryptor::new(&key, context)));
        Ok(SLW_OK)
    })
}

/// Takes input and writes output, as far as either goes.
///
/// The input is ciphertext, the output plaintext of which each chunk is verified; that it is whole, only a finish says.
/// Answers SLW_OK when all of the input was taken, SLW_MORE_OUTPUT when the output buffer is full before
/// that: call again with what is left of the input and with room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_cobblestone_decryptor_update(
    handle: *mut slw_cobblestone_decryptor,
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
pub unsafe extern "C" fn slw_cobblestone_decryptor_finish(
    handle: *mut slw_cobblestone_decryptor,
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
pub unsafe extern "C" fn slw_cobblestone_decryptor_bound(
    handle: *const slw_cobblestone_decryptor,
    input_len: usize,
) -> usize {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::without_error() }.read(0, |call| Ok(call.exclusive(handle)?.bound(input_len)))
}

/// Frees it and wipes what it holds; before the finish, the stream stays unfinished.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn slw_cobblestone_decryptor_free(handle: *mut slw_cobblestone_decryptor) {
    // SAFETY: the handle is NULL or came from this library, as the header asks.
    unsafe { free(handle) };
}

/// Length of the ciphertext of plain_len bytes; 0 from 4 PiB on.
#[unsafe(no_mangle)]
pub extern "C" fn slw_cobblestone_sealed_len(plain_len: u64) -> u64 {
    sealed_len(plain_len).unwrap_or(0)
}

/// Length of the plaintext of a ciphertext of sealed_len bytes; UINT64_MAX when no ciphertext has that length.
#[unsafe(no_mangle)]
pub extern "C" fn slw_cobblestone_plain_len(sealed_len: u64) -> u64 {
    plain_len(sealed_len).unwrap_or(u64::MAX)
}
