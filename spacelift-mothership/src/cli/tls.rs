//! HTTPS as the commands speak it: to one server, whose authority is known by its file.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// For connecting; answers may take longer.
const CONNECT: Duration = Duration::from_secs(10);

/// A client that trusts one authority alone and goes through no proxy.
///
/// # Errors
/// The certificate is no PEM, or TLS cannot be set up.
pub fn https_client(authority_pem: &str) -> Result<reqwest::Client, rustls::Error> {
    https_client_to(authority_pem, None)
}

/// As [`https_client`]; the name of `here` is this machine, at this address.
///
/// # Errors
/// As [`https_client`]
pub(super) fn https_client_to(
    authority_pem: &str,
    here: Option<(&str, SocketAddr)>,
) -> Result<reqwest::Client, rustls::Error> {
    let damaged = || rustls::Error::General("the authority's certificate is no PEM".to_owned());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority_pem.as_bytes()).map_err(|_| damaged())?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = match here {
        Some((name, address)) => reqwest::Client::builder().resolve(name, address),
        None => reqwest::Client::builder(),
    };
    builder
        .tls_backend_preconfigured(config)
        .no_proxy()
        .https_only(true)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))
}
