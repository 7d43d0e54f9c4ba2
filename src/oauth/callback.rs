//! Parser for the authorization response (RFC 6749 §4.1.2): read but not yet trusted.
//!
//! Parsing decides nothing: whether the response belongs to a login is decided by the login with that `state`
//! (`account::attempts`), before `error` or `code` is looked at.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::oauth::dialect::{Dialect, IssPolicy};
use crate::oauth::grant::Grant;
use crate::oauth::reply::{LONGEST_TOKEN, clean, clean_scope, is_bearer, is_token, lifetime};
use crate::secret::{AccessToken, AuthorizationCode};

/// Names and values, percent-decoded and in order; wiped, since a token may be among them.
pub(crate) type CallbackParameters = Zeroizing<Vec<(String, String)>>;

/// An authorization response.
#[derive(Debug, Clone)]
pub(crate) struct AuthorizationResponse {
    /// The issuer (`iss`, RFC 9207), unchecked.
    pub(crate) iss: Option<String>,
    /// The provider's answer.
    pub(crate) says: Says,
}

/// The provider's answer.
#[derive(Debug, Clone)]
pub(crate) enum Says {
    /// A code.
    Code(AuthorizationCode),
    /// A token, in a fragment (RFC 6749 §4.2.2). An `id_token` is in its `extra`.
    Token(Box<Grant>),
    /// An error (RFC 6749 §4.1.2.1).
    Error {
        /// The code, cleaned.
        error: String,
        /// The description, cleaned; empty if there was none.
        description: String,
    },
}

impl Says {
    /// The code and description of an error.
    pub(crate) fn error(self) -> Option<(String, String)> {
        match self {
            Self::Error { error, description } => Some((error, description)),
            Self::Code(_) | Self::Token(_) => None,
        }
    }
}

/// Why a response can't be used. Each message continues "the provider's answer".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A known parameter is repeated with different values (RFC 6749 §3.1).
    #[error("has `{0}` more than once")]
    Repeated(&'static str),
    /// A value is longer than any provider's, even though some codes are encrypted JWTs with the user's groups in them.
    #[error("has more than 64 KiB in `{0}`")]
    TooLong(&'static str),
    /// `state` is missing, or there are several: it is unknown which login the response is for.
    #[error("has no `state`")]
    NoState,
    /// Neither `code` nor `error`.
    #[error("has neither a `code` nor an `error`")]
    NoCode,
    /// Both an error and a code or token.
    #[error("has both an `error` and a `code` or token")]
    Both,
    /// A token in the query, or a refresh token anywhere: not what was requested (RFC 9700 §2.1.2).
    #[error("has a token where none is allowed")]
    Token,
    /// A code in the fragment: not what was requested.
    #[error("has a `code` in the fragment of the URL")]
    Code,
    /// No usable token: neither `access_token` nor `error`, or a token of another type.
    #[error("has no usable `access_token`")]
    NoToken,
    /// Another kind of response than the request's `response_type`.
    #[error("is not what was requested, which was {0}")]
    Kind(&'static str),
    /// It arrived at another redirect URI than the request named.
    #[error("did not arrive at the `redirect_uri` of this login")]
    Address,
}

impl Malformed {
    /// What to do about it, as the end of the sentence.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Address => ": register exactly this one at the provider",
            Self::Token | Self::Code | Self::NoToken | Self::Kind(_) => {
                ": check the account's `grant` and the provider's `authorize_url`"
            }
            Self::Repeated(_) | Self::TooLong(_) | Self::NoState | Self::NoCode | Self::Both => {
                ": if this happens again, the provider is at fault"
            }
        }
    }
}

/// The `state`, which identifies the login. Repeating it with the same value is unambiguous.
pub(crate) fn state(parameters: &[(String, String)]) -> Result<&str, Malformed> {
    let mut states = values(parameters, "state");
    let state = states.next().ok_or(Malformed::NoState)?;
    if states.all(|other| other == state) { Ok(state) } else { Err(Malformed::NoState) }
}

/// Reads the query parameters, which are percent-decoded and in order.
pub(crate) fn read(parameters: &[(String, String)]) -> Result<AuthorizationResponse, Malformed> {
    if ["access_token", "refresh_token"].iter().any(|token| values(parameters, token).next().is_some()) {
        return Err(Malformed::Token);
    }
    single(parameters, "state")?.ok_or(Malformed::NoState)?;
    let iss = single(parameters, "iss")?.map(str::to_owned);
    let says = match (single(parameters, "code")?, single(parameters, "error")?) {
        (Some(code), None) => Says::Code(AuthorizationCode::new(code)),
        (None, Some(error)) => refusal(parameters, error),
        (Some(_), Some(_)) => return Err(Malformed::Both),
        (None, None) => return Err(Malformed::NoCode),
    };
    Ok(AuthorizationResponse { iss, says })
}

