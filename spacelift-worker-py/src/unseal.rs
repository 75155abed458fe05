//! Unsealing: what is in memory, what comes in pieces, files, parts of files.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use spacelift_worker_core::envelope::{self, Context, Trust, UnsealError, workspace};
use spacelift_worker_core::output::Output;
use spacelift_worker_core::{files, pool};
use zeroize::Zeroizing;

use crate::buffers::Given;
use crate::context::context;
use crate::failure::Failure;
use crate::keys::{PoolKey, PoolPublicKey};
use crate::stream::{Push, Stream};
use crate::work::long_work;
use keyed::Keyed;

type Keys = Vec<Arc<pool::PoolKey>>;

/// Whom a reader trusts.
enum Signer {
    One(Trust),
    /// Whoever holds the key that it is sealed to: a workspace.
    Recipient,
}

/// The same as it is given: keys, `unsigned` or `recipient`.
#[derive(FromPyObject)]
pub(crate) enum Signers<'py> {
    #[pyo3(transparent)]
    Keys(Vec<PyRef<'py, PoolPublicKey>>),
    #[pyo3(transparent)]
    Word(String),
}

/// With which keys, for what, from whom.
struct Options {
    keys: Keys,
    expected: Context,
    signer: Signer,
}

impl Options {
    fn new(
        keys: Vec<PyRef<'_, PoolKey>>,
        pairs: Vec<(String, String)>,
        signers: Signers<'_>,
    ) -> Result<Self, Failure> {
        let keys = keys.iter().map(|key| Arc::clone(&key.0)).collect();
        let signer = match signers {
            Signers::Keys(signers) => {
                Signer::One(Trust::SignedBy(signers.iter().map(|signer| signer.0.clone()).collect()))
            }
            Signers::Word(word) if word == "recipient" => Signer::Recipient,
            Signers::Word(_) => Signer::One(Trust::Unsigned),
        };
        Ok(Self { keys, expected: context(pairs)?, signer })
    }

    fn unsealer(&self) -> envelope::Unsealer<'_> {
        unsealer(&self.keys, &self.expected, &self.signer)
    }
}

fn unsealer<'a>(keys: &'a Keys, expected: &Context, signer: &Signer) -> envelope::Unsealer<'a> {
    let keys: Vec<&pool::PoolKey> = keys.iter().map(AsRef::as_ref).collect();
    match signer {
        Signer::One(trust) => envelope::Unsealer::new(&keys, expected, trust),
        Signer::Recipient => workspace::unsealer(&keys, expected),
    }
}

/// Opens bytes.
#[pyfunction]
pub(crate) fn unseal<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    keys: Vec<PyRef<'py, PoolKey>>,
    context: Vec<(String, String)>,
    signers: Signers<'py>,
) -> Result<Bound<'py, PyBytes>, Failure> {
    let (options, given) = (Options::new(keys, context, signers)?, Given::read(data)?);
    let plain = long_work(py, || {
        // In place and of the right length from the start, so that growing leaves no plaintext behind.
        let mut plain = Zeroizing::new(Vec::with_capacity(given.bytes().len()));
        let mut unsealer = options.unsealer();
        unsealer.update(given.bytes(), &mut plain)?;
        unsealer.finish(&mut plain)?;
        Ok(plain)
    })?;
    Ok(PyBytes::new(py, &plain))
}

/// Opens a file into another and gives the length of the plaintext in bytes.
#[pyfunction]
pub(crate) fn unseal_file(
    py: Python<'_>,
    source: PathBuf,
    target: PathBuf,
    keys: Vec<PyRef<'_, PoolKey>>,
    context: Vec<(String, String)>,
    signers: Signers<'_>,
) -> Result<u64, Failure> {
    let options = Options::new(keys, context, signers)?;
    long_work(py, || Ok(files::unseal_file(&source, &target, options.unsealer())?))
}

/// Opens `length` bytes from `offset` on out of a sealed file.
#[pyfunction]
pub(crate) fn unseal_range<'py>(
    py: Python<'py>,
    source: PathBuf,
    offset: u64,
    length: u64,
    keys: Vec<PyRef<'py, PoolKey>>,
    context: Vec<(String, String)>,
    signers: Signers<'py>,
) -> Result<Bound<'py, PyBytes>, Failure> {
    let options = Options::new(keys, context, signers)?;
    let plain = long_work(py, || {
        let file = File::open(&source).map_err(|error| Failure::system(error, &source))?;
        Ok(envelope::unseal_range(file, options.unsealer(), offset, length)?)
    })?;
    Ok(PyBytes::new(py, plain.expose()))
}

/// Whether the header at the beginning of `data` has the fixed form; where it ends.
#[pyfunction]
pub(crate) fn inspect(data: &Bound<'_, PyAny>) -> Result<usize, Failure> {
    let given = Given::read(data)?;
    let header = envelope::inspect(given.bytes())?;
    drop(header);
    let end = given.bytes().iter().position(|byte| *byte == b'\n');
    end.ok_or_else(|| UnsealError::CutShort.into())
}

mod keyed {
    //! An unsealer that owns the keys which it reads with.
    #![expect(
        clippy::mem_forget,
        reason = "self_cell gives the keys back in this way, where none is forgotten"
    )]

    use self_cell::self_cell;
    use spacelift_worker_core::envelope;

    pub(super) type Opening<'a> = Option<envelope::Unsealer<'a>>;

    self_cell!(
        pub(super) struct Keyed {
            owner: super::Keys,
            #[covariant]
            dependent: Opening,
        }
    );
}

impl Push for Keyed {
    const NAME: &'static str = "unsealer";

    fn push(&mut self, bytes: &[u8], out: &mut dyn Output) -> Result<(), Failure> {
        self.with_dependent_mut(|_, opening| match opening {
            Some(unsealer) => Ok(unsealer.update(bytes, out)?),
            None => Err(Failure::over(Self::NAME)),
        })
    }

    fn end(mut self, out: &mut dyn Output) -> Result<(), Failure> {
        self.with_dependent_mut(|_, opening| match opening.take() {
            Some(unsealer) => Ok(unsealer.finish(out)?),
            None => Err(Failure::over(Self::NAME)),
        })
    }
}

/// Opens what comes in pieces.
#[pyclass(frozen, module = "spacelift_worker._native")]
pub(crate) struct Unsealer(Stream<Keyed>);

#[pymethods]
impl Unsealer {
    #[new]
    fn new(
        keys: Vec<PyRef<'_, PoolKey>>,
        context: Vec<(String, String)>,
        signers: Signers<'_>,
    ) -> Result<Self, Failure> {
        let Options { keys, expected, signer } = Options::new(keys, context, signers)?;
        Ok(Self(Stream::new(Keyed::new(keys, |keys| Some(unsealer(keys, &expected, &signer))))))
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
