//! Which addresses objects may be fetched from and put to.
//!
//! A URL comes from the control plane. Without this check it could make a worker ask services that only the worker's
//! own network can reach, such as a cloud's metadata service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Something that is reachable although its address is not public.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AllowedHost {
    /// A host name, compared without regard to case.
    Name(String),
    /// Every address of a network.
    Network {
        /// Any address of it.
        address: IpAddr,
        /// Length of the common prefix in bits.
        prefix: u8,
    },
}

/// The decision about names and addresses.
#[derive(Clone, Debug, Default)]
pub(super) struct Access(Vec<AllowedHost>);

impl Access {
    pub(super) fn new(allowed: Vec<AllowedHost>) -> Self {
        Self(allowed)
    }

    /// Whether the host of a URL may be connected to; for a name this is not the last word, its addresses follow.
    pub(super) fn host(&self, host: &url::Host<&str>) -> bool {
        match host {
            url::Host::Domain(_) => true,
            url::Host::Ipv4(address) => self.address(IpAddr::V4(*address)),
            url::Host::Ipv6(address) => self.address(IpAddr::V6(*address)),
        }
    }

    fn name(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|allowed| matches!(allowed, AllowedHost::Name(host) if host.eq_ignore_ascii_case(name)))
    }

    fn address(&self, address: IpAddr) -> bool {
        is_public(address)
            || self.0.iter().any(|allowed| match allowed {
                AllowedHost::Network { address: network, prefix } => contains(*network, *prefix, address),
                AllowedHost::Name(_) => false,
            })
    }
}

/// Resolves like the system, and leaves out what may not be connected to.
impl Resolve for Access {
    fn resolve(&self, name: Name) -> Resolving {
        let access = self.clone();
        Box::pin(async move {
            let name = name.as_str();
            let by_name = access.name(name);
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name, 0))
                .await?
                .filter(|address| by_name || access.address(address.ip()))
                .collect();
            if addresses.is_empty() {
                return Err(Box::from(Forbidden));
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Every address of a name is forbidden.
#[derive(Debug, thiserror::Error)]
#[error("the host has no public address; list it in SPACELIFT_WORKER_ALLOWED_STORAGE_HOSTS if it is yours")]
pub(super) struct Forbidden;

fn contains(network: IpAddr, prefix: u8, address: IpAddr) -> bool {
    let same = |network: u128, address: u128, width: u32| {
        let shift = width.saturating_sub(u32::from(prefix));
        shift >= width || (network >> shift) == (address >> shift)
    };
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            same(u128::from(u32::from(network)), u128::from(u32::from(address)), 32)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => same(network.into(), address.into(), 128),
        _ => false,
    }
}

/// Whether an address is of the public internet (IANA's special-purpose registries, RFC 6890 and later).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match embedded_v4(address) {
            Some(embedded) => is_public_v4(embedded),
            // 2000::/3 is global unicast; documentation is carved out of it.
            None => address.segments()[0] & 0xe000 == 0x2000 && address.segments()[..2] != [0x2001, 0x0db8],
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19)))
}

/// The IPv4 address inside: mapped, NAT64 (64:ff9b::/96) or 6to4 (2002::/16).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    if s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return Some(v4(s[6], s[7]));
    }
    if s[0] == 0x2002 {
        return Some(v4(s[1], s[2]));
    }
    address.to_ipv4_mapped()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_and_special_addresses_are_refused() {
        let special = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
        ];
        for address in special {
            assert!(!Access::default().address(address.parse().unwrap()), "{address}");
        }
        for address in ["1.1.1.1", "52.218.0.1", "2606:4700::1", "::ffff:1.1.1.1"] {
            assert!(Access::default().address(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_listed_network_is_allowed_and_its_neighbour_is_not() {
        let access =
            Access::new(vec![AllowedHost::Network { address: "10.1.0.0".parse().unwrap(), prefix: 16 }]);
        assert!(access.address("10.1.255.255".parse().unwrap()));
        assert!(!access.address("10.2.0.0".parse().unwrap()));
        assert!(!access.address("127.0.0.1".parse().unwrap()));
    }
}
