//! Another static library in Rust, which panics and catches it.

use std::panic::catch_unwind;

/// One more, or nothing where that panics.
#[unsafe(no_mangle)]
pub extern "C" fn other_checked(number: u32) -> u32 {
    catch_unwind(|| {
        assert!(number != 7, "this panic is on purpose");
        number + 1
    })
    .unwrap_or(0)
}
