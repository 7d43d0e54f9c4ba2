//! Reply body: JSON under any content type, a form, or what can be read of broken JSON.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::members::Members;
use super::parsed::ReceivedReply;
use super::text::clean;
use super::{form, scan};

/// What could be read of a body.
pub(super) struct Read {
    pub(super) members: Members,
    /// What was wrong with the reply as a whole, one clause each.
    pub(super) flaws: Vec<String>,
    /// The body is well-formed. From a malformed one only tokens are used; an error in it is ignored.
    pub(super) is_well_formed: bool,
    /// Nothing is missing at its end.
    pub(super) is_whole: bool,
}

/// Reads a reply to a token request. The error is one clause.
pub(super) fn read(received: ReceivedReply<'_>) -> Result<Read, String> {
    let body = without_wrapping(received.body);
    let kind = received.content_type.filter(|kind| !is_json(kind));
    match serde_json::from_slice::<Members>(&body) {
        Ok(members) => {
            let flaws = kind.map(|kind| format!("the content type of the reply is `{}`", named(kind)));
            Ok(Read { members, flaws: flaws.into_iter().collect(), is_well_formed: true, is_whole: true })
        }
        Err(error) => {
            if let Some(members) = form::read(&body) {
                let flaws = vec!["the reply is a form and not JSON".to_owned()];
                return Ok(Read { members, flaws, is_well_formed: true, is_whole: true });
            }
            let why = malformed(&error, kind);
            match scan::scan(&body) {
                Some(scan::ScannedTokens { members, is_whole }) => {
                    Ok(Read { members, flaws: vec![why], is_well_formed: false, is_whole })
                }
                None => Err(why),
            }
        }
    }
}

/// Reads the part that arrived of a reply that broke off (`why`).
pub(super) fn read_cut(body: &[u8], why: &str) -> Option<Read> {
    let body = without_wrapping(body);
    let flaws = vec![why.to_owned()];
    if let Ok(members) = serde_json::from_slice::<Members>(&body) {
        return Some(Read { members, flaws, is_well_formed: false, is_whole: true });
    }
    let found = match form::read_cut(&body) {
        Some(members) => scan::ScannedTokens { members, is_whole: false },
        None => scan::scan(&body)?,
    };
    Some(Read { members: found.members, flaws, is_well_formed: false, is_whole: found.is_whole })
}

/// Reads any other document. The error is one clause.
pub(super) fn document(received: ReceivedReply<'_>) -> Result<Map<String, Value>, String> {
    let body = without_wrapping(received.body);
    serde_json::from_slice(&body).or_else(|error: serde_json::Error| {
        let found = scan::document(&body).filter(|_| !error.is_eof());
        found.ok_or_else(|| malformed(&error, received.content_type.filter(|kind| !is_json(kind))))
    })
}

/// What is wrong with the content type, if it is not JSON's.
pub(super) fn undeclared(received: ReceivedReply<'_>) -> Option<String> {
    let kind = received.content_type.filter(|kind| !is_json(kind))?;
    Some(format!("the reply is not JSON but `{}`", named(kind)))
}

/// The text without its wrapping: byte order mark, UTF-16, surrounding white space and NULs.
fn without_wrapping(body: &[u8]) -> Cow<'_, [u8]> {
    match body {
        [0xff, 0xfe, text @ ..] => Cow::Owned(from_utf16(text, u16::from_le_bytes)),
        [0xfe, 0xff, text @ ..] => Cow::Owned(from_utf16(text, u16::from_be_bytes)),
        _ => {
            let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
            let is_text = |byte: &u8| !byte.is_ascii_whitespace() && *byte != 0;
            let start = body.iter().position(is_text).unwrap_or(body.len());
            let end = body.iter().rposition(is_text).map_or(start, |last| last + 1);
            Cow::Borrowed(body.get(start..end).unwrap_or_default())
        }
    }
}

fn from_utf16(text: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let units = text.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>().into_bytes()
}

/// Position and kind only: serde's own message may quote the body.
fn malformed(error: &serde_json::Error, other_kind: Option<&str>) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Eof if error.line() <= 1 && error.column() == 0 => {
            return "the reply is empty".into();
        }
        _ if other_kind.is_some() => return format!("the reply is not JSON but `{}`", named(other_kind.unwrap_or(""))),
        serde_json::error::Category::Eof => "the reply is cut off",
        serde_json::error::Category::Syntax => "the reply is not valid JSON",
        serde_json::error::Category::Data | serde_json::error::Category::Io => "the reply has an unexpected shape",
    };
    format!("{kind} (line {}, column {})", error.line(), error.column())
}

/// A content type, safe to show.
pub(super) fn named(content_type: &str) -> String {
    clean(content_type).chars().take(60).collect()
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || essence == "text/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}
