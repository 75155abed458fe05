//! Handles: what a pointer of the header points to, and who may use it now.
//!
//! A handle is a slot, and slots are never given back to the allocator: a pointer that was freed still points to a slot, which
//! says so. Slots are taken up again late, so that a pointer that is used too long is noticed with near certainty. A pointer
//! that never came from this library is not.
//!
//! ```text
//! state = kind (32 bits) | users (32 bits)        kind: FREE, DYING, or the tag of a type
//! ```
//!
//! The object goes when its handle was freed and its last user left, whichever comes later.

#![expect(unsafe_code, reason = "a handle comes in as a pointer")]

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::fork;
use crate::failure::Failure;

/// So many freed slots wait before the first of them is taken up again.
const QUARANTINE: usize = 1024;
/// How many slots are made at once.
const BATCH: usize = 64;

const FREE: u32 = 0;
const DYING: u32 = u32::MAX;

const BUSY: u32 = 1;
const POISONED: u32 = 2;

#[derive(Default)]
pub(super) struct Slot {
    state: AtomicU64,
    flags: AtomicU32,
    object: AtomicPtr<()>,
}

/// A type of the header, which is a name for pointers and has no values.
pub(crate) trait Handle {
    /// What a handle of this type stands for.
    type Object: Send + 'static;
    /// [`Shared`] or [`Exclusive`].
    type Access: Access;
    /// Differs from type to type; neither 0 nor `u32::MAX`.
    const TAG: u32;
    /// As in the header.
    const NAME: &'static str;
}

/// How many threads may use a handle at a time.
pub(crate) trait Access {
    /// Whether it is one.
    const EXCLUSIVE: bool;
}

/// Any number, which takes an object that is `Sync`.
pub(crate) struct Shared;
/// One.
pub(crate) struct Exclusive;

impl Access for Shared {
    const EXCLUSIVE: bool = false;
}

impl Access for Exclusive {
    const EXCLUSIVE: bool = true;
}

static FREE_SLOTS: Mutex<VecDeque<&'static Slot>> = Mutex::new(VecDeque::new());

pub(super) type FreeSlots = MutexGuard<'static, VecDeque<&'static Slot>>;

pub(super) fn free_slots() -> FreeSlots {
    FREE_SLOTS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take_slot() -> &'static Slot {
    fork::watch();
    let mut free = free_slots();
    if free.len() <= QUARANTINE {
        let batch: &'static [Slot] = Box::leak((0..BATCH).map(|_| Slot::default()).collect());
        // Before the ones that were used: those wait longest.
        for slot in batch {
            free.push_front(slot);
        }
    }
    // There is one: a batch was just made, or more than the quarantine wait.
    free.pop_front().unwrap_or_else(|| Box::leak(Box::default()))
}

fn word(kind: u32, users: u32) -> u64 {
    u64::from(kind) << 32 | u64::from(users)
}

fn kind(state: u64) -> u32 {
    (state >> 32) as u32
}

/// A handle for an object.
pub(crate) fn new_handle<H: Handle>(object: H::Object) -> *mut H {
    let slot = take_slot();
    slot.object.store(Box::into_raw(Box::new(object)).cast(), Ordering::Relaxed);
    slot.flags.store(0, Ordering::Relaxed);
    slot.state.store(word(H::TAG, 0), Ordering::Release);
    ptr::from_ref(slot).cast_mut().cast()
}

/// The slot behind a handle.
///
/// # Safety
/// `handle` is null, or came from [`new_handle`] at some time.
unsafe fn slot_of<H: Handle>(handle: *const H) -> Option<&'static Slot> {
    let slot = handle.cast::<Slot>();
    if !slot.is_aligned() {
        return None;
    }
    // SAFETY: slots are never given back, and nothing but atomics is in them.
    unsafe { slot.as_ref() }
}

/// An object in use, which nobody drops meanwhile.
pub(crate) struct Using<'c, H: Handle> {
    slot: &'static Slot,
    call: PhantomData<&'c H::Object>,
}

