//! Output of the command line: results to standard output, messages for people to standard error. Nothing else prints.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use crate::cli::failure::Failure;
use crate::cli::message;
use crate::log::colour;
use crate::printable::is_unprintable;

/// Writes a result to standard output. A closed pipe is no failure: the reader has what it wanted.
pub(super) fn answer(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(message::output_unwritable(error)),
        _ => Ok(()),
    }
}

/// Prints one line to standard error.
pub(super) fn say(line: &str) {
    // If standard error is closed, there is nowhere to report that.
    let _ = writeln!(io::stderr().lock(), "{}", plain(line));
}

/// Prints a prompt without a line feed.
pub(super) fn prompt(question: &str) {
    let mut err = io::stderr().lock();
    let _ = write!(err, "{question} ");
    let _ = err.flush();
}

/// Prints what failed and what to do, and returns the exit code.
pub(super) fn failure(failure: &Failure) -> ExitCode {
    let (red, cyan, end) = if colour() { ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m") } else { ("", "", "") };
    let reply = failure.reply();
    let mut err = io::stderr().lock();
    let _ = writeln!(err, "{red}error:{end} {}", plain(&reply.error_description));
    if let Some(code) = &reply.provider_error {
        let _ = writeln!(err, "       the provider's own code: {}", plain(code));
    }
    if let Some(seconds) = reply.retry_after {
        let _ = writeln!(err, "       the daemon retries in {}", span(Duration::from_secs(seconds)));
    }
    if !reply.hint.is_empty() {
        let _ = writeln!(err, "{cyan}hint:{end} {}", plain(&reply.hint));
    }
    ExitCode::from(failure.exit())
}

/// `text` without characters that control a terminal or hide text: a provider may have written it.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .filter_map(|c| if c == '\n' || c == '\t' { Some(' ') } else { Some(c).filter(|c| !is_unprintable(*c)) })
        .collect()
}

/// Prints a picture made of half-block characters, dark on light if colours are available.
pub(super) fn picture(picture: &str) {
    let (ink, end) = if colour() { ("\x1b[38;5;16;48;5;231m", "\x1b[0m") } else { ("", "") };
    let mut err = io::stderr().lock();
    for line in picture.lines() {
        let _ = writeln!(err, "{ink}{line}{end}");
    }
}

/// A reply as one line of JSON.
pub(super) fn json<T: serde::Serialize>(reply: &T) -> Result<String, Failure> {
    let text = serde_json::to_string(reply).map_err(message::unserializable)?;
    Ok(text + "\n")
}

/// Zero-width characters, which copying may add.
pub(super) fn hides(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// A span for people: `42 s`, `42 min`, `5 h`, `3 days`; in the largest unit of which there are at least two.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A time in Unix seconds relative to `now`: `in 42 min`, or `42 min ago`.
pub(super) fn moment(at: i64, now: i64) -> String {
    let distance = span(Duration::from_secs(at.abs_diff(now)));
    if at >= now { format!("in {distance}") } else { format!("{distance} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_wrote_cannot_steer_the_terminal() {
        assert_eq!(plain("a\x1b[31mb\r\nc\u{202e}d\u{200b}\u{7}\te"), "a[31mb cd e");
    }

    #[test]
    fn spans_are_told_in_the_unit_that_fits() {
        let told = [0, 119, 120, 3_600, 7_199, 7_200, 172_799, 172_800].map(|s| span(Duration::from_secs(s)));
        assert_eq!(told, ["0 s", "119 s", "2 min", "60 min", "119 min", "2 h", "47 h", "2 days"]);
        assert_eq!((moment(160, 100), moment(100, 160)), ("in 60 s".into(), "60 s ago".into()));
    }
}
