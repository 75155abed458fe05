//! Who may connect, and what a connection may touch. Decides; performs nothing.

use futures_util::future::BoxFuture;
use rustls_pki_types::CertificateDer;
use spacelift_worker_core::ids::{PoolId, WorkerId};
use spacelift_worker_core::protocol::topic;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Whether a client certificate is still the one of its pool. Asked at every connection, so that a reset counts at once.
pub trait CertificateLookup: Send + Sync + 'static {
    /// Whether `certificate` (DER) is the one that `pool` has now. An error in finding out is a no.
    fn is_current<'a>(&'a self, pool: PoolId, certificate: &'a [u8]) -> BoxFuture<'a, bool>;
}

/// Whom a certificate, verified by TLS, speaks for.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) pool: PoolId,
    pub(super) certificate: CertificateDer<'static>,
}

impl Peer {
    /// The pool in the subject's common name; `None` when there is not exactly one that is a ULID.
    pub(super) fn from_certificate(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let mut names = parsed.subject().iter_common_name();
        let (name, None) = (names.next()?, names.next()) else { return None };
        Some(Self { pool: name.as_str().ok()?.parse().ok()?, certificate: certificate.clone().into_owned() })
    }
}

/// The two topics of one worker, and nothing else.
#[derive(Clone, Debug)]
pub(super) struct Topics {
    listen: String,
    speak: String,
}

impl Topics {
    pub(super) fn new(namespace: &str, pool: PoolId, worker: WorkerId) -> Self {
        Self {
            listen: topic::to_worker(namespace, pool, worker),
            speak: topic::from_worker(namespace, pool, worker),
        }
    }

    /// Exactly its own topic; a wildcard equals no topic.
    pub(super) fn may_subscribe(&self, filter: &str) -> bool {
        filter == self.listen
    }

    /// Exactly its own topic.
    pub(super) fn may_publish(&self, topic: &[u8]) -> bool {
        topic == self.speak.as_bytes()
    }
}
