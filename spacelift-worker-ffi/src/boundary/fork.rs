//! Notices that this process is the child of a `fork`.
//!
//! A child has one thread: those of a runtime are gone, and a lock that another thread held stays locked for ever. The
//! locks of this library are therefore taken around a fork, and a counter tells handles that have threads that theirs are gone.

#![expect(unsafe_code, reason = "pthread_atfork takes functions of C")]

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use spacelift_worker_core::policy::{PoliciesRest, policies_rest};

use super::slot::{self, FreeSlots};

static GENERATION: AtomicU32 = AtomicU32::new(0);
static WATCHING: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Held from before a fork until after it, by the thread that forks.
    static HELD: RefCell<Option<(FreeSlots, PoliciesRest)>> = const { RefCell::new(None) };
}

/// How many forks lie between the process that loaded the library and this one.
#[cfg(feature = "session")]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Watches for forks from now on; once is enough.
pub(super) fn watch() {
    if cfg!(miri) || WATCHING.swap(true, Ordering::AcqRel) {
        return;
    }
    // SAFETY: the three functions are of the library, which takes them back when it is unloaded; none of them unwinds.
    // Without memory for it, forks go unnoticed, as they would without this library.
    let _ = unsafe { libc::pthread_atfork(Some(before), Some(after), Some(in_child)) };
}

extern "C" fn before() {
    let _ = HELD.try_with(|held| held.replace(Some((slot::free_slots(), policies_rest()))));
}

extern "C" fn after() {
    let _ = HELD.try_with(RefCell::take);
}

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    after();
}