impl<H: Handle> Using<'_, H> {
    /// Enters the object behind a handle.
    ///
    /// # Safety
    /// `handle` is null, or came from [`new_handle`] at some time.
    pub(super) unsafe fn enter(handle: *const H) -> Result<Self, Failure> {
        if handle.is_null() {
            return Err(Failure::null(H::NAME));
        }
        // SAFETY: as the caller promised.
        let slot = unsafe { slot_of(handle) }.ok_or_else(|| Failure::no_handle(H::NAME))?;
        let counted = slot.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, |state| {
            (kind(state) == H::TAG).then(|| state.wrapping_add(1))
        });
        if counted.is_err() {
            return Err(Failure::no_handle(H::NAME));
        }
        // From here on leaving is due, which dropping does; but only who holds the flag gives it back.
        let entered = Self { slot, call: PhantomData };
        if H::Access::EXCLUSIVE && slot.flags.fetch_or(BUSY, Ordering::Acquire) & BUSY != 0 {
            entered.give_up();
            return Err(Failure::busy(H::NAME));
        }
        if slot.flags.load(Ordering::Relaxed) & POISONED != 0 {
            return Err(Failure::poisoned(H::NAME));
        }
        Ok(entered)
    }

    fn give_up(self) {
        leave::<H>(ManuallyDrop::new(self).slot);
    }

    fn object(&self) -> *mut H::Object {
        self.slot.object.load(Ordering::Relaxed).cast()
    }
}

impl<H: Handle> Deref for Using<'_, H> {
    type Target = H::Object;

    fn deref(&self) -> &H::Object {
        // SAFETY: the kind said that the slot holds an object of this type, and while it is counted as used nobody drops it.
        // Exclusive objects are here alone; shared ones are `Sync`, which `Call::shared` asks for.
        unsafe { &*self.object() }
    }
}

impl<H: Handle<Access = Exclusive>> DerefMut for Using<'_, H> {
    fn deref_mut(&mut self) -> &mut H::Object {
        // SAFETY: as for reading; the flag lets one thread at a time in here.
        unsafe { &mut *self.object() }
    }
}

impl<H: Handle> Drop for Using<'_, H> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.slot.flags.fetch_or(POISONED, Ordering::Relaxed);
        }
        if H::Access::EXCLUSIVE {
            self.slot.flags.fetch_and(!BUSY, Ordering::Release);
        }
        leave::<H>(self.slot);
    }
}

fn leave<H: Handle>(slot: &'static Slot) {
    let before = slot.state.fetch_sub(1, Ordering::AcqRel);
    if before == word(DYING, 1) {
        destroy::<H>(slot);
    }
}

/// Gives a handle back. What is no handle of this type, or none any more, is left alone.
///
/// # Safety
/// `handle` is null, or came from [`new_handle`] at some time.
pub(crate) unsafe fn free<H: Handle>(handle: *mut H) {
    // SAFETY: as the caller promised.
    let Some(slot) = (unsafe { slot_of::<H>(handle) }) else { return };
    let dying = slot.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |state| {
        (kind(state) == H::TAG).then(|| word(DYING, state as u32))
    });
    if dying == Ok(word(H::TAG, 0)) {
        destroy::<H>(slot);
    }
}

/// Drops the object of a slot that nobody uses and nobody can enter any more.
fn destroy<H: Handle>(slot: &'static Slot) {
    let object: *mut H::Object = slot.object.swap(ptr::null_mut(), Ordering::Acquire).cast();
    if object.is_null() {
        return;
    }
    // SAFETY: it was boxed by `new_handle` for this type; the swap gives it to one caller.
    let object = unsafe { Box::from_raw(object) };
    // A destructor that panics must not unwind into C.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(object))) {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    }
    slot.state.store(word(FREE, 0), Ordering::Release);
    free_slots().push_back(slot);
}
