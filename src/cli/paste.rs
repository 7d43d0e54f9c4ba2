//! `ringback login --paste`: the browser is on another machine, and the user copies the redirect URL over.

use std::io::{self, BufRead, IsTerminal as _, Read as _};

use zeroize::Zeroizing;

use super::report;
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::client::Client;
use crate::contract::ErrorCode;
use crate::printable::is_unprintable;

/// A redirect URL has a few hundred bytes, but codes can be long, and some URLs contain a token.
const LINE_CAP: u64 = 128 * 1024;
/// Enough for a copy from the wrong window or a line that the terminal cut off.
const TRIES: usize = 3;

/// Shows the provider's URL, reads the redirect URL and sends it to the daemon. After that the login has ended or is
/// about to end.
pub(super) fn run(client: &Client, login_id: &str, url: &str) -> Result<(), Failure> {
    report::say("Open this URL in a browser, on any machine, and log in:");
    report::say(url);
    report::say("In the end the browser may fail to load a page. That is expected.");
    let mut input = io::stdin().lock();
    for tried in 1..=TRIES {
        if io::stdin().is_terminal() {
            report::prompt("Copy the whole URL from the address bar, and paste it here:");
        }
        let line = read_line(&mut input)?;
        match client.paste(login_id, &clean(&line)).map_err(Failure::from) {
            Err(failure) if failure.code() == ErrorCode::Usage && tried < TRIES => {
                report::failure(&failure);
            }
            done => return done.map(drop),
        }
    }
    Ok(())
}

fn read_line(input: &mut impl BufRead) -> Result<Zeroizing<String>, Failure> {
    // Allocated at full size, so that growing leaves no copies of the code in memory.
    let mut line = Zeroizing::new(String::with_capacity(4096));
    let read = input.by_ref().take(LINE_CAP).read_line(&mut line);
    match read {
        Ok(0) => Err(message::no_url_pasted()),
        Ok(_) => Ok(line),
        Err(error) => Err(message::url_unreadable(error)),
    }
}

/// `line` without what copying may add: white space (also inside, from wrapped lines), invisible characters, and quotes
/// or brackets around it. A URL has none of these.
fn clean(line: &str) -> Zeroizing<String> {
    let quotes = ['"', '\'', '`', '<', '>', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}'];
    let mut cleaned = Zeroizing::new(String::with_capacity(line.len()));
    cleaned.extend(line.chars().filter(|c| !c.is_whitespace() && !is_unprintable(*c) && !quotes.contains(c)));
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_copying_adds_is_taken_away() {
        let url = "http://localhost/?code=a~6&state=b";
        for line in [
            "http://localhost/?code=a~6&state=b\n",
            "  'http://localhost/?code=a~6&state=b' \r\n",
            "<http://localhost/?code=a~6&state=b>",
            "\u{feff}\u{201c}http://localhost/?code=a~6\u{200b}&state=b\u{201d}",
            "http://localhost/?code=a~6 &state=b",
        ] {
            assert_eq!(clean(line).as_str(), url, "{line:?}");
        }
    }

    #[test]
    fn the_end_of_input_is_told_and_long_lines_are_cut() {
        assert_eq!(read_line(&mut &b""[..]).unwrap_err().code(), ErrorCode::Usage);
        assert_eq!(read_line(&mut &b"a\nb\n"[..]).unwrap().as_str(), "a\n");
        assert_eq!(read_line(&mut &vec![b'a'; 200_000][..]).unwrap().len(), 128 * 1024);
    }
}
