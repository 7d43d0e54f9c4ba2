//! What handlers read of a URL: the path's one variable segment, and a few query parameters. Errors name
//! a parameter and never repeat its value.

mod target;

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use url::form_urlencoded;

use super::reply::{Reject, not_found};
use crate::broker::handle::{Target, TokenQuery};
use crate::error::Error;

/// The path's first variable segment, percent-decoded by axum; the gate has refused the odd ones.
#[derive(Debug)]
pub(super) struct Segment(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Reject;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Reject> {
        // axum's own rejection would quote the path. A path that goes on behind the name has a second variable.
        let Path(found) =
            Path::<Vec<(String, String)>>::from_request_parts(parts, state).await.map_err(|_| not_found())?;
        found.into_iter().next().map(|(_, segment)| Self(segment)).ok_or_else(not_found)
    }
}

/// A parameter in whole seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seconds {
    /// Its name.
    pub(super) name: &'static str,
    /// The largest value.
    pub(super) most: u64,
}

/// `min_ttl`: validity wanted, up to a day.
pub(super) const MIN_TTL: Seconds = Seconds { name: "min_ttl", most: 86_400 };
/// `wait`: how long the reply may take, up to ten minutes: as long as a login.
pub(super) const WAIT: Seconds = Seconds { name: "wait", most: 600 };

/// The values of `known` in its order. Every other parameter is a mistake.
pub(super) fn read<const N: usize>(query: Option<&str>, known: [Seconds; N]) -> Result<[Option<Duration>; N], Error> {
    let texts = values(query, known.map(|known| known.name))?;
    let mut read = [None; N];
    for ((known, text), place) in known.into_iter().zip(texts).zip(&mut read) {
        *place = seconds(known, text)?;
    }
    Ok(read)
}

/// What is wanted of a token.
pub(super) fn token(query: Option<&str>) -> Result<TokenQuery, Error> {
    let [min_ttl, wait, scope, audience, resource] =
        values(query, [MIN_TTL.name, WAIT.name, target::SCOPE, target::AUDIENCE, target::RESOURCE])?;
    Ok(TokenQuery {
        min_ttl: seconds(MIN_TTL, min_ttl)?,
        wait: seconds(WAIT, wait)?,
        target: target::read(scope.as_deref(), audience.as_deref(), resource.as_deref())?,
        proves_key: false,
    })
}

/// What a token is for: scope, audience and resource, as an OAuth client has them in its body.
pub(super) fn target([scope, audience, resource]: [Option<&str>; 3]) -> Result<Option<Target>, Error> {
    target::read(scope, audience, resource)
}

/// The URL whose account is asked for.
pub(super) fn url(query: Option<&str>) -> Result<Option<String>, Error> {
    let [url] = values(query, ["url"])?;
    Ok(url.map(Cow::into_owned))
}

/// What is wanted of a login.
pub(super) struct LoginQuery {
    /// How long the reply may take.
    pub(super) wait: Duration,
    /// How many of its notices the caller has.
    pub(super) seen: Option<usize>,
}

const SEEN: &str = "seen";

pub(super) fn login(query: Option<&str>) -> Result<LoginQuery, Error> {
    let [wait, seen] = values(query, [WAIT.name, SEEN])?;
    let wrong = || Error::Usage { what: format!("`{SEEN}` has to be a number of notices, such as 0") };
    Ok(LoginQuery {
        wait: seconds(WAIT, wait)?.unwrap_or_default(),
        seen: seen.map(|text| digits(&text).and_then(|text| text.parse().ok()).ok_or_else(wrong)).transpose()?,
    })
}

/// The texts of the parameters named in `known`, in its order. Every other one is named, if its name is fit
/// to be repeated. That none comes twice is the gate's.
fn values<'q, const N: usize>(query: Option<&'q str>, known: [&str; N]) -> Result<[Option<Cow<'q, str>>; N], Error> {
    let mut values = [const { None }; N];
    for (name, text) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let place = known.iter().zip(&mut values).find(|(known, _)| **known == name);
        let Some((_, value)) = place else { return Err(unknown(&name, &known)) };
        *value = Some(text);
    }
    Ok(values)
}

fn seconds(known: Seconds, text: Option<Cow<'_, str>>) -> Result<Option<Duration>, Error> {
    let Some(text) = text else { return Ok(None) };
    let value = digits(&text).and_then(|text| text.parse().ok()).filter(|value| *value <= known.most);
    let wrong = || Error::Usage { what: format!("`{}` has to be whole seconds from 0 to {}", known.name, known.most) };
    value.map(Duration::from_secs).ok_or_else(wrong).map(Some)
}

/// Without a sign, which `parse` would take.
fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}

fn unknown(name: &str, known: &[&str]) -> Error {
    let fit = (1..=40).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    let named =
        if fit { format!("there is no parameter `{name}` here") } else { "a parameter has an invalid name".into() };
    let known: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
    let instead = match known.split_last() {
        None => "this route has none".into(),
        Some((only, [])) => format!("there is {only}"),
        Some((last, others)) => format!("there is {} and {last}", others.join(", ")),
    };
    Error::Usage { what: format!("{named}; {instead}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_query_says_how_many_notices_are_known() {
        let read =
            |query: &str| login(Some(query)).map(|query| (query.wait.as_secs(), query.seen)).map_err(|e| e.to_string());
        assert_eq!(read("wait=25&seen=2"), Ok((25, Some(2))));
        assert_eq!(read(""), Ok((0, None)));
        for seen in ["", "-1", "%2B5", "x", "1.5", "99999999999999999999999"] {
            let error = read(&format!("seen={seen}")).unwrap_err();
            assert!(error.contains("`seen` has to be a number of notices"), "{seen}: {error}");
        }
    }

    #[test]
    fn seconds_are_whole_and_bounded_and_unknown_names_are_told() {
        let secs = Duration::from_secs;
        for (query, expected) in [
            (None, Ok([None, None])),
            (Some(""), Ok([None, None])),
            (Some("wait=5"), Ok([None, Some(secs(5))])),
            (Some("wait=600&min_ttl=86400"), Ok([Some(secs(86_400)), Some(secs(600))])),
            (Some("wait=601"), Err("`wait` has to be whole seconds from 0 to 600")),
            (Some("wait="), Err("`wait` has to be whole seconds from 0 to 600")),
            (Some("wait"), Err("`wait` has to be whole seconds from 0 to 600")),
            (Some("wait=-1"), Err("`wait` has to be whole seconds from 0 to 600")),
            (Some("wait=%2B5"), Err("`wait` has to be whole seconds from 0 to 600")),
            (Some("min_ttl=1.5"), Err("`min_ttl` has to be whole seconds from 0 to 86400")),
            (Some("min_ttl=99999999999999999999"), Err("`min_ttl` has to be whole seconds from 0 to 86400")),
            (Some("ttl=3"), Err("there is no parameter `ttl` here; there is `min_ttl` and `wait`")),
            (Some("%3Cb%3E=3"), Err("a parameter has an invalid name; there is `min_ttl` and `wait`")),
        ] {
            let expected = expected.map_err(str::to_owned);
            assert_eq!(read(query, [MIN_TTL, WAIT]).map_err(|e| e.to_string()), expected, "{query:?}");
        }
        assert_eq!(
            read(Some("x=1"), []).unwrap_err().to_string(),
            "there is no parameter `x` here; this route has none"
        );
        assert_eq!(
            token(Some("x=1")).unwrap_err().to_string(),
            "there is no parameter `x` here; there is `min_ttl`, `wait`, `scope`, `audience` and `resource`"
        );
    }
}
