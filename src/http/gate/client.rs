//! How an OAuth client proves itself at the token endpoint (RFC 6749 §2.3.1): its app's name and key as HTTP Basic, or in
//! the body. With the grant `refresh_token` the key may stand in the refresh token's place alone.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::browser::is_of_type;
use super::facts::{RequestFacts, only};
use super::refusal::GateRefusal;
use crate::http::body;
use crate::http::peer::BodyLimits;
use crate::http::token_request::TokenRequest;
use crate::secret::AppKey;

/// The longest body. Each of scope, audience and resource may have 2 KiB, three times that in a form.
const LONGEST: usize = 32 * 1024;
/// Some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key that an OAuth client shows.
pub(super) struct ClientProof {
    /// The app that it says to be.
    pub(super) name: Option<String>,
    /// Its key.
    pub(super) key: AppKey,
}

/// Reads what a client sends, before it is known who it is: the proof may be in it.
pub(super) async fn read(
    facts: &RequestFacts<'_>,
    body: &mut Body,
    limits: BodyLimits,
) -> Result<TokenRequest, GateRefusal> {
    let body = body::whole(std::mem::take(body), limits, LONGEST).await.map_err(GateRefusal::Unread)?;
    TokenRequest::read(&body, is_of_type(facts.headers, "application/json")).map_err(GateRefusal::Malformed)
}

/// The key that the request shows, if it shows one. Where several places have a name or a key, it has to be the same:
/// some clients send both in the header and in the body.
pub(super) fn shown(headers: &HeaderMap, request: &TokenRequest) -> Result<Option<ClientProof>, GateRefusal> {
    let twice = |()| GateRefusal::Malformed("there has to be one Authorization line");
    let basic = match only(headers, &header::AUTHORIZATION).map_err(twice)? {
        None => None,
        Some(line) => Some(basic(line).ok_or(GateRefusal::NoKey)?),
    };
    let [secret, refresh_token] = request.keys();
    let by_header = basic.as_ref().map(|(name, key)| (name.as_str(), key.expose()));
    let name =
        agreed([by_header.map(|(name, _)| name), request.client_id()], "the request names two different clients")?;
    let key = agreed(
        [by_header.map(|(_, key)| key), secret, refresh_token],
        "the request shows two different keys: client secret and refresh token have to be the same key of ringback",
    )?;
    Ok(key.map(|key| ClientProof { name: name.map(str::to_owned), key: AppKey::new(key) }))
}

/// The one value that is given, if one is. All are the caller's own, so comparing them tells it nothing.
fn agreed<'a, const N: usize>(
    given: [Option<&'a str>; N],
    otherwise: &'static str,
) -> Result<Option<&'a str>, GateRefusal> {
    let mut given = given.into_iter().flatten().filter(|value| !value.is_empty());
    let first = given.next();
    if given.all(|other| Some(other) == first) { Ok(first) } else { Err(GateRefusal::Malformed(otherwise)) }
}

/// Name and key of an `Authorization: Basic` line, each encoded as in a form (RFC 6749 §2.3.1).
fn basic(line: &str) -> Option<(String, AppKey)> {
    let (scheme, encoded) = line.split_once(' ')?;
    let encoded = encoded.trim_matches(' ');
    // In a buffer that does not grow. The decoder wants room for whole groups.
    let mut bytes = Zeroizing::new(vec![0; encoded.len() + 3]);
    let length = BASE64.decode_slice(encoded, &mut bytes).ok().filter(|_| scheme.eq_ignore_ascii_case("Basic"))?;
    let (name, key) = std::str::from_utf8(bytes.get(..length)?).ok()?.split_once(':')?;
    Some((decoded(name)?, AppKey::taken(decoded(key)?)))
}

/// One value of a form. A separator of forms would have been encoded; names and keys have none.
fn decoded(text: &str) -> Option<String> {
    if text.contains(['&', '=']) {
        return None;
    }
    Some(form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::proptest;

    fn lines(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(text).unwrap())])
    }

    fn encoded(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    /// Name and key that a request shows; the error's reason.
    fn of(line: Option<&str>, form: &str) -> Result<Option<(Option<String>, String)>, &'static str> {
        let headers = line.map(lines).unwrap_or_default();
        let request = TokenRequest::read(form.as_bytes(), false).ok().unwrap();
        let proof = shown(&headers, &request).map_err(GateRefusal::reason)?;
        Ok(proof.map(|proof| (proof.name, proof.key.expose().to_owned())))
    }

    #[test]
    fn a_key_is_read_from_header_and_body_which_have_to_agree() {
        let key = |name: Option<&str>, key: &str| Ok(Some((name.map(str::to_owned), key.to_owned())));
        let refresh = "grant_type=refresh_token&refresh_token=k-_1";
        let (names, keys) = (
            Err("the request names two different clients"),
            Err(
                "the request shows two different keys: client secret and refresh token have to be the same key of ringback",
            ),
        );
        for (line, form, expected) in [
            (None, "", Ok(None)),
            (None, "client_id=app", Ok(None)),
            (None, "client_id=app&client_secret=", Ok(None)),
            (None, "client_id=app&client_secret=k-_1", key(Some("app"), "k-_1")),
            (None, "client_secret=k-_1", key(None, "k-_1")),
            (None, refresh, key(None, "k-_1")),
            (None, "grant_type=client_credentials&refresh_token=k", Ok(None)),
            (Some(encoded("app:k-_1")), "", key(Some("app"), "k-_1")),
            (Some(encoded("a%2Db:k%2D%5F1")), "client_id=a-b", key(Some("a-b"), "k-_1")),
            (Some(encoded("app:k-_1")), refresh, key(Some("app"), "k-_1")),
            (Some(encoded("app:")), refresh, key(Some("app"), "k-_1")),
            (Some(encoded(":k-_1")), "client_id=app", key(Some("app"), "k-_1")),
            (Some(encoded("app:")), "", Ok(None)),
            (Some(encoded("app:k-_1")), "client_id=app&client_secret=k-_1", key(Some("app"), "k-_1")),
            (Some(encoded("app:k-_1").replace('=', "")), "", key(Some("app"), "k-_1")),
            (Some("bAsIc  YTpi ".into()), "", key(Some("a"), "b")),
            (Some(encoded("app:k-_1")), "client_id=other", names),
            (Some(encoded("app:k-_1")), "client_secret=other", keys.clone()),
            (None, "grant_type=refresh_token&refresh_token=k&client_secret=other", keys),
            (Some(encoded("app")), "", Err("no key")),
            (Some(encoded("app:k&x=1")), "", Err("no key")),
            (Some("Basic YTpi?".into()), "", Err("no key")),
            (Some("Basic".into()), "", Err("no key")),
            (Some("Bearer k-_1".into()), "client_secret=k-_1", Err("no key")),
        ] {
            assert_eq!(of(line.as_deref(), form), expected, "{line:?} {form}");
        }
        let mut two = lines("Basic YTpi");
        two.append(header::AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
        assert!(shown(&two, &TokenRequest::default()).is_err());
    }

    proptest! {
        /// Whatever a client encodes by the RFC is what is read, and no line makes the reader panic.
        #[test]
        fn what_a_client_encodes_is_what_is_read(name: String, key: String, bytes: Vec<u8>, line: String) {
            let form = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let read = basic(&encoded(&format!("{}:{}", form(&name), form(&key)))).map(|(name, key)| (name, key.expose().to_owned()));
            assert_eq!(read, Some((name, key)));
            _ = basic(&format!("Basic {}", STANDARD.encode(bytes)));
            _ = basic(&line);
        }
    }
}
