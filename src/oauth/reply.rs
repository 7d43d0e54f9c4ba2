//! The provider's replies: bytes in, a grant or a classified refusal out.
//!
//! By the time a success arrives, the provider may have ended the old refresh token. So whatever else is wrong with
//! one, a new refresh token in it is never dropped: it comes back in a [`Grant`] that says what was wrong
//! ([`Grant::flaws`]) and that may lack the access token. Strict is what decides what callers get: an access token has
//! to fit into a header and to be a bearer token.

mod body;
mod class;
mod complaint;
mod form;
mod members;
mod scan;
mod tokens;
mod values;

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use self::complaint::Complaint;
pub(crate) use self::members::without;
pub(crate) use self::tokens::{is_bearer, is_token};
use self::values::deeper_than;
pub(crate) use self::values::{clean_scope, lifetime, moment, scope};
use crate::clock::Wall;
use crate::oauth::dialect::Dialect;
use crate::oauth::grant::Grant;
use crate::printable::is_invisible;
use crate::secret::RefreshToken;

/// Largest reply that is read, in bytes.
pub const LARGEST: usize = 256 * 1024;
/// Longest token that is taken, in bytes.
pub const LONGEST_TOKEN: usize = 64 * 1024;
/// Deepest nesting of members that are kept.
const DEEPEST: usize = 16;
/// Longest name of a provider's that is passed on, in characters.
const LONGEST_TEXT: usize = 200;
/// Longest explanation of a provider's that is passed on, in characters.
const LONGEST_WORDS: usize = 500;

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
    /// When.
    pub at: Wall,
}

/// What a reply means.
#[derive(Debug, Clone)]
pub enum ParsedReply {
    /// Tokens.
    Granted(Box<Grant>),
    /// A parsed no.
    Refused(Refusal),
    /// Not now: nothing was decided.
    Busy {
        /// What the provider asked for.
        retry_after: Option<Duration>,
        /// One clause.
        why: String,
    },
    /// The user has not answered yet (RFC 8628 §3.5).
    Pending {
        /// Whether to ask 5 s more slowly from now on.
        slow_down: bool,
    },
    /// Nobody can tell what happened at the provider: a success that can't be read, or a gateway that
    /// gave up waiting.
    Unclear {
        /// One clause.
        why: String,
    },
}

/// A parsed no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The provider's code (`invalid_grant`), or `http_NNN` where it gave none. Cleaned.
    pub code: String,
    /// The provider's words, cleaned; may be empty.
    pub description: String,
    /// What it is about.
    pub blame: RefusalSubject,
}

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalSubject {
    /// The code or refresh token is not (or no longer) good: only the user can help.
    Grant,
    /// The client, its rights or the request: the config has to change; the tokens may still be good.
    Client,
    /// Nobody here knows: the code is in no list, or there is none.
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

/// Text of a stranger, made fit for a terminal, a log and a page: printable, one line, short.
pub fn clean(text: &str) -> String {
    clean_to(text, LONGEST_TEXT)
}

/// The same with another bound, in characters.
fn clean_to(text: &str, longest: usize) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    // Marks that reorder or hide text lie about what stands next to them.
    let visible = printable.filter(|c| !is_invisible(*c));
    visible.take(longest).collect::<String>().trim().to_owned()
}

/// A reply that is not what was asked for, whatever that was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// A parsed no.
    Refused(Refusal),
    /// Not now, or nothing that can be understood.
    Busy {
        /// What the provider asked for.
        retry_after: Option<Duration>,
        /// One clause.
        why: String,
    },
}

impl Failed {
    /// A success that makes no sense.
    pub fn nonsense(why: impl Into<String>) -> Self {
        Self::Busy { retry_after: None, why: why.into() }
    }

    fn of(reply: ParsedReply) -> Self {
        match reply {
            ParsedReply::Refused(refusal) => Self::Refused(refusal),
            ParsedReply::Busy { retry_after, why } => Self::Busy { retry_after, why },
            ParsedReply::Unclear { why } => Self::nonsense(why),
            ParsedReply::Granted(_) | ParsedReply::Pending { .. } => {
                Self::nonsense("the provider answered another question")
            }
        }
    }
}

