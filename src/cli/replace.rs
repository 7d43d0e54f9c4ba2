//! A login by another person than before: shows both identities and asks whether to replace the tokens.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::report;
use crate::cli::failure::Failure;
use crate::client::Client;
use crate::clock::{Boot, Clock};
use crate::contract::{Confirm, ErrorCode, LoginReply, LoginStatus, Replaced, whose};
use crate::error::Error;

/// The polling interval for an answer given elsewhere.
const GLANCE: Duration = Duration::from_secs(1);
/// How long one request waits for the end of an answered login.
const SLICE: Duration = Duration::from_secs(25);

/// A login that asks a question.
pub(super) struct TerminalQuestion<'a> {
    pub(super) client: &'a Client,
    pub(super) account: &'a str,
    pub(super) login_id: &'a str,
    pub(super) confirm: &'a Confirm,
    /// The end of the waiting.
    pub(super) deadline: Option<Boot>,
}

impl TerminalQuestion<'_> {
    /// Asks at the terminal, unless the answer was given in advance, and waits for the end of the login.
    pub(super) fn settle(&self, replace: bool) -> Result<LoginReply, Failure> {
        announce(self.account, self.confirm);
        if replace {
            return self.answer(true);
        }
        if !can_ask() {
            return Err(self.nobody_to_ask());
        }
        let (current, new) = self.confirm.in_words();
        report::say(&format!("If it is replaced, programs that use `{}` act as {new} from now on.", self.account));
        report::prompt(&format!("Replace the tokens of {}? [y/N]", report::plain(&current)));
        self.asked(&a_line())
    }

    /// Waits for a typed line, or for an answer on the page or from a program.
    fn asked(&self, line: &Receiver<String>) -> Result<LoginReply, Failure> {
        loop {
            match line.recv_timeout(GLANCE) {
                Ok(line) => return self.answer(is_yes(&line)),
                Err(RecvTimeoutError::Disconnected) => return self.answer(false),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let reply = self.client.login(self.login_id, Duration::ZERO, None)?;
            if reply.status != LoginStatus::Pending || reply.confirm.is_none() {
                report::say("");
                report::say("The question was answered elsewhere, or the login has ended.");
                return self.ended();
            }
            if self.deadline.is_some_and(|deadline| Clock::System.now().boot >= deadline) {
                report::say("");
                let why = "nobody answered in time".into();
                let error = Error::LoginFailed { account: self.account.to_owned(), why, provider_error: None };
                return Err(Failure::from(error));
            }
        }
    }

    fn answer(&self, replace: bool) -> Result<LoginReply, Failure> {
        match self.client.answer_login(self.login_id, replace) {
            // Somebody else answered first: the result counts.
            Err(failure) if failure.code() == ErrorCode::Usage => self.ended(),
            Err(failure) => Err(failure.into()),
            Ok(_) => self.ended(),
        }
    }

    fn ended(&self) -> Result<LoginReply, Failure> {
        loop {
            let reply = self.client.login(self.login_id, SLICE, None)?;
            match &reply.confirm {
                _ if reply.status != LoginStatus::Pending => return Ok(reply),
                // The account has changed meanwhile, so this is a different question.
                Some(confirm) if confirm != self.confirm => return TerminalQuestion { confirm, ..*self }.settle(false),
                _ => std::thread::sleep(GLANCE),
            }
        }
    }

    fn nobody_to_ask(&self) -> Failure {
        let (account, (current, new)) = (self.account.to_owned(), self.confirm.in_words());
        Error::NobodyToAsk { account, current, new }.into()
    }
}

/// Says who has logged in, and who had before.
pub(super) fn announce(account: &str, confirm: &Confirm) {
    let (current, new) = confirm.in_words();
    report::say(&format!("`{account}` is logged in as {current}. This login is as {new}."));
}

/// Whether there is a terminal to ask at.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks `question` at the terminal, even if standard input is a pipe; the end of the input means no. `None`: there is no
/// terminal.
pub(super) fn says_yes(question: &[&str]) -> Option<bool> {
    let controlling = || File::open("/dev/tty").ok().filter(|_| io::stderr().is_terminal());
    let mut terminal: Box<dyn BufRead> = match controlling() {
        _ if can_ask() => Box::new(io::stdin().lock()),
        Some(terminal) => Box::new(BufReader::new(terminal)),
        None => return None,
    };
    let (last, before) = question.split_last()?;
    for line in before {
        report::say(line);
    }
    report::prompt(last);
    let mut line = String::new();
    Some(terminal.read_line(&mut line).is_ok() && is_yes(&line))
}

/// The next line of standard input, read in a thread, since somebody else may answer first; ends with the input.
fn a_line() -> Receiver<String> {
    let (line, answer) = channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        if io::stdin().read_line(&mut text).is_ok_and(|read| read > 0) {
            // The receiver may be gone.
            let _ = line.send(text);
        }
    });
    answer
}

fn is_yes(line: &str) -> bool {
    matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

/// Reports what happened to the account's earlier tokens, if they were replaced.
pub(super) fn tell(replaced: &Replaced) {
    if let Some(before) = whose(&replaced.replaced_identity) {
        report::say(&format!("The account was logged in as {before}: those tokens were replaced."));
    }
    if replaced.identity_unknown {
        report::say(
            "The provider does not say who logged in, so it may be another person than before: the earlier tokens were replaced.",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_yes_is_one() {
        for (line, yes) in [
            ("y\n", true),
            ("Yes\r\n", true),
            (" YES ", true),
            ("\n", false),
            ("", false),
            ("n", false),
            ("yess", false),
            ("j", false),
            ("y n", false),
        ] {
            assert_eq!(is_yes(line), yes, "{line:?}");
        }
    }
}
