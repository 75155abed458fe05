//! Cobblestone-256 alone, without the header of sealed run state.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use spacelift_worker_core::envelope::cobblestone;
use spacelift_worker_core::output::Output;
use zeroize::Zeroizing;

use crate::buffers::Given;
use crate::failure::Failure;
use crate::stream::{Push, Stream};

impl Push for cobblestone::Encryptor {
    const NAME: &'static str = "encryptor";

    fn push(&mut self, bytes: &[u8], out: &mut dyn Output) -> Result<(), Failure> {
        Ok(self.update(bytes, out)?)
    }

    fn end(self, out: &mut dyn Output) -> Result<(), Failure> {
        Ok(self.finish(out)?)
    }
}

impl Push for cobblestone::Decryptor {
    const NAME: &'static str = "decryptor";

    fn push(&mut self, bytes: &[u8], out: &mut dyn Output) -> Result<(), Failure> {
        Ok(self.update(bytes, out)?)
    }

    fn end(self, out: &mut dyn Output) -> Result<(), Failure> {
        Ok(self.finish(out)?)
    }
}

fn key(object: &Bound<'_, PyAny>) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let key = <[u8; 32]>::try_from(Given::read(object)?.bytes());
    Ok(Zeroizing::new(key.map_err(|_| Failure::argument("the key must have 32 bytes"))?))
}

/// Encrypts one message.
#[pyclass(frozen, module = "spacelift_worker._native")]
pub(crate) struct Encryptor(Stream<cobblestone::Encryptor>);

#[pymethods]
impl Encryptor {
    #[new]
    fn new(key: &Bound<'_, PyAny>, context: &Bound<'_, PyAny>) -> Result<Self, Failure> {
        let (key, context) = (self::key(key)?, Given::read(context)?);
        Ok(Self(Stream::new(cobblestone::Encryptor::new(&key, context.bytes())?)))
    }

    fn update<'py>(&self, py: Python<'py>, data: &Bound<'py, PyAny>) -> Result<Bound<'py, PyBytes>, Failure> {
        self.0.update(py, data)
    }

    fn update_into(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        buffer: &Bound<'_, PyAny>,
    ) -> Result<usize, Failure> {
        self.0.update_into(py, data, buffer)
    }

    fn finish<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>, Failure> {
        self.0.finish(py)
    }

    fn pending(&self, py: Python<'_>) -> usize {
        self.0.pending(py)
    }
}

/// Decrypts one message.
#[pyclass(frozen, module = "spacelift_worker._native")]
pub(crate) struct Decryptor(Stream<cobblestone::Decryptor>);

#[pymethods]
impl Decryptor {
    #[new]
    fn new(key: &Bound<'_, PyAny>, context: &Bound<'_, PyAny>) -> Result<Self, Failure> {
        let (key, context) = (self::key(key)?, Given::read(context)?);
        Ok(Self(Stream::new(cobblestone::Decryptor::new(&key, context.bytes()))))
    }

    fn update<'py>(&self, py: Python<'py>, data: &Bound<'py, PyAny>) -> Result<Bound<'py, PyBytes>, Failure> {
        self.0.update(py, data)
    }

    fn update_into(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        buffer: &Bound<'_, PyAny>,
    ) -> Result<usize, Failure> {
        self.0.update_into(py, data, buffer)
    }

    fn finish<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>, Failure> {
        self.0.finish(py)
    }

    fn pending(&self, py: Python<'_>) -> usize {
        self.0.pending(py)
    }
}
