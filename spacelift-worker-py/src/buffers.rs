//! Bytes that come from an interpreter, and bytes that go to a place of its.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use zeroize::Zeroizing;

/// Bytes of an argument.
pub(crate) enum Given<'a> {
    /// Of `bytes`, which nobody changes.
    Borrowed(&'a [u8]),
    /// Of whatever another thread may change while the interpreter's lock is let go.
    Copied(Zeroizing<Vec<u8>>),
}

impl<'a> Given<'a> {
    /// The bytes of anything with the buffer protocol, such as `bytes`, `bytearray`, `memoryview` and `mmap`.
    pub(crate) fn read(object: &'a Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Self::Borrowed(bytes.as_bytes()));
        }
        let buffer = PyBuffer::<u8>::get(object)?;
        Ok(Self::Copied(Zeroizing::new(buffer.to_vec(object.py())?)))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Copied(bytes) => bytes,
        }
    }
}

/// A place in memory that an interpreter owns, such as a `bytearray`.
pub(crate) struct Place(PyBuffer<u8>);

impl Place {
    /// Anything with the buffer protocol that may be written to, in one piece.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let buffer = PyBuffer::<u8>::get(object)?;
        if buffer.readonly() {
            return Err(PyTypeError::new_err(
                "a buffer that can be written to is needed, such as a bytearray",
            ));
        }
        if !buffer.is_c_contiguous() {
            return Err(PyBufferError::new_err("a buffer in one piece is needed"));
        }
        Ok(Self(buffer))
    }

    /// The place itself. As with `readinto` of Python's files, nobody else may touch it before the call ends: the interpreter's lock
    /// is let go meanwhile.
    #[expect(unsafe_code, reason = "the one place where memory of the interpreter is written")]
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        let Some(mut place) = self.0.as_slice_ptr() else { return &mut [] };
        // SAFETY: the buffer was asked for as one piece of bytes that may be written to, and its owner keeps it where it is, as
        // long as it is, for as long as `self.0` lives, from which the slice is borrowed. What is read is never a part of it: it
        // comes out of a `bytes`, which is not writable, or out of a copy.
        unsafe { place.as_mut() }
    }
}
