//! What a program writes to our standard input. It may hold a password, so it is wiped.

use std::io;

use zeroize::Zeroizing;

use crate::cli::failure::Failure;
use crate::cli::message;
use crate::os::private_file::read_wiped;

/// More than any program sends, in bytes.
const LONGEST: usize = 256 * 1024;

/// All of it, as text.
pub(super) fn read() -> Result<Zeroizing<String>, Failure> {
    let bytes = read_wiped(io::stdin().lock(), LONGEST, LONGEST).map_err(message::credential_unread)?;
    if bytes.len() > LONGEST {
        return Err(message::credential_unread("it is longer than 256 KiB"));
    }
    let text = std::str::from_utf8(&bytes).map_err(message::credential_unread)?;
    Ok(Zeroizing::new(text.to_owned()))
}
