//! Questions at the terminal.

use zeroize::Zeroizing;

use crate::cli::failure::Failure;
use crate::cli::hidden::Terminal;
use crate::cli::message;
use crate::cli::replace::can_ask;
use crate::cli::report;
use crate::secret::text;

/// Longer than any answer. A terminal cuts a line off at 4095 bytes.
const LONGEST: usize = 4096;

/// A terminal with somebody at it.
pub(super) struct Dialogue {
    terminal: Terminal,
}

impl Dialogue {
    /// `None` if standard input or standard error is not a terminal: nobody is there to ask.
    pub(super) fn open() -> Option<Self> {
        let terminal = Terminal::open().filter(|_| can_ask())?;
        Some(Self { terminal })
    }

    /// The answer without white space around it; an empty line stands for `usual`.
    pub(super) fn ask(&self, question: &str, usual: Option<&str>) -> Result<String, Failure> {
        let question = match usual.filter(|usual| !usual.is_empty()) {
            Some(usual) => format!("{question} [{usual}]:"),
            None => format!("{question}:"),
        };
        let line = self.terminal.ask_shown(&question, LONGEST).map_err(message::dialogue_ended)?;
        let line = text::decoded(&line).map_err(message::dialogue_ended)?;
        let answer: String = line.trim().chars().filter(|c| !report::hides(*c)).collect();
        Ok(if answer.is_empty() { usual.unwrap_or_default().to_owned() } else { answer })
    }

    /// As [`Self::ask`], until the answer is fit: `unfit` says what is wrong with it.
    pub(super) fn ask_until(
        &self,
        question: &str,
        usual: Option<&str>,
        unfit: impl Fn(&str) -> Option<String>,
    ) -> Result<String, Failure> {
        loop {
            let answer = self.ask(question, usual)?;
            match unfit(&answer) {
                None => return Ok(answer),
                Some(why) => report::say(&why),
            }
        }
    }

    /// Yes or no; an empty line means `usual`.
    pub(super) fn says_yes(&self, question: &str, usual: bool) -> Result<bool, Failure> {
        let question = format!("{question} [{}]", if usual { "Y/n" } else { "y/N" });
        loop {
            let line = self.terminal.ask_shown(&question, LONGEST).map_err(message::dialogue_ended)?;
            match line.trim_ascii().to_ascii_lowercase().as_slice() {
                b"" => return Ok(usual),
                b"y" | b"yes" => return Ok(true),
                b"n" | b"no" => return Ok(false),
                _ => report::say("Type y or n."),
            }
        }
    }

    /// A secret, which is not shown.
    pub(super) fn ask_hidden(&self, question: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        self.terminal.ask(question, LONGEST).map_err(message::dialogue_ended)
    }
}