/// Whether the response is in the query: a code, an error, or a token, which is not allowed there. Other parameters may
/// accompany a response in the fragment: some providers always put `iss` (RFC 9207) into the query.
pub(crate) fn is_in_query(query: &[(String, String)]) -> bool {
    let answers = |name: &str| matches!(name, "code" | "error" | "access_token" | "refresh_token");
    query.iter().any(|(name, value)| answers(name) && !value.is_empty())
}

/// Joins the fragment's parameters with those of the query. One that is the same in both is kept once.
pub(crate) fn joined(mut fragment: CallbackParameters, query: &[(String, String)]) -> CallbackParameters {
    let beside: Vec<_> = {
        let there: HashSet<_> = fragment.iter().collect();
        query.iter().filter(|parameter| !there.contains(parameter)).cloned().collect()
    };
    fragment.extend(beside);
    fragment
}

/// Reads a fragment's parameters, which are percent-decoded and in order: the response of an implicit login (RFC 6749
/// §4.2.2). `expires_in` is in seconds here, even if the provider's token replies use another unit.
pub(crate) fn read_fragment(parameters: &[(String, String)]) -> Result<AuthorizationResponse, Malformed> {
    if values(parameters, "code").next().is_some() {
        return Err(Malformed::Code);
    }
    // The provider must not issue one here, and it would stay in the browser's history.
    if values(parameters, "refresh_token").next().is_some() {
        return Err(Malformed::Token);
    }
    single(parameters, "state")?.ok_or(Malformed::NoState)?;
    let iss = single(parameters, "iss")?.map(str::to_owned);
    let says = match (token(parameters, "access_token")?, single(parameters, "error")?) {
        (Some(token), None) => Says::Token(Box::new(grant(parameters, token)?)),
        (None, Some(error)) => refusal(parameters, error),
        (Some(_), Some(_)) => return Err(Malformed::Both),
        (None, None) => return Err(Malformed::NoToken),
    };
    Ok(AuthorizationResponse { iss, says })
}

/// The description is only shown: of several, the first is enough.
fn refusal(parameters: &[(String, String)], error: &str) -> Says {
    let description = values(parameters, "error_description").next();
    Says::Error { error: clean(error), description: description.map(clean).unwrap_or_default() }
}

fn grant(parameters: &[(String, String)], access_token: &str) -> Result<Grant, Malformed> {
    if single(parameters, "token_type")?.is_some_and(|kind| !is_bearer(kind)) {
        return Err(Malformed::NoToken);
    }
    let expires_in = single(parameters, "expires_in")?.map(Value::from);
    let id_token = token(parameters, "id_token")?.map(|token| ("id_token".to_owned(), token.into()));
    Ok(Grant {
        access_token: Some(AccessToken::new(access_token)),
        refresh_token: None,
        scope: single(parameters, "scope")?.map(clean_scope).filter(|scope| !scope.is_empty()),
        expires_in: expires_in.and_then(|text| lifetime(&text, SECOND)),
        dpop_key: None,
        extra: id_token.into_iter().collect::<Map<_, _>>(),
        flaws: Vec::new(),
    })
}

const SECOND: Duration = Duration::from_secs(1);

/// All values of one name. One without a value counts as omitted (RFC 6749 §3.1).
fn values<'a>(parameters: &'a [(String, String)], name: &str) -> impl Iterator<Item = &'a str> {
    parameters.iter().filter(move |(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
}

fn single<'a>(parameters: &'a [(String, String)], name: &'static str) -> Result<Option<&'a str>, Malformed> {
    let mut found = values(parameters, name);
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(Malformed::Repeated(name)),
        (Some(value), None) if value.len() > LONGEST_TOKEN => Err(Malformed::TooLong(name)),
        (value, None) => Ok(value),
    }
}

fn token<'a>(parameters: &'a [(String, String)], name: &'static str) -> Result<Option<&'a str>, Malformed> {
    match single(parameters, name)? {
        Some(text) if !is_token(text) => Err(Malformed::NoToken),
        found => Ok(found),
    }
}

/// Why a response is not accepted as the requested provider's (RFC 9207 §2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WrongIssuer {
    /// It has no `iss`, although this provider's responses have one.
    Missing,
    /// Its `iss` is another issuer.
    Other,
}

/// Whether the response comes from the requested provider (RFC 9207 §2.4): simple string comparison.
///
/// If the provider's issuer is unknown, `iss` can't be compared; the callback path then identifies the provider.
pub(crate) fn check_issuer(dialect: &Dialect, iss: Option<&str>) -> Result<(), WrongIssuer> {
    match (iss, dialect.issuer.as_deref(), dialect.iss) {
        (Some(came), Some(known), _) if came != known => Err(WrongIssuer::Other),
        (None, _, IssPolicy::Required) => Err(WrongIssuer::Missing),
        (Some(_), _, _) | (None, _, IssPolicy::Optional | IssPolicy::AsMetadataSays) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
