//! The ID token beside an access token (OpenID Connect Core §2), parsed and not verified: it came from the token
//! endpoint over TLS (§3.1.3.7, 6), or with the response to this login's own state and nonce.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::secret::Nonce256;

/// Why an ID token does not match the nonce of the request (OpenID Connect Core §3.1.3.7, 11; §3.2.2.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WrongNonce {
    /// There is no ID token.
    #[error("there is no id_token, although `openid` was requested")]
    NoToken,
    /// It is not a signed JWT: it may be encrypted.
    #[error("the id_token can't be read, so its nonce can't be compared")]
    Unreadable,
    /// It has no nonce.
    #[error("the id_token has no nonce, though one was sent")]
    Missing,
    /// It has another one: it was made for another login.
    #[error("the id_token has the nonce of another login")]
    Other,
}

/// Its member of a token reply (OpenID Connect Core §3.1.3.3).
pub(crate) const MEMBER: &str = "id_token";

/// The ID token among the members of a reply. Some servers without one send `null` or an empty string.
pub(crate) fn of(extra: &Map<String, Value>) -> Option<&Value> {
    extra.get(MEMBER).filter(|token| !token.is_null() && token.as_str() != Some(""))
}

/// The claims of the ID token among the members of a reply; `None` if there is none or it can't be read.
pub(crate) fn claims_of(extra: &Map<String, Value>) -> Option<Map<String, Value>> {
    of(extra).and_then(Value::as_str).and_then(claims)
}

/// When the ID token among the members of a reply ends, in Unix seconds (`exp`); `None` if that can't be read.
pub(crate) fn expires_at(extra: &Map<String, Value>) -> Option<i64> {
    let exp = claims_of(extra)?.remove("exp")?;
    // RFC 7519 §2: a NumericDate may have a fraction.
    #[expect(clippy::cast_possible_truncation, reason = "saturates, which is as good as never")]
    exp.as_i64().or_else(|| exp.as_f64().map(|seconds| seconds as i64))
}

/// Keeps the ID token of `old` members in those of a refresh that brought none (OpenID Connect Core §12.2).
pub(crate) fn carry(old: &Map<String, Value>, extra: &mut Map<String, Value>) {
    if let (Some(token), None) = (of(old), of(extra)) {
        extra.insert(MEMBER.to_owned(), token.clone());
    }
}

/// Whether the ID token among the members of a reply has this `nonce`.
pub(crate) fn check_nonce(extra: &Map<String, Value>, nonce: &Nonce256) -> Result<(), WrongNonce> {
    let token = of(extra).ok_or(WrongNonce::NoToken)?;
    let claims = token.as_str().and_then(claims).ok_or(WrongNonce::Unreadable)?;
    match claims.get("nonce") {
        None | Some(Value::Null) => Err(WrongNonce::Missing),
        Some(came) if came.as_str().is_some_and(|came| nonce.matches(came)) => Ok(()),
        Some(_) => Err(WrongNonce::Other),
    }
}

/// The issuer that the ID token among the members of a reply names. In an authorization response with an ID token, it
/// replaces the parameter `iss` (RFC 9207 §2.4).
pub(crate) fn issuer_of(extra: &Map<String, Value>) -> Option<String> {
    claims_of(extra)?.get("iss").and_then(Value::as_str).map(str::to_owned)
}

fn claims(token: &str) -> Option<Map<String, Value>> {
    let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok())?;
    serde_json::from_slice(&payload).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn its_end_is_read_and_a_refresh_without_one_keeps_it() {
        let with = |claims: &str| json!(format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims)));
        let extra = |token: &Value| [("id_token".to_owned(), token.clone())].into_iter().collect::<Map<_, _>>();
        for (token, expected) in [
            (with(r#"{"exp":1700000000}"#), Some(1_700_000_000)),
            (with(r#"{"exp":1700000000.9}"#), Some(1_700_000_000)),
            (with(r#"{"exp":-1}"#), Some(-1)),
            (with(r#"{"exp":1e300}"#), Some(i64::MAX)),
            (with(r#"{"exp":"1700000000"}"#), None),
            (with("{}"), None),
            (json!("header.key.iv.text.tag"), None),
        ] {
            assert_eq!(expires_at(&extra(&token)), expected, "{token}");
        }
        let (old, new, none) = (with(r#"{"exp":1}"#), with(r#"{"exp":2}"#), json!(null));
        for (before, after, kept) in
            [(&old, &new, &new), (&old, &none, &old), (&none, &new, &new), (&none, &none, &none)]
        {
            let mut refreshed = extra(after);
            carry(&extra(before), &mut refreshed);
            assert_eq!(&refreshed["id_token"], kept);
        }
        let mut refreshed = Map::new();
        carry(&extra(&old), &mut refreshed);
        assert_eq!(refreshed, extra(&old));
    }

    #[test]
    fn an_id_token_has_to_answer_this_request() {
        let nonce = Nonce256::new("N");
        let with = |claims: &str| json!(format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims)));
        for (token, expected) in [
            (with(r#"{"nonce":"N","sub":"u"}"#), Ok(())),
            (with(r#"{"nonce":"n"}"#), Err(WrongNonce::Other)),
            (with(r#"{"nonce":""}"#), Err(WrongNonce::Other)),
            (with(r#"{"nonce":["N"]}"#), Err(WrongNonce::Other)),
            (with(r#"{"nonce":null}"#), Err(WrongNonce::Missing)),
            (with("{}"), Err(WrongNonce::Missing)),
            (with("N"), Err(WrongNonce::Unreadable)),
            (json!("e30.%%%.sig"), Err(WrongNonce::Unreadable)),
            (json!("N"), Err(WrongNonce::Unreadable)),
            (json!("header.key.iv.text.tag"), Err(WrongNonce::Unreadable)),
            (json!({ "nonce": "N" }), Err(WrongNonce::Unreadable)),
            (json!(""), Err(WrongNonce::NoToken)),
            (json!(null), Err(WrongNonce::NoToken)),
        ] {
            let extra: Map<_, _> = [("id_token".to_owned(), token.clone())].into_iter().collect();
            assert_eq!(check_nonce(&extra, &nonce), expected, "{token}");
        }
        assert_eq!(check_nonce(&Map::new(), &nonce), Err(WrongNonce::NoToken));
    }
}
