//! Reads a secret from the terminal without echo, and restores the terminal in every case: a typed line, an error, Ctrl-C
//! or SIGTERM.

use std::io;

use zeroize::Zeroizing;

use super::report;
use crate::os::terminal;

/// The terminal that the process was started from, whatever its standard streams are.
pub(super) struct Terminal(terminal::Terminal);

impl Terminal {
    /// `None` if there is none.
    pub(super) fn open() -> Option<Self> {
        terminal::Terminal::open().map(Self)
    }

    /// Shows `question` and reads a line of at most `most` bytes, without its end.
    pub(super) fn ask(&self, question: &str, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        self.0.ask(&report::plain(question), most)
    }

    /// The same, but what is typed is shown.
    pub(super) fn ask_shown(&self, question: &str, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        self.0.ask_shown(&report::plain(question), most)
    }
}
