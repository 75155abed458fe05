//! Keeps the host's signals off the threads of this library.
//!
//! A signal that is sent to a process goes to any thread that does not block it; those of Go, Python and the JVM have to
//! get theirs. No handler is ever installed here.

#![expect(unsafe_code, reason = "the signal mask of a thread is set by functions of C")]

use std::mem::MaybeUninit;

/// Blocks every signal on this thread, for good.
pub(crate) fn block_signals() {
    let _ = replace_mask(None);
}

/// Does something with every signal blocked: threads that are started meanwhile inherit that.
pub(crate) fn with_signals_blocked<T>(work: impl FnOnce() -> T) -> T {
    let before = replace_mask(None);
    let result = work();
    if before.is_some() {
        let _ = replace_mask(before);
    }
    result
}

/// Sets the mask of this thread, to everything where none is given, and gives the one before.
fn replace_mask(mask: Option<libc::sigset_t>) -> Option<libc::sigset_t> {
    let mut before = MaybeUninit::uninit();
    let mut every = MaybeUninit::uninit();
    // SAFETY: both sets are places for a set; `sigfillset` and a `pthread_sigmask` that succeeds fill the one that they get.
    unsafe {
        let mask = match mask {
            Some(mask) => mask,
            None if libc::sigfillset(every.as_mut_ptr()) == 0 => every.assume_init(),
            None => return None,
        };
        (libc::pthread_sigmask(libc::SIG_SETMASK, &raw const mask, before.as_mut_ptr()) == 0)
            .then(|| before.assume_init())
    }
}
