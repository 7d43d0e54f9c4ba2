//! The password of an account whose config names no source: asked at the terminal, and written to a named pipe that the
//! daemon reads. It is never sent over HTTP.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::hidden::Terminal;
use super::report;
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::contract::{LoginStarted, PasswordPrompt};
use crate::os::private_file::{self, NotPrivate, OTHERS, Owners};

/// With the line feed, the most that a pipe takes in one piece.
const LONGEST: usize = 4000;

/// Asks for the password and gives it to the daemon.
pub(super) fn run(started: &LoginStarted, prompt: &PasswordPrompt) -> Result<(), Failure> {
    let terminal = Terminal::open().ok_or_else(|| no_terminal(started, prompt))?;
    let path = Path::new(&prompt.pipe);
    // Opened before asking, so that no password is typed in vain.
    let mut pipe = open_pipe(path)?;
    let question = format!("Password of {} for `{}` (it is not shown):", prompt.user, started.account);
    let asked = terminal
        .ask(&question, LONGEST)
        .and_then(|line| if line.is_empty() { Err(io::Error::other("the line is empty")) } else { Ok(line) });
    match asked {
        Ok(mut line) => {
            line.push(b'\n');
            pipe.write_all(&line).map_err(|error| unopened(path, &error))
        }
        Err(error) => {
            // An empty line cancels the login, so that the daemon does not wait in vain.
            let _ = pipe.write_all(b"\n");
            Err(message::password_unread(error))
        }
    }
}

/// Opens the daemon's pipe: a named pipe of our own user that nobody else can open.
fn open_pipe(path: &Path) -> Result<File, Failure> {
    let refuse = |what: &str| Err(message::pipe_unsafe(path.display(), what));
    let file = OpenOptions::new().write(true).custom_flags(flags()).open(path);
    let file = file.map_err(|error| unopened(path, &error))?;
    let meta = file.metadata().map_err(|error| unopened(path, &error))?;
    if !meta.file_type().is_fifo() {
        return refuse("is not a named pipe");
    }
    match private_file::check(meta.uid(), meta.mode(), Owners::User, OTHERS) {
        Ok(()) => Ok(file),
        Err(NotPrivate::Foreign { .. }) => refuse("belongs to another user"),
        Err(NotPrivate::Open { .. }) => refuse("can be opened by others"),
    }
}

/// Links are not followed, and opening a pipe without a reader does not block.
fn flags() -> i32 {
    use rustix::fs::OFlags;
    i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits()).unwrap_or_default()
}

fn unopened(path: &Path, error: &io::Error) -> Failure {
    let nobody = error.kind() == io::ErrorKind::BrokenPipe
        || error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error());
    let why = if nobody { "the daemon no longer reads it".to_owned() } else { error.to_string() };
    message::pipe_closed(path.display(), why)
}

fn no_terminal(started: &LoginStarted, prompt: &PasswordPrompt) -> Failure {
    message::password_without_terminal(report::plain(&started.account), &prompt.user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::ErrorCode;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn fifo(path: &Path, mode: u32) {
        let status = std::process::Command::new("mkfifo").arg(path).status().unwrap();
        assert!(status.success());
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn only_a_pipe_of_our_own_that_somebody_reads_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (name, mode) in [("good", 0o600), ("open", 0o622), ("unread", 0o600)] {
            fifo(&at(name), mode);
        }
        symlink(at("good"), at("link")).unwrap();
        File::create(at("file")).unwrap();
        let reader = |name: &str| OpenOptions::new().read(true).custom_flags(flags()).open(at(name)).unwrap();
        let _readers = (reader("good"), reader("open"));
        for (name, code) in [
            ("good", None),
            ("open", Some(ErrorCode::Forbidden)),
            ("file", Some(ErrorCode::Forbidden)),
            ("link", Some(ErrorCode::LoginFailed)),
            ("unread", Some(ErrorCode::LoginFailed)),
            ("none", Some(ErrorCode::LoginFailed)),
        ] {
            assert_eq!(open_pipe(&at(name)).err().map(|failure| failure.code()), code, "{name}");
        }
    }
}
