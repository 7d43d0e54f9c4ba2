//! Runs a program, for the secret that it prints or for its effect: with a timeout, with limited output, and with only
//! the environment that it is given.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::child_env::ChildEnv;

/// The limits of a program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProgramLimits {
    /// Bytes that it may print.
    pub(crate) output: usize,
    /// Until it is killed, with all that it started.
    pub(crate) time: Duration,
    /// How long to wait if the program has ended but something that it started still holds its output open; `None`: as
    /// long as for the program itself.
    pub(crate) open_output: Option<Duration>,
}

/// Why there is no output. Contains nothing of it.
#[derive(Debug)]
pub(crate) enum ProgramError {
    /// There is no program in `argv`.
    Empty,
    /// It could not be started.
    NotStarted(io::Error),
    /// It was killed when its time was up.
    Late,
    /// It exited with an error.
    Failed(ExitStatus),
    /// It printed more than it may, and was killed.
    TooLong,
    /// It succeeded, but its output stayed open.
    OutputHeld,
    /// Its output could not be read, or its end could not be waited for.
    Unread(io::Error),
}

/// The program's output. Its error messages are discarded: they could contain anything. Killed when the future is
/// dropped.
pub(crate) async fn output(
    argv: &[String],
    env: &ChildEnv,
    limits: ProgramLimits,
) -> Result<Zeroizing<Vec<u8>>, ProgramError> {
    let mut child = start(argv, env, Stdio::piped())?;
    // Allocated at its final size, since growing would leave unwiped copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limits.output.saturating_add(64)));
    let ended = timeout(limits.time, collect(&mut child, &mut bytes, limits)).await;
    match ended.unwrap_or(Err(ProgramError::Late)) {
        Ok(status) if status.success() => Ok(bytes),
        Ok(status) => Err(ProgramError::Failed(status)),
        Err(error) => {
            if matches!(error, ProgramError::Late | ProgramError::TooLong | ProgramError::Unread(_)) {
                kill(&child);
            }
            Err(error)
        }
    }
}

/// Runs the program for its effect: its output is discarded, too, and what it leaves behind is not waited for. `time`:
/// until it is killed, with all that it started.
pub(crate) async fn run(argv: &[String], env: &ChildEnv, time: Duration) -> Result<(), ProgramError> {
    let mut child = start(argv, env, Stdio::null())?;
    let Ok(ended) = timeout(time, child.wait()).await else {
        kill(&child);
        return Err(ProgramError::Late);
    };
    let status = ended.map_err(ProgramError::Unread)?;
    if status.success() { Ok(()) } else { Err(ProgramError::Failed(status)) }
}

fn start(argv: &[String], env: &ChildEnv, stdout: Stdio) -> Result<Child, ProgramError> {
    let (program, arguments) = argv.split_first().ok_or(ProgramError::Empty)?;
    Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::null())
        // A group of its own, so that what it started can be killed with it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(ProgramError::NotStarted)
}

/// The same as [`output`] for a thread that may block.
pub(crate) fn output_blocking(
    argv: &[String],
    env: &ChildEnv,
    limits: ProgramLimits,
) -> Result<Zeroizing<Vec<u8>>, ProgramError> {
    // A thread of its own: this one may be a runtime's.
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(ProgramError::NotStarted)?.block_on(output(argv, env, limits))
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("program".into()).spawn_scoped(scope, run);
        let ended = thread.map_err(ProgramError::NotStarted)?.join();
        ended.unwrap_or_else(|_| Err(ProgramError::Unread(io::Error::other("its thread broke off"))))
    })
}

/// Reads all of its output and waits for its end.
async fn collect(child: &mut Child, bytes: &mut Vec<u8>, limits: ProgramLimits) -> Result<ExitStatus, ProgramError> {
    let Some(stdout) = child.stdout.take() else {
        return child.wait().await.map_err(ProgramError::Unread);
    };
    let Some(patience) = limits.open_output else {
        read(stdout, bytes, limits.output).await?;
        return child.wait().await.map_err(ProgramError::Unread);
    };
    let mut reading = std::pin::pin!(read(stdout, bytes, limits.output));
    tokio::select! {
        read = &mut reading => {
            read?;
            child.wait().await.map_err(ProgramError::Unread)
        }
        status = child.wait() => {
            let status = status.map_err(ProgramError::Unread)?;
            if status.success() {
                timeout(patience, reading).await.unwrap_or(Err(ProgramError::OutputHeld))?;
            }
            Ok(status)
        }
    }
}

async fn read(stdout: ChildStdout, bytes: &mut Vec<u8>, most: usize) -> Result<(), ProgramError> {
    stdout.take(most as u64 + 1).read_to_end(bytes).await.map_err(ProgramError::Unread)?;
    if bytes.len() > most { Err(ProgramError::TooLong) } else { Ok(()) }
}

/// Kills the program and all that it started. The pid is still its own, since it has not been waited for.
fn kill(child: &Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // Fails only if all of them have ended by themselves.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}
