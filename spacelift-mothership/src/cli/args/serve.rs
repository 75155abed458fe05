//! `mothership serve`

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use url::Url;

use crate::serve::{BrokerConfig, ClientFiles, ServeConfig, Timings};

/// `mothership serve`
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// Where HTTPS listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:7443", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// Where the embedded MQTT broker listens; port 0 takes a free one
    #[arg(
        long,
        default_value = "127.0.0.1:8883",
        value_name = "ADDRESS:PORT",
        conflicts_with = "broker_url"
    )]
    pub mqtt_listen: SocketAddr,
    /// A name or address under which workers reach this machine; the first one stands in tokens; may be repeated
    #[arg(long = "hostname", value_name = "NAME")]
    pub hostnames: Vec<String>,
    /// Where workers find a proxy that passes their polls on, such as `https://workers.example.com`; may be repeated
    #[arg(long = "public-url", value_name = "URL", value_parser = origin)]
    pub public_urls: Vec<String>,
    /// An outside broker instead of the embedded one
    #[command(flatten)]
    pub outside: OutsideArgs,
    /// The first levels of every topic
    #[arg(long, default_value = "spacelift")]
    pub namespace: String,
    /// The name of the account that policies see
    #[arg(long, default_value = "local")]
    pub account: String,
    /// The data folder was restored from a backup: no lease given out since may count again, and nothing is offered
    /// before every worker had time to say what it holds
    #[arg(long)]
    pub restored_from_backup: bool,
    /// When things are late
    #[command(flatten)]
    pub late: LateArgs,
    /// What is logged to standard error: error, warn, info, debug or trace, or a filter such as
    /// info,spacelift_mothership=debug
    #[arg(long, env = "MOTHERSHIP_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
}

/// An outside broker.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Outside broker")]
pub struct OutsideArgs {
    /// host, host:port or tls://host:port; it stands in tokens, too
    #[arg(long, value_name = "URL")]
    pub broker_url: Option<String>,
    /// Who signed its certificate (PEM); this control plane's own authority by default
    #[arg(long, value_name = "FILE", requires = "broker_url")]
    pub broker_ca: Option<PathBuf>,
    /// The certificate with which to connect (PEM); CN=controlplane of the own authority by default
    #[arg(long, value_name = "FILE", requires = "broker_key", requires = "broker_url")]
    pub broker_cert: Option<PathBuf>,
    /// The key of that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "broker_cert", requires = "broker_url")]
    pub broker_key: Option<PathBuf>,
}

/// When things are late, in seconds.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "When things are late, in seconds")]
pub struct LateArgs {
    /// A worker that was not heard for so long is lost; workers speak every 15 seconds
    #[arg(long, default_value_t = Timings::default().lost_after.as_secs(), value_parser = clap::value_parser!(u64).range(1..), value_name = "SECONDS")]
    pub lost_after: u64,
    /// How long a lease holds without a renewal
    #[arg(long, default_value_t = Timings::default().lease.as_secs(), value_parser = clap::value_parser!(u64).range(1..), value_name = "SECONDS")]
    pub lease: u64,
    /// How long a worker is given to answer an offer
    #[arg(long, default_value_t = Timings::default().answer.as_secs(), value_parser = clap::value_parser!(u64).range(1..), value_name = "SECONDS")]
    pub answer: u64,
    /// After so long, a state-changing run whose worker is lost has failed
    #[arg(long, default_value_t = Timings::default().run_timeout.as_secs(), value_parser = clap::value_parser!(u64).range(1..), value_name = "SECONDS")]
    pub run_timeout: u64,
}

impl ServeArgs {
    /// What the control plane is told.
    pub fn config(&self, data: &Path) -> ServeConfig {
        let broker = match &self.outside.broker_url {
            None => BrokerConfig::Embedded { listen: self.mqtt_listen },
            Some(endpoint) => BrokerConfig::Outside {
                endpoint: endpoint.clone(),
                ca: self.outside.broker_ca.clone(),
                client: self
                    .outside
                    .broker_cert
                    .clone()
                    .zip(self.outside.broker_key.clone())
                    .map(|(certificate, key)| ClientFiles { certificate, key }),
            },
        };
        ServeConfig {
            data: data.to_owned(),
            listen: self.listen,
            hostnames: self.hostnames.clone(),
            public_urls: self.public_urls.clone(),
            broker,
            namespace: self.namespace.clone(),
            account_name: self.account.clone(),
            restored: self.restored_from_backup,
            timings: Timings {
                lost_after: Duration::from_secs(self.late.lost_after),
                lease: Duration::from_secs(self.late.lease),
                answer: Duration::from_secs(self.late.answer),
                run_timeout: Duration::from_secs(self.late.run_timeout),
            },
        }
    }
}

/// The origin of an address (RFC 6454, 6.2), as workers name it in what they sign.
fn origin(text: &str) -> Result<String, String> {
    match Url::parse(text) {
        Ok(url) if url.scheme() == "https" && url.path() == "/" && url.query().is_none() => {
            Ok(url.origin().ascii_serialization())
        }
        _ => Err("expected https://HOST or https://HOST:PORT, without a path".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_has_one_spelling() {
        assert_eq!(origin("https://Workers.Example.com:443/"), Ok("https://workers.example.com".to_owned()));
        assert_eq!(origin("https://[::1]:8443"), Ok("https://[::1]:8443".to_owned()));
        for wrong in ["http://a.example", "https://a.example/path", "https://a.example?x", "a.example", ""] {
            origin(wrong).unwrap_err();
        }
    }
}
