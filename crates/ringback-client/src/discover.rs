//! How a local program finds the daemon: `--socket`, else `RINGBACK_URL` and `RINGBACK_KEY_FILE`, else
//! `endpoint.json` in the runtime folder, else the usual socket (`docs/apps.md`).

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use url::Url;

use crate::contract::Endpoint;
use crate::error::Error;
use crate::files::read_endpoint;
use crate::loopback;
use crate::os::process;
use crate::paths::Paths;
use crate::transport::{DaemonAddress, Transport};

/// Where the daemon is, if it is not to be discovered.
#[derive(Debug, Clone, Default)]
pub struct DaemonOptions {
    /// The daemon's unix socket; `None` to discover it.
    pub socket: Option<PathBuf>,
}

/// Reads an environment variable; a parameter, so that tests need not set the process's own.
pub(crate) type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Finds the daemon. Nothing is sent to it.
pub(crate) fn discover(asked: &DaemonOptions, env: Env<'_>) -> Result<DaemonAddress, Error> {
    if let Some(socket) = &asked.socket {
        return Ok(DaemonAddress { transport: Transport::Socket(socket.clone()), paths: None });
    }
    if let Some(transport) = from_env(env)? {
        return Ok(DaemonAddress { transport, paths: None });
    }
    // The daemon chose its place by the same rules.
    let usual = Paths::from_env(env, None).map_err(Error::NoRuntimeFolder)?;
    let (paths, endpoint) = announced(usual, env)?;
    let transport = match endpoint {
        Some(Endpoint { socket: Some(socket), .. }) => Transport::Socket(socket.into()),
        Some(Endpoint { url: Some(url), key_file: Some(key_file), .. }) => tcp(&url, key_file.into(), "endpoint.json")?,
        Some(_) | None => Transport::Socket(paths.socket()),
    };
    Ok(DaemonAddress { transport, paths: Some(paths) })
}

/// The place of a running daemon, or else the usual one.
fn announced(usual: Paths, env: Env<'_>) -> Result<(Paths, Option<Endpoint>), Error> {
    let found = read_endpoint(&usual.endpoint_file())?;
    if !found.as_ref().is_some_and(|found| process::is_alive(found.pid)) {
        for paths in usual.elsewhere(env) {
            // A broken `endpoint.json` in another place must not prevent the use of the usual one.
            let endpoint = read_endpoint(&paths.endpoint_file()).ok().flatten();
            if endpoint.as_ref().is_some_and(|endpoint| process::is_alive(endpoint.pid) && answers(endpoint)) {
                return Ok((paths, endpoint));
            }
        }
    }
    Ok((usual, found))
}

/// Whether its socket accepts connections: its process id may have been reused.
fn answers(endpoint: &Endpoint) -> bool {
    endpoint.socket.as_ref().is_none_or(|socket| UnixStream::connect(socket).is_ok())
}

fn from_env(env: Env<'_>) -> Result<Option<Transport>, Error> {
    let set = |name| env(name).filter(|value| !value.is_empty());
    let (url, key_file) = (set("RINGBACK_URL"), set("RINGBACK_KEY_FILE"));
    match (url, key_file) {
        (None, _) => Ok(None),
        (Some(_), None) => Err(Error::UrlWithoutKey),
        (Some(url), Some(key_file)) => {
            let from = "`RINGBACK_URL`";
            let url = url.into_string().map_err(|_| Error::UrlUnusable { from, why: "is not text".to_owned() })?;
            tcp(&url, key_file.into(), from).map(Some)
        }
    }
}

/// The transport of a base URL: plain HTTP to this machine and no further.
fn tcp(text: &str, key_file: PathBuf, from: &'static str) -> Result<Transport, Error> {
    let unfit = |why: &str| Error::UrlUnusable { from, why: why.to_owned() };
    // The text is not quoted back: somebody may have put a password into it.
    let url = Url::parse(text).map_err(|error| unfit(&format!("is not a URL: {error}")))?;
    if url.scheme() != "http" {
        return Err(unfit("is not an http URL"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.path() != "/" || url.query().is_some() {
        return Err(unfit("has more than a host and a port"));
    }
    let ip = loopback::addresses(&url).into_iter().next().ok_or_else(|| unfit("does not point to this machine"))?;
    let port = url.port_or_known_default().ok_or_else(|| unfit("has no port"))?;
    let host = url.host_str().unwrap_or("localhost");
    Ok(Transport::Tcp { address: SocketAddr::new(ip, port), host: format!("{host}:{port}"), key_file })
}
