//! Proxies in the environment: whether one is set but not used, and which hosts never need one.

use std::ffi::OsString;

use url::Url;

use crate::oauth::dialect::{NetworkOptions, Proxy};

/// Reads an environment variable.
pub(crate) type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Whether the host is a loopback address, or the one name that always means loopback (RFC 6761 §6.3).
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The variable of the environment that names a proxy for `url`, though it is not used.
pub(crate) fn unused_proxy(reach: &NetworkOptions, url: &Url, env: Env<'_>) -> Option<&'static str> {
    if reach.proxy != Proxy::None || is_loopback(url) || is_excepted(url, env) {
        return None;
    }
    let names: &[&str] = match url.scheme() {
        "https" => &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ => &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
    };
    names.iter().copied().find(|name| env(name).is_some_and(|value| !value.is_empty()))
}

/// Whether `NO_PROXY` names the host, itself or by a domain that it is in.
fn is_excepted(url: &Url, env: Env<'_>) -> bool {
    let Some(host) = url.host_str() else { return false };
    let listed = ["NO_PROXY", "no_proxy"].iter().find_map(|name| env(name)).unwrap_or_default();
    listed.to_string_lossy().split(',').map(|entry| entry.trim().trim_start_matches('.')).any(|entry| {
        let domain = || host.strip_suffix(entry).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        !entry.is_empty() && (entry == "*" || domain())
    })
}

/// Advice about such a proxy, to follow the reason why a host was not reached; empty if there is none.
pub(super) fn proxy_advice(reach: &NetworkOptions, url: &Url, env: Env<'_>) -> String {
    unused_proxy(reach, url, env).map_or_else(String::new, |name| {
        format!("; {name} is set but not used: to use it, set `proxy = \"environment\"` for the provider")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_of_the_environment_that_is_not_used_is_named() {
        let direct = NetworkOptions::default();
        let by_environment = NetworkOptions { proxy: Proxy::Environment, ..NetworkOptions::default() };
        for (reach, url, set, named) in [
            (&direct, "https://id.example/t", &[("HTTPS_PROXY", "http://p:1")][..], Some("HTTPS_PROXY")),
            (&direct, "https://id.example/t", &[("all_proxy", "http://p:1")], Some("all_proxy")),
            (&direct, "http://id.example/t", &[("http_proxy", "http://p:1")], Some("http_proxy")),
            (&direct, "https://id.example/t", &[("HTTP_PROXY", "http://p:1")], None),
            (&direct, "https://id.example/t", &[("HTTPS_PROXY", "")], None),
            (&direct, "https://id.example/t", &[], None),
            (&direct, "https://127.0.0.1:1/t", &[("HTTPS_PROXY", "http://p:1")], None),
            (&direct, "https://id.example/t", &[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", "x.y, .example")], None),
            (&direct, "https://id.example/t", &[("HTTPS_PROXY", "http://p:1"), ("no_proxy", "*")], None),
            (
                &direct,
                "https://id.example/t",
                &[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", "xample")],
                Some("HTTPS_PROXY"),
            ),
            (&by_environment, "https://id.example/t", &[("HTTPS_PROXY", "http://p:1")], None),
        ] {
            let env = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value));
            assert_eq!(unused_proxy(reach, &Url::parse(url).unwrap(), &env), named, "{url} {set:?}");
        }
    }
}
