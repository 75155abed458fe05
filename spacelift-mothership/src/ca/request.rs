//! A certificate signing request as it comes from a stranger: read, verified, and reduced to its key.

use rcgen::SubjectPublicKeyInfo;
use spacelift_worker_core::crypto::{RsaKeyError, RsaPublicKey};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer;

/// The longest request that is read, in bytes: an RSA-8192 one has 4 KiB.
const MAX_LEN: usize = 32 * 1024;

/// Why a certificate signing request is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Not PEM, or another kind of PEM.
    #[error(
        "this is not a certificate signing request in PEM; make one with: openssl req -new -newkey rsa:4096 -nodes -keyout spacelift.key -out spacelift.csr"
    )]
    NotPem,
    /// PEM of a private key.
    #[error("this is a private key, not a certificate signing request; the key never leaves your side")]
    PrivateKey,
    /// PEM around something else than a request.
    #[error("the certificate signing request is damaged; make a new one")]
    Damaged,
    /// The request was not signed by the key inside.
    #[error("the certificate signing request is not signed by its own key; make a new one")]
    Signature,
    /// The key inside is not one that run state can be sealed to.
    #[error("the key of the certificate signing request is not acceptable")]
    Key(#[source] RsaKeyError),
}

/// The key of a valid request.
pub(super) fn requested_key(pem: &str) -> Result<SubjectPublicKeyInfo, RequestError> {
    if pem.len() > MAX_LEN {
        return Err(RequestError::NotPem);
    }
    let (_, block) = parse_x509_pem(pem.as_bytes()).map_err(|_| RequestError::NotPem)?;
    match block.label.as_str() {
        // OpenSSL writes the first, some older programs the second (RFC 7468, 7).
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {}
        label if label.ends_with("PRIVATE KEY") => return Err(RequestError::PrivateKey),
        _ => return Err(RequestError::NotPem),
    }
    let (rest, request) =
        X509CertificationRequest::from_der(&block.contents).map_err(|_| RequestError::Damaged)?;
    if !rest.is_empty() {
        return Err(RequestError::Damaged);
    }
    // The key first: the signature of an odd key would be verified by odd rules.
    let key = RsaPublicKey::from_spki_der(request.certification_request_info.subject_pki.raw)
        .map_err(RequestError::Key)?;
    request.verify_signature().map_err(|_| RequestError::Signature)?;
    SubjectPublicKeyInfo::from_der(&key.to_spki_der()).map_err(|_| RequestError::Damaged)
}
