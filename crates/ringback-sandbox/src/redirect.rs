//! Redirect URIs: which are accepted, and how an authorization response is added to one.

use std::fmt;

use url::{Host, Url};

/// Which redirect URIs are accepted. Phone.com does not document its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectRule {
    /// Any plain http URI on this machine, any port (RFC 8252 §7.3).
    Loopback,
    /// One of these, byte for byte.
    Exactly(Vec<String>),
}

impl fmt::Display for RedirectRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loopback => f.write_str("any http URI on 127.0.0.1, localhost or [::1]"),
            Self::Exactly(uris) => write!(f, "exactly {}", uris.join(" or ")),
        }
    }
}

impl RedirectRule {
    /// The rule that `--redirect-uri` asks for.
    pub(crate) fn new(uris: &[String]) -> Self {
        if uris.is_empty() { Self::Loopback } else { Self::Exactly(uris.to_vec()) }
    }

    pub(crate) fn accepts(&self, uri: &str) -> bool {
        match self {
            Self::Loopback => is_loopback(uri),
            Self::Exactly(uris) => uris.iter().any(|registered| registered == uri),
        }
    }
}

/// Which part of the redirect URI carries the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// `response_type=code`.
    Query,
    /// `response_type=token`: a fragment never reaches a server's log.
    Fragment,
}

/// The redirect URI with the response. The URI itself is not changed, not even normalized.
pub(crate) fn answer(uri: &str, part: Part, members: &[(&str, &str)]) -> String {
    let separator = match part {
        Part::Fragment => '#',
        Part::Query if uri.contains('?') => '&',
        Part::Query => '?',
    };
    let mut location = String::from(uri);
    let mut next = separator;
    for (name, value) in members {
        location.push(next);
        location.push_str(name);
        location.push('=');
        push_encoded(&mut location, value);
        next = '&';
    }
    location
}

fn is_loopback(uri: &str) -> bool {
    // The parser drops line breaks and converts backslashes, but the browser gets the URI unchanged.
    if uri.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'\\') {
        return false;
    }
    let Ok(url) = Url::parse(uri) else {
        return false;
    };
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    here && plain && url.scheme() == "http"
}

/// Percent-encodes all but the unreserved characters. Form encoding would encode `~`, which the documented sample shows
/// unencoded.
fn push_encoded(location: &mut String, value: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            location.push(char::from(byte));
        } else {
            location.push('%');
            for digit in [byte >> 4, byte & 0x0F] {
                let digit = HEX.get(usize::from(digit)).copied().unwrap_or(b'0');
                location.push(char::from(digit));
            }
        }
    }
}
