//! One call of a function of the header, and what holds for each: a place for a result is set in any case, an error is there
//! when the status says so and only then, a text is as long as it says, and no panic was behind it.

#![expect(unsafe_code, reason = "functions of the header are called as a C program calls them")]

use std::ffi::{CStr, c_char};
use std::ptr;

use serde_json::Value;
use spacelift_worker_ffi::*;

/// What a call that failed says of itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) status: slw_status,
    pub(super) message: String,
}

/// What a call answers that did not fail.
pub(super) type Answer = Result<slw_status, Fault>;

/// Calls with a place for an error.
pub(super) fn call(function: impl FnOnce(*mut *mut slw_error) -> slw_status) -> Answer {
    // What was in the place is to be gone, whatever the call answers.
    let mut error = ptr::dangling_mut();
    let status = function(&raw mut error);
    // SAFETY: names are constants with a NUL.
    let name = unsafe { CStr::from_ptr(slw_status_name(status)) };
    assert_ne!(name, c"SLW_UNKNOWN", "{status}");
    assert_ne!(status, SLW_ERR_PANIC, "a panic");
    if status >= 0 {
        assert!(error.is_null(), "an error beside {name:?}");
        return Ok(status);
    }
    assert!(!error.is_null(), "no error beside {name:?}");
    let error = Owned { raw: error, free: slw_error_free };
    // SAFETY: the handle of an error, in this block.
    unsafe {
        assert_eq!(slw_error_status(error.raw), status);
        let causes = slw_error_cause_count(error.raw);
        for index in 0..=causes {
            assert_eq!(slw_error_cause(error.raw, index, ptr::null_mut()).is_null(), index == causes);
        }
    }
    let details = text(&error, slw_error_details).unwrap_or_default();
    assert!(serde_json::from_str::<Value>(&details).is_ok_and(|details| details.is_object()), "{details}");
    let message = text(&error, slw_error_message).unwrap_or_default();
    assert!(!message.is_empty(), "{name:?} says nothing");
    Err(Fault { status, message })
}

/// Frees a handle.
pub(super) type Free<H> = unsafe extern "C" fn(*mut H);

/// A handle that is freed.
pub(super) struct Owned<H> {
    pub(super) raw: *mut H,
    pub(super) free: Free<H>,
}

impl<H> Drop for Owned<H> {
    fn drop(&mut self) {
        // SAFETY: the handle came from the library, and this is its type's own function.
        unsafe { (self.free)(self.raw) };
    }
}

/// Calls with a place for a handle, which is set exactly when the answer is `SLW_OK`.
pub(super) fn made<H>(
    free: Free<H>,
    function: impl FnOnce(*mut *mut H, *mut *mut slw_error) -> slw_status,
) -> Result<Option<Owned<H>>, Fault> {
    let mut handle = ptr::dangling_mut();
    let answer = call(|error| function(&raw mut handle, error));
    assert_eq!(handle.is_null(), answer != Ok(SLW_OK), "a handle beside {answer:?}");
    Ok(answer?).map(|_| (!handle.is_null()).then_some(Owned { raw: handle, free }))
}

/// A text that a handle has.
pub(super) fn text<H>(
    handle: &Owned<H>,
    get: unsafe extern "C" fn(*const H, *mut usize) -> *const c_char,
) -> Option<String> {
    let mut len = usize::MAX;
    // SAFETY: a handle of this type, and a place for a length or none.
    let (text, again) = unsafe { (get(handle.raw, &raw mut len), get(handle.raw, ptr::null_mut())) };
    assert_eq!(text, again, "another text");
    // SAFETY: null is a handle that each function takes.
    assert!(unsafe { get(ptr::null(), ptr::null_mut()) }.is_null());
    if text.is_null() {
        assert_eq!(len, 0);
        return None;
    }
    // SAFETY: a text has as many bytes as the function said and a NUL behind them, as long as its handle lives.
    let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), len + 1) };
    let (end, bytes) = bytes.split_last().unwrap_or((&1, &[]));
    assert_eq!(*end, 0, "no NUL behind a text");
    let text = std::str::from_utf8(bytes);
    assert!(text.is_ok(), "a text that is no UTF-8");
    text.ok().map(str::to_owned)
}

/// Bytes that a call gives all at once: too small a buffer gets none of them, and learns how many there are.
pub(super) fn bytes(
    function: impl Fn(*mut u8, usize, *mut usize, *mut *mut slw_error) -> slw_status,
) -> Result<Vec<u8>, Fault> {
    let mut len = usize::MAX;
    let first = call(|error| function(ptr::null_mut(), 0, &raw mut len, error))?;
    if first != SLW_MORE_OUTPUT {
        assert!(len == 0, "{len} bytes without a buffer");
        return Ok(Vec::new());
    }
    let mut short = vec![MARK; len - 1];
    let mut said = 0;
    let answer = call(|error| function(short.as_mut_ptr(), short.len(), &raw mut said, error));
    // Where a key signs or a seed is drawn the length may differ by a byte or two.
    if answer == Ok(SLW_MORE_OUTPUT) {
        assert!(short.iter().all(|byte| *byte == MARK), "half of them were written");
    }
    let mut all = vec![MARK; len + 64];
    let answer = call(|error| function(all.as_mut_ptr(), all.len(), &raw mut said, error));
    assert_eq!(answer, Ok(SLW_OK));
    assert!(all.iter().skip(said).all(|byte| *byte == MARK), "more was written than said");
    all.truncate(said);
    Ok(all)
}

/// What buffers are filled with before a call.
pub(super) const MARK: u8 = 0xa5;
