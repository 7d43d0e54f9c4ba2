//! How a local program finds the daemon (docs/clients.md): `--socket`, else `RINGBACK_URL` and
//! `RINGBACK_KEY_FILE`, else `endpoint.json` in the runtime folder, else the usual socket.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use url::Url;
use zeroize::Zeroizing;

use super::connect::{DaemonAddress, Transport, is_alive};
use super::{Failure, message};
use crate::contract::Endpoint;
use crate::loopback;
use crate::os::paths::Paths;
use crate::secret::AppKey;

/// What the user said about where the daemon is.
#[derive(Debug, Clone, Default)]
pub struct DaemonOptions {
    /// The unix socket, if it was named.
    pub socket: Option<PathBuf>,
}

/// Reads an environment variable; a parameter, so that tests need not set the process's own.
pub(super) type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// `endpoint.json` and key files are far smaller; more is not ours.
const FILE_CAP: u64 = 16 * 1024;

/// The way to the daemon.
pub(super) fn door(asked: &DaemonOptions, env: Env<'_>) -> Result<DaemonAddress, Failure> {
    if let Some(socket) = &asked.socket {
        return Ok(DaemonAddress { way: Transport::Socket(socket.clone()), paths: None });
    }
    if let Some(way) = from_env(env)? {
        return Ok(DaemonAddress { way, paths: None });
    }
    // Looked for where the daemon put it, so by the same rules.
    let usual = Paths::from_env(env, None).map_err(message::no_runtime_folder)?;
    let (paths, endpoint) = announced(usual, env)?;
    let way = match endpoint {
        Some(Endpoint { socket: Some(socket), .. }) => Transport::Socket(socket.into()),
        Some(Endpoint { url: Some(url), key_file: Some(key_file), .. }) => tcp(&url, key_file.into(), "endpoint.json")?,
        Some(_) | None => Transport::Socket(paths.socket()),
    };
    Ok(DaemonAddress { way, paths: Some(paths) })
}

/// The place of a daemon that lives, or else the usual one.
fn announced(usual: Paths, env: Env<'_>) -> Result<(Paths, Option<Endpoint>), Failure> {
    let found = read_endpoint(&usual.endpoint_file())?;
    if !found.as_ref().is_some_and(is_alive) {
        for paths in usual.elsewhere(env) {
            // What is wrong there is nothing that keeps anybody from the usual place.
            let endpoint = read_endpoint(&paths.endpoint_file()).ok().flatten();
            if endpoint.as_ref().is_some_and(|endpoint| is_alive(endpoint) && answers(endpoint)) {
                return Ok((paths, endpoint));
            }
        }
    }
    Ok((usual, found))
}

/// Whether somebody takes connections at its socket: its process id may be another's since.
fn answers(endpoint: &Endpoint) -> bool {
    endpoint.socket.as_ref().is_none_or(|socket| UnixStream::connect(socket).is_ok())
}

/// `endpoint.json`, if there is one. Refused if somebody else could have written it.
pub fn read_endpoint(path: &Path) -> Result<Option<Endpoint>, Failure> {
    let unreadable = |error: io::Error| message::endpoint_unreadable(path.display(), error);
    // Not followed: a link in the runtime folder is nothing that the daemon makes.
    let opened = OpenOptions::new().read(true).custom_flags(no_follow()).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
    };
    check_private(&file, path, 0o022, "write")?;
    let text = read_capped(file).map_err(unreadable)?;
    let endpoint = serde_json::from_slice(&text).map_err(|error| message::endpoint_malformed(path.display(), error))?;
    Ok(Some(endpoint))
}

/// The key for the TCP listener. Refused unless only this user (or root) can read and write the file.
pub fn read_key(path: &Path) -> Result<AppKey, Failure> {
    let unreadable = |error: io::Error| message::key_unreadable(path.display(), error);
    let file = File::open(path).map_err(unreadable)?;
    check_private(&file, path, 0o077, "read")?;
    let bytes = read_capped(file).map_err(unreadable)?;
    let key = bytes.trim_ascii();
    let key = std::str::from_utf8(key).ok().filter(|key| !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic()));
    key.map(AppKey::new).ok_or_else(|| message::no_key(path.display()))
}

fn from_env(env: Env<'_>) -> Result<Option<Transport>, Failure> {
    let set = |name| env(name).filter(|value| !value.is_empty());
    let (url, key_file) = (set("RINGBACK_URL"), set("RINGBACK_KEY_FILE"));
    match (url, key_file) {
        (None, _) => Ok(None),
        (Some(_), None) => Err(message::url_without_key()),
        (Some(url), Some(key_file)) => {
            let source = "`RINGBACK_URL`";
            let url = url.into_string().map_err(|_| message::url_unfit(source, "is not text"))?;
            tcp(&url, key_file.into(), source).map(Some)
        }
    }
}

/// A base URL as a way: plain HTTP to this machine and no further.
fn tcp(text: &str, key_file: PathBuf, source: &str) -> Result<Transport, Failure> {
    let unfit = |what: &str| message::url_unfit(source, what);
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

/// Refuses a file that others own, or that has one of the mode bits `open`, with which they could `act`.
fn check_private(file: &File, path: &Path, open: u32, act: &str) -> Result<(), Failure> {
    let meta = file.metadata().map_err(|error| message::file_unreadable(path.display(), error))?;
    let ours = [rustix::process::geteuid().as_raw(), 0].contains(&meta.uid());
    if !meta.is_file() {
        return Err(message::not_a_file(path.display()));
    }
    if !ours {
        return Err(message::foreign_file(path.display()));
    }
    if meta.mode() & open != 0 {
        return Err(message::open_file(act, path.display(), format!("{:03o}", meta.mode() & 0o777)));
    }
    Ok(())
}

fn read_capped(file: File) -> io::Result<Zeroizing<Vec<u8>>> {
    let length = usize::try_from(file.metadata()?.len().min(FILE_CAP)).unwrap_or_default();
    // Room for all of it at once, so that growing leaves no copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(length + 64));
    file.take(FILE_CAP).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn no_follow() -> i32 {
    // Also not blocking: a pipe in the place of the file must not hang the program.
    i32::try_from((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits()).unwrap_or_default()
}
