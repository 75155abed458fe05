//! Sealing: what is in memory, what comes in pieces, files.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use spacelift_worker_core::envelope::{self, Context};
use spacelift_worker_core::output::Output;
use spacelift_worker_core::{files, pool};

use crate::buffers::Given;
use crate::context::context;
use crate::failure::Failure;
use crate::keys::{PoolKey, PoolPublicKey};
use crate::stream::{Push, Stream};
use crate::work::{long_work, work};

/// To whom, for what, by whom.
struct Options {
    recipient: pool::PoolPublicKey,
    context: Context,
    signer: Option<Arc<pool::PoolKey>>,
}

impl Options {
    fn new(
        recipient: &PoolPublicKey,
        pairs: Vec<(String, String)>,
        signer: Option<&PoolKey>,
    ) -> Result<Self, Failure> {
        let signer = signer.map(|signer| Arc::clone(&signer.0));
        Ok(Self { recipient: recipient.0.clone(), context: context(pairs)?, signer })
    }

    fn sealer(&self, plain_len: Option<u64>) -> Result<envelope::Sealer, envelope::SealError> {
        envelope::Sealer::new(&self.recipient, &self.context, self.signer.as_deref(), plain_len)
    }
}

/// Seals bytes.
#[pyfunction]
pub(crate) fn seal<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    recipient: &PoolPublicKey,
    context: Vec<(String, String)>,
    signer: Option<&PoolKey>,
) -> Result<Bound<'py, PyBytes>, Failure> {
    let (options, given) = (Options::new(recipient, context, signer)?, Given::read(data)?);
    let sealed = long_work(py, || {
        let signer = options.signer.as_deref();
        Ok(envelope::seal(&options.recipient, &options.context, signer, given.bytes())?)
    })?;
    Ok(PyBytes::new(py, &sealed))
}

/// Seals a file into another and gives the sealed length in bytes.
#[pyfunction]
pub(crate) fn seal_file(
    py: Python<'_>,
    source: PathBuf,
    target: PathBuf,
    recipient: &PoolPublicKey,
    context: Vec<(String, String)>,
    signer: Option<&PoolKey>,
) -> Result<u64, Failure> {
    let options = Options::new(recipient, context, signer)?;
    long_work(py, || Ok(files::seal_file(&source, &target, |len| options.sealer(Some(len)))?))
}

/// The length of what is sealed, before it is, in bytes.
#[pyfunction]
pub(crate) fn sealed_len(
    plain_len: u64,
    recipient: &PoolPublicKey,
    context: Vec<(String, String)>,
    signer: Option<&PoolPublicKey>,
) -> Result<u64, Failure> {
    let context = self::context(context)?;
    Ok(envelope::sealed_len(&recipient.0, &context, signer.map(|signer| &signer.0), plain_len)?)
}

/// Seals what comes in pieces.
#[pyclass(frozen, module = "spacelift_worker._native")]
pub(crate) struct Sealer(Stream<envelope::Sealer>);

impl Push for envelope::Sealer {
    const NAME: &'static str = "sealer";

    fn push(&mut self, bytes: &[u8], out: &mut dyn Output) -> Result<(), Failure> {
        Ok(self.update(bytes, out)?)
    }

    fn end(self, out: &mut dyn Output) -> Result<(), Failure> {
        Ok(self.finish(out)?)
    }
}

#[pymethods]
impl Sealer {
    #[new]
    fn new(
        py: Python<'_>,
        recipient: &PoolPublicKey,
        context: Vec<(String, String)>,
        signer: Option<&PoolKey>,
        plain_len: Option<u64>,
    ) -> Result<Self, Failure> {
        let options = Options::new(recipient, context, signer)?;
        // A signature takes milliseconds.
        let sealer = work(py, usize::MAX, || Ok(options.sealer(plain_len)?))?;
        Ok(Self(Stream::new(sealer)))
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
