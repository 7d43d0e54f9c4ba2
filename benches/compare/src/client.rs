//! The smallest client that can fetch a token: std only, one request, one connection.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::reply;

const REQUEST: &[u8] = b"GET /token HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\nConnection: close\r\n\r\n";
const TIMEOUT: Duration = Duration::from_secs(10);

/// Fetches the token from the daemon on the unix socket at `socket`.
pub fn token(socket: &Path) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(REQUEST)?;
    let mut bytes = Vec::with_capacity(4096);
    stream.read_to_end(&mut bytes)?;
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let head = reply::head(&bytes).map_err(invalid)?.ok_or_else(|| invalid("the reply was cut off"))?;
    let body = bytes.get(head.body_at..head.end).ok_or_else(|| invalid("the body was cut off"))?;
    if head.status != 200 {
        return Err(invalid(&format!("status {}: {}", head.status, String::from_utf8_lossy(body))));
    }
    String::from_utf8(body.to_vec()).map_err(|_| invalid("the token is not UTF-8"))
}
