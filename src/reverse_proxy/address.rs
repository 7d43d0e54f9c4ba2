//! Addresses that an upstream can't have (SSRF, DNS rebinding): link-local ones, where clouds serve credentials, and this
//! machine under another name than its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Metadata services outside the link-local ranges: Alibaba Cloud, Azure, Oracle Cloud, and AWS over IPv6.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
const METADATA_V6: [Ipv6Addr; 1] = [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)];

/// Whether `host`, as it stands in a URL without brackets, is this machine by a name that says so (RFC 6761 §6.3).
pub(crate) fn names_this_machine(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let local = host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost");
    local || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| plain(address).is_loopback())
}

/// Why `host` can't be reached at `address`; `None`: it may.
pub(crate) fn refused(host: &str, address: IpAddr) -> Option<&'static str> {
    let address = plain(address);
    if address.is_loopback() {
        // A name that somebody else may point anywhere (DNS rebinding).
        return (!names_this_machine(host)).then_some("is an address of this machine");
    }
    if address.is_unspecified() || address.is_multicast() {
        return Some("is no address of a host");
    }
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast() || METADATA_V4.contains(&v4),
        IpAddr::V6(v6) => v6.is_unicast_link_local() || METADATA_V6.contains(&v6),
    };
    link_local.then_some("is a link-local or metadata address")
}

/// An IPv4 address in one of its IPv6 forms: mapped, compatible (RFC 4291 §2.5.5), NAT64 (RFC 6052), 6to4 (RFC 3056).
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if v6.is_loopback() || v6.is_unspecified() {
        return address;
    }
    match v6.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            IpAddr::V4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
        }
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_at_no_address_that_its_name_does_not_say() {
        for (host, address, fit) in [
            ("api.example", "93.184.216.34", true),
            ("api.example", "10.0.0.1", true),
            ("api.example", "2606:2800::1", true),
            ("localhost", "127.0.0.1", true),
            ("LOCALHOST", "::1", true),
            ("api.localhost", "::1", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("[::1]", "::1", true),
            ("api.example", "127.0.0.1", false),
            ("api.example", "127.8.8.8", false),
            ("api.example", "::1", false),
            ("localhost.example", "127.0.0.1", false),
            ("api.example", "::ffff:127.0.0.1", false),
            ("api.example", "::127.0.0.1", false),
            ("api.example", "64:ff9b::7f00:1", false),
            ("api.example", "2002:7f00:1::", false),
            ("api.example", "169.254.169.254", false),
            ("localhost", "169.254.169.254", false),
            ("169.254.169.254", "169.254.169.254", false),
            ("api.example", "::ffff:169.254.169.254", false),
            ("api.example", "64:ff9b::a9fe:a9fe", false),
            ("api.example", "2002:a9fe:a9fe::1", false),
            ("api.example", "fe80::1", false),
            ("api.example", "fd00:ec2::254", false),
            ("api.example", "100.100.100.200", false),
            ("api.example", "168.63.129.16", false),
            ("api.example", "0.0.0.0", false),
            ("api.example", "::", false),
            ("api.example", "224.0.0.1", false),
            ("api.example", "ff02::1", false),
            ("api.example", "255.255.255.255", false),
        ] {
            assert_eq!(refused(host, address.parse().unwrap()).is_none(), fit, "{host} at {address}");
        }
    }
}
