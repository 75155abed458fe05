//! Whose fault a lost connection is: a wrong configuration, which a person must mend, or the network.

use std::error::Error;
use std::io;

use rumqttc::{ConnectReturnCode, ConnectionError};
use rustls::AlertDescription;

use crate::driver::link::LinkFailure;

/// Reads the chain of an error for what a person can act on.
///
/// With TLS 1.3 a refused client certificate shows after the handshake only, as an alert inside an MQTT error.
pub(super) fn classify(error: &ConnectionError) -> LinkFailure {
    if let ConnectionError::ConnectionRefused(code) = error {
        let misconfigured = matches!(
            code,
            ConnectReturnCode::BadClientId
                | ConnectReturnCode::BadUserNamePassword
                | ConnectReturnCode::NotAuthorized
        );
        return LinkFailure { reason: format!("the broker refuses the connection: {code:?}"), misconfigured };
    }
    match tls_error(error) {
        Some(rustls::Error::AlertReceived(alert)) => LinkFailure {
            reason: format!(
                "the broker refuses the pool's certificate ({alert:?}): was the pool reset, or is the token of another control plane?"
            ),
            misconfigured: matches!(
                alert,
                AlertDescription::UnknownCA
                    | AlertDescription::BadCertificate
                    | AlertDescription::CertificateExpired
                    | AlertDescription::CertificateRevoked
                    | AlertDescription::CertificateRequired
                    | AlertDescription::CertificateUnknown
                    | AlertDescription::DecryptError
                    | AlertDescription::AccessDenied
            ),
        },
        Some(rustls::Error::InvalidCertificate(why)) => LinkFailure {
            reason: format!(
                "the broker's certificate is not trusted ({why}): is its authority in the token or in ADDITIONAL_ROOT_CAS?"
            ),
            misconfigured: true,
        },
        // rumqttc's messages repeat their sources already.
        _ => LinkFailure { reason: error.to_string(), misconfigured: false },
    }
}

/// The TLS error somewhere below, which hides inside I/O errors.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next: Option<&'a (dyn Error + 'static)> = Some(error);
    while let Some(current) = next {
        if let Some(tls) = current.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        if let Some(inner) = current.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            let found = tls_error(inner);
            if found.is_some() {
                return found;
            }
        }
        next = current.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(tls: rustls::Error) -> ConnectionError {
        ConnectionError::Io(io::Error::new(io::ErrorKind::InvalidData, tls))
    }

    #[test]
    fn a_refused_certificate_is_a_matter_of_configuration() {
        let failure = classify(&wrapped(rustls::Error::AlertReceived(AlertDescription::CertificateRevoked)));
        assert!(failure.misconfigured);
        assert!(failure.reason.contains("reset"), "{}", failure.reason);
    }

    #[test]
    fn an_unknown_authority_names_the_variable_to_set() {
        let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let failure = classify(&wrapped(unknown));
        assert!(failure.misconfigured && failure.reason.contains("ADDITIONAL_ROOT_CAS"));
    }

    #[test]
    fn a_closed_connection_is_the_networks() {
        let error = ConnectionError::Io(io::Error::from(io::ErrorKind::ConnectionReset));
        assert!(!classify(&error).misconfigured);
    }
}
