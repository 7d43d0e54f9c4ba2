//! Token validation: which tokens of a reply can be used, and what is wrong with the others.

use serde_json::{Map, Value};

use super::members::{KnownMembers, Members, without};
use super::values::{DEEPEST, deeper_than, left, left_until, scope};
use crate::clock::Wall;
use crate::oauth::dialect::{Dialect, ServedTypes};
use crate::oauth::dpop;
use crate::oauth::grant::Grant;
use crate::secret::{AccessToken, DpopKey, RefreshToken};

/// Longest token that is accepted, in bytes.
pub const LONGEST_TOKEN: usize = 64 * 1024;
/// Longest value that is quoted in a flaw, in characters.
const LONGEST_NAMED: usize = 40;
/// The same for a value with digits: a longer one may be a token (RFC 6749 §10.10 requires 128 bits or more).
const LONGEST_WITH_DIGITS: usize = 16;

/// The usable part of the members, and why there is no access token if there is none. `key`: the one that the request
/// proved.
pub(super) fn grant(members: Members, now: Wall, dialect: &Dialect, key: Option<&DpopKey>) -> (Grant, Option<String>) {
    let Members { known, mut other, is_ambiguous } = members;
    let KnownMembers { access_token, refresh_token, token_type, expires_in, scope: granted, .. } = known;
    let mut flaws = Vec::new();
    if is_ambiguous {
        flaws.push("the reply has a member twice; the last one is used".to_owned());
    }
    let refresh_token = usable(refresh_token, "refresh_token", |c| !c.is_control() && c != char::REPLACEMENT_CHARACTER)
        .unwrap_or_else(|why| {
            flaws.push(why);
            None
        });
    let access_token = usable(access_token, "access_token", |c| c.is_ascii_graphic())
        .and_then(|token| token.ok_or_else(|| without_token(&other).to_owned()))
        .and_then(|token| match key {
            Some(_) => bound(token_type.as_ref()).map(|()| token),
            None => servable(token_type.as_ref(), dialect.token_type, &mut flaws).map(|()| token),
        });
    let members = other.len();
    other.retain(|_, value| !deeper_than(value, DEEPEST));
    if other.len() < members {
        flaws.push("a member is nested too deeply and was skipped".to_owned());
    }
    without(&mut other, &["refresh_token"]);
    let (access_token, missing) = match access_token {
        Ok(token) => (Some(AccessToken::new(token)), None),
        Err(why) => (None, Some(why)),
    };
    let grant = Grant {
        access_token,
        refresh_token: refresh_token.map(RefreshToken::new),
        scope: granted.as_ref().and_then(scope),
        expires_in: left(expires_in.as_ref(), dialect.expires_in_unit, left_until(other.get("expires_at"), now)),
        dpop_key: key.cloned(),
        extra: other,
        flaws,
    };
    (grant, missing)
}

/// A token has to be printable ASCII without spaces (RFC 6750 §2.1), so that it can't break out of a header.
pub(crate) fn is_token(text: &str) -> bool {
    unfit(text, |c| c.is_ascii_graphic()).is_none()
}

/// Why `text` is not a token of these characters. A refresh token is sent encoded, in bodies, and may have characters
/// that a header can't have.
fn unfit(text: &str, fits: impl Fn(char) -> bool) -> Option<&'static str> {
    match text {
        "" => Some("is empty"),
        _ if text.len() > LONGEST_TOKEN => Some("is longer than 64 KiB"),
        _ if !text.chars().all(fits) => Some("has characters that are not allowed in tokens"),
        _ => None,
    }
}

/// A token as text. A refresh token may also be an integer: text without its quotes.
fn usable(value: Option<Value>, name: &str, fits: impl Fn(char) -> bool) -> Result<Option<String>, String> {
    let text = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.is_empty() && name == "refresh_token" => return Ok(None),
        Some(Value::String(text)) => text,
        Some(Value::Number(number)) if number.is_u64() && name == "refresh_token" => number.to_string(),
        Some(_) => return Err(format!("{name} is not text")),
    };
    match unfit(&text, fits) {
        Some(why) => Err(format!("{name} {why}")),
        None => Ok(Some(text)),
    }
}

/// Types of tokens that are useless without a key, or are not access tokens: those registered for OAuth (RFC 9449, RFC
/// 9200, RFC 8693 §2.2.1) and those of drafts.
const NOT_BEARER: [&str; 5] = ["dpop", "pop", "mac", "hok", "n_a"];

/// Whether a token of this type may be sent as a bearer token. Providers have many names for that (`BearerToken`,
/// `JWT`, Slack's `bot` and `user`), so the types that are none are listed.
pub(crate) fn is_bearer(kind: &str) -> bool {
    !NOT_BEARER.iter().any(|other| kind.trim().eq_ignore_ascii_case(other))
}

/// The error says why a token is not taken that was asked for with a proof. RFC 9449 §5: `DPoP` says that it is bound; with
/// any other type the client discards it if it wants the protection, which the config says it does.
fn bound(kind: Option<&Value>) -> Result<(), String> {
    let named = match kind {
        Some(Value::String(kind)) if kind.trim().eq_ignore_ascii_case(dpop::SCHEME) => return Ok(()),
        Some(Value::String(kind)) => format!("token_type is `{}`", word(kind)),
        _ => "there is no token_type".to_owned(),
    };
    Err(format!(
        "{named}, though a token bound to a key was asked for: the server does not bind it (RFC 9449); if it can't, \
         remove `dpop` from the account"
    ))
}

/// The error says why callers must not get the token. A type that is only unusual is a flaw.
fn servable(kind: Option<&Value>, served: ServedTypes, flaws: &mut Vec<String>) -> Result<(), String> {
    let named = match kind {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::String(kind)) => kind.clone(),
        Some(other) => other.to_string(),
    };
    if ["bearer", "bot", "user"].iter().any(|usual| named.trim().eq_ignore_ascii_case(usual)) {
        return Ok(());
    }
    let shown = word(&named);
    if named.trim().eq_ignore_ascii_case(dpop::SCHEME) && served == ServedTypes::Bearer {
        return Err(
            "token_type is `DPoP`: the server binds its tokens to a key (set `dpop = true` for the account)".into()
        );
    }
    if served == ServedTypes::Bearer && !is_bearer(&named) {
        return Err(format!(
            "token_type is `{shown}`: not a bearer token (if it can be used as one, set `token_type = \"any\"` for the provider)"
        ));
    }
    flaws.push(format!("token_type is `{shown}`"));
    Ok(())
}

/// The type as it is shown. One that is not a word may be a token in the wrong member.
fn word(named: &str) -> &str {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | ':' | '/');
    let has_digits = named.chars().any(|c| c.is_ascii_digit());
    let longest = if has_digits { LONGEST_WITH_DIGITS } else { LONGEST_NAMED };
    if named.len() <= longest && named.chars().all(is_word) { named } else { "something that is not a word" }
}

/// Phone.com answers a request with `?mode=details` with the token's details.
fn without_token(other: &Map<String, Value>) -> &'static str {
    if other.contains_key("scope_details") || other.contains_key("expires_at") {
        "the reply has details of the token instead of the token: remove `mode=details` from `token_url`"
    } else {
        "there is no access_token"
    }
}
