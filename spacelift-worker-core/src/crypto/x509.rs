//! What a worker reads of an X.509 certificate (RFC 5280): whose key, under which name, from when to when.
//!
//! It never decides about trust: chains and signatures are verified by TLS.

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::rsa::{RsaKeyError, RsaPublicKey};

/// Why a certificate cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Not one X.509 certificate in DER.
    #[error("this is no X.509 certificate, or it is damaged")]
    Damaged,
    /// The key inside is not acceptable.
    #[error("the certificate's key is not acceptable")]
    Key(#[source] RsaKeyError),
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The key that it is about.
    pub public_key: RsaPublicKey,
    /// The first common name of its subject.
    pub common_name: Option<String>,
    /// Valid from this Unix time, in seconds, on.
    pub not_before: i64,
    /// Valid up to this Unix time, in seconds.
    pub not_after: i64,
}

impl CertificateFacts {
    /// Reads one certificate in DER.
    ///
    /// # Errors
    /// [`CertificateError`], also for trailing bytes.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| CertificateError::Damaged)?;
        if !rest.is_empty() {
            return Err(CertificateError::Damaged);
        }
        let common_name = certificate
            .subject()
            .iter_common_name()
            .next()
            .and_then(|name| name.as_str().ok())
            .map(str::to_owned);
        Ok(Self {
            public_key: RsaPublicKey::from_spki_der(certificate.public_key().raw)
                .map_err(CertificateError::Key)?,
            common_name,
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
        })
    }
}

/// From and to when a certificate in DER is valid, in Unix seconds, whatever its key is; `None` when it is damaged.
#[cfg(feature = "driver")]
pub(crate) fn certificate_validity(der: &[u8]) -> Option<(i64, i64)> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    Some((validity.not_before.timestamp(), validity.not_after.timestamp()))
}
