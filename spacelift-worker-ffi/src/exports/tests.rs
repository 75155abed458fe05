//! The functions of the header as a C caller uses and misuses them, for the interpreter that looks for undefined behaviour.

#![expect(unsafe_code, reason = "that is how they are called")]

use std::ffi::{CStr, c_char};
use std::ptr;

use super::*;
use crate::handles::{
    slw_cobblestone_decryptor, slw_cobblestone_encryptor, slw_error, slw_masker, slw_token,
};
use crate::status::*;

fn masker() -> *mut slw_masker {
    let mut handle = ptr::null_mut();
    // SAFETY: a place for a handle, and none for an error.
    assert_eq!(unsafe { slw_masker_new(&raw mut handle, ptr::null_mut()) }, SLW_OK);
    handle
}

/// Pushes bytes into a buffer of this many; the status, and what was consumed and written.
fn push(handle: *mut slw_masker, input: &[u8], out: &mut [u8]) -> (slw_status, usize, usize) {
    let (mut consumed, mut written) = (usize::MAX, usize::MAX);
    // SAFETY: the slices are what their pointers and lengths say, and the places are there.
    let status = unsafe {
        slw_masker_push(
            handle,
            input.as_ptr(),
            input.len(),
            &raw mut consumed,
            out.as_mut_ptr(),
            out.len(),
            &raw mut written,
            ptr::null_mut(),
        )
    };
    (status, consumed, written)
}

fn free_masker(handle: *mut slw_masker) {
    // SAFETY: it came from `masker`.
    unsafe { slw_masker_free(handle) };
}

#[test]
fn a_masker_lives_and_masks_in_buffers_of_one_byte() {
    let handle = masker();
    // SAFETY: the secret is borrowed for the call.
    let added = unsafe { slw_masker_add_secret(handle, b"hunter2".as_ptr(), 7, ptr::null_mut()) };
    assert_eq!(added, SLW_OK);
    let (mut all, mut rest) = (Vec::new(), &b"a hunter2."[..]);
    loop {
        let mut out = [0];
        let (status, consumed, written) = push(handle, rest, &mut out);
        all.extend_from_slice(&out[..written]);
        rest = &rest[consumed..];
        if status == SLW_OK {
            break;
        }
        assert_eq!(status, SLW_MORE_OUTPUT);
    }
    assert_eq!(all, b"a *****.");
    free_masker(handle);
}

#[test]
fn a_handle_of_another_type_and_one_that_was_freed_are_noticed() {
    let handle = masker();
    // SAFETY: a handle of this library, of another type.
    unsafe {
        assert!(slw_token_pool_id(handle.cast::<slw_token>(), ptr::null_mut()).is_null());
        slw_token_free(handle.cast());
    }
    assert_eq!(push(handle, b"x", &mut [0; 4]), (SLW_OK, 1, 1));
    free_masker(handle);
    free_masker(handle);
    assert_eq!(push(handle, b"x", &mut [0; 4]), (SLW_ERR_INVALID_HANDLE, 0, 0));
    assert_eq!(push(ptr::null_mut(), b"x", &mut [0; 4]), (SLW_ERR_NULL, 0, 0));
}

#[test]
fn an_error_tells_and_ends() {
    let (mut token, mut error) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: text, and places for a handle and an error.
    unsafe {
        let status = slw_token_parse(c"nonsense!".as_ptr(), 9, &raw mut token, &raw mut error);
        assert_eq!((status, token.is_null()), (SLW_ERR_TOKEN, true));
        let mut len = 0;
        let message = slw_error_message(error, &raw mut len);
        assert_eq!(CStr::from_ptr(message).to_bytes().len(), len);
        assert_eq!(slw_error_status(error), SLW_ERR_TOKEN);
        slw_error_free(error);
        assert!(slw_error_message(error, &raw mut len).is_null());
        assert_eq!(len, 0);
        let bad = [0xff_u8];
        let status = slw_token_parse(bad.as_ptr().cast::<c_char>(), 1, &raw mut token, &raw mut error);
        assert_eq!(status, SLW_ERR_NOT_UTF8);
        slw_error_free(error);
    }
}

