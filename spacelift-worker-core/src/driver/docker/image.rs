//! The name of an image: which registry it is in, and whether it may change under its name. Asks nobody.

/// The key of Docker Hub in `config.json`.
const HUB: &str = "https://index.docker.io/v1/";

/// An image's name, such as `ghcr.io/acme/runner:1.2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ImageName(String);

impl ImageName {
    /// The name as it is written, without blanks around it.
    pub(super) fn new(name: &str) -> Self {
        Self(name.trim().to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The registry's key in `config.json`. As Docker does: what stands before the first slash is a host when it has a dot or a
    /// colon in it, or is `localhost`.
    pub(super) fn registry(&self) -> &str {
        match self.0.split_once('/') {
            Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => match host {
                "docker.io" | "index.docker.io" => HUB,
                _ => host,
            },
            _ => HUB,
        }
    }

    /// Whether another image may stand behind the same name tomorrow, as everybody expects.
    pub(super) fn moves(&self) -> bool {
        let last = self.0.rsplit('/').next().unwrap_or_default();
        !self.0.contains('@') && last.split_once(':').is_none_or(|(_, tag)| tag == "latest")
    }

    /// The name with a tag: without one, the Engine would pull every tag there is.
    pub(super) fn tagged(&self) -> String {
        let last = self.0.rsplit('/').next().unwrap_or_default();
        if last.contains([':', '@']) { self.0.clone() } else { format!("{}:latest", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_what_docker_takes_for_one() {
        for (name, registry) in [
            ("busybox", HUB),
            ("acme/runner:1", HUB),
            ("docker.io/acme/runner", HUB),
            ("ghcr.io/acme/runner:1", "ghcr.io"),
            ("127.0.0.1:5000/runner", "127.0.0.1:5000"),
            ("localhost/runner", "localhost"),
        ] {
            assert_eq!(ImageName::new(name).registry(), registry, "{name}");
        }
    }

    #[test]
    fn a_name_without_a_tag_or_with_latest_moves() {
        for name in ["busybox", "host:5000/busybox", "busybox:latest"] {
            assert!(ImageName::new(name).moves(), "{name}");
        }
        for name in ["busybox:1", "host:5000/a/b:1", "busybox@sha256:00", "busybox:latest@sha256:00"] {
            assert!(!ImageName::new(name).moves(), "{name}");
        }
        assert_eq!(ImageName::new(" host:5000/a ").tagged(), "host:5000/a:latest");
        assert_eq!(ImageName::new("a@sha256:00").tagged(), "a@sha256:00");
    }
}
