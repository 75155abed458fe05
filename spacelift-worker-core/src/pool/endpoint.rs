//! Where the broker listens: `host`, `host:port`, `tls://host:port`, with IPv6 addresses in brackets.
//!
//! It never resolves a name.

use core::net::Ipv6Addr;
use std::fmt;
use std::str::FromStr;

/// The port of MQTT over TLS, when an endpoint names none.
pub const DEFAULT_BROKER_PORT: u16 = 8883;

/// Why a text is no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// Not a host name or address.
    #[error("the broker endpoint has no valid host; expected HOST, HOST:PORT or tls://HOST:PORT")]
    Host,
    /// Not a port number.
    #[error("the broker endpoint's port is not a number from 1 to 65535")]
    Port,
    /// A scheme without TLS, or an unknown one.
    #[error("the broker endpoint's scheme must be tls://")]
    Scheme,
}

/// Host and port of a broker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BrokerEndpoint {
    /// A host name or an address; an IPv6 address stands without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl FromStr for BrokerEndpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("tls") => rest,
            Some(_) => return Err(EndpointError::Scheme),
            None => text,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[') {
            Some(bracketed) => {
                let (host, port) = bracketed.split_once(']').ok_or(EndpointError::Host)?;
                host.parse::<Ipv6Addr>().map_err(|_| EndpointError::Host)?;
                let port = match port {
                    "" => None,
                    port => Some(port.strip_prefix(':').ok_or(EndpointError::Port)?),
                };
                (host, port)
            }
            None if rest.parse::<Ipv6Addr>().is_ok() => (rest, None),
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        if host.is_empty()
            || host.len() > 253
            || !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte))
        {
            return Err(EndpointError::Host);
        }
        let port = match port {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port != 0).ok_or(EndpointError::Port)?
            }
            Some(_) => return Err(EndpointError::Port),
            None => DEFAULT_BROKER_PORT,
        };
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for BrokerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_is_read() {
        for (text, host, port) in [
            ("worker-iot.spacelift.io", "worker-iot.spacelift.io", 8883),
            ("mqtt.example.com:1984", "mqtt.example.com", 1984),
            ("tls://mqtt.example.com:1984", "mqtt.example.com", 1984),
            ("TLS://mqtt.example.com", "mqtt.example.com", 8883),
            ("tls://10.0.0.1:443/", "10.0.0.1", 443),
            ("[::1]:1883", "::1", 1883),
            ("tls://[2001:db8::1]", "2001:db8::1", 8883),
            ("::1", "::1", 8883),
        ] {
            let endpoint: BrokerEndpoint = text.parse().unwrap();
            assert_eq!((endpoint.host.as_str(), endpoint.port), (host, port), "{text}");
            assert_eq!(endpoint.to_string().parse(), Ok(endpoint), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_what_is_wrong() {
        for (text, error) in [
            ("", EndpointError::Host),
            (":1883", EndpointError::Host),
            ("user@host", EndpointError::Host),
            ("host/path", EndpointError::Host),
            ("[::1", EndpointError::Host),
            ("[host]:1", EndpointError::Host),
            ("host:", EndpointError::Port),
            ("host:0", EndpointError::Port),
            ("host:65536", EndpointError::Port),
            ("host:+1", EndpointError::Port),
            ("[::1]1883", EndpointError::Port),
            ("tcp://host:1883", EndpointError::Scheme),
        ] {
            assert_eq!(text.parse::<BrokerEndpoint>(), Err(error), "{text}");
        }
    }
}
