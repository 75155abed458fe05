//! What all streams have in common: bytes are pushed, what is ready comes out, at last the end comes out.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::PyBytes;
use spacelift_worker_core::output::{Output, Spilling};
use zeroize::Zeroizing;

use crate::buffers::{Given, Place};
use crate::failure::Failure;
use crate::work::work;

/// A stream of the library.
pub(crate) trait Push: Send {
    /// What it is called in an error.
    const NAME: &'static str;

    fn push(&mut self, bytes: &[u8], out: &mut dyn Output) -> Result<(), Failure>;

    fn end(self, out: &mut dyn Output) -> Result<(), Failure>;
}

/// A stream for an interpreter: one thread at a time, the others wait.
pub(crate) struct Stream<T>(Mutex<State<T>>);

struct State<T> {
    /// Absent when it is finished. In a place of its own: objects of an interpreter are aligned to 16 bytes, and a stream
    /// with vector registers in it to more.
    stream: Option<Box<T>>,
    ready: Zeroizing<Vec<u8>>,
    /// How much of `ready` went out, when a place was too small for all of it.
    taken: usize,
}

impl<T: Push> Stream<T> {
    pub(crate) fn new(stream: T) -> Self {
        Self(Mutex::new(State { stream: Some(Box::new(stream)), ready: Zeroizing::default(), taken: 0 }))
    }

    /// Pushes `data` and gives what is ready.
    pub(crate) fn update<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
    ) -> Result<Bound<'py, PyBytes>, Failure> {
        let given = Given::read(data)?;
        self.with(py, |state| {
            state.push(py, given.bytes())?;
            Ok(state.take(py))
        })
    }

    /// Pushes `data`, writes what is ready to `place` as far as it fits, and tells how many bytes that were. What does not
    /// fit comes first in the next call.
    pub(crate) fn update_into(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        place: &Bound<'_, PyAny>,
    ) -> Result<usize, Failure> {
        let (given, mut place) = (Given::read(data)?, Place::of(place)?);
        self.with(py, |state| state.push_into(py, given.bytes(), place.bytes()))
    }

    /// Ends the stream and gives the rest.
    pub(crate) fn finish<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>, Failure> {
        self.with(py, |state| {
            let stream = state.stream.take().ok_or_else(|| Failure::over(T::NAME))?;
            let ready = &mut *state.ready;
            work(py, usize::MAX, || stream.end(ready))?;
            Ok(state.take(py))
        })
    }

    /// How many bytes wait because a place was too small.
    pub(crate) fn pending(&self, py: Python<'_>) -> usize {
        let state = self.0.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        state.ready.len() - state.taken
    }

    fn with<R>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&mut State<T>) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        act(&mut self.0.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T: Push> State<T> {
    fn push(&mut self, py: Python<'_>, bytes: &[u8]) -> Result<(), Failure> {
        let ready = &mut *self.ready;
        push(py, &mut self.stream, bytes, ready)
    }

    fn push_into(&mut self, py: Python<'_>, bytes: &[u8], place: &mut [u8]) -> Result<usize, Failure> {
        // What waits comes first.
        let waiting = self.ready.get(self.taken..).unwrap_or_default();
        let len = waiting.len().min(place.len());
        let (front, place) = place.split_at_mut(len);
        front.copy_from_slice(waiting.get(..len).unwrap_or_default());
        self.taken += len;
        if self.taken < self.ready.len() {
            self.push(py, bytes)?;
            return Ok(len);
        }
        self.clear();
        let mut out = Spilling::new(place, &mut self.ready);
        push(py, &mut self.stream, bytes, &mut out)?;
        Ok(len + out.len())
    }

    fn take<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let bytes = PyBytes::new(py, self.ready.get(self.taken..).unwrap_or_default());
        self.clear();
        bytes
    }

    fn clear(&mut self) {
        self.ready.clear();
        self.taken = 0;
    }
}

fn push<T: Push>(
    py: Python<'_>,
    place: &mut Option<Box<T>>,
    bytes: &[u8],
    out: &mut (dyn Output + Send),
) -> Result<(), Failure> {
    // Away while it works: a stream that broke down is not used again.
    let mut stream = place.take().ok_or_else(|| Failure::over(T::NAME))?;
    let (stream, pushed) = work(py, bytes.len(), move || {
        let pushed = stream.push(bytes, out);
        Ok((stream, pushed))
    })?;
    *place = Some(stream);
    pushed
}
