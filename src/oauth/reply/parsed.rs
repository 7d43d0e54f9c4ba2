//! The input and the results of the reply parser.

use std::fmt;
use std::time::Duration;

use crate::clock::Wall;
use crate::oauth::grant::Grant;

/// Largest reply that is read, in bytes.
pub(crate) const LARGEST: usize = 256 * 1024;

/// What was received: the parts that parsing looks at.
#[derive(Debug, Clone, Copy)]
pub struct ReceivedReply<'a> {
    /// HTTP status.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: Option<&'a str>,
    /// The `Retry-After` header: seconds or a date (RFC 9110 §10.2.3).
    pub retry_after: Option<&'a str>,
    /// The body, at most [`LARGEST`].
    pub body: &'a [u8],
    /// When it was received.
    pub at: Wall,
}

/// What a reply means.
#[derive(Debug, Clone)]
pub enum ParsedReply {
    /// Tokens.
    Granted(Box<Grant>),
    /// A refusal.
    Refused(Refusal),
    /// A temporary failure: nothing was decided.
    Busy {
        /// How long the provider asked to wait.
        retry_after: Option<Duration>,
        /// One clause.
        why: String,
    },
    /// The user has not answered yet (RFC 8628 §3.5).
    Pending {
        /// Whether to increase the polling interval by 5 s.
        slow_down: bool,
    },
    /// It is unknown what happened at the provider: a success that can't be read, or a gateway that gave up waiting.
    Unclear {
        /// One clause.
        why: String,
    },
}

/// A refusal of the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The provider's code (`invalid_grant`), or `http_NNN` if it gave none. Cleaned.
    pub code: String,
    /// The provider's description, sanitized; may be empty.
    pub description: String,
    /// What it is about.
    pub blame: RefusalSubject,
}

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalSubject {
    /// The code or refresh token is not (or no longer) valid: only the user can help.
    Grant,
    /// The client, its rights or the request: the config has to change; the tokens may still be valid.
    Client,
    /// Unknown: the code is in no list, or there is none.
    Unknown,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.description.as_str() {
            "" => f.write_str(&self.code),
            description => write!(f, "{}: {description}", self.code),
        }
    }
}

/// A failed request of any kind: the reply is not what it asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// A refusal.
    Refused(Refusal),
    /// A temporary failure, or a reply that can't be parsed.
    Busy {
        /// How long the provider asked to wait.
        retry_after: Option<Duration>,
        /// One clause.
        why: String,
    },
}

impl Failed {
    /// A success that can't be understood.
    pub(crate) fn nonsense(why: impl Into<String>) -> Self {
        Self::Busy { retry_after: None, why: why.into() }
    }

    pub(super) fn of(reply: ParsedReply) -> Self {
        match reply {
            ParsedReply::Refused(refusal) => Self::Refused(refusal),
            ParsedReply::Busy { retry_after, why } => Self::Busy { retry_after, why },
            ParsedReply::Unclear { why } => Self::nonsense(why),
            ParsedReply::Granted(_) | ParsedReply::Pending { .. } => {
                Self::nonsense("the provider answered a different kind of request")
            }
        }
    }
}
