//! TLS settings of the embedded broker, and of the connection to an outside one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::config::ClientFiles;
use crate::ca::Identity;

/// AWS IoT Core speaks MQTT on port 443 to clients that ask for it by this name.
/// Source: AWS IoT Core, developer guide, "Protocols, port mappings, and authentication".
const ALPN_ON_443: &[u8] = b"x-amzn-mqtt-ca";

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A text is no PEM.
    #[error("{what} is no PEM")]
    Pem {
        /// Which.
        what: String,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// Certificate and key do not go together, or the like.
    #[error("certificate and key cannot be used for the broker")]
    Rustls(#[from] rustls::Error),
    /// The authority's certificate cannot be used.
    #[error("the authority's certificate cannot be used to verify workers")]
    Verifier(#[from] VerifierBuilderError),
}

/// The embedded broker: its own certificate, and a client certificate of the authority from whoever comes.
pub(super) fn server(identity: &Identity, authority_pem: &str) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let roots = Arc::new(roots(authority_pem, "the authority's certificate")?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider)).build()?;
    let (chain, key) =
        pair(&identity.certificate_pem, identity.key_pem.expose(), "the server's certificate")?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}

/// The connection to an outside broker.
pub(super) fn client(
    authority_pem: &str,
    certificate_pem: &str,
    key_pem: &str,
    port: u16,
) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let (chain, key) = pair(certificate_pem, key_pem, "the certificate for the broker")?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(authority_pem, "the broker's authority")?)
        .with_client_auth_cert(chain, key)?;
    if port == 443 {
        config.alpn_protocols = vec![ALPN_ON_443.to_vec()];
    }
    Ok(Arc::new(config))
}

/// A certificate and its key from files.
pub(super) fn read(files: &ClientFiles) -> Result<(String, String), TlsError> {
    Ok((read_text(&files.certificate)?, read_text(&files.key)?))
}

pub(super) fn read_text(path: &Path) -> Result<String, TlsError> {
    std::fs::read_to_string(path).map_err(|source| TlsError::File { path: path.to_owned(), source })
}

fn roots(pem: &str, what: &str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, what)? {
        roots.add(certificate)?;
    }
    Ok(roots)
}

fn pair(
    certificate_pem: &str,
    key_pem: &str,
    what: &str,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes())
        .map_err(|source| TlsError::Pem { what: format!("the key of {what}"), source })?;
    Ok((certificates(certificate_pem, what)?, key))
}

fn certificates(pem: &str, what: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|source| TlsError::Pem { what: what.to_owned(), source })
}
