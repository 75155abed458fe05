//! Whose fault a lost connection is: a wrong configuration, which a person must mend, another process, or the network.

use rumqttc::{ConnectReturnCode, ConnectionError, StateError};

use super::BrokerPlace;
use crate::driver::chain::{below, chain};
use crate::driver::dial::{DialError, TunnelError, authority};
use crate::driver::link::{Fault, LinkFailure};
use crate::driver::tls::tls_failure;

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// A person must mend something.
    Configuration(String),
    /// The broker closed it in order, without a reason.
    ClosedByBroker(String),
    /// Everything else.
    Broken(String),
    /// The broker gave it to another process, again and again.
    TakenOver,
}

impl Failure {
    /// For the session, with the broker's place in it.
    pub(super) fn into_link(self, broker: &BrokerPlace) -> LinkFailure {
        let at = authority(&broker.host, broker.port);
        let (fault, reason) = match self {
            Self::Configuration(reason) => (Fault::Configuration, reason),
            Self::ClosedByBroker(reason) | Self::Broken(reason) => (Fault::Network, reason),
            Self::TakenOver => (
                Fault::Duplicate,
                "another process connects with this worker's identifier, again and again: was this process copied with its memory?"
                    .to_owned(),
            ),
        };
        LinkFailure { reason: format!("broker {at}: {reason}"), fault }
    }
}

/// Reads the chain of an error for what a person can act on.
///
/// With TLS 1.3 a refused client certificate shows after the handshake only, as an alert inside an MQTT error.
pub(super) fn classify(error: &ConnectionError) -> Failure {
    if let ConnectionError::ConnectionRefused(code) = error {
        let reason = format!("the broker refuses the connection: {code:?}");
        return match code {
            ConnectReturnCode::BadClientId
            | ConnectReturnCode::BadUserNamePassword
            | ConnectReturnCode::NotAuthorized => Failure::Configuration(reason),
            _ => Failure::Broken(reason),
        };
    }
    if let Some(failure) = tls_failure(error, "the broker") {
        return match failure.fault {
            Fault::Configuration => Failure::Configuration(failure.reason),
            _ => Failure::Broken(failure.reason),
        };
    }
    if let Some(dial) = below::<DialError>(error) {
        let reason = chain(dial);
        return match dial {
            DialError::Tunnel { source: TunnelError::Credentials | TunnelError::NotHttp, .. } => {
                Failure::Configuration(reason)
            }
            _ => Failure::Broken(reason),
        };
    }
    // rumqttc's messages repeat their sources already.
    let reason = error.to_string();
    // rumqttc's word for a stream that the other end closed in order. Without TLS's goodbye it is the network that broke, or the
    // broker's process.
    let in_order = matches!(error, ConnectionError::MqttState(StateError::ConnectionAborted));
    if in_order { Failure::ClosedByBroker(reason) } else { Failure::Broken(reason) }
}

#[cfg(test)]
mod tests {
    use std::io;

    use rustls::AlertDescription;

    use super::*;

    fn wrapped(tls: rustls::Error) -> ConnectionError {
        ConnectionError::Io(io::Error::new(io::ErrorKind::InvalidData, tls))
    }

    fn configuration(failure: Failure) -> String {
        match failure {
            Failure::Configuration(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_refused_certificate_is_a_matter_of_configuration() {
        let alert = rustls::Error::AlertReceived(AlertDescription::CertificateRevoked);
        assert!(configuration(classify(&wrapped(alert))).contains("reset"));
        let refused = ConnectionError::ConnectionRefused(ConnectReturnCode::NotAuthorized);
        assert!(configuration(classify(&refused)).contains("NotAuthorized"));
    }

    #[test]
    fn an_unknown_authority_names_the_variable_to_set() {
        let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        assert!(configuration(classify(&wrapped(unknown))).contains("ADDITIONAL_ROOT_CAS"));
    }

    #[test]
    fn a_proxy_that_wants_other_credentials_is_a_matter_of_configuration() {
        let dial = DialError::Tunnel { proxy: "proxy:3128".to_owned(), source: TunnelError::Credentials };
        let reason = configuration(classify(&ConnectionError::Io(io::Error::other(dial))));
        assert!(reason.contains("proxy:3128") && reason.contains("HTTPS_PROXY"), "{reason}");
    }

    #[test]
    fn a_closed_connection_is_told_from_a_broken_one() {
        let aborted = classify(&ConnectionError::MqttState(StateError::ConnectionAborted));
        assert!(matches!(aborted, Failure::ClosedByBroker(_)), "{aborted:?}");
        for error in [
            ConnectionError::Io(io::ErrorKind::ConnectionRefused.into()),
            ConnectionError::Io(io::ErrorKind::ConnectionReset.into()),
            ConnectionError::Io(io::ErrorKind::UnexpectedEof.into()),
            ConnectionError::NetworkTimeout,
            ConnectionError::ConnectionRefused(ConnectReturnCode::ServiceUnavailable),
        ] {
            assert!(matches!(classify(&error), Failure::Broken(_)), "{error:?}");
        }
    }
}
