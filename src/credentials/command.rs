//! Programs that print a secret.

use std::ffi::{OsStr, OsString};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use super::{CredentialError, MOST_BYTES};

/// How long a program may take before it is killed.
pub const COMMAND_PATIENCE: Duration = Duration::from_secs(10);

/// What password managers need to find their files, agents and screens. Nothing else is handed on: the
/// environment of a daemon may hold secrets that are none of the program's business.
const ALLOWED: [&str; 18] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "GNUPGHOME",
    "SSH_AUTH_SOCK",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "PASSWORD_STORE_DIR",
    "PASSWORD_STORE_GPG_OPTS",
    "GOPASS_HOMEDIR",
];

/// The variables that a program gets to see.
pub(super) fn allowed(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<(OsString, OsString)> {
    let allowed = |name: &OsStr| {
        let name = name.to_string_lossy();
        ALLOWED.contains(&name.as_ref()) || name.starts_with("XDG_") || name.starts_with("LC_")
    };
    variables
        .filter(|(name, _)| allowed(name))
        .map(|(name, value)| if name == "PATH" { (name, absolute_only(&value)) } else { (name, value) })
        .collect()
}

/// A search path without relative parts: a program must never be found in the folder where the daemon
/// happens to have been started (CVE-2020-26233).
fn absolute_only(path: &OsStr) -> OsString {
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    std::env::join_paths(folders).unwrap_or_default()
}

/// What the program prints. Its messages are thrown away: they could hold anything.
pub(super) async fn output(
    argv: &[String],
    variables: &[(OsString, OsString)],
) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let (program, arguments) = argv.split_first().ok_or_else(|| failed("", "is empty"))?;
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // A group of its own, so that what it started can be killed with it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(program, format!("can't be started ({error})")))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST_BYTES + 64));
    let Ok(ended) = tokio::time::timeout(COMMAND_PATIENCE, collect(&mut child, &mut bytes)).await else {
        kill(&child);
        return Err(failed(program, format!("did not end within {} s and was killed", COMMAND_PATIENCE.as_secs())));
    };
    match ended {
        Ok(Some(status)) if status.success() => Ok(bytes),
        Ok(Some(status)) => Err(failed(program, format!("failed ({status})"))),
        Ok(None) => {
            kill(&child);
            Err(failed(program, format!("printed more than {MOST_BYTES} bytes and was killed")))
        }
        Err(error) => {
            kill(&child);
            Err(failed(program, format!("can't be read from ({error})")))
        }
    }
}

/// Reads all that it prints and waits for its end. `None`: it printed too much.
async fn collect(child: &mut Child, bytes: &mut Vec<u8>) -> std::io::Result<Option<ExitStatus>> {
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MOST_BYTES as u64 + 1).read_to_end(bytes).await?;
    }
    if bytes.len() > MOST_BYTES {
        return Ok(None);
    }
    child.wait().await.map(Some)
}

/// Kills the program and what it started. The pid is still its own: it was not waited for.
fn kill(child: &Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // Fails only if all of them have ended by themselves.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

fn failed(program: &str, why: impl Into<String>) -> CredentialError {
    CredentialError::Command { program: program.to_owned(), why: why.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_variables_and_absolute_folders_are_handed_on() {
        let given =
            ["PATH=/a:.::b:/c", "HOME=/h", "XDG_RUNTIME_DIR=/r", "LC_ALL=C", "AWS_SECRET_ACCESS_KEY=s", "XDGE=1"];
        let pairs = given.iter().filter_map(|pair| pair.split_once('=')).map(|(n, v)| (n.into(), v.into()));
        let kept: Vec<String> =
            allowed(pairs).iter().map(|(n, v)| format!("{}={}", n.to_string_lossy(), v.to_string_lossy())).collect();
        assert_eq!(kept, ["PATH=/a:/c", "HOME=/h", "XDG_RUNTIME_DIR=/r", "LC_ALL=C"]);
    }
}
