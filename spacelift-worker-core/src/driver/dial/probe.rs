//! Tries the way to an endpoint step by step: its name, a connection, TLS, the dates of its certificate. Nothing is sent
//! beyond the handshake, so what the other end thinks of our own certificate is seen only where it says so at once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Dialer;
use crate::crypto::certificate_validity;
use crate::driver::chain;
use crate::pool::utc;

/// For a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);

/// A certificate that ends sooner is worth a warning.
const SOON: i64 = 7 * 24 * 3600;

/// One step, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) step: &'static str,
    pub(crate) found: Found,
}

/// How a step went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Good(String),
    Dubious(String),
    Bad(String),
}

impl Dialer {
    /// Tries the steps up to the first that fails; without `tls`, only those before it. `now` is in Unix seconds.
    pub(crate) async fn probe(
        &self,
        host: &str,
        port: u16,
        tls: Option<Arc<ClientConfig>>,
        now: i64,
    ) -> Vec<Probe> {
        let mut steps = Vec::new();
        match self.proxies.route(host, port) {
            Some(proxy) => steps.push(good("name", format!("left to the proxy {proxy}"))),
            None => match self.addresses(host, port).await {
                Ok(addresses) => {
                    let shown = addresses.iter().take(3).map(|address| address.ip().to_string());
                    steps.push(good("name", shown.collect::<Vec<_>>().join(", ")));
                }
                Err(error) => return with(steps, "name", Found::Bad(chain(&error))),
            },
        }
        let stream = match self.connect(host, port).await {
            Ok(stream) => stream,
            Err(error) => return with(steps, "connection", Found::Bad(chain(&error))),
        };
        steps.push(good("connection", "open".to_owned()));
        let Some(tls) = tls else { return steps };
        let Ok(name) = ServerName::try_from(host.to_owned()) else {
            return with(steps, "TLS", Found::Bad("this is no name for TLS".to_owned()));
        };
        let handshake = timeout(HANDSHAKE_TIMEOUT, TlsConnector::from(tls).connect(name, stream)).await;
        let stream = match handshake.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => stream,
            Err(error) => return with(steps, "TLS", Found::Bad(chain(&error))),
        };
        let session = stream.get_ref().1;
        let version = session.protocol_version().and_then(|version| version.as_str());
        steps.push(good("TLS", version.unwrap_or("agreed").to_owned()));
        let leaf = session.peer_certificates().and_then(<[_]>::first);
        let found = match leaf.and_then(|leaf| certificate_validity(leaf)) {
            Some((from, to)) => dates(from, to, now),
            None => Found::Dubious("its dates cannot be read".to_owned()),
        };
        with(steps, "certificate", found)
    }
}

/// TLS has verified the dates already; here they are told.
fn dates(from: i64, to: i64, now: i64) -> Found {
    let told = format!("valid from {} to {}", utc(from), utc(to));
    match to - now {
        left if left < 0 => Found::Bad(told),
        left if left < SOON => Found::Dubious(told),
        _ => Found::Good(told),
    }
}

fn good(step: &'static str, text: String) -> Probe {
    Probe { step, found: Found::Good(text) }
}

fn with(mut steps: Vec<Probe>, step: &'static str, found: Found) -> Vec<Probe> {
    steps.push(Probe { step, found });
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_ends_soon_is_dubious() {
        let day = 24 * 3600;
        assert!(matches!(dates(0, 100 * day, 50 * day), Found::Good(_)));
        assert!(matches!(dates(0, 100 * day, 94 * day), Found::Dubious(_)));
        assert!(matches!(dates(0, 100 * day, 101 * day), Found::Bad(_)));
    }
}
