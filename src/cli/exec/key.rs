//! `--url`: a key for the program alone. The daemon drops it when the connection of this process ends, so that it dies with
//! this process, however that ends.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::folder::ExecFolder;
use crate::cli::failure::Failure;
use crate::cli::report;
use crate::client::{Client, Error, TemporaryApp};
use crate::contract::TemporaryAppRequest;

const KEY_FILE: &str = "key";
/// Between two attempts to get another key from a daemon that was started again.
const AGAIN: Duration = Duration::from_secs(1);
/// After an attempt that was refused: each has a line in the audit log.
const REFUSED: Duration = Duration::from_secs(60);

/// The key, and the file that the program finds it in. The file is deleted when this is dropped.
pub(super) struct HeldKey {
    folder: ExecFolder,
    url: String,
}

impl HeldKey {
    /// Writes the file, and holds the key. If the daemon is started again, the file gets another key.
    pub(super) fn begin(app: TemporaryApp, client: Client, wish: TemporaryAppRequest) -> Result<Self, Failure> {
        let held = Self { folder: ExecFolder::make()?, url: app.url.clone() };
        held.folder.write(KEY_FILE, app.key.expose().as_bytes())?;
        let (folder, url) = (held.folder.clone(), app.url.clone());
        // Not joined: it ends with the process.
        thread::spawn(move || hold(app, &client, &wish, &folder, &url));
        Ok(held)
    }

    /// What leads a program to the daemon.
    pub(super) fn variables(&self) -> [(&'static str, PathBuf); 2] {
        [("RINGBACK_URL", self.url.clone().into()), ("RINGBACK_KEY_FILE", self.folder.file(KEY_FILE))]
    }
}

impl Drop for HeldKey {
    fn drop(&mut self) {
        self.folder.end();
    }
}

/// Never returns.
fn hold(mut app: TemporaryApp, client: &Client, wish: &TemporaryAppRequest, folder: &ExecFolder, url: &str) {
    loop {
        app.wait_for_end();
        let mut pause = AGAIN;
        app = loop {
            thread::sleep(pause);
            // Not while it is stopped, and not if its config has lost an account: that may come again.
            match client.temporary_app(wish) {
                Ok(app) => break app,
                Err(error) => pause = pause_after(&error),
            }
        };
        if app.url != url {
            report::say(&format!("ringback: the daemon is now at {}, where the program does not look", app.url));
        }
        if let Err(failure) = folder.write(KEY_FILE, app.key.expose().as_bytes()) {
            report::say(&format!("ringback: the program has no key: {}", failure.reply().error_description));
        }
    }
}

fn pause_after(error: &Error) -> Duration {
    match error {
        // Nobody refused: the daemon is stopped, or about to start.
        Error::NoDaemon { .. } | Error::DaemonUnreachable { .. } | Error::Disconnected { .. } | Error::Timeout => AGAIN,
        _ => REFUSED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_refuses_is_asked_less_often_than_one_that_is_stopped() {
        let why = || "why".to_owned();
        for error in [
            Error::NoDaemon { why: why() },
            Error::DaemonUnreachable { pid: 1, why: why() },
            Error::Disconnected { why: why() },
            Error::Timeout,
        ] {
            assert_eq!(pause_after(&error), AGAIN, "{error}");
        }
        for error in [Error::UnexpectedReply { why: why() }, Error::SocketDenied] {
            assert_eq!(pause_after(&error), REFUSED, "{error}");
        }
    }
}
