//! One call from C: its panics caught, its outputs cleared, its pointers turned into what safe code takes.
//!
//! `Call::begin` is where the caller's promise is taken: from there on the pointers of this call are what the header says,
//! so that what takes them is safe.

#![expect(unsafe_code, reason = "arguments come in as pointers")]

use std::any::Any;
use std::ffi::c_char;
#[cfg(feature = "session")]
use std::ffi::{CStr, OsStr, OsString};
use std::ops::Range;
#[cfg(feature = "session")]
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use super::slot::{Exclusive, Handle, Shared, Using, new_handle};
use crate::failure::Failure;
use crate::handles::slw_error;
use crate::status::{SLW_MORE_OUTPUT, SLW_OK, slw_status};
use crate::streams::Step;
use crate::text::CText;

/// A call whose pointers keep the rules of the header.
pub(crate) struct Call {
    error_out: *mut *mut slw_error,
}

impl Call {
    /// Takes the caller's promise and clears its error.
    ///
    /// # Safety
    /// The pointers with which the function was called keep the rules of the header: each is null or points to what its
    /// type and name say, and stays valid until the function returns.
    pub(crate) unsafe fn begin(error_out: *mut *mut slw_error) -> Self {
        if !error_out.is_null() {
            // SAFETY: not null, so it points to a place for an error.
            unsafe { error_out.write(std::ptr::null_mut()) };
        }
        Self { error_out }
    }

    /// A call that has no error to give.
    ///
    /// # Safety
    /// As [`Call::begin`]
    pub(crate) unsafe fn without_error() -> Self {
        Self { error_out: std::ptr::null_mut() }
    }

    /// Reads something: whatever goes wrong, it answers `otherwise`.
    pub(crate) fn read<T>(self, otherwise: T, work: impl FnOnce(&Self) -> Result<T, Failure>) -> T {
        match catch_unwind(AssertUnwindSafe(|| work(&self))) {
            Ok(Ok(value)) => value,
            Ok(Err(_)) => otherwise,
            Err(payload) => {
                drop_quietly(payload);
                otherwise
            }
        }
    }

    /// Does the work. Whatever goes wrong, a panic too, becomes a status and an error.
    pub(crate) fn run(self, work: impl FnOnce(&Self) -> Result<slw_status, Failure>) -> slw_status {
        let failure = match catch_unwind(AssertUnwindSafe(|| work(&self))) {
            Ok(Ok(status)) => return status,
            Ok(Err(failure)) => failure,
            Err(payload) => Failure::panic(payload_text(payload)),
        };
        let status = failure.status;
        if !self.error_out.is_null() {
            let error = new_handle::<slw_error>(failure);
            // SAFETY: not null, so it points to a place for an error.
            unsafe { self.error_out.write(error) };
        }
        status
    }

    /// A handle that any number of threads may use.
    pub(crate) fn shared<H>(&self, handle: *const H) -> Result<Using<'_, H>, Failure>
    where
        H: Handle<Access = Shared>,
        H::Object: Sync,
    {
        // SAFETY: the caller's promise.
        unsafe { Using::enter(handle) }
    }

