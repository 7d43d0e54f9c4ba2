//! One-time start URLs: the only ones that are ever passed to a browser launcher.

use std::fmt;
use std::net::SocketAddr;

use url::Url;

use crate::loopback::{addresses, is_loopback};

/// The beginning of the path of every URL that is opened: a login, or the status page.
const STARTS: [&str; 2] = ["/login/start/", "/open/"];

/// A URL that can be passed to a browser launcher: http, this machine, one of `STARTS` and a ticket. It is serialized
/// again, so that exactly what was checked is used. `Debug` leaves the ticket out.
#[derive(Clone, PartialEq, Eq)]
pub struct StartUrl(Url);

/// The text is not a start URL of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("that is not a one-time URL of this machine")]
pub(crate) struct NotAStartUrl;

impl StartUrl {
    /// Checks `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, NotAStartUrl> {
        let url = Url::parse(text).map_err(|_| NotAStartUrl)?;
        let here = is_loopback(&url);
        let bare =
            url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        let ticket = STARTS.iter().find_map(|start| url.path().strip_prefix(start)).unwrap_or_default();
        let harmless = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let fits = !ticket.is_empty() && ticket.len() <= 128 && ticket.bytes().all(harmless);
        if url.scheme() == "http" && here && bare && fits { Ok(Self(url)) } else { Err(NotAStartUrl) }
    }

    /// Where it leads; both families for `localhost`.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        let port = self.0.port_or_known_default().unwrap_or_default();
        addresses(&self.0).into_iter().map(|ip| SocketAddr::new(ip, port)).collect()
    }

    /// The URL, ticket included.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for StartUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = STARTS.iter().find(|start| self.0.path().starts_with(**start)).copied().unwrap_or_default();
        write!(f, "StartUrl({}{start}[redacted])", self.0.origin().ascii_serialization())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_start_urls_of_this_machine_are_opened() {
        for good in [
            "http://127.0.0.1:7464/login/start/abc-_9",
            "http://localhost:1/login/start/a",
            "http://[::1]:7464/login/start/a",
            "http://127.0.0.1:7464/open/abc-_9",
        ] {
            assert_eq!(StartUrl::parse(good).unwrap().as_str(), good);
        }
        let both = StartUrl::parse("http://localhost:8/open/a").unwrap().addresses();
        assert_eq!(both, ["127.0.0.1:8".parse().unwrap(), "[::1]:8".parse().unwrap()]);
        for bad in [
            "",
            "-x",
            "--version",
            "file:///etc/passwd",
            "https://127.0.0.1:7464/login/start/a",
            "http://example.com/login/start/a",
            "http://127.0.0.1.example.com/login/start/a",
            "http://10.0.0.1:7464/login/start/a",
            "http://0.0.0.0:7464/login/start/a",
            "http://user@127.0.0.1:7464/login/start/a",
            "http://127.0.0.1:7464/login/start/",
            "http://127.0.0.1:7464/login/start/a/b",
            "http://127.0.0.1:7464/login/start/$(id)",
            "http://127.0.0.1:7464/login/start/a`id`",
            "http://127.0.0.1:7464/login/start/%24",
            "http://127.0.0.1:7464/login/start/../../x",
            "http://127.0.0.1:7464/login/start/a?b",
            "http://127.0.0.1:7464/login/start/a#b",
            "http://127.0.0.1:7464/callback/x",
        ] {
            assert_eq!(StartUrl::parse(bad), Err(NotAStartUrl), "{bad}");
        }
    }

    #[test]
    fn debug_leaves_the_ticket_out() {
        let url = StartUrl::parse("http://127.0.0.1:7464/login/start/canary").unwrap();
        assert_eq!(format!("{url:?}"), "StartUrl(http://127.0.0.1:7464/login/start/[redacted])");
    }
}
