//! Which way out: the proxy of `HTTPS_PROXY`, or none for what `NO_PROXY` lists. Opens nothing.
//!
//! The rules are those of Go's `net/http`, which the documented launcher follows: loopback is always reached directly.

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::access::contains;
use crate::secret::SecretText;

/// Why a proxy cannot be used. It never shows the URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyUrlError {
    /// Not a URL with a host.
    #[error("this is no address of a proxy; write http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT")]
    Form,
    /// Not `http` or `https`.
    #[error("only http:// and https:// proxies are supported, which open tunnels by CONNECT")]
    Scheme,
}

/// A proxy that opens tunnels.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ProxyServer {
    pub(super) host: String,
    pub(super) port: u16,
    /// Whether the way to the proxy itself is TLS.
    pub(super) tls: bool,
    /// The value of `Proxy-Authorization`.
    pub(super) authorization: Option<SecretText>,
}

impl ProxyServer {
    fn parse(text: &SecretText) -> Result<Self, ProxyUrlError> {
        let text = text.expose().trim();
        // `host:port` alone stands for HTTP, as in other programs.
        let url = match text.contains("://") {
            true => Url::parse(text),
            false => Url::parse(&Zeroizing::new(format!("http://{text}"))),
        };
        let url = url.map_err(|_| ProxyUrlError::Form)?;
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(ProxyUrlError::Scheme),
        };
        let host = url.host().map(|host| host_text(&host)).ok_or(ProxyUrlError::Form)?;
        let port = url.port_or_known_default().ok_or(ProxyUrlError::Form)?;
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        let authorization =
            has_credentials.then(|| basic(url.username(), url.password().unwrap_or_default()));
        Ok(Self { host, port, tls, authorization })
    }
}

/// Credentials are left out.
impl fmt::Display for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyServer").field("at", &self.to_string()).finish_non_exhaustive()
    }
}

/// The text of a host; of an IPv6 address without brackets.
pub(super) fn host_text(host: &Host<&str>) -> String {
    match host {
        Host::Domain(name) => (*name).to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    }
}

/// RFC 7617, 2: base64 of user, colon, password, which stand percent-encoded in a URL.
fn basic(user: &str, password: &str) -> SecretText {
    let mut pair = Zeroizing::new(Vec::with_capacity(user.len() + password.len() + 1));
    percent_decode(user, &mut pair);
    pair.push(b':');
    percent_decode(password, &mut pair);
    SecretText::new(format!("Basic {}", STANDARD.encode(&*pair)))
}

/// RFC 3986, 2.1. What is no escape stands for itself.
fn percent_decode(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let escaped = more
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match escaped {
            Some(byte) => {
                out.push(byte);
                rest = &more[2..];
            }
            None => {
                out.push(*first);
                rest = more;
            }
        }
    }
}

/// An entry of `NO_PROXY`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Exception {
    /// Everything.
    All,
    /// An address or network.
    Network { address: IpAddr, prefix: u8, port: Option<u16> },
    /// A domain: names below it, and itself unless the entry began with a dot.
    Domain { name: String, itself: bool, port: Option<u16> },
}

impl Exception {
    /// `None` for what is none of these; such an entry is without effect, as in other programs.
    fn parse(entry: &str) -> Option<Self> {
        let entry = entry.trim().to_ascii_lowercase();
        if entry == "*" {
            return Some(Self::All);
        }
        if let Some((address, prefix)) = entry.split_once('/') {
            let (address, prefix) = (address.parse().ok()?, prefix.parse().ok()?);
            return Some(Self::Network { address, prefix, port: None });
        }
        let (host, port) = split_port(&entry);
        if let Ok(address) = host.parse::<IpAddr>() {
            return Some(Self::Network { address, prefix: if address.is_ipv4() { 32 } else { 128 }, port });
        }
        let host = host.strip_prefix('*').unwrap_or(host);
        let (name, itself) = match host.strip_prefix('.') {
            Some(name) => (name, false),
            None => (host, true),
        };
        (!name.is_empty()).then(|| Self::Domain { name: name.to_owned(), itself, port })
    }

    fn covers(&self, host: &str, port: u16) -> bool {
        let is_port = |wanted: &Option<u16>| wanted.is_none_or(|wanted| wanted == port);
        match self {
            Self::All => true,
            Self::Network { address, prefix, port } => {
                is_port(port)
                    && host.parse().is_ok_and(|host: IpAddr| {
                        contains(address.to_canonical(), *prefix, host.to_canonical())
                    })
            }
            Self::Domain { name, itself, port } => {
                let below = host.strip_suffix(name.as_str()).is_some_and(|front| front.ends_with('.'));
                is_port(port) && (below || (*itself && host == name))
            }
        }
    }
}

