//! Which addresses objects may be fetched from and put to.
//!
//! A URL comes from the control plane. Without this check it could make a worker ask services that only the worker's
//! own network can reach, such as a cloud's metadata service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
pub(crate) struct Access(Vec<AllowedHost>);

impl Access {
    pub(crate) fn new(allowed: Vec<AllowedHost>) -> Self {
        Self(allowed)
    }

    /// Whether a name may be connected to whatever its addresses are.
    pub(super) fn name(&self, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        self.0
            .iter()
            .any(|allowed| matches!(allowed, AllowedHost::Name(host) if host.eq_ignore_ascii_case(name)))
    }

    /// Whether an address may be connected to.
    pub(super) fn address(&self, address: IpAddr) -> bool {
        is_public(address)
            || self.0.iter().any(|allowed| match allowed {
                AllowedHost::Network { address: network, prefix } => contains(*network, *prefix, address),
                AllowedHost::Name(_) => false,
            })
    }
}

pub(super) fn contains(network: IpAddr, prefix: u8, address: IpAddr) -> bool {
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
            None => is_public_v6(address),
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
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19)))
}

/// 2000::/3 is global unicast (RFC 4291, 2.4). Carved out of it: 2001::/23 for protocols, Teredo among them, which leads to
/// any IPv4 address (RFC 4380), and two ranges for documentation (RFC 3849, RFC 9637).
fn is_public_v6(address: Ipv6Addr) -> bool {
    let s = address.segments();
    let is_protocol = s[0] == 0x2001 && s[1] & 0xfe00 == 0;
    let is_documentation = (s[0] == 0x2001 && s[1] == 0x0db8) || (s[0] == 0x3fff && s[1] & 0xf000 == 0);
    s[0] & 0xe000 == 0x2000 && !is_protocol && !is_documentation
}

/// The IPv4 address inside: mapped, NAT64 (64:ff9b::/96, RFC 6052) or 6to4 (2002::/16, RFC 3056).
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

    fn is_allowed(access: &Access, address: &str) -> bool {
        access.address(address.parse().unwrap())
    }

    #[test]
    fn private_and_special_addresses_are_refused() {
        for address in [
            "127.0.0.1",
            "127.255.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "192.0.0.1",
            "192.88.99.1",
            "198.18.0.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "::127.0.0.1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00::1",
            "ff02::1",
            "2001:db8::1",
            "3fff::1",
            "100::1",
        ] {
            assert!(!is_allowed(&Access::default(), address), "{address}");
        }
    }

    #[test]
    fn a_private_address_in_the_dress_of_ipv6_is_refused() {
        for address in [
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::10.0.0.1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2001:0:a9fe:a9fe::1",
        ] {
            assert!(!is_allowed(&Access::default(), address), "{address}");
        }
    }

    #[test]
    fn public_addresses_are_allowed() {
        for address in ["1.1.1.1", "52.218.0.1", "2606:4700::1", "::ffff:1.1.1.1", "64:ff9b::101:101"] {
            assert!(is_allowed(&Access::default(), address), "{address}");
        }
    }

    #[test]
    fn a_listed_network_is_allowed_and_its_neighbour_is_not() {
        let network =
            |address: &str, prefix| AllowedHost::Network { address: address.parse().unwrap(), prefix };
        let access = Access::new(vec![network("10.1.0.0", 16), network("fd00:1::", 32)]);
        assert!(is_allowed(&access, "10.1.255.255") && is_allowed(&access, "fd00:1::5"));
        for neighbour in ["10.2.0.0", "127.0.0.1", "fd00:2::5"] {
            assert!(!is_allowed(&access, neighbour), "{neighbour}");
        }
    }

    #[test]
    fn a_listed_name_is_allowed_in_any_case_and_no_name_below_it() {
        let access = Access::new(vec![AllowedHost::Name("minio.internal".to_owned())]);
        assert!(access.name("MinIO.internal") && access.name("minio.internal."));
        assert!(!access.name("a.minio.internal") && !access.name("internal"));
    }
}
