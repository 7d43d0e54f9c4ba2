//! Why a command failed: one type, whether the daemon said so or the command line found out.

use crate::config::nearest;
use crate::contract::{ErrorCode, ErrorReply};
use crate::error::Error;

/// A fact and an advice, with the code that the exit code follows from. Holds no secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    reply: Box<ErrorReply>,
}

impl Failure {
    /// `fact` says what happened, in one clause; `advice` what to do, in one sentence. Both stand in the table of
    /// [`message`](crate::cli::message).
    pub(super) fn new(code: ErrorCode, fact: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::from(ErrorReply::new(code, fact, advice))
    }

    /// The same, with what was being done when it happened.
    #[must_use]
    pub(super) fn during(mut self, step: &str) -> Self {
        self.reply.error_description = format!("while {step}: {}", self.reply.error_description);
        self
    }

    /// The same, with the name that was probably meant, if one of `names` is similar to `name`.
    #[must_use]
    pub(super) fn or_meant<'a>(mut self, name: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        if let Some(meant) = nearest(name, names) {
            self.reply.hint = format!("Did you mean `{meant}`?");
            self.reply.nearest = vec![meant.to_owned()];
        }
        self
    }

    /// The code that programs branch on.
    pub(super) fn code(&self) -> ErrorCode {
        self.reply.error
    }

    /// The exit code by the table of `contract`.
    pub(super) fn exit(&self) -> u8 {
        self.reply.error.row().exit
    }

    /// All of it.
    pub(super) fn reply(&self) -> &ErrorReply {
        &self.reply
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        error.reply().into()
    }
}

impl From<ErrorReply> for Failure {
    fn from(reply: ErrorReply) -> Self {
        Self { reply: Box::new(reply) }
    }
}
