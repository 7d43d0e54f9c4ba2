//! Whether somebody still reads standard output, without writing to it.

use std::io;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// Blocks until nobody can read standard output any more: a pipe's reader has closed it, or a terminal is gone. For good
/// if it is a file.
pub(crate) fn wait_until_gone() -> io::Result<()> {
    let stdout = io::stdout();
    loop {
        // Without a wish, poll(2) reports errors and hang-ups alone.
        match poll(&mut [PollFd::new(&stdout, PollFlags::empty())], None) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}
