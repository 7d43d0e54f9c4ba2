//! Loopback: which URLs lead to this machine, and which are safe to send a secret to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// The loopback addresses that the URL's host stands for: a literal address, or those of `localhost`, the one name that
/// always means loopback (RFC 6761 §6.3) and so is not resolved. Empty for every other host.
pub fn addresses(url: &Url) -> Vec<IpAddr> {
    match url.host() {
        Some(Host::Ipv4(address)) if address.is_loopback() => vec![address.into()],
        Some(Host::Ipv6(address)) if address.is_loopback() => vec![address.into()],
        Some(Host::Domain("localhost")) => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        _ => Vec::new(),
    }
}

/// Whether the URL's host is this machine.
pub fn is_loopback(url: &Url) -> bool {
    !addresses(url).is_empty()
}

/// Whether data sent there can't be read on the way: https, or http that does not leave this machine.
pub fn is_secure(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.host().is_some(),
        "http" => is_loopback(url),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_may_do_without_https() {
        for (text, loopback, secure) in [
            ("https://id.example/", false, true),
            ("http://id.example/", false, false),
            ("http://127.0.0.1:7464/", true, true),
            ("http://127.9.9.9/", true, true),
            ("http://2130706433/", true, true),
            ("http://[::1]/", true, true),
            ("http://[::ffff:127.0.0.1]/", false, false),
            ("http://localhost/", true, true),
            ("http://LOCALHOST/", true, true),
            ("http://localhost.example/", false, false),
            ("http://a.localhost/", false, false),
            ("http://localhost./", false, false),
            ("http://10.0.0.1/", false, false),
            ("http://0.0.0.0/", false, false),
            ("ftp://127.0.0.1/", true, false),
            ("urn:localhost", false, false),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((is_loopback(&url), is_secure(&url)), (loopback, secure), "{text}");
        }
    }
}