    /// A handle that this call has for itself.
    pub(crate) fn exclusive<H: Handle<Access = Exclusive>>(
        &self,
        handle: *const H,
    ) -> Result<Using<'_, H>, Failure> {
        // SAFETY: the caller's promise.
        unsafe { Using::enter(handle) }
    }

    /// A place for a result, cleared.
    pub(crate) fn out<T: Copy + Default>(
        &self,
        place: *mut T,
        name: &'static str,
    ) -> Result<Out<T>, Failure> {
        if place.is_null() {
            return Err(Failure::null(name));
        }
        // SAFETY: not null, so it points to a place for a value of its type.
        unsafe { place.write(T::default()) };
        Ok(Out(place))
    }

    /// A place for a result that the caller may leave out, cleared.
    pub(crate) fn out_or_none<T: Copy + Default>(&self, place: *mut T) -> Out<T> {
        if !place.is_null() {
            // SAFETY: not null, so it points to a place for a value of its type.
            unsafe { place.write(T::default()) };
        }
        Out(place)
    }

    /// A place for a handle, cleared.
    pub(crate) fn out_handle<H: Handle>(
        &self,
        place: *mut *mut H,
        name: &'static str,
    ) -> Result<OutHandle<H>, Failure> {
        if place.is_null() {
            return Err(Failure::null(name));
        }
        // SAFETY: not null, so it points to a place for a handle.
        unsafe { place.write(std::ptr::null_mut()) };
        Ok(OutHandle(place))
    }

    /// Places for handles, one behind the other, cleared.
    #[cfg(feature = "session")]
    pub(crate) fn out_handles<H: Handle>(
        &self,
        places: *mut *mut H,
        count: usize,
        name: &'static str,
    ) -> Result<Vec<OutHandle<H>>, Failure> {
        if places.is_null() {
            return Err(Failure::null(name));
        }
        check_len(count.saturating_mul(size_of::<*mut H>()), name)?;
        // SAFETY: not null, and the first of this many places, whose length an object can have.
        (0..count).map(|at| self.out_handle(unsafe { places.add(at) }, name)).collect()
    }

    /// Bytes; null with a length of 0 is none.
    pub(crate) fn bytes(&self, bytes: *const u8, len: usize, name: &'static str) -> Result<&[u8], Failure> {
        if len == 0 {
            return Ok(&[]);
        }
        if bytes.is_null() {
            return Err(Failure::null(name));
        }
        check_len(len, name)?;
        // SAFETY: not null, and of this length; it stays so while the call lasts, for which it is borrowed.
        Ok(unsafe { slice::from_raw_parts(bytes, len) })
    }

    /// Text in UTF-8.
    pub(crate) fn text(&self, text: *const c_char, len: usize, name: &'static str) -> Result<&str, Failure> {
        let bytes = self.bytes(text.cast(), len, name)?;
        std::str::from_utf8(bytes).map_err(|error| Failure::not_utf8(name, error.valid_up_to()))
    }

    /// The arguments of `main`.
    #[cfg(feature = "session")]
    pub(crate) fn arguments(
        &self,
        count: i32,
        arguments: *const *const c_char,
    ) -> Result<Vec<OsString>, Failure> {
        if arguments.is_null() {
            return Err(Failure::null("arguments"));
        }
        let count = usize::try_from(count).map_err(|_| Failure::invalid("argument_count", "is negative"))?;
        // SAFETY: not null, and of this length, as `main` got them.
        let arguments = unsafe { slice::from_raw_parts(arguments, count) };
        let text = |argument: &*const c_char| {
            if argument.is_null() {
                return Err(Failure::null("arguments"));
            }
            // SAFETY: not null, and with a NUL at its end, as `main` got them.
            let text = unsafe { CStr::from_ptr(*argument) };
            Ok(OsStr::from_bytes(text.to_bytes()).to_owned())
        };
        arguments.iter().map(text).collect()
    }

    /// A buffer for bytes, which has no byte in common with `input`.
    pub(crate) fn buffer<'c>(
        &'c self,
        bytes: *mut u8,
        capacity: usize,
        input: &[u8],
        name: &'static str,
    ) -> Result<Buffer<'c>, Failure> {
        if capacity == 0 {
            return Ok(Buffer(&mut []));
        }
        if bytes.is_null() {
            return Err(Failure::null(name));
        }
        check_len(capacity, name)?;
        if overlap(&range(bytes, capacity), &range(input.as_ptr(), input.len())) {
            return Err(Failure::overlap(name));
        }
        // SAFETY: not null, of this capacity, the caller's to write to while the call lasts, and apart from the input.
        Ok(Buffer(unsafe { slice::from_raw_parts_mut(bytes, capacity) }))
    }

    /// All of `bytes` into a buffer of the caller's, or none of them and how many there are.
    pub(crate) fn give_bytes(
        &self,
        bytes: &[u8],
        (out, capacity): (*mut u8, usize),
        written_out: &Out<usize>,
    ) -> Result<slw_status, Failure> {
        written_out.set(bytes.len());
        if capacity < bytes.len() {
            return Ok(SLW_MORE_OUTPUT);
        }
        let Buffer(out) = self.buffer(out, capacity, &[], "out")?;
        if let Some(out) = out.get_mut(..bytes.len()) {
            out.copy_from_slice(bytes);
        }
        Ok(SLW_OK)
    }

    /// One step of a stream: input and output as the caller gave them, and how far it came.
    pub(crate) fn step(
        &self,
        (input, input_len, consumed_out): (*const u8, usize, *mut usize),
        (out, capacity, written_out): (*mut u8, usize, *mut usize),
        step: impl FnOnce(&[u8], &mut [u8]) -> Result<Step, Failure>,
    ) -> Result<slw_status, Failure> {
        let consumed_out = self.out(consumed_out, "consumed_out")?;
        let written_out = self.out(written_out, "written_out")?;
        let input = self.bytes(input, input_len, "input")?;
        let Buffer(out) = self.buffer(out, capacity, input, "out")?;
        let step = step(input, out)?;
        consumed_out.set(step.consumed);
        written_out.set(step.written);
        Ok(step.status)
    }

    /// The end of a stream.
    pub(crate) fn end(
        &self,
        (out, capacity, written_out): (*mut u8, usize, *mut usize),
        step: impl FnOnce(&mut [u8]) -> Result<Step, Failure>,
    ) -> Result<slw_status, Failure> {
        let written_out = self.out(written_out, "written_out")?;
        let Buffer(out) = self.buffer(out, capacity, &[], "out")?;
        let step = step(out)?;
        written_out.set(step.written);
        Ok(step.status)
    }

    /// Where the length of a text goes, and the text as C sees it: null when there is none.
    pub(crate) fn give_text(&self, text: Option<&CText>, len_out: *mut usize) -> *const c_char {
        if !len_out.is_null() {
            // SAFETY: not null, so it points to a place for a length.
            unsafe { len_out.write(text.map_or(0, CText::len)) };
        }
        text.map_or(std::ptr::null(), CText::as_ptr)
    }
}

