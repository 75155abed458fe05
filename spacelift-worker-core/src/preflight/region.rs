//! Endpoints beside those of the token and of `SPACELIFT_WORKER_COMMS_URL`, by region.
//!
//! Source: Spacelift, concepts, worker pools, "Network security". What depends on an account or a run (the account's own
//! name, its VCS provider, its registries) is not known here.

/// Which control plane a worker belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Region {
    /// `spacelift.io`.
    Eu,
    /// `us.spacelift.io`.
    Us,
    /// `fedramp.spacelift.io`.
    FedRamp,
    /// Any other: it names all its endpoints itself.
    SelfHosted,
}

/// A host that workers of a region are to reach, on port 443.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoint {
    /// Its name.
    pub host: &'static str,
    /// What for.
    pub purpose: &'static str,
}

const fn to(host: &'static str, purpose: &'static str) -> Endpoint {
    Endpoint { host, purpose }
}

const LOGS: &str = "logs and state";
const LOGS_AFTER_FAILOVER: &str = "logs and state, when the region fails over";
const IMAGES: &str = "default runner images";

impl Region {
    /// By the broker's host, or the control plane's.
    pub fn of(host: &str) -> Self {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        if below("fedramp.spacelift.io") {
            Self::FedRamp
        } else if below("us.spacelift.io") {
            Self::Us
        } else if below("spacelift.io") {
            Self::Eu
        } else {
            Self::SelfHosted
        }
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eu => "EU",
            Self::Us => "US",
            Self::FedRamp => "FedRAMP",
            Self::SelfHosted => "self-hosted",
        }
    }

    /// The documented hosts.
    pub fn endpoints(self) -> &'static [Endpoint] {
        const EU: &[Endpoint] = &[
            to("app.spacelift.io", "the control plane"),
            to("registry.spacelift.io", "modules and providers"),
            to("downloads.spacelift.io", "downloads"),
            to("s3.eu-west-1.amazonaws.com", LOGS),
            to("s3.eu-central-1.amazonaws.com", LOGS_AFTER_FAILOVER),
            to("public.ecr.aws", IMAGES),
        ];
        const US: &[Endpoint] = &[
            to("app.us.spacelift.io", "the control plane"),
            to("registry.us.spacelift.io", "modules and providers"),
            to("downloads.us.spacelift.io", "downloads"),
            to("public.ecr.aws", IMAGES),
        ];
        const FEDRAMP: &[Endpoint] = &[
            to("s3.us-east-2.amazonaws.com", LOGS),
            to("s3.us-west-1.amazonaws.com", LOGS_AFTER_FAILOVER),
            to("public.ecr.aws", IMAGES),
        ];
        match self {
            Self::Eu => EU,
            Self::Us => US,
            Self::FedRamp => FEDRAMP,
            Self::SelfHosted => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_known_by_the_end_of_a_host() {
        for (host, region) in [
            ("worker-iot.spacelift.io", Region::Eu),
            ("app.spacelift.io.", Region::Eu),
            ("worker-iot.us.spacelift.io", Region::Us),
            ("APP.US.SPACELIFT.IO", Region::Us),
            ("broker.fedramp.spacelift.io", Region::FedRamp),
            ("spacelift.io.example.com", Region::SelfHosted),
            ("notspacelift.io", Region::SelfHosted),
            ("spacelift.internal", Region::SelfHosted),
            ("10.0.0.1", Region::SelfHosted),
        ] {
            assert_eq!(Region::of(host), region, "{host}");
        }
    }

    #[test]
    fn hosts_of_one_region_are_not_those_of_another() {
        for region in [Region::Eu, Region::Us, Region::FedRamp] {
            let own = region.endpoints().iter().filter(|endpoint| endpoint.host.ends_with("spacelift.io"));
            assert!(own.clone().all(|endpoint| Region::of(endpoint.host) == region), "{region:?}");
        }
        assert!(Region::SelfHosted.endpoints().is_empty());
    }
}
