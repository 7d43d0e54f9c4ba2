//! The terminal: its size, and what is typed there, shown or hidden. After hidden input the terminal is as before, however
//! that ended: with a line, a broken terminal, Ctrl-C or SIGTERM.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write as _};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use zeroize::Zeroizing;

use super::signals::{self, EndSignal};

/// The terminal that the process was started from, whatever its standard streams are.
pub(crate) struct Terminal {
    tty: File,
}

impl Terminal {
    /// `None` if there is none.
    pub(crate) fn open() -> Option<Self> {
        OpenOptions::new().read(true).write(true).open("/dev/tty").ok().map(|tty| Self { tty })
    }

    /// Shows `question`, which must not contain terminal control sequences, and reads a line of at most `most` bytes,
    /// without its end.
    pub(crate) fn ask(&self, question: &str, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut tty = &self.tty;
        let quiet = Quiet::over(&self.tty)?;
        // To the terminal itself: the question has to be seen, wherever standard error goes.
        show(tty, question)?;
        let line = read_line(&mut tty, most);
        drop(quiet);
        writeln!(tty)?;
        line
    }

    /// As [`Self::ask`], but what is typed is shown.
    pub(crate) fn ask_shown(&self, question: &str, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut tty = &self.tty;
        show(tty, question)?;
        read_line(&mut tty, most)
    }
}

/// In one piece: what is typed at once must not be shown in the middle of the question.
fn show(mut tty: &File, question: &str) -> io::Result<()> {
    tty.write_all(format!("{question} ").as_bytes())
}

/// Columns and rows of the terminal that `stream` is, if it tells them.
pub(crate) fn size(stream: &impl AsFd) -> Option<(usize, usize)> {
    let size = tcgetwinsize(stream).ok()?;
    let (columns, rows) = (usize::from(size.ws_col), usize::from(size.ws_row));
    (columns > 0 && rows > 0).then_some((columns, rows))
}

/// Whether `stream` is a terminal on which text can replace text.
pub(crate) fn can_draw(stream: &impl IsTerminal) -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    stream.is_terminal() && !dumb
}

/// Turns off a terminal's echo until dropped.
struct Quiet {
    state: Arc<Mutex<Restored>>,
}

/// The terminal's previous settings.
struct Restored {
    tty: File,
    before: Termios,
}

impl Quiet {
    fn over(tty: &File) -> io::Result<Self> {
        let before = tcgetattr(tty)?;
        let mut quiet = before.clone();
        // Byte by byte, since a terminal cuts lines off at 4095 bytes, and tokens can be longer.
        quiet.local_modes &= !(LocalModes::ECHO | LocalModes::ICANON);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        let state = Arc::new(Mutex::new(Restored { tty: tty.try_clone()?, before }));
        restore_at_the_end(Arc::clone(&state))?;
        {
            let _not_ending = state.lock().unwrap_or_else(PoisonError::into_inner);
            tcsetattr(tty, OptionalActions::Flush, &quiet)?;
        }
        Ok(Self { state })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).restore();
    }
}

impl Restored {
    /// What was pasted beyond the line is discarded: the shell must not get it.
    fn restore(&self) {
        let _ = tcsetattr(&self.tty, OptionalActions::Flush, &self.before);
    }
}

/// From now on, a signal that would end the process restores the terminal first. In effect once this returns.
fn restore_at_the_end(state: Arc<Mutex<Restored>>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (ready, caught) = mpsc::channel();
    std::thread::spawn(move || {
        let code = runtime.block_on(async {
            let end = signals::end([EndSignal::Interrupt, EndSignal::Quit, EndSignal::Terminate]);
            let (end, caught) = end.map_or_else(|error| (None, Err(error)), |end| (Some(end), Ok(())));
            ready.send(caught).ok()?;
            Some(end?.await.exit_code())
        });
        if let Some(code) = code {
            // Held to the end, so that nothing turns the echo off again.
            let state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.restore();
            std::process::exit(code);
        }
    });
    caught.recv().map_err(io::Error::other)?
}

/// Reads a line, with the editing that a terminal offers for whole lines.
fn read_line(input: &mut impl io::Read, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    // Everything is allocated at once: growing would leave copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(most + 1));
    let mut chunk = Zeroizing::new([0_u8; 256]);
    loop {
        let read = match input.read(chunk.as_mut()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        for byte in chunk.iter().take(read) {
            match byte {
                0x04 if line.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
                b'\n' | b'\r' | 0x04 => return Ok(line),
                0x08 | 0x7f => take_back(&mut line),
                0x15 => line.clear(),
                _ if line.len() == most => return Err(io::Error::other(format!("it is longer than {most} bytes"))),
                _ => line.push(*byte),
            }
        }
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Removes the last character, which may be several bytes of UTF-8.
fn take_back(line: &mut Vec<u8>) {
    while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn lines_are_edited_as_at_any_terminal() {
        for (typed, line) in [
            ("secret\n", Some("secret")),
            ("secret\rmore", Some("secret")),
            ("sa\u{7f}ecreä\u{7f}t\n", Some("secret")),
            ("wrong\u{15}secret\n", Some("secret")),
            ("\u{7f}\u{7f}x\n", Some("x")),
            ("secret\u{4}", Some("secret")),
            ("\u{4}", None),
            ("cut", None),
            ("0123456789\n", Some("0123456789")),
            ("0123456789a\n", None),
        ] {
            let read = read_line(&mut typed.as_bytes(), 10).ok();
            assert_eq!(read.as_ref().map(|line| std::str::from_utf8(line).unwrap()), line, "{typed:?}");
        }
    }

    fn shows(tty: impl AsFd) -> bool {
        tcgetattr(tty).unwrap().local_modes.contains(LocalModes::ECHO | LocalModes::ICANON)
    }

    #[test]
    fn what_is_typed_is_not_shown_and_the_terminal_is_as_before() {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let tty = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let mut master = File::from(master);
        let terminal = Terminal { tty: tty.try_clone().unwrap() };
        let asking = std::thread::spawn(move || terminal.ask("Password:", 100));
        let mut seen = Vec::new();
        while !seen.ends_with(b"Password: ") {
            let mut byte = [0];
            assert_eq!(master.read(&mut byte).unwrap(), 1);
            seen.extend(byte);
        }
        assert!(!shows(&tty));
        master.write_all(b"canary\nls\n").unwrap();
        assert_eq!(*asking.join().unwrap().unwrap(), b"canary");
        assert!(shows(&tty));
        let mut rest = [0; 100];
        let read = master.read(&mut rest).unwrap();
        assert_eq!(rest[..read], *b"\r\n", "neither the secret nor what came after it");
    }
}
