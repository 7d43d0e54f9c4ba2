//! Messages of finding and asking the daemon: what the client library says, with the command line's advice.

use crate::cli::failure::Failure;
use crate::client::Error;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Daemon(reply) => (*reply).into(),
            error => Self::new(error.code(), error.to_string(), hint(&error)),
        }
    }
}

/// What to do about it, in one sentence.
fn hint(error: &Error) -> String {
    match error {
        Error::Daemon(reply) => reply.hint.clone(),
        Error::NoDaemon { .. } => "Start it with `ringback serve` or `ringback service install`. With `autostart = true` in `[serve]` of the config, `ringback token` and `ringback login` start the service.".into(),
        Error::DaemonUnreachable { pid, .. } => {
            format!(
                "Run `kill -HUP {pid}`, so that it creates its socket again; its log says where it listens, or why not."
            )
        }
        Error::SocketOnly { .. } => {
            "Unset `RINGBACK_URL`, or name the socket with `--socket`. If the config turns it off, turn it on.".into()
        }
        Error::Timeout => "Check the daemon's log; try again with a longer `--wait`.".into(),
        Error::Disconnected { .. } => "Try again; if the daemon was not just stopped, check its log.".into(),
        Error::UnexpectedReply { .. } => "Check that `ringback serve` of this version listens there.".into(),
        Error::SocketDenied => "Run the command as the daemon's user.".into(),
        Error::UnknownListener { .. } => "Name the daemon's socket with `--socket`.".into(),
        Error::ForeignPort { .. } => "Find out who that is, and start your own daemon with `ringback serve`.".into(),
        Error::ForeignListener { .. } => "Don't use it. Find out who created it, and start your own daemon.".into(),
        Error::NoRuntimeFolder(_) => "Set it, or name the daemon's socket with `--socket`.".into(),
        Error::EndpointUnreadable { .. } | Error::EndpointMalformed { .. } => {
            "Remove the file; the daemon creates it again when it starts.".into()
        }
        Error::KeyUnreadable { .. } | Error::NoKey { .. } => {
            "Check `RINGBACK_KEY_FILE`, or use the unix socket, which needs no key.".into()
        }
        Error::UrlWithoutKey => "Set `RINGBACK_KEY_FILE` to the file with the key, or unset `RINGBACK_URL`.".into(),
        Error::UrlUnusable { .. } => {
            "Give `http://127.0.0.1:PORT`. Only this machine is allowed, since keys and tokens are sent in clear text."
                .into()
        }
        Error::FileUnreadable { .. } | Error::NotAFile { .. } => "Check the path.".into(),
        Error::ForeignFile { .. } => "Use a file of your own.".into(),
        Error::OpenToOthers { path, .. } => {
            let path = path.display();
            format!(
                "Run `chmod 600 {path}`; if others could read it for a long time, make a new key with `ringback app rotate`."
            )
        }
    }
}
