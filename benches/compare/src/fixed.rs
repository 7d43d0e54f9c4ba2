//! What the bare servers share: the reply that they give, where they listen, and the runtime that `ringback serve` has.

use std::path::Path;
use std::{fs, io};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::{Builder, Runtime};

use crate::Outcome;
use crate::args::Args;

/// As many as `ringback serve` has (`src/cli/serve.rs`).
const THREADS: usize = 2;
/// hyper writes these itself.
const BY_HYPER: [&str; 3] = ["content-length", "date", "connection"];

/// A server's options: the reply, and where it listens.
pub const OPTIONS: [&str; 4] = ["head", "body", "tcp", "unix"];

/// The reply that is always given.
#[derive(Debug, Clone)]
pub struct Fixed {
    /// Its header lines, but for those that hyper writes.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// All of it, as it goes over the wire.
    pub raw: Bytes,
}

impl Fixed {
    /// Reads `--head` (a file with header lines; a status line is skipped) and `--body` (a file).
    pub fn read(args: &Args) -> Outcome<Self> {
        let (head, body) = (fs::read_to_string(args.need("head")?)?, fs::read(args.need("body")?)?);
        let mut headers = HeaderMap::new();
        let mut raw = String::from("HTTP/1.1 200 OK\r\n");
        for (name, value) in head.lines().filter_map(|line| line.split_once(':')) {
            let name = name.trim().to_ascii_lowercase();
            if name == "content-length" {
                continue;
            }
            raw.extend([&name, ": ", value.trim(), "\r\n"]);
            if !BY_HYPER.contains(&name.as_str()) {
                headers.append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value.trim())?);
            }
        }
        raw.extend(["content-length: ", &body.len().to_string(), "\r\n\r\n"]);
        let mut raw = raw.into_bytes();
        raw.extend_from_slice(&body);
        Ok(Self { headers, body: body.into(), raw: raw.into() })
    }
}

/// A server that is given each stream that was accepted, over TCP or a unix socket.
pub trait Answers: Clone + Send + 'static {
    /// Answers on one stream until the peer leaves.
    fn serve<S>(self, stream: S) -> impl Future<Output = ()> + Send
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static;
}

/// Binds as the options say, and has `server` answer on every stream. Ends if a listener fails.
pub async fn accept(args: &Args, server: impl Answers) -> Outcome {
    let (tcp, unix) = bind(args).await?;
    let on_tcp = tcp.map(|listener| tokio::spawn(accept_tcp(listener, server.clone())));
    let on_unix = unix.map(|listener| tokio::spawn(accept_unix(listener, server)));
    for listening in [on_tcp, on_unix].into_iter().flatten() {
        listening.await??;
    }
    Ok(())
}

async fn accept_tcp(listener: TcpListener, server: impl Answers) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(server.clone().serve(stream));
    }
}

async fn accept_unix(listener: UnixListener, server: impl Answers) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(server.clone().serve(stream));
    }
}

/// The runtime of `ringback serve`.
pub fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()
}

/// Binds `--tcp` (such as `127.0.0.1:0`) and `--unix` (a path), and prints one line that says where.
pub async fn bind(args: &Args) -> Outcome<(Option<TcpListener>, Option<UnixListener>)> {
    let tcp = match args.get("tcp") {
        Some(address) => Some(TcpListener::bind(address).await?),
        None => None,
    };
    let unix = args.get("unix").map(listen_unix).transpose()?;
    let address = tcp.as_ref().map(TcpListener::local_addr).transpose()?;
    match (address, args.get("unix")) {
        (None, None) => return Err("one of --tcp and --unix is needed".into()),
        (address, path) => {
            let address = address.map(|address| address.to_string()).unwrap_or_default();
            println!("ready tcp={address} unix={}", path.unwrap_or_default());
        }
    }
    Ok((tcp, unix))
}

fn listen_unix(path: &str) -> io::Result<UnixListener> {
    match fs::remove_file(Path::new(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    UnixListener::bind(path)
}
