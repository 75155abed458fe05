//! What a serving control plane is told at its start. Data alone: `cli` fills it, `serve` obeys it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that `mothership serve` is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeConfig {
    /// The data folder.
    pub data: PathBuf,
    /// Where HTTPS listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Names and addresses under which others reach this machine, the first one preferred. `localhost`, `127.0.0.1` and
    /// `::1` are always in the server's certificate, too.
    pub hostnames: Vec<String>,
    /// Origins (`https://host:port`) of proxies through which workers poll; this server's own names need not stand here.
    pub public_urls: Vec<String>,
    /// How workers are reached.
    pub broker: BrokerConfig,
    /// The first levels of every topic.
    pub namespace: String,
    /// The name of the account that policies see.
    pub account_name: String,
    /// Whether the data folder was restored from a backup since it last served: the generation of leases rises.
    pub restored: bool,
    /// When things are late.
    pub timings: Timings,
}

/// How workers are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerConfig {
    /// By the embedded broker; port 0 takes a free one.
    Embedded {
        /// Where it listens.
        listen: SocketAddr,
    },
    /// By an outside broker.
    Outside {
        /// `host`, `host:port` or `tls://host:port`; it stands in tokens, too.
        endpoint: String,
        /// Who signed its certificate (PEM file); none for this control plane's own authority.
        ca: Option<PathBuf>,
        /// With what this control plane connects; none for the certificate that its own authority made for it.
        client: Option<ClientFiles>,
    },
}

/// A client certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFiles {
    /// The certificate, with its chain if there is one (PEM file).
    pub certificate: PathBuf,
    /// Its key (PEM file).
    pub key: PathBuf,
}

/// When things are late. Every one is counted on this machine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// A worker that was not heard for so long is lost. Workers speak every 15 seconds.
    pub lost_after: Duration,
    /// How long a lease holds without a renewal.
    pub lease: Duration,
    /// How long a worker is given to answer an offer.
    pub answer: Duration,
    /// After so long, a state-changing phase whose worker is lost has failed.
    pub run_timeout: Duration,
}

impl Default for Timings {
    /// The numbers of the protocol; 70 minutes are Spacelift's own run timeout.
    fn default() -> Self {
        Self {
            lost_after: Duration::from_secs(60),
            lease: Duration::from_secs(90),
            answer: Duration::from_secs(30),
            run_timeout: Duration::from_secs(70 * 60),
        }
    }
}
