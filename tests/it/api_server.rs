//! A scripted API over real TCP, as the upstream of the proxy: it records what it received, byte for byte, and sends what
//! the test says.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::world::{World, account, provider, until};
use crate::{http::Request, idp::Idp};

/// Longer than anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request that the API received.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// The request line and the header lines, as they came.
    pub(crate) head: String,
    /// Decoded.
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The bearer token.
    pub(crate) fn token(&self) -> &str {
        self.header("authorization").unwrap().strip_prefix("Bearer ").unwrap()
    }
}

/// A connection of the API, for its script.
pub(crate) struct Line {
    stream: TcpStream,
    rest: Vec<u8>,
    at: usize,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    received: Vec<Received>,
    ended: usize,
}

/// The API. It runs until the test ends.
#[derive(Clone)]
pub(crate) struct ApiServer {
    log: Arc<Mutex<Log>>,
    pub(crate) port: u16,
}

impl ApiServer {
    /// `script` gets each request, once its head is there, and its connection; it says whether that goes on.
    pub(crate) fn start(script: impl Fn(&Received, &mut Line) -> bool + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (log, script) = (Arc::<Mutex<Log>>::default(), Arc::new(script));
        let api = Self { log: Arc::clone(&log), port };
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                let mut line = Line { stream, rest: Vec::new(), at: 0, log };
                std::thread::spawn(move || {
                    while let Some(head) = line.head() {
                        if !script(&head, &mut line) {
                            break;
                        }
                    }
                });
            }
        });
        api
    }

    /// Answers every request with `text`.
    pub(crate) fn saying(text: &'static str) -> Self {
        Self::start(move |_, line| {
            line.body();
            line.answer(200, "", text)
        })
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.log.lock().unwrap().received.clone()
    }

    /// How many connections the other end has closed while a script read from them.
    pub(crate) fn ended(&self) -> usize {
        self.log.lock().unwrap().ended
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The config of accounts `work`, with its proxy to `/v4` here, and `home`, without one.
    pub(crate) fn config(&self, idp: &Idp, more: &str) -> String {
        let proxy = format!("proxy = {{ upstream = \"{}\" }}\n{more}", self.url("/v4"));
        [
            "default_account = \"work\"\n",
            &provider("idp", idp, "/token", ""),
            &account("work", "idp", &proxy),
            &account("home", "idp", ""),
        ]
        .concat()
    }

    /// A daemon with this config, logged in to `work`.
    pub(crate) fn world(&self, idp: &Idp, more: &str) -> World {
        let mut world = World::with_config(&self.config(idp, more));
        world.run();
        world.log_in("work");
        world
    }
}

impl Line {
    /// Waits for the next request; `None`: the connection has ended.
    fn head(&mut self) -> Option<Received> {
        let end = loop {
            if let Some(end) = self.rest.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            self.more()?;
        };
        let head = String::from_utf8_lossy(&self.rest[..end]).into_owned();
        self.rest.drain(..end + 4);
        let received = Received { head, body: Vec::new() };
        let mut log = self.log.lock().unwrap();
        self.at = log.received.len();
        log.received.push(received.clone());
        Some(received)
    }

    fn more(&mut self) -> Option<()> {
        let mut chunk = [0; 8 * 1024];
        let count = self.stream.read(&mut chunk).ok().filter(|count| *count > 0);
        let Some(count) = count else {
            self.log.lock().unwrap().ended += 1;
            return None;
        };
        self.rest.extend_from_slice(&chunk[..count]);
        Some(())
    }

    /// Takes what has come of the body, at least something; `None`: there is no more.
    pub(crate) fn some_body(&mut self) -> Option<Vec<u8>> {
        if self.rest.is_empty() {
            self.more()?;
        }
        Some(std::mem::take(&mut self.rest))
    }

    /// Reads the body to its end.
    pub(crate) fn body(&mut self) -> Vec<u8> {
        let head = self.log.lock().unwrap().received[self.at].clone();
        let mut body = Vec::new();
        if let Some(length) = head.header("content-length") {
            let length: usize = length.parse().unwrap();
            while self.rest.len() < length && self.more().is_some() {}
            body = self.rest.drain(..length.min(self.rest.len())).collect();
        } else if head.header("transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk().filter(|chunk| !chunk.is_empty()) {
                body.extend(chunk);
            }
        }
        self.log.lock().unwrap().received[self.at].body.clone_from(&body);
        body
    }

    fn chunk(&mut self) -> Option<Vec<u8>> {
        let end = loop {
            if let Some(end) = self.rest.windows(2).position(|window| window == b"\r\n") {
                break end;
            }
            self.more()?;
        };
        let size = usize::from_str_radix(std::str::from_utf8(&self.rest[..end]).unwrap(), 16).unwrap();
        while self.rest.len() < end + 2 + size + 2 {
            self.more()?;
        }
        let chunk = self.rest[end + 2..end + 2 + size].to_vec();
        self.rest.drain(..end + 2 + size + 2);
        Some(chunk)
    }

    /// Sends a whole reply.
    pub(crate) fn answer(&mut self, status: u16, headers: &str, body: &str) -> bool {
        let length = body.len();
        self.send(&format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{body}"))
    }

    /// Sends these bytes; false: the other end has gone.
    pub(crate) fn send(&mut self, text: &str) -> bool {
        self.stream.write_all(text.as_bytes()).is_ok()
    }

    /// Waits until the other end has gone.
    pub(crate) fn until_gone(&mut self) {
        while self.more().is_some() {}
    }
}

/// A request with the key of the default app.
pub(crate) fn with_key(world: &World, request: Request) -> Request {
    request.header("Authorization", &format!("Bearer {}", world.key()))
}

/// The audit log's lines about forwarded requests, once there are `count`.
pub(crate) fn proxy_lines(world: &World, count: usize) -> Vec<serde_json::Value> {
    let path = world.state().join("audit.jsonl");
    until("the audit log has the lines", || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let lines: Vec<_> = lines.filter(|line| line["event"] == "proxy").collect();
        (lines.len() >= count).then_some(lines)
    })
}
