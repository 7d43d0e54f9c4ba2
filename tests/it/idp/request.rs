//! Requests that the provider received.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::TcpStream;

use serde_json::{Value, json};

/// A received request.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    pub(crate) fn query(&self) -> BTreeMap<String, String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    /// The parameters from a form, JSON or the query.
    pub(crate) fn parameters(&self) -> BTreeMap<String, String> {
        if self.body.is_empty() {
            return self.query();
        }
        if self.header("content-type") == Some("application/json") {
            let value: Value = serde_json::from_str(&self.body).unwrap();
            return value.as_object().unwrap().iter().map(|(n, v)| (n.clone(), v.as_str().unwrap().into())).collect();
        }
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }

    pub(crate) fn is_refresh(&self) -> bool {
        self.method == "POST" && self.body.contains("refresh_token")
    }
}

pub(super) fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let mut lines = head.lines();
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
        let headers: Vec<(String, String)> =
            lines.filter_map(|line| line.split_once(':')).map(|(n, v)| (n.into(), v.trim().into())).collect();
        let seen = Seen { method, target, headers, body: body.to_owned() };
        let length = seen.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        if seen.body.len() >= length {
            return Some(seen);
        }
    }
}

/// An error that quotes every secret of the request.
pub(super) fn echo(seen: &Seen) -> Vec<u8> {
    let asked = seen.parameters();
    let secrets = ["client_secret", "code", "code_verifier", "refresh_token", "password"];
    let said: Vec<&str> = secrets.iter().filter_map(|name| asked.get(*name)).map(String::as_str).collect();
    let said = said.join(" ");
    let said = format!("{said} {}", seen.header("authorization").unwrap_or_default());
    let body = json!({
        "error": format!("invalid_request {said}"),
        "error_description": format!("can't take {said}"),
        "error_uri": format!("http://127.0.0.1/{said}"),
        "@error": {"@code": said, "@message": said, "@details": [said]},
    });
    plain(400, "application/json", body.to_string())
}

pub(crate) fn plain(status: u16, kind: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    with_header(status, &format!("Content-Type: {kind}"), body)
}

pub(crate) fn with_header(status: u16, header: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let length = body.as_ref().len();
    let head = format!("HTTP/1.1 {status} X\r\n{header}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body.as_ref()].concat()
}
