//! The name of an image: whether it is one, which registry it is in, and whether it may change under its name. Asks nobody.

/// The key of Docker Hub in `config.json`.
const HUB: &str = "https://index.docker.io/v1/";

/// Bytes of a name without tag and digest, as distributions of images have it.
const MAX_NAME: usize = 255;

/// Bytes of a tag.
const MAX_TAG: usize = 128;

/// An image's name, such as `ghcr.io/acme/runner:1.2`.
///
/// It has the form of a reference (github.com/distribution/reference): `[host[:port]/]path[:tag][@algorithm:hex]`. Nothing else
/// becomes one, since it stands in addresses that the Engine is asked for, where `..`, `?` and the like would ask for
/// something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ImageName(String);

impl ImageName {
    /// The name as it is written; none where it has not the form of one.
    pub(super) fn new(text: &str) -> Option<Self> {
        let (tagged, digest) = match text.split_once('@') {
            Some((tagged, digest)) => (tagged, Some(digest)),
            None => (text, None),
        };
        // The colon of a port stands before a slash, that of a tag behind all of them.
        let last = tagged.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match tagged[last..].find(':') {
            Some(colon) => (&tagged[..last + colon], Some(&tagged[last + colon + 1..])),
            None => (tagged, None),
        };
        let is_good =
            name.len() <= MAX_NAME && is_name(name) && tag.is_none_or(is_tag) && digest.is_none_or(is_digest);
        is_good.then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The registry's key in `config.json`. As Docker does: what stands before the first slash is a host when it has a dot, a
    /// colon or a capital in it, or is `localhost`.
    pub(super) fn registry(&self) -> &str {
        match self.0.split_once('/') {
            Some((host, _)) if is_host(host) => match host {
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

/// Whether a text has the form of an image's name.
pub(crate) fn is_image_name(text: &str) -> bool {
    ImageName::new(text).is_some()
}

fn is_host(first: &str) -> bool {
    first == "localhost" || first.contains(|c: char| matches!(c, '.' | ':') || c.is_ascii_uppercase())
}

/// The path, and a host before it where there is more than one part.
fn is_name(name: &str) -> bool {
    match name.split_once('/') {
        Some((first, rest)) => (is_part(first) || is_domain(first)) && rest.split('/').all(is_part),
        None => is_part(name),
    }
}

/// A part of the path: small letters and digits, with one point, one or two underscores or any hyphens between them.
fn is_part(part: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_separator =
        |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
    part.starts_with(is_word) && part.ends_with(is_word) && part.split(is_word).all(is_separator)
}

/// A host's name or address, with a port or without.
fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            let is_good = !address.is_empty() && address.bytes().all(|c| c.is_ascii_hexdigit() || c == b':');
            (is_good, port)
        }
        None => {
            let at = domain.find(':').unwrap_or(domain.len());
            (domain[..at].split('.').all(is_label), &domain[at..])
        }
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    host && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// What stands between the points of a host's name.
fn is_label(label: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric();
    label.starts_with(is_word) && label.ends_with(is_word) && label.chars().all(|c| is_word(c) || c == '-')
}

fn is_tag(tag: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= MAX_TAG
        && tag.starts_with(is_word)
        && tag.chars().all(|c| is_word(c) || matches!(c, '.' | '-'))
}

/// Such as `sha256:` with 64 digits. 128 of them are a digest of 64 bytes; nobody has a longer one.
fn is_digest(digest: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.bytes().all(|c| c.is_ascii_alphanumeric())
    };
    digest.split_once(':').is_some_and(|(algorithm, hex)| {
        algorithm.split(['+', '.', '_', '-']).all(is_word)
            && (32..=128).contains(&hex.len())
            && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn name(text: &str) -> ImageName {
        ImageName::new(text).unwrap()
    }

    #[test]
    fn what_has_the_form_of_a_reference_is_a_name() {
        let long = "a/".repeat(127) + "a";
        for text in [
            "alpine",
            "alpine:3",
            "localhost:5000/a/b:1.2",
            "public.ecr.aws/spacelift/runner-terraform:latest",
            "Registry.example.com/a_b/c__d-e.f:tag",
            "A/b",
            "a---b/c:_T.a-g",
            "[::1]:5000/a",
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            &format!("x@{DIGEST}"),
            &format!("host:1/x:1@{DIGEST}"),
            &format!("x:{}", "t".repeat(128)),
            &long,
        ] {
            assert_eq!(ImageName::new(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_would_ask_the_engine_for_something_else_is_no_name() {
        let long = "a/".repeat(128);
        for text in [
            "../images/get?names=big:1&x=",
            "../events?x=",
            "",
            " ",
            " alpine",
            "alpine\n",
            "a b",
            "a?b",
            "a#b",
            "a%2e%2e",
            "a\\b",
            "a/../b",
            "a/./b",
            "./a",
            "..",
            "/a",
            "a/",
            "a//b",
            "A",
            "a/B",
            "-a",
            "a-",
            "a..b",
            "a___b",
            "a._b",
            "ä",
            "a:",
            "a:.t",
            "a:-t",
            "a:t:t",
            "a:t?x",
            "host:/a",
            "host:80:80/a",
            "host:x/a",
            "ho..st:80/a",
            "[::1/a",
            "[]:1/a",
            "[::1]x/a",
            "a@",
            "a@sha256",
            "a@sha256:00",
            "a@sha256:../../e3b0c44298fc1c149afbf4c8996fb924",
            &format!("a@{DIGEST}@{DIGEST}"),
            &format!("@{DIGEST}"),
            &format!("a@{DIGEST}?x"),
            &format!("a@{DIGEST}{DIGEST}"),
            &format!("a@{}", DIGEST.replace("sha256", "..")),
            &format!("x:{}", "t".repeat(129)),
            &format!("{long}a"),
        ] {
            assert_eq!(ImageName::new(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_registry_is_what_docker_takes_for_one() {
        for (name, registry) in [
            ("busybox", HUB),
            ("acme/runner:1", HUB),
            ("docker.io/acme/runner", HUB),
            ("ghcr.io/acme/runner:1", "ghcr.io"),
            ("127.0.0.1:5000/runner", "127.0.0.1:5000"),
            ("localhost/runner", "localhost"),
            ("Host/runner", "Host"),
        ] {
            assert_eq!(ImageName::new(name).unwrap().registry(), registry, "{name}");
        }
    }

    #[test]
    fn a_name_without_a_tag_or_with_latest_moves() {
        for name in ["busybox", "host:5000/busybox", "busybox:latest"] {
            assert!(ImageName::new(name).unwrap().moves(), "{name}");
        }
        let digested = [format!("busybox@{DIGEST}"), format!("busybox:latest@{DIGEST}")];
        for name in ["busybox:1", "host:5000/a/b:1", &digested[0], &digested[1]] {
            assert!(!ImageName::new(name).unwrap().moves(), "{name}");
        }
        assert_eq!(name("host:5000/a").tagged(), "host:5000/a:latest");
        let digested = format!("a@{DIGEST}");
        assert_eq!(name(&digested).tagged(), digested);
    }
}
