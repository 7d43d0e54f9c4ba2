//! Programs that print a secret.

use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use super::error::{CredentialError, MOST_BYTES};

/// How long a program may take before it is killed.
pub const COMMAND_PATIENCE: Duration = Duration::from_secs(10);

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
