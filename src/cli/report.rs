//! Output of the command line: results to standard output, messages for people to standard error. Nothing else prints.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::cli::failure::Failure;
use crate::cli::message;
pub(super) use crate::clock::in_words as span;
use crate::contract::VERSION;
use crate::log::{colour, colour_on};
use crate::printable::is_unprintable;

/// Writes a result to standard output. A closed pipe is no failure: the reader has what it wanted.
pub(super) fn answer(bytes: &[u8]) -> Result<(), Failure> {
    follow(bytes).map(drop)
}

/// Writes a part of a result that goes on; `false` if nobody reads it any more.
pub(super) fn follow(bytes: &[u8]) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(message::output_unwritable(error)),
        Ok(()) => Ok(true),
    }
}

/// What a word means to its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Warning,
    Bad,
    Hint,
}

/// Whether a text gets colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Palette {
    Plain,
    Coloured,
}

impl Palette {
    /// Colours on a terminal only, and not if they are turned off.
    pub(super) fn of_stdout() -> Self {
        if colour_on(&io::stdout()) { Self::Coloured } else { Self::Plain }
    }

    /// The same for standard error.
    fn of_stderr() -> Self {
        if colour() { Self::Coloured } else { Self::Plain }
    }

    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match (self, tone) {
            (Self::Plain, _) => return text.to_owned(),
            (Self::Coloured, Tone::Good) => "32",
            (Self::Coloured, Tone::Warning) => "33",
            (Self::Coloured, Tone::Bad) => "1;31",
            (Self::Coloured, Tone::Hint) => "1;36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// The first `columns` characters of a line; colours take no room.
pub(super) fn cut(line: &str, columns: usize) -> String {
    let (mut cut, mut width, mut is_colour) = (String::new(), 0, false);
    for c in line.chars() {
        is_colour |= c == '\x1b';
        if is_colour || width < columns {
            cut.push(c);
        }
        width += usize::from(!is_colour);
        is_colour &= c != 'm';
    }
    cut
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

/// Prints what failed and what to do, and returns the exit code. With `--json` the program that reads standard output gets
/// it, too, in the shape that every error of the API has.
pub(super) fn failure(failure: &Failure) -> ExitCode {
    if asks_for_json()
        && let Ok(text) = json(failure.reply())
    {
        // What is wrong is also said below.
        let _ = answer(text.as_bytes());
    }
    let palette = Palette::of_stderr();
    let reply = failure.reply();
    let mut err = io::stderr().lock();
    let _ = writeln!(err, "{} {}", palette.paint(Tone::Bad, "error:"), plain(&reply.error_description));
    if let Some(code) = &reply.provider_error {
        let _ = writeln!(err, "       the provider's own code: {}", plain(code));
    }
    if let Some(seconds) = reply.retry_after {
        let _ = writeln!(err, "       the daemon retries in {}", span(Duration::from_secs(seconds)));
    }
    if !reply.hint.is_empty() {
        let _ = writeln!(err, "{} {}", palette.paint(Tone::Hint, "hint:"), plain(&reply.hint));
    }
    ExitCode::from(failure.exit())
}

/// Arguments that can't be parsed, as JSON; in words, `clap` says it.
pub(super) fn usage(words: &str) {
    let (what, _) = words.split_once("\n\nUsage:").unwrap_or((words, ""));
    let lines: Vec<&str> = what.trim_start_matches("error: ").lines().map(str::trim).collect();
    let failure =
        message::arguments(lines.iter().filter(|line| !line.is_empty()).copied().collect::<Vec<_>>().join("; "));
    if let Ok(text) = json(failure.reply()) {
        let _ = answer(text.as_bytes());
    }
}

/// Whether the command line has `--json`, or `--format json`, which is the same. Also asked for one that can't be parsed.
pub(super) fn asks_for_json() -> bool {
    let words: Vec<_> = std::env::args_os().skip(1).take_while(|word| word != "--").collect();
    words.iter().any(|word| ["--json", "--format=json", "--all-json"].iter().any(|json| word == json))
        || words.windows(2).any(|pair| matches!(pair, [option, value] if option == "--format" && value == "json"))
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

/// A reply as one line of JSON. It always has a `version`: the API leaves it out of some replies, such as errors.
pub(super) fn json<T: serde::Serialize>(reply: &T) -> Result<String, Failure> {
    let mut value = serde_json::to_value(reply).map_err(message::unserializable)?;
    if let Some(members) = value.as_object_mut() {
        members.entry("version").or_insert_with(|| VERSION.into());
    }
    Ok(format!("{value}\n"))
}

/// The same of a reply that holds a secret and has its `version`: wiped when dropped.
pub(super) fn secret_json<T: serde::Serialize>(reply: &T) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, reply).map_err(message::unserializable)?;
    // Allocated at once: growing would leave copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(length.0 + 1));
    serde_json::to_writer(&mut *line, reply).map_err(message::unserializable)?;
    line.push(b'\n');
    Ok(line)
}

/// Counts what is written, and drops it.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Zero-width characters, which copying may add.
pub(super) fn hides(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// A time in Unix seconds relative to `now`: `in 42 min`, or `42 min ago`.
pub(super) fn moment(at: i64, now: i64) -> String {
    let distance = span(Duration::from_secs(at.abs_diff(now)));
    if at > now { format!("in {distance}") } else { format!("{distance} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_wrote_cannot_steer_the_terminal() {
        assert_eq!(plain("a\x1b[31mb\r\nc\u{202e}d\u{200b}\u{7}\te"), "a[31mb cd e");
    }

    #[test]
    fn a_line_is_cut_by_what_is_seen_of_it() {
        let red = Palette::Coloured.paint(Tone::Bad, "needs you");
        assert_eq!(cut(&format!("ab {red} x"), 5), "ab \x1b[1;31mne\x1b[0m");
        assert_eq!(cut(&Palette::Plain.paint(Tone::Bad, "abc"), 2), "ab");
    }

    #[test]
    fn every_object_has_a_version() {
        assert_eq!(json(&serde_json::json!({"a": 1})).unwrap(), "{\"a\":1,\"version\":1}\n");
        assert_eq!(json(&serde_json::json!({"version": 2})).unwrap(), "{\"version\":2}\n");
    }

    #[test]
    fn a_reply_with_a_secret_is_written_into_one_allocation() {
        let reply = serde_json::json!({"key": "k\"y", "version": 1});
        let line = secret_json(&reply).unwrap();
        assert_eq!(String::from_utf8_lossy(&line), json(&reply).unwrap());
        assert_eq!(line.capacity(), line.len());
    }

    #[test]
    fn a_time_is_told_by_its_distance() {
        for (at, told) in [(160, "in 60 s"), (100, "0 s ago"), (40, "60 s ago")] {
            assert_eq!(moment(at, 100), told);
        }
    }
}
