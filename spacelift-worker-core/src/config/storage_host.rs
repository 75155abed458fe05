//! Hosts that may be fetched from although their addresses are loopback, link-local or private. Nothing is resolved here.

// Addresses as plain values, from `core`: there is no socket in its `net`.
use core::net::IpAddr;

/// An entry of `SPACELIFT_WORKER_ALLOWED_STORAGE_HOSTS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageHost {
    /// A host name, in lower case and without a dot at its end. It does not stand for names below it.
    Name(String),
    /// An address with prefix 32 or 128, or a network.
    Network {
        /// The network's address.
        address: IpAddr,
        /// How many leading bits count.
        prefix: u8,
    },
}

impl StorageHost {
    /// Parses a host name, an address or a network in CIDR notation (RFC 4632, 3.1); `None` for anything else.
    pub(super) fn parse(entry: &str) -> Option<Self> {
        if let Some((address, prefix)) = entry.split_once('/') {
            let address: IpAddr = address.parse().ok()?;
            let prefix: u8 = prefix.parse().ok().filter(|prefix| *prefix <= width(address))?;
            return Some(Self::Network { address, prefix });
        }
        let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Some(Self::Network { address, prefix: width(address) });
        }
        let name = normal(entry);
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        // RFC 3696, 2: the last label is not all digits, so a mistyped address is no name.
        let numeric = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        (name.len() <= 253 && name.split('.').all(label) && !numeric).then_some(Self::Name(name))
    }

    /// Whether this entry is the host name `host`.
    pub fn is_name(&self, host: &str) -> bool {
        matches!(self, Self::Name(name) if *name == normal(host))
    }

    /// Whether this entry is the address or holds it. An IPv4 address counts in its IPv6-mapped form, too.
    pub fn holds(&self, address: IpAddr) -> bool {
        let Self::Network { address: network, prefix } = self else { return false };
        match (network.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                // A mapped network's prefix counts from 96 bits further on.
                let prefix = if network.is_ipv6() { prefix.saturating_sub(96) } else { *prefix };
                same_bits(u128::from(a.to_bits()) << 96, u128::from(b.to_bits()) << 96, prefix)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => same_bits(a.to_bits(), b.to_bits(), *prefix),
            _ => false,
        }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn same_bits(a: u128, b: u128, prefix: u8) -> bool {
    (a ^ b).leading_zeros() >= u32::from(prefix)
}

fn normal(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(entry: &str) -> StorageHost {
        StorageHost::parse(entry).unwrap()
    }

    #[test]
    fn a_name_stands_for_itself_in_any_case() {
        assert!(host("MinIO.internal").is_name("minio.INTERNAL."));
        assert!(!host("internal").is_name("minio.internal"));
        assert!(!host("minio.internal").holds("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn a_network_holds_its_addresses_and_no_other() {
        for (entry, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("127.0.0.1", "::ffff:127.0.0.1", "::1"),
            ("[::1]", "::1", "::2"),
            ("fd00::/8", "fd12:3456::1", "fe80::1"),
            ("::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.1"),
        ] {
            assert!(host(entry).holds(inside.parse().unwrap()), "{entry} {inside}");
            assert!(!host(entry).holds(outside.parse().unwrap()), "{entry} {outside}");
        }
        assert!(host("0.0.0.0/0").holds("8.8.8.8".parse().unwrap()));
        assert!(!host("0.0.0.0/0").is_name("8.8.8.8"));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for wrong in [
            "10.0.0.0/33",
            "10.0.0/8",
            "300.1.1.1",
            "http://minio",
            "minio:9000",
            "a b",
            "-a",
            "*.internal",
            "::1/129",
            "a..b",
        ] {
            assert_eq!(StorageHost::parse(wrong), None, "{wrong}");
        }
    }
}
