//! The system's `ssh`: one connection that runs a command on another machine, and forwards ports of this one to it for as
//! long as it lasts. It asks for passwords and unknown host keys at the terminal, and says on standard error what is wrong.

use std::fmt;
use std::fs::Permissions;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::printable::is_unprintable;

/// How long a connection that stands may take to forward a port.
const FORWARD: Duration = Duration::from_secs(15);
/// How long it may take to end after SIGTERM: it gives the terminal back as it was.
const FAREWELL: Duration = Duration::from_secs(2);

/// Options of the connection. What the user's own configuration forwards, also the agent and X11, is of no use here and
/// could stand in the way: the port may be the one that is needed.
const OPTIONS: [&str; 10] =
    ["-M", "-T", "-a", "-x", "-o", "ControlPersist=no", "-o", "ClearAllForwardings=yes", "-o", "RemoteCommand=none"];

/// Another machine, as `ssh` takes it: `HOST`, `USER@HOST`, or `ssh://USER@HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SshTarget(String);

impl SshTarget {
    /// Refuses what `ssh` could take for an option.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix("ssh://").unwrap_or(text);
        let (user, host) = name.rsplit_once('@').map_or((None, name), |(user, host)| (Some(user), host));
        for (what, part) in [("user", user), ("host", Some(host))] {
            match part {
                Some("") => return Err(format!("it has no {what}")),
                Some(part) if part.starts_with('-') => return Err(format!("the {what} begins with `-`")),
                Some(part) if part.contains(|c: char| c.is_whitespace() || is_unprintable(c)) => {
                    return Err(format!("the {what} has white space or invisible characters in it"));
                }
                _ => {}
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for SshTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A connection. When it is dropped, it is cut; [`Self::end`] lets it finish.
pub(crate) struct SshSession {
    child: Child,
    /// The command at the other end ends with it, and so does the connection if this process is killed.
    input: Option<ChildStdin>,
    /// The folder of the socket at which the connection takes orders.
    control: TempDir,
    target: SshTarget,
}

impl SshSession {
    /// Connects and runs `command` in the user's shell there. Returns its output. Needs a tokio runtime.
    pub(crate) fn start(target: &SshTarget, command: &str) -> io::Result<(Self, Option<ChildStdout>)> {
        let control = tempfile::Builder::new().prefix("rb").permissions(Permissions::from_mode(0o700)).tempdir()?;
        let mut child = Command::new("ssh")
            .args(OPTIONS)
            .arg("-S")
            .arg(control.path().join("c"))
            .args(["--", &target.0, command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        Ok((Self { child, input, control, target: target.clone() }, output))
    }

    /// Forwards `address` of this machine to the same address of the other one. `false`: ssh has said why not.
    pub(crate) async fn forward(&self, address: SocketAddr) -> io::Result<bool> {
        // Without the user's configuration: its own forwards would be asked for once more.
        let asked = Command::new("ssh")
            .args(["-F", "none", "-O", "forward", "-L", &format!("{address}:{address}"), "-S"])
            .arg(self.control.path().join("c"))
            .args(["--", &self.target.0])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .status();
        timeout(FORWARD, asked).await.map_or(Ok(false), |ended| ended.map(|status| status.success()))
    }

    /// Waits until the connection has ended by itself.
    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Ends it: lets connections over forwarded ports finish for at most `linger`, then closes everything.
    pub(crate) async fn end(mut self, linger: Duration) {
        drop(self.input.take());
        if !linger.is_zero() && timeout(linger, self.child.wait()).await.is_ok() {
            return;
        }
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        // The pid is still its own, since it has not been waited for.
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::TERM);
        }
        if timeout(FAREWELL, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_could_be_an_option_is_a_target() {
        for good in ["host", "me@host", "a@b@host", "ssh://me@host:2222", "me@[::1]", "me@my-host.example"] {
            assert_eq!(SshTarget::parse(good).map(|target| target.to_string()), Ok(good.to_owned()));
        }
        for (bad, why) in [
            ("", "it has no host"),
            ("me@", "it has no host"),
            ("@host", "it has no user"),
            ("ssh://", "it has no host"),
            ("-oProxyCommand=x", "the host begins with `-`"),
            ("me@-oProxyCommand=x", "the host begins with `-`"),
            ("-oProxyCommand=x@host", "the user begins with `-`"),
            ("ssh://-l@host", "the user begins with `-`"),
            ("ssh://me@-x", "the host begins with `-`"),
            ("me@host name", "the host has white space or invisible characters in it"),
            ("m\ne@host", "the user has white space or invisible characters in it"),
            ("me@ho\u{200b}st", "the host has white space or invisible characters in it"),
        ] {
            assert_eq!(SshTarget::parse(bad), Err(why.to_owned()), "{bad:?}");
        }
    }
}