/// Tells what a reply to a token request means.
pub fn parse(received: ReceivedReply<'_>, dialect: &Dialect) -> ParsedReply {
    parse_for(received, dialect, None)
}

/// The same, where `spent` was sent: a refusal that repeats it brings nothing new.
pub fn parse_for(received: ReceivedReply<'_>, dialect: &Dialect, spent: Option<&RefreshToken>) -> ParsedReply {
    if !(200..300).contains(&received.status) {
        return complaint::of_status(received);
    }
    match body::read(received) {
        Ok(read) => meaning(read, received, dialect, spent),
        Err(why) => ParsedReply::Unclear { why },
    }
}

/// What a success means that broke off or was too large (`why`): nothing is certain of it but a refresh token that
/// arrived whole.
pub fn parse_cut(received: ReceivedReply<'_>, why: String, dialect: &Dialect) -> ParsedReply {
    match body::read_cut(received.body, &why) {
        Some(read) => meaning(read, received, dialect, None),
        None => ParsedReply::Unclear { why },
    }
}

fn meaning(
    read: body::Read,
    received: ReceivedReply<'_>,
    dialect: &Dialect,
    spent: Option<&RefreshToken>,
) -> ParsedReply {
    let body::Read { members, mut flaws, is_well_formed, is_whole } = read;
    let complaint = Complaint::of_members(&members).map(|complaint| complaint.reply(received.status));
    let (grant, missing) = tokens::grant(members.moved(&dialect.response_paths), received.at, dialect);
    let refresh_token = grant.refresh_token.as_ref();
    if let Some(complaint) = complaint {
        // Some providers say no with 200. One that says no and hands out another refresh token at the same time may
        // have ended the old one, and the new one can tell: it is kept, and the no comes again if it was meant.
        let brings_another = refresh_token.is_some_and(|new| spent.is_none_or(|old| !old.matches(new.expose())));
        return match brings_another {
            true => granted(Grant { access_token: None, ..grant }, vec![said(&complaint)]),
            false if is_well_formed => complaint,
            false => ParsedReply::Unclear { why: flaws.join("; ") },
        };
    }
    match (missing, refresh_token) {
        // What was cut off may have been the refresh token that replaces the old one.
        (None, None) if !is_whole => ParsedReply::Unclear { why: flaws.join("; ") },
        (Some(why), None) => ParsedReply::Unclear { why: if is_well_formed { why } else { flaws.join("; ") } },
        (missing, _) => {
            flaws.extend(missing);
            granted(grant, flaws)
        }
    }
}

/// What was wrong with the reply as a whole stands before what was wrong with its members.
fn granted(grant: Grant, mut flaws: Vec<String>) -> ParsedReply {
    flaws.extend(grant.flaws);
    ParsedReply::Granted(Box::new(Grant { flaws, ..grant }))
}

fn said(complaint: &ParsedReply) -> String {
    match complaint {
        ParsedReply::Refused(refusal) => format!("the reply has tokens and an error ({refusal})"),
        ParsedReply::Busy { why, .. } => format!("the reply has tokens, and {why}"),
        _ => "the reply has tokens and says that the user has not answered yet".into(),
    }
}

/// The members of a successful reply to any other question.
pub(crate) fn document(received: ReceivedReply<'_>) -> Result<Map<String, Value>, Failed> {
    if !(200..300).contains(&received.status) {
        return Err(Failed::of(complaint::of_status(received)));
    }
    let members = body::document(received).map_err(Failed::nonsense)?;
    if let Some(complaint) = Complaint::of_document(&members) {
        return Err(Failed::of(complaint.reply(received.status)));
    }
    if members.values().any(|value| deeper_than(value, DEEPEST)) {
        return Err(Failed::nonsense("the reply is nested too deeply"));
    }
    Ok(members)
}

/// The same, of a reply that has to call itself JSON: whatever else a host serves may be somebody else's to write.
pub(crate) fn declared_document(received: ReceivedReply<'_>) -> Result<Map<String, Value>, Failed> {
    let is_success = (200..300).contains(&received.status);
    if let Some(why) = body::undeclared(received).filter(|_| is_success) {
        return Err(Failed::nonsense(why));
    }
    document(received)
}

#[cfg(test)]
mod tests;
