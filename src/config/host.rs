//! The values of additional listeners: addresses, host names, names of apps.

use std::net::{Ipv6Addr, SocketAddr};

use toml::de::DeValue;

use super::problem::Problem;
use super::value;
use crate::contract::{DEFAULT_ACCOUNT, is_name};

/// Whether a host, as it stands in a URL, has a port.
pub(super) fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'))
}

/// An address with port, of any network.
pub(super) fn address(value: &DeValue<'_>) -> Result<SocketAddr, Problem> {
    let text = value::text(value)?;
    let address: SocketAddr = text.parse().map_err(|_| Problem::new("is not an address with port"))?;
    if address.port() == 0 {
        return Err(Problem::new("has the port 0, so nobody would know where it is"));
    }
    if address.ip().to_canonical() != address.ip() {
        return Err(Problem::new("is an IPv4 address in the form of an IPv6 one"));
    }
    Ok(address)
}

/// The name of an app other than the one of the key file, which has every right.
pub(super) fn app_name(value: &DeValue<'_>) -> Result<String, Problem> {
    let name = value::text(value)?;
    if name == DEFAULT_ACCOUNT {
        let problem = Problem::new("is `default`, the app of your own programs, which has every right");
        return Err(problem.expected("an app of its own (`ringback app add NAME`)"));
    }
    if is_name(&name) { Ok(name) } else { Err(Problem::new("is not a valid name of an app")) }
}

/// Names of hosts, or addresses, as they stand in a URL.
pub(super) fn hosts(value: &DeValue<'_>) -> Result<Vec<String>, Problem> {
    let hosts = value::list(value)?;
    match hosts.iter().find(|host| !is_host(host)) {
        None => Ok(hosts),
        Some(odd) => {
            Err(Problem::new(format!("has `{}`, which is not a host, or a host with port", odd.escape_debug())))
        }
    }
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let inside = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let fits = match inside {
        Some(ip) => ip.parse::<Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        }
    };
    let is_port = |port: &str| !port.starts_with('0') && port.parse::<u16>().is_ok();
    fits && port.is_none_or(is_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_what_stands_in_a_url() {
        for good in
            ["host.containers.internal", "gw", "gw:8080", "10.0.2.2", "10.0.2.2:80", "[fd00::1]", "[fd00::1]:9", "a_b"]
        {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", ":", "a:", ":80", "a:0", "a:080", "a:65536", "fd00::1", "[a]", "a b", "a/b", "u@h", "a,b", "*"]
        {
            assert!(!is_host(bad), "{bad}");
        }
    }
}
