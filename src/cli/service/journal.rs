//! The log of the service, as `journalctl` has it.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitStatus, Stdio};

use serde::{Deserialize, Serialize};

use super::systemctl::of_systemd;
use crate::cli::failure::Failure;
use crate::cli::{message, report};
use crate::clock::Wall;

const JOURNALCTL: &str = "journalctl";

/// A line of the log, for `--json`.
#[derive(Debug, Serialize)]
struct LogLine {
    /// RFC 3339.
    at: String,
    message: String,
}

/// The fields of the journal that are used (systemd.journal-fields(7)).
#[derive(Deserialize)]
struct JournalEntry {
    /// Microseconds since the epoch.
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    at: String,
    #[serde(rename = "MESSAGE")]
    message: JournalText,
}

/// How `journalctl --output=json` writes a field.
#[derive(Deserialize)]
#[serde(untagged)]
enum JournalText {
    Text(String),
    /// It is not UTF-8, or has control characters.
    Bytes(Vec<u8>),
}

impl JournalEntry {
    fn line(self) -> Option<LogLine> {
        let message = match self.message {
            JournalText::Text(text) => text,
            JournalText::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        };
        Some(LogLine { at: Wall(self.at.parse::<i64>().ok()? / 1000).rfc3339(), message })
    }
}

/// Shows the last lines on our own output. Returns the exit code of `journalctl`.
pub(super) fn print(unit: &str, lines: u32, follow: bool) -> Result<Option<u8>, Failure> {
    let ended = journalctl("cat", unit, lines, follow).status().map_err(unstarted)?;
    Ok(code(ended))
}

/// The same, each line as an object.
pub(super) fn print_json(unit: &str, lines: u32, follow: bool) -> Result<Option<u8>, Failure> {
    let mut child = journalctl("json", unit, lines, follow).stdout(Stdio::piped()).spawn().map_err(unstarted)?;
    let entries = child.stdout.take().map(BufReader::new).into_iter().flat_map(BufReader::lines);
    let mut told = Ok(true);
    for entry in entries.map_while(Result::ok) {
        told = object(&entry).and_then(|object| object.map_or(Ok(true), |object| report::follow(object.as_bytes())));
        if !matches!(told, Ok(true)) {
            break;
        }
    }
    if !matches!(told, Ok(true)) {
        // Nobody reads any more, and with `--follow` it would not end by itself. It fails if it has ended already.
        let _ = child.kill();
    }
    let ended = child.wait().map_err(unstarted)?;
    told.map(|is_read| if is_read { code(ended) } else { Some(0) })
}

/// An entry of the journal as it is printed; `None` if it has no message.
fn object(entry: &str) -> Result<Option<String>, Failure> {
    let line = serde_json::from_str::<JournalEntry>(entry).ok().and_then(JournalEntry::line);
    line.map(|line| report::json(&line)).transpose()
}

fn journalctl(output: &str, unit: &str, lines: u32, follow: bool) -> Command {
    let mut command = of_systemd(JOURNALCTL);
    command.args(["--output", output, "--unit", unit, "--lines", &lines.to_string()]);
    if follow {
        command.arg("--follow");
    }
    command
}

fn unstarted(error: std::io::Error) -> Failure {
    message::no_systemd(JOURNALCTL, error)
}

fn code(ended: ExitStatus) -> Option<u8> {
    ended.code().and_then(|code| code.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_the_journal_is_an_object_with_time_and_message() {
        let said = |message: &str| {
            object(&format!(r#"{{"__REALTIME_TIMESTAMP":"1700000000500999","_PID":"7","MESSAGE":{message}}}"#)).unwrap()
        };
        let object = |message: &str| {
            Some(format!("{{\"at\":\"2023-11-14T22:13:20.500Z\",\"message\":\"{message}\",\"version\":1}}\n"))
        };
        assert_eq!(said("\"ready\""), object("ready"));
        assert_eq!(said("[27,91,255]"), object("\\u001b[\u{fffd}"));
        assert_eq!((said("null"), super::object("-- No entries --").unwrap()), (None, None));
    }
}
