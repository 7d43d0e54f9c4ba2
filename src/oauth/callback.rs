//! The authorization response (RFC 6749 §4.1.2), read but not yet believed.
//!
//! Reading never decides anything: whose answer it is, the login that the `state` belongs to decides
//! (`account::attempts`), before `error` or `code` is looked at.

use std::time::Duration;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::oauth::dialect::{Dialect, IssPolicy};
use crate::oauth::grant::Grant;
use crate::oauth::reply::{LONGEST_TOKEN, clean, clean_scope, is_bearer, is_token, lifetime};
use crate::secret::{AccessToken, AuthorizationCode, Nonce256};

/// Longest value of a parameter that is looked at, in bytes; tokens may be longer ([`LONGEST_TOKEN`]).
pub const LONGEST_VALUE: usize = 4096;

/// Names and values, percent-decoded and in their order; wiped, since a token may be among them.
pub type Parameters = Zeroizing<Vec<(String, String)>>;

/// An authorization response.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Says whose answer it is.
    pub state: Nonce256,
    /// Who answers (RFC 9207), as it came.
    pub iss: Option<String>,
    /// What the provider says.
    pub says: Says,
}

/// What the provider says in the answer.
#[derive(Debug, Clone)]
pub enum Says {
    /// Yes.
    Code(AuthorizationCode),
    /// Yes, in a fragment: the token itself (RFC 6749 §4.2.2). An `id_token` stands in its `extra`.
    Token(Box<Grant>),
    /// No (RFC 6749 §4.1.2.1).
    Error {
        /// The code, cleaned.
        error: String,
        /// The description, cleaned; empty if there was none.
        description: String,
    },
}

impl Says {
    /// The code and the words of a no.
    pub fn error(self) -> Option<(String, String)> {
        match self {
            Self::Error { error, description } => Some((error, description)),
            Self::Code(_) | Self::Token(_) => None,
        }
    }
}

/// Why an answer can't be read. Nothing may change because of such a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A parameter that may come once came again (RFC 6749 §3.1).
    #[error("a parameter is repeated")]
    Repeated,
    /// A value is longer than any provider's.
    #[error("a parameter is too long")]
    TooLong,
    /// `state` is missing: it can't be ours.
    #[error("`state` is missing")]
    NoState,
    /// Neither `code` nor `error`, or both.
    #[error("there is no `code`")]
    NoCode,
    /// A token in the query, or a refresh token anywhere: not what was asked for (RFC 9700 §2.1.2).
    #[error("a token came in the URL")]
    Token,
    /// A code in the fragment: not what was asked for.
    #[error("a code came in the fragment")]
    Code,
    /// No token that can be used: neither `access_token` nor `error`, both, or one of another type.
    #[error("there is no usable `access_token`")]
    NoToken,
}

/// Reads the query parameters, which are percent-decoded and in their order.
pub fn read(parameters: &[(String, String)]) -> Result<Answer, Malformed> {
    if parameters.iter().any(|(name, _)| name == "access_token" || name == "refresh_token") {
        return Err(Malformed::Token);
    }
    let state = single(parameters, "state")?.filter(|s| !s.is_empty()).ok_or(Malformed::NoState)?;
    let iss = single(parameters, "iss")?.map(str::to_owned);
    let says = match (single(parameters, "code")?, single(parameters, "error")?) {
        (Some(code), None) if !code.is_empty() => Says::Code(AuthorizationCode::new(code)),
        (None, Some(error)) => Says::Error {
            error: clean(error),
            description: single(parameters, "error_description")?.map(clean).unwrap_or_default(),
        },
        _ => return Err(Malformed::NoCode),
    };
    Ok(Answer { state: Nonce256::new(state), iss, says })
}

/// Whether an answer is in the query: a code, an error, or a token, which has no place there. Anything else goes with an
/// answer in the fragment: some providers put `iss` (RFC 9207) into the query whatever was asked for.
pub fn is_in_query(query: &[(String, String)]) -> bool {
    let answers = |name: &str| matches!(name, "code" | "error" | "access_token" | "refresh_token");
    query.iter().any(|(name, value)| answers(name) && !value.is_empty())
}

/// A fragment's parameters with those that came in the query beside it. What both have alike came once.
pub fn joined(mut fragment: Parameters, query: &[(String, String)]) -> Parameters {
    let beside: Vec<_> = query.iter().filter(|parameter| !fragment.contains(parameter)).cloned().collect();
    fragment.extend(beside);
    fragment
}

/// Reads a fragment's parameters, which are percent-decoded and in their order: the answer of an implicit
/// login (RFC 6749 §4.2.2). `expires_in` is in seconds here, whatever the provider's token replies say.
pub fn read_fragment(parameters: &[(String, String)]) -> Result<Answer, Malformed> {
    for (name, _) in parameters {
        match name.as_str() {
            "code" => return Err(Malformed::Code),
            // The provider must not issue one here, and it would lie in the browser's history.
            "refresh_token" => return Err(Malformed::Token),
            _ => {}
        }
    }
    let state = single(parameters, "state")?.filter(|s| !s.is_empty()).ok_or(Malformed::NoState)?;
    let iss = single(parameters, "iss")?.map(str::to_owned);
    let says = match (token(parameters, "access_token")?, single(parameters, "error")?) {
        (Some(token), None) => Says::Token(Box::new(grant(parameters, token)?)),
        (None, Some(error)) => Says::Error {
            error: clean(error),
            description: single(parameters, "error_description")?.map(clean).unwrap_or_default(),
        },
        _ => return Err(Malformed::NoToken),
    };
    Ok(Answer { state: Nonce256::new(state), iss, says })
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
        extra: id_token.into_iter().collect::<Map<_, _>>(),
        flaws: Vec::new(),
    })
}

const SECOND: Duration = Duration::from_secs(1);

fn single<'a>(parameters: &'a [(String, String)], name: &str) -> Result<Option<&'a str>, Malformed> {
    at_most(parameters, name, LONGEST_VALUE)
}

fn token<'a>(parameters: &'a [(String, String)], name: &str) -> Result<Option<&'a str>, Malformed> {
    match at_most(parameters, name, LONGEST_TOKEN)? {
        Some(text) if !is_token(text) => Err(Malformed::NoToken),
        found => Ok(found),
    }
}

fn at_most<'a>(parameters: &'a [(String, String)], name: &str, most: usize) -> Result<Option<&'a str>, Malformed> {
    let mut found = parameters.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(Malformed::Repeated),
        (Some(value), None) if value.len() > most => Err(Malformed::TooLong),
        (value, None) => Ok(value),
    }
}

/// Why an answer is not believed to come from the provider that was asked (RFC 9207 §2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongIssuer {
    /// It does not say whom it comes from, and this provider's answers do.
    Missing,
    /// It comes from another.
    Other,
}

/// Whether the answer comes from the provider that was asked (RFC 9207 §2.4): simple string comparison.
///
/// A provider whose issuer isn't known can't be told from its `iss`; its callback path does that.
pub fn check_issuer(dialect: &Dialect, iss: Option<&str>) -> Result<(), WrongIssuer> {
    match (iss, dialect.issuer.as_deref(), dialect.iss) {
        (Some(came), Some(known), _) if came != known => Err(WrongIssuer::Other),
        (None, _, IssPolicy::Required) => Err(WrongIssuer::Missing),
        (Some(_), _, _) | (None, _, IssPolicy::Optional | IssPolicy::AsMetadataSays) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
