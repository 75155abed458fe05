//! Bytes that come from an interpreter, and bytes that go to a place of its.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView, PySlice};
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
pub(crate) struct Place<'py>(Bound<'py, PyMemoryView>);

impl<'py> Place<'py> {
    /// Anything with the buffer protocol that may be written to, in one piece.
    pub(crate) fn of(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        let buffer = PyBuffer::<u8>::get(object)?;
        if buffer.readonly() {
            return Err(PyTypeError::new_err(
                "a buffer that can be written to is needed, such as a bytearray",
            ));
        }
        if !buffer.is_c_contiguous() || buffer.dimensions() != 1 {
            return Err(PyBufferError::new_err("a buffer in one piece is needed"));
        }
        Ok(Self(PyMemoryView::from(object)?))
    }

    /// Writes as many of `bytes` as fit, from the front, and tells how many.
    pub(crate) fn write(&self, bytes: &[u8]) -> PyResult<usize> {
        let len = self.0.len()?.min(bytes.len());
        let end = isize::try_from(len).unwrap_or(isize::MAX);
        let part = self.0.get_item(PySlice::new(self.0.py(), 0, end, 1))?;
        PyBuffer::<u8>::get(&part)?.copy_from_slice(self.0.py(), bytes.get(..len).unwrap_or_default())?;
        Ok(len)
    }
}
