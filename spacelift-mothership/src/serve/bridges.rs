//! The two small bridges between rooms that do not know each other: broker and store, control and HTTP.

use futures_util::future::BoxFuture;
use spacelift_worker_core::crypto::sha256;
use spacelift_worker_core::ids::PoolId;

use crate::broker::CertificateLookup;
use crate::control::BlobLinks;
use crate::http::BlobUrls;
use crate::store::{BlobName, Store};

/// The store's word on certificates.
pub(super) struct CurrentCertificates(pub(super) Store);

impl CertificateLookup for CurrentCertificates {
    fn is_current<'a>(&'a self, pool: PoolId, certificate: &'a [u8]) -> BoxFuture<'a, bool> {
        let fingerprint: String = sha256(certificate).iter().map(|byte| format!("{byte:02x}")).collect();
        Box::pin(async move {
            match self.0.may_connect(pool, &fingerprint).await {
                Ok(may) => may,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a worker is refused unasked");
                    false
                }
            }
        })
    }
}

impl BlobLinks for BlobUrls {
    fn get(&self, name: &BlobName, until_ms: u64) -> String {
        Self::get(self, name, until_ms)
    }

    fn put(&self, name: &BlobName, max_len: u64, until_ms: u64) -> String {
        Self::put(self, name, max_len, until_ms)
    }
}
