//! Passphrases: typed, or read from a file or standard input; never from an argument or the environment. Errors are one
//! clause; the caller adds what to do about them.

use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use super::hidden::Terminal;
use crate::credentials;
use crate::os::private_file;
use crate::secret::{Passphrase, text};

/// The prompt for an existing passphrase.
pub(super) const QUESTION: &str = "Passphrase of the token store (it is not shown):";
/// The prompt for a new passphrase.
pub(super) const NEW_QUESTION: &str = "New passphrase for the token store, 12 characters or more (it is not shown):";

/// Longer than any passphrase.
const LONGEST: usize = 4096;

/// Asks for an existing passphrase.
pub(super) fn asked(question: &str) -> Result<Passphrase, String> {
    as_text(&typed(question)?)
}

/// Asks for a new passphrase, twice.
pub(super) fn asked_twice(question: &str) -> Result<Passphrase, String> {
    let first = typed(question)?;
    if *first == *typed("Repeat the passphrase:")? { as_text(&first) } else { Err("the two passphrases differ".into()) }
}

/// The first line of `input`, unchanged.
pub(super) fn first_line(input: &mut impl Read) -> Result<Passphrase, String> {
    let line = private_file::read_wiped(input, LONGEST, LONGEST).map_err(|error| error.to_string())?;
    if line.len() > LONGEST {
        return Err("it is longer than 4 KiB".into());
    }
    let end = line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len());
    let line = line.get(..end).unwrap_or_default();
    as_text(line.strip_suffix(b"\r").unwrap_or(line))
}

/// The content of a private file.
pub(super) fn of_file(path: &Path) -> Result<Passphrase, String> {
    credentials::passphrase(path).map_err(|error| error.to_string())
}

fn typed(question: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let terminal = Terminal::open().ok_or("there is no terminal to ask at")?;
    terminal.ask(question, LONGEST).map_err(|error| error.to_string())
}

fn as_text(line: &[u8]) -> Result<Passphrase, String> {
    text::decoded(line).map(Passphrase::new).map_err(|why| format!("it {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_is_the_first_line_as_it_is() {
        for (input, line) in [
            ("a b  c\n", Some("a b  c")),
            (" x \r\nmore\n", Some(" x ")),
            ("no end", Some("no end")),
            ("\u{feff}a b\n", Some("a b")),
            ("a\0b\0\r\0\n\0", None),
            ("\n", Some("")),
            ("", Some("")),
        ] {
            let read = first_line(&mut input.as_bytes()).ok();
            assert_eq!(read.as_ref().map(Passphrase::expose), line, "{input:?}");
        }
        assert!(first_line(&mut &vec![b'a'; LONGEST + 1][..]).is_err());
        assert!(as_text(b"\xff").is_err());
    }
}
