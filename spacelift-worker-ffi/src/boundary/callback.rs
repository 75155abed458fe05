//! A callback of the host: one call at a time, none after it was taken back, its data dropped once.

#![expect(unsafe_code, reason = "a callback is a function of C with a pointer of its own")]

use std::cell::Cell;
use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Drops the data of a callback.
pub(crate) type DropFn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// What a callback gets beside its data.
#[derive(Clone, Copy)]
pub(crate) enum Invoke {
    Wake(unsafe extern "C" fn(user_data: *mut c_void)),
    Log(unsafe extern "C" fn(line: *const c_char, len: usize, user_data: *mut c_void)),
}

/// Function and data.
struct Registered {
    invoke: Invoke,
    user_data: *mut c_void,
    drop: DropFn,
}

// SAFETY: the header says that a callback comes from any thread, and that its data goes there with it.
unsafe impl Send for Registered {}

impl Drop for Registered {
    fn drop(&mut self) {
        if let Some(drop) = self.drop {
            // SAFETY: the host gave this function for this data, and it is called here alone, once.
            unsafe { drop(self.user_data) };
        }
    }
}

/// A callback that was given and perhaps taken back.
pub(crate) struct Callback {
    registered: Mutex<Option<Registered>>,
    /// Taken back from inside of itself: the call that runs is the last one.
    retired: AtomicBool,
}

thread_local! {
    /// The callback that runs on this thread.
    static INSIDE: Cell<usize> = const { Cell::new(0) };
}

impl Callback {
    pub(crate) fn new(invoke: Invoke, user_data: *mut c_void, drop: DropFn) -> Self {
        let registered = Registered { invoke, user_data, drop };
        Self { registered: Mutex::new(Some(registered)), retired: AtomicBool::new(false) }
    }

    fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Calls it, unless it was taken back.
    pub(crate) fn call(&self, line: &[u8]) {
        if INSIDE.get() == self.id() {
            return;
        }
        let mut registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Registered { invoke, user_data, .. }) = &*registered else { return };
        let outer = INSIDE.replace(self.id());
        match invoke {
            // SAFETY: the host gave this function for this data, which is dropped under this lock alone.
            Invoke::Wake(wake) => unsafe { wake(*user_data) },
            // SAFETY: likewise; the line is there while the call lasts.
            Invoke::Log(log) => unsafe { log(line.as_ptr().cast(), line.len(), *user_data) },
        }
        INSIDE.set(outer);
        if self.retired.load(Ordering::Relaxed) {
            *registered = None;
        }
    }

    /// Takes it back: when this returns it does not run, unless this is called from inside of it.
    pub(crate) fn retire(&self) {
        if INSIDE.get() == self.id() {
            self.retired.store(true, Ordering::Relaxed);
        } else {
            *self.registered.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}
