//! A call that panics, for the tests of the boundary. It is not in the header.

#![expect(unsafe_code, reason = "functions of the header: pointers in, a status out")]

use crate::boundary::Call;
use crate::handles::{slw_error, slw_masker};
use crate::status::slw_status;

/// Panics in a masker.
#[unsafe(no_mangle)]
#[expect(clippy::panic, reason = "that is what it is for")]
pub unsafe extern "C" fn slw_test_panic(
    handle: *mut slw_masker,
    error_out: *mut *mut slw_error,
) -> slw_status {
    // SAFETY: the caller keeps the rules of the header for every pointer of this call.
    unsafe { Call::begin(error_out) }.run(|call| {
        let _masker = call.exclusive(handle)?;
        panic!("on purpose");
    })
}
