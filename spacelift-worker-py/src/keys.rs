//! The pool's key and its public half.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};
use spacelift_worker_core::pool::{self, CsrError};
use spacelift_worker_core::secret::{SecretBytes, SecretText};

use crate::buffers::Given;
use crate::failure::{Class, Failure};
use crate::work::{interruptible, long_work};

/// A private key.
#[pyclass(frozen, module = "spacelift_worker._native")]
pub(crate) struct PoolKey(pub(crate) Arc<pool::PoolKey>);

#[pymethods]
impl PoolKey {
    #[classmethod]
    fn generate(_class: &Bound<'_, PyType>, py: Python<'_>, bits: u32) -> Result<Self, Failure> {
        interruptible(py, move || Ok(Self(Arc::new(pool::PoolKey::generate(bits)?))))
    }

    #[classmethod]
    fn from_pem(
        _class: &Bound<'_, PyType>,
        py: Python<'_>,
        pem: &Bound<'_, PyAny>,
        password: Option<&Bound<'_, PyAny>>,
    ) -> Result<Self, Failure> {
        let given = Given::read(pem)?;
        // No text is no PEM, and the library says so.
        let text = SecretText::new(String::from_utf8_lossy(given.bytes()).into_owned());
        let Some(password) = password else {
            return long_work(py, || Ok(Self(Arc::new(pool::PoolKey::from_pem(&text)?))));
        };
        let passphrase = SecretBytes::new(Given::read(password)?.bytes().to_vec());
        // How long it takes is chosen by whoever protected the key.
        interruptible(py, move || Ok(Self(Arc::new(pool::PoolKey::from_encrypted_pem(&text, &passphrase)?))))
    }

    #[classmethod]
    fn from_der(_class: &Bound<'_, PyType>, py: Python<'_>, der: &Bound<'_, PyAny>) -> Result<Self, Failure> {
        let der = SecretBytes::new(Given::read(der)?.bytes().to_vec());
        long_work(py, || Ok(Self(Arc::new(pool::PoolKey::from_der(&der)?))))
    }

    fn to_pem<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>, Failure> {
        let pem = long_work(py, || Ok(self.0.to_pem()?))?;
        Ok(PyBytes::new(py, pem.expose().as_bytes()))
    }

    fn to_der<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>, Failure> {
        let der = long_work(py, || Ok(self.0.to_pkcs8_der()?))?;
        Ok(PyBytes::new(py, der.expose()))
    }

    fn csr<'py>(&self, py: Python<'py>, common_name: &str) -> Result<Bound<'py, PyBytes>, Failure> {
        let unfit = |error: CsrError| Failure::argument(error);
        let pem = long_work(py, || self.0.csr(common_name).map_err(unfit))?;
        Ok(PyBytes::new(py, pem.as_bytes()))
    }

    fn public_key(&self) -> PoolPublicKey {
        PoolPublicKey(self.0.public_key())
    }
}

/// A public key.
#[pyclass(frozen, module = "spacelift_worker._native")]
#[derive(Clone)]
pub(crate) struct PoolPublicKey(pub(crate) pool::PoolPublicKey);

#[pymethods]
impl PoolPublicKey {
    #[classmethod]
    fn from_pem(_class: &Bound<'_, PyType>, pem: &Bound<'_, PyAny>) -> Result<Self, Failure> {
        let given = Given::read(pem)?;
        Ok(Self(pool::PoolPublicKey::from_pem(text(&given)?)?))
    }

    #[classmethod]
    fn from_certificate(_class: &Bound<'_, PyType>, pem: &Bound<'_, PyAny>) -> Result<Self, Failure> {
        let given = Given::read(pem)?;
        Ok(Self(pool::PoolPublicKey::from_certificate_pem(text(&given)?)?))
    }

    fn to_pem<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.to_pem().as_bytes())
    }

    fn kid(&self) -> String {
        self.0.kid()
    }

    fn bits(&self) -> usize {
        self.0.modulus_len() * 8
    }
}

fn text<'a>(given: &'a Given<'_>) -> Result<&'a str, Failure> {
    let not_text = |_| Failure::new(Class::KeyFormat, "pem", "this is not PEM: it is no text");
    std::str::from_utf8(given.bytes()).map_err(not_text)
}