#[test]
fn buffers_that_overlap_are_refused_before_they_are_looked_at() {
    let (handle, mut bytes) = (masker(), [7_u8; 16]);
    let (mut consumed, mut written, start) = (0, 0, bytes.as_mut_ptr());
    // SAFETY: both ranges lie within the array, and the function is to notice that they meet.
    let status = unsafe {
        slw_masker_push(
            handle,
            start,
            9,
            &raw mut consumed,
            start.add(8),
            8,
            &raw mut written,
            ptr::null_mut(),
        )
    };
    assert_eq!(status, SLW_ERR_INVALID_ARGUMENT);
    assert_eq!(bytes, [7; 16]);
    free_masker(handle);
}

#[test]
fn a_message_goes_there_and_back() {
    let (mut encryptor, mut decryptor): (*mut slw_cobblestone_encryptor, *mut slw_cobblestone_decryptor) =
        (ptr::null_mut(), ptr::null_mut());
    let (key, mut sealed, mut plain) = ([7_u8; 32], [0_u8; 200], [0_u8; 200]);
    let (mut consumed, mut written, mut len) = (0, 0, 0);
    let (none, no_error) = (ptr::null(), ptr::null_mut());
    // SAFETY: the arrays are what their pointers and lengths say, and the places are there.
    unsafe {
        assert_eq!(
            slw_cobblestone_encryptor_new(key.as_ptr(), 32, none, 0, &raw mut encryptor, no_error),
            SLW_OK
        );
        let status = slw_cobblestone_encryptor_update(
            encryptor,
            b"plain".as_ptr(),
            5,
            &raw mut consumed,
            sealed.as_mut_ptr(),
            200,
            &raw mut len,
            no_error,
        );
        assert_eq!((status, consumed), (SLW_OK, 5));
        let end = sealed.as_mut_ptr().add(len);
        assert_eq!(
            slw_cobblestone_encryptor_finish(encryptor, end, 200 - len, &raw mut written, no_error),
            SLW_OK
        );
        len += written;
        assert_eq!(len as u64, slw_cobblestone_sealed_len(5));
        assert_eq!(
            slw_cobblestone_decryptor_new(key.as_ptr(), 32, none, 0, &raw mut decryptor, no_error),
            SLW_OK
        );
        let status = slw_cobblestone_decryptor_update(
            decryptor,
            sealed.as_ptr(),
            len,
            &raw mut consumed,
            plain.as_mut_ptr(),
            200,
            &raw mut written,
            no_error,
        );
        assert_eq!((status, consumed, written), (SLW_OK, len, 0));
        let out = plain.as_mut_ptr();
        assert_eq!(slw_cobblestone_decryptor_finish(decryptor, out, 200, &raw mut written, no_error), SLW_OK);
        assert_eq!(&plain[..written], b"plain");
        slw_cobblestone_encryptor_free(encryptor);
        slw_cobblestone_decryptor_free(decryptor);
    }
}

#[cfg(feature = "test-hooks")]
#[test]
fn a_panic_is_an_error_and_poisons_its_handle_alone() {
    let (handle, other) = (masker(), masker());
    let mut error: *mut slw_error = ptr::null_mut();
    // SAFETY: a handle, and a place for an error.
    unsafe {
        assert_eq!(slw_test_panic(handle, &raw mut error), SLW_ERR_PANIC);
        slw_error_free(error);
    }
    assert_eq!(push(handle, b"x", &mut [0; 4]).0, SLW_ERR_POISONED);
    assert_eq!(push(other, b"x", &mut [0; 4]).0, SLW_OK);
    free_masker(handle);
    free_masker(other);
}

#[test]
fn one_thread_at_a_time_is_in_an_exclusive_handle_and_a_free_waits_for_it() {
    struct Shared(*mut slw_masker);
    // SAFETY: a handle may be used by any thread; that two of them are in it is what is tried.
    unsafe impl Sync for Shared {}
    impl Shared {
        fn get(&self) -> *mut slw_masker {
            self.0
        }
    }
    let shared = Shared(masker());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let (status, ..) = push(shared.get(), b"some bytes", &mut [0; 64]);
                    assert!([SLW_OK, SLW_ERR_BUSY, SLW_ERR_INVALID_HANDLE].contains(&status), "{status}");
                }
            });
        }
        scope.spawn(|| free_masker(shared.get()));
    });
    assert_eq!(push(shared.get(), b"x", &mut [0; 4]).0, SLW_ERR_INVALID_HANDLE);
}
