//! TLS for both transports and for storage: which roots are trusted, and who we are.

use std::error::Error;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, ClientConfig, RootCertStore};

/// A client's side of TLS, by the name of whoever does not own the library.
pub(crate) use rustls::ClientConfig as TlsClient;

use super::chain::below;
use super::link::{Fault, LinkFailure};
use crate::secret::SecretText;

/// Why no TLS configuration could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A certificate of an authority is no certificate.
    #[error("a root certificate ({place}) is not valid PEM: put whole CERTIFICATE blocks there")]
    Root {
        /// Where it stands: a variable, or the token.
        place: &'static str,
    },
    /// No root is there at all.
    #[error(
        "no root certificate is known: install the system's (ca-certificates), or set ADDITIONAL_ROOT_CAS"
    )]
    NoRoots,
    /// The pool's certificate or key cannot be used for TLS.
    #[error("the pool's certificate and key cannot be used for TLS")]
    Identity(#[source] rustls::Error),
    /// The pool's certificate or key is no PEM.
    #[error("the pool's certificate or key is not valid PEM")]
    IdentityPem,
}

/// Root certificates, collected from where they stand.
#[derive(Clone, Debug)]
pub struct Roots(RootCertStore);

impl Roots {
    /// The system's roots. Certificates there that cannot be read are left out, as every TLS client does.
    pub fn from_system() -> Self {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self(store)
    }

    /// No root at all, for a control plane that names its own in the token.
    pub fn empty() -> Self {
        Self(RootCertStore::empty())
    }

    /// Adds the system's roots to those that are here.
    #[must_use]
    pub(crate) fn and_system(mut self) -> Self {
        self.0.extend(Self::from_system().0.roots);
        self
    }

    /// Adds every certificate of a PEM text.
    ///
    /// # Errors
    /// [`TlsError::Root`] when there is none, or one that is not valid.
    pub fn add_pem(&mut self, pem: &str, place: &'static str) -> Result<(), TlsError> {
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|_| TlsError::Root { place })?;
            self.0.add(certificate).map_err(|_| TlsError::Root { place })?;
            count += 1;
        }
        if count == 0 { Err(TlsError::Root { place }) } else { Ok(()) }
    }

    fn builder(
        self,
    ) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, TlsError> {
        if self.0.is_empty() {
            return Err(TlsError::NoRoots);
        }
        // Named explicitly: a host may link another provider, and rustls panics when it finds two.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Identity)?;
        Ok(builder.with_root_certificates(self.0))
    }
}

/// A client without a certificate, for storage.
///
/// # Errors
/// [`TlsError::NoRoots`].
pub(crate) fn anonymous_client(roots: Roots) -> Result<ClientConfig, TlsError> {
    Ok(roots.builder()?.with_no_client_auth())
}

/// A client with the pool's certificate, for the broker. `alpn` is what port 443 of AWS IoT Core asks for.
///
/// # Errors
/// [`TlsError`] when the identity or the roots cannot be used.
pub(crate) fn pool_client(
    roots: Roots,
    certificate_pem: &str,
    key_pem: &SecretText,
    alpn: Option<&[u8]>,
) -> Result<ClientConfig, TlsError> {
    let chain = CertificateDer::pem_slice_iter(certificate_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| TlsError::IdentityPem)?;
    let key =
        PrivateKeyDer::from_pem_slice(key_pem.expose().as_bytes()).map_err(|_| TlsError::IdentityPem)?;
    let mut config = roots.builder()?.with_client_auth_cert(chain, key).map_err(TlsError::Identity)?;
    config.alpn_protocols = alpn.into_iter().map(<[u8]>::to_vec).collect();
    Ok(config)
}

/// What a person can do about an error of TLS, when there is one somewhere below. `who` is the other end.
pub(crate) fn tls_failure(error: &(dyn Error + 'static), who: &str) -> Option<LinkFailure> {
    match below::<rustls::Error>(error)? {
        rustls::Error::AlertReceived(alert) => {
            let is_about_us = matches!(
                alert,
                AlertDescription::UnknownCA
                    | AlertDescription::BadCertificate
                    | AlertDescription::CertificateExpired
                    | AlertDescription::CertificateRevoked
                    | AlertDescription::CertificateRequired
                    | AlertDescription::CertificateUnknown
                    | AlertDescription::DecryptError
                    | AlertDescription::AccessDenied
            );
            let fault = if is_about_us { Fault::Configuration } else { Fault::Network };
            let reason = format!(
                "{who} refuses the pool's certificate ({alert:?}): was the pool reset, or is the token of another control plane?"
            );
            Some(LinkFailure { reason, fault })
        }
        rustls::Error::InvalidCertificate(why) => Some(LinkFailure::configuration(format!(
            "the certificate of {who} is not trusted ({why}): is its authority in the token or in ADDITIONAL_ROOT_CAS?"
        ))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_that_is_no_certificate_is_refused_with_its_place() {
        for pem in ["", "hello", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"] {
            let error = Roots::empty().add_pem(pem, "ADDITIONAL_ROOT_CAS").unwrap_err();
            assert!(error.to_string().contains("ADDITIONAL_ROOT_CAS"), "{pem:?}: {error}");
        }
    }

    #[test]
    fn without_roots_there_is_no_client() {
        assert!(matches!(anonymous_client(Roots::empty()), Err(TlsError::NoRoots)));
    }
}
