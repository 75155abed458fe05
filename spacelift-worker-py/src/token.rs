//! The worker pool token.

use pyo3::prelude::*;
use pyo3::types::PyType;
use spacelift_worker_core::pool;
use spacelift_worker_core::secret::SecretText;

use crate::failure::Failure;
use crate::keys::PoolPublicKey;

/// A token that was read.
#[pyclass(frozen, module = "spacelift_worker._native")]
pub(crate) struct PoolToken(pool::PoolToken);

#[pymethods]
impl PoolToken {
    #[classmethod]
    fn parse(_class: &Bound<'_, PyType>, text: String) -> Result<Self, Failure> {
        Ok(Self(pool::PoolToken::parse(&SecretText::new(text))?))
    }

    fn encode(&self) -> String {
        self.0.encode().expose().to_owned()
    }

    fn broker_endpoint(&self) -> String {
        self.0.parts().broker_endpoint.to_string()
    }

    fn certificate_pem(&self) -> &str {
        &self.0.parts().certificate_pem
    }

    fn ca_pem(&self) -> Option<&str> {
        self.0.parts().ca_pem.as_deref()
    }

    fn pool_id(&self) -> String {
        self.0.parts().pool_id.to_string()
    }

    fn namespace(&self) -> &str {
        &self.0.parts().namespace
    }

    fn signing_key(&self) -> Option<PoolPublicKey> {
        self.0.parts().signing_key.clone().map(PoolPublicKey)
    }

    /// From when to when the certificate is valid, in Unix seconds.
    fn validity(&self) -> (i64, i64) {
        (self.0.certificate().not_before, self.0.certificate().not_after)
    }
}