/// A buffer of the caller's, to be written to.
pub(crate) struct Buffer<'c>(pub(crate) &'c mut [u8]);

/// A place of the caller's for a value.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Puts the value there, if there is a place.
    pub(crate) fn set(&self, value: T) {
        if !self.0.is_null() {
            // SAFETY: `Call` made it of a place for such a value, and a call ends before the place does.
            unsafe { self.0.write(value) };
        }
    }
}

/// A place of the caller's for a handle.
pub(crate) struct OutHandle<H>(*mut *mut H);

impl<H: Handle> OutHandle<H> {
    /// Makes the handle.
    pub(crate) fn set(&self, object: H::Object) {
        // SAFETY: `Call` made it of a place for such a handle, and a call ends before the place does.
        unsafe { self.0.write(new_handle(object)) };
    }
}

/// What a panic said.
fn payload_text(payload: Box<dyn Any + Send>) -> String {
    let text = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "a panic without a message".to_owned(),
    };
    drop_quietly(payload);
    text
}

/// The payload of a panic may panic again while it is dropped.
fn drop_quietly(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // A third time is not to be expected, and would abort.
        drop(second);
    }
}

fn check_len(len: usize, name: &'static str) -> Result<(), Failure> {
    if isize::try_from(len).is_err() { Err(Failure::too_long(name)) } else { Ok(()) }
}

fn range(start: *const u8, len: usize) -> Range<usize> {
    start.addr()..start.addr().saturating_add(len)
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    !one.is_empty() && !other.is_empty() && one.start < other.end && other.start < one.end
}
