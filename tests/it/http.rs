//! A small blocking HTTP client with full control over the bytes, and a browser that follows redirects.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

/// Longer than anything may take; a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A whole reply.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The CSRF token of the form on this page.
    pub(crate) fn form_token(&self) -> &str {
        let value = self.body.split("name=\"form_token\" value=\"").nth(1);
        value.unwrap_or_else(|| panic!("no form: {self:?}")).split('"').next().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    pub(crate) fn parse<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("unfit ({error}): {self:?}"))
    }

    /// The member `error` of an error reply.
    pub(crate) fn code(&self) -> String {
        self.json()["error"].as_str().unwrap_or("-").to_owned()
    }
}

/// A request; `Host` and `Connection: close` are added by [`Request::bytes`] unless set.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), headers: Vec::new(), body: None }
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn json(mut self, body: &str) -> Self {
        self.body = Some(body.into());
        self.header("Content-Type", "application/json")
    }

    pub(crate) fn bytes(&self, host: &str) -> Vec<u8> {
        let has = |name: &str| self.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !has("host") {
            text.extend(["Host: ", host, "\r\n"]);
        }
        if !has("connection") {
            text += "Connection: close\r\n";
        }
        for (name, value) in &self.headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        if let Some(body) = &self.body {
            text.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
        }
        text += "\r\n";
        text += self.body.as_deref().unwrap_or_default();
        text.into_bytes()
    }
}

/// A TCP or Unix socket connection.
pub(crate) enum Wire {
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    Unix(UnixStream),
}

impl Wire {
    pub(crate) fn tcp(authority: &str) -> Self {
        let stream = TcpStream::connect(authority).unwrap_or_else(|error| panic!("{authority}: {error}"));
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::Tcp(stream)
    }

    /// Over TLS, to whoever has a certificate for this host that `trust` accepts.
    pub(crate) fn tls(authority: &str, trust: &Arc<ClientConfig>) -> Self {
        let Self::Tcp(stream) = Self::tcp(authority) else { unreachable!() };
        let host = authority.rsplit_once(':').unwrap().0.trim_matches(['[', ']']).to_owned();
        let session = ClientConnection::new(Arc::clone(trust), ServerName::try_from(host).unwrap()).unwrap();
        Self::Tls(Box::new(StreamOwned::new(session, stream)))
    }

    pub(crate) fn unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::Unix(stream)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes).unwrap(),
            Self::Tls(stream) => stream.write_all(bytes).unwrap(),
            Self::Unix(stream) => stream.write_all(bytes).unwrap(),
        }
    }

    /// Everything until the other side closes.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        let read = match self {
            Self::Tcp(stream) => stream.read_to_end(&mut all),
            Self::Tls(stream) => stream.read_to_end(&mut all),
            Self::Unix(stream) => stream.read_to_end(&mut all),
        };
        match read {
            Err(error) if all.is_empty() => panic!("no reply: {error}"),
            _ => all,
        }
    }

    pub(crate) fn ask(mut self, bytes: &[u8]) -> Reply {
        self.send(bytes);
        parse(&self.rest())
    }
}

/// Parses a reply that ends with the connection.
pub(crate) fn parse(bytes: &[u8]) -> Reply {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no whole reply: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(':')).map(|(n, v)| (n.into(), v.trim().into())).collect();
    Reply { status: status.unwrap_or_else(|| panic!("no status: {text:?}")), headers, body: body.to_owned() }
}

/// A port that nothing listens on, outside the kernel's ephemeral range (32768 and up), so that nothing else takes it
/// before the test does.
pub(crate) fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(rand::random_range(0..COUNT)));
    (0..COUNT)
        .map(|_| FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT)
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap()
}

/// A browser: cookies by host and path, redirects followed, nothing else.
#[derive(Debug, Default)]
pub(crate) struct Browser {
    /// Host, path, name, value. Ports don't count (RFC 6265 §8.5).
    pub(crate) cookies: Vec<(String, String, String, String)>,
    /// Every visited URL.
    pub(crate) visited: Vec<Url>,
    /// Which certificates it trusts.
    pub(crate) trust: Option<Arc<ClientConfig>>,
}

impl Browser {
    /// Visits one page without following redirects.
    pub(crate) fn visit(&mut self, url: &Url) -> Reply {
        self.visit_as("GET", url)
    }

    pub(crate) fn visit_as(&mut self, method: &str, url: &Url) -> Reply {
        let host = url.host_str().unwrap().to_owned();
        let authority = format!("{host}:{}", url.port_or_known_default().unwrap());
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let mut request = Request::new(method, target)
            .header("Sec-Fetch-Site", if self.visited.is_empty() { "none" } else { "cross-site" })
            .header("Sec-Fetch-Mode", "navigate")
            .header("Sec-Fetch-Dest", "document")
            .header("Accept", "text/html,*/*");
        let fitting: Vec<String> = self
            .cookies
            .iter()
            .filter(|(h, path, ..)| *h == host && url.path().starts_with(path.as_str()))
            .map(|(.., name, value)| format!("{name}={value}"))
            .collect();
        if !fitting.is_empty() {
            request = request.header("Cookie", &fitting.join("; "));
        }
        self.visited.push(url.clone());
        let wire = match url.scheme() {
            "https" => Wire::tls(&authority, self.trust.as_ref().expect("certificates to trust")),
            _ => Wire::tcp(&authority),
        };
        let reply = wire.ask(&request.bytes(&authority));
        for (_, line) in reply.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case("set-cookie")) {
            let mut parts = line.split(';').map(str::trim);
            let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).unwrap();
            let path = parts.find_map(|part| part.strip_prefix("Path=")).unwrap_or("/");
            self.cookies.push((host.clone(), path.into(), name.into(), value.into()));
        }
        reply
    }

    /// The target of a reply to `from`, if it is a redirect.
    pub(crate) fn leads_to(from: &Url, reply: &Reply) -> Option<Url> {
        let to = reply.header("location").filter(|_| (300..400).contains(&reply.status))?;
        Some(from.join(to).unwrap())
    }

    /// Follows redirects to the end.
    pub(crate) fn go(&mut self, url: &str) -> Reply {
        self.go_until(url, |_| false).1
    }

    /// Follows redirects to the end, or to the first URL for which `stop` holds, which is not visited.
    pub(crate) fn go_until(&mut self, url: &str, stop: impl Fn(&Url) -> bool) -> (Url, Reply) {
        let mut url = Url::parse(url).unwrap();
        for _ in 0..10 {
            let reply = self.visit(&url);
            match Self::leads_to(&url, &reply) {
                None => return (url, reply),
                Some(next) if stop(&next) => return (next, reply),
                Some(next) => url = next,
            }
        }
        panic!("redirects without end: {:?}", self.visited);
    }
}
