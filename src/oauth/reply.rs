//! Parser for token endpoint replies (RFC 6749 §5): bytes in, a grant or a classified error out.
//!
//! When a success arrives, the provider may already have invalidated the old refresh token. So a new refresh token is
//! never dropped, whatever else is wrong with the reply: it is returned in a [`Grant`] that lists the flaws
//! ([`Grant::flaws`]) and may lack the access token. The rules are strict for what callers get: an access token has to
//! fit into a header and be a bearer token.

mod body;
mod class;
mod complaint;
mod form;
mod members;
mod parsed;
mod scan;
mod text;
mod tokens;
mod values;

use serde_json::{Map, Value};

use self::complaint::Complaint;
pub(crate) use self::members::without;
pub(crate) use self::parsed::{Failed, LARGEST};
pub use self::parsed::{ParsedReply, ReceivedReply, Refusal, RefusalSubject};
pub(crate) use self::text::clean;
pub use self::tokens::LONGEST_TOKEN;
pub(crate) use self::tokens::{is_bearer, is_token};
use self::values::{DEEPEST, deeper_than};
pub(crate) use self::values::{clean_scope, lifetime, moment, scope};
use crate::oauth::dialect::Dialect;
use crate::oauth::grant::Grant;
use crate::secret::{DpopKey, RefreshToken};

/// Parses a reply to a token request.
pub fn parse(received: ReceivedReply<'_>, dialect: &Dialect) -> ParsedReply {
    parse_for(received, dialect, Asked::default())
}

/// What a token request had that its reply is measured by.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// The refresh token that was sent: a refusal that repeats it brings no new one.
    pub spent: Option<&'a RefreshToken>,
    /// The key that was proved: the tokens have to be bound to it (RFC 9449 §5).
    pub dpop_key: Option<&'a DpopKey>,
}

/// The same for a request that had this.
pub fn parse_for(received: ReceivedReply<'_>, dialect: &Dialect, asked: Asked<'_>) -> ParsedReply {
    if !(200..300).contains(&received.status) {
        return complaint::of_status(received);
    }
    match body::read(received) {
        Ok(read) => meaning(read, received, dialect, asked),
        Err(why) => ParsedReply::Unclear { why },
    }
}

/// Parses a success that broke off or was too large (`why`): only members that arrived completely are used.
pub fn parse_cut(received: ReceivedReply<'_>, why: String, dialect: &Dialect, asked: Asked<'_>) -> ParsedReply {
    match body::read_cut(received.body, &why) {
        Some(read) => meaning(read, received, dialect, Asked { spent: None, ..asked }),
        None => ParsedReply::Unclear { why },
    }
}

fn meaning(read: body::Read, received: ReceivedReply<'_>, dialect: &Dialect, asked: Asked<'_>) -> ParsedReply {
    let body::Read { members, mut flaws, is_well_formed, is_whole } = read;
    let complaint = Complaint::of_members(&members).map(|complaint| complaint.reply(received));
    let (grant, missing) = tokens::grant(members.moved(&dialect.response_paths), received.at, dialect, asked.dpop_key);
    let refresh_token = grant.refresh_token.as_ref();
    if let Some(complaint) = complaint {
        // Some providers send errors with status 200. If such an error comes with another refresh token, the old one
        // may have been invalidated. The new one is kept: if the error is real, its next use will fail in the same way.
        let brings_another = refresh_token.is_some_and(|new| asked.spent.is_none_or(|old| !old.matches(new.expose())));
        return match brings_another {
            true => granted(Grant { access_token: None, ..grant }, vec![said(&complaint)]),
            false if is_well_formed => complaint,
            false => ParsedReply::Unclear { why: flaws.join("; ") },
        };
    }
    match (missing, refresh_token) {
        // The missing part may have held the refresh token that replaces the old one.
        (None, None) if !is_whole => ParsedReply::Unclear { why: flaws.join("; ") },
        (Some(why), None) => ParsedReply::Unclear { why: if is_well_formed { why } else { flaws.join("; ") } },
        (missing, _) => {
            flaws.extend(missing);
            granted(grant, flaws)
        }
    }
}

/// Flaws of the whole reply come before flaws of its members.
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

/// The members of a successful reply to any other request.
pub(crate) fn document(received: ReceivedReply<'_>) -> Result<Map<String, Value>, Failed> {
    if !(200..300).contains(&received.status) {
        return Err(Failed::of(complaint::of_status(received)));
    }
    let members = body::document(received).map_err(Failed::nonsense)?;
    if let Some(complaint) = Complaint::of_document(&members) {
        return Err(Failed::of(complaint.reply(received)));
    }
    if members.values().any(|value| deeper_than(value, DEEPEST)) {
        return Err(Failed::nonsense("the reply is nested too deeply"));
    }
    Ok(members)
}

/// The same, for a reply that has to be declared as JSON: anything else on that host may be written by somebody else.
pub(crate) fn declared_document(received: ReceivedReply<'_>) -> Result<Map<String, Value>, Failed> {
    let is_success = (200..300).contains(&received.status);
    if let Some(why) = body::undeclared(received).filter(|_| is_success) {
        return Err(Failed::nonsense(why));
    }
    document(received)
}

#[cfg(test)]
mod tests;