/// Host and port of an entry; an IPv6 address may stand in brackets.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if entry.parse::<IpAddr>().is_ok() {
        return (entry, None);
    }
    let (host, port) = match entry.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse().ok()),
        _ => (entry, None),
    };
    (host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host), port)
}

/// The proxy for TLS connections, and what is reached without it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    server: Option<ProxyServer>,
    exceptions: Vec<Exception>,
}

impl Proxies {
    /// From the value of `HTTPS_PROXY`, where there is one, and the entries of `NO_PROXY`.
    ///
    /// # Errors
    /// [`ProxyUrlError`]
    pub(crate) fn new(server: Option<&SecretText>, exceptions: &[String]) -> Result<Self, ProxyUrlError> {
        Ok(Self {
            server: server.map(ProxyServer::parse).transpose()?,
            exceptions: exceptions.iter().filter_map(|entry| Exception::parse(entry)).collect(),
        })
    }

    /// The proxy by which a host is reached; `None` for directly. The host is a name, or an address without brackets.
    pub(super) fn route(&self, host: &str, port: u16) -> Option<&ProxyServer> {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let is_loopback = match host.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback(),
            Err(_) => host == "localhost",
        };
        let direct = is_loopback || self.exceptions.iter().any(|exception| exception.covers(&host, port));
        self.server.as_ref().filter(|_| !direct)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(server: &str, exceptions: &[&str]) -> Result<Proxies, ProxyUrlError> {
        let exceptions: Vec<String> = exceptions.iter().map(|&entry| entry.to_owned()).collect();
        Proxies::new(Some(&SecretText::from(server)), &exceptions)
    }

    #[test]
    fn an_address_of_a_proxy_is_read_with_its_credentials_and_shown_without() {
        let proxies = proxies("http://us%40er:p%3Ass@proxy.example:3128", &[]).unwrap();
        let server = proxies.server.as_ref().unwrap();
        assert_eq!((server.host.as_str(), server.port, server.tls), ("proxy.example", 3128, false));
        // base64 of us@er:p:ss
        assert_eq!(server.authorization.as_ref().unwrap().expose(), "Basic dXNAZXI6cDpzcw==");
        assert_eq!(server.to_string(), "proxy.example:3128");
        let shown = format!("{proxies:?}");
        assert!(!shown.contains("us%40er") && !shown.contains("ss@") && !shown.contains("dXNA"), "{shown}");
    }

    #[test]
    fn the_usual_spellings_are_understood_and_others_are_refused() {
        for (text, host, port, tls) in [
            ("proxy:3128", "proxy", 3128, false),
            ("http://proxy", "proxy", 80, false),
            ("https://proxy/", "proxy", 443, true),
            ("http://[::1]:8080", "::1", 8080, false),
        ] {
            let server = ProxyServer::parse(&SecretText::from(text)).unwrap();
            assert_eq!((server.host.as_str(), server.port, server.tls), (host, port, tls), "{text}");
            assert!(server.authorization.is_none());
        }
        assert_eq!(proxies("socks5://proxy:1080", &[]).unwrap_err(), ProxyUrlError::Scheme);
        for text in ["", "http://", "http://a b", "http://user:secret@"] {
            assert_eq!(proxies(text, &[]).unwrap_err(), ProxyUrlError::Form, "{text}");
        }
    }

    #[test]
    fn exceptions_are_reached_directly() {
        let exceptions = [
            "internal",
            ".below.example",
            "*.star.example",
            "only.example:8443",
            "10.0.0.0/8",
            "192.0.2.7",
            "::2",
        ];
        let proxies = proxies("http://proxy:3128", &exceptions).unwrap();
        for (host, port, direct) in [
            ("internal", 443, true),
            ("a.internal", 443, true),
            ("A.Internal.", 443, true),
            ("notinternal", 443, false),
            ("below.example", 443, false),
            ("a.below.example", 443, true),
            ("a.star.example", 443, true),
            ("only.example", 8443, true),
            ("only.example", 443, false),
            ("10.1.2.3", 443, true),
            ("::ffff:10.1.2.3", 443, true),
            ("11.1.2.3", 443, false),
            ("192.0.2.7", 443, true),
            ("::2", 443, true),
            ("localhost", 443, true),
            ("127.8.8.8", 443, true),
            ("::1", 443, true),
            ("app.spacelift.io", 443, false),
        ] {
            assert_eq!(proxies.route(host, port).is_none(), direct, "{host}:{port}");
        }
    }

    #[test]
    fn a_star_turns_the_proxy_off_and_none_needs_no_exceptions() {
        assert!(proxies("http://proxy:3128", &["*"]).unwrap().route("a.example", 443).is_none());
        assert!(Proxies::default().route("a.example", 443).is_none());
    }
}
