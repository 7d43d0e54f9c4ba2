//! A token with its lifetime, and what a token may consist of.

use serde::Deserialize;
use zeroize::{Zeroize as _, Zeroizing};

use crate::body;
use crate::error::Error;
use crate::secret::AccessToken;

/// An access token, and what a program needs to know of it.
#[derive(Debug, Clone)]
pub struct Token {
    /// The account's own name, also when `default` was asked for.
    pub account: String,
    /// The token. Visible ASCII, so it can be used in a header unchanged.
    pub access_token: AccessToken,
    /// The scheme of an `Authorization` line with it: `Bearer` (RFC 6750 §2.1), or `DPoP` if the token is bound to a key of
    /// the daemon (RFC 9449 §7.1).
    pub scheme: &'static str,
    /// When it expires, in Unix seconds; `None` if the provider did not say.
    pub expires_at: Option<i64>,
}

/// The members of the daemon's reply that are used.
#[derive(Deserialize)]
struct Received {
    account: String,
    access_token: String,
    #[serde(default)]
    token_type: String,
    #[serde(default)]
    expires_at: Option<i64>,
}

impl Token {
    /// Reads the daemon's reply.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let reply: Received = body::read(bytes)?;
        let text = Zeroizing::new(reply.access_token);
        let scheme = if reply.token_type.eq_ignore_ascii_case("DPoP") { "DPoP" } else { "Bearer" };
        Ok(Self { account: reply.account, access_token: usable(&text)?, scheme, expires_at: reply.expires_at })
    }
}

/// The ID token in the daemon's reply.
pub(crate) fn id_token(bytes: &[u8]) -> Result<AccessToken, Error> {
    #[derive(Deserialize)]
    struct Received {
        id_token: String,
    }
    let reply: Received = body::read(bytes)?;
    usable(&Zeroizing::new(reply.id_token))
}

/// The token in a body of plain text, which is wiped.
pub(crate) fn bare(body: Vec<u8>) -> Result<AccessToken, Error> {
    let text = String::from_utf8(body).map(Zeroizing::new).map_err(|error| {
        error.into_bytes().zeroize();
        Error::UnexpectedReply { why: "the token is not text".to_owned() }
    })?;
    usable(text.trim_ascii())
}

/// `text` as a token, if it can be one.
fn usable(text: &str) -> Result<AccessToken, Error> {
    // RFC 6750 §2.1 and RFC 6749 §A.12: visible ASCII. Anything else could break out of a header.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let why = "the token is empty or has characters that are not allowed in tokens".to_owned();
        return Err(Error::UnexpectedReply { why });
    }
    Ok(AccessToken::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_with_its_lifetime_and_only_if_its_token_fits_a_header() {
        let read = |token: &str, more: &str| {
            let token = serde_json::to_string(token).unwrap();
            Token::read(format!("{{\"account\":\"work\",\"access_token\":{token}{more}}}").as_bytes())
        };
        let token = read("a~6\"", ",\"expires_at\":7,\"later\":[1]").unwrap();
        assert_eq!((token.account.as_str(), token.access_token.expose(), token.expires_at), ("work", "a~6\"", Some(7)));
        assert_eq!(read("a", "").unwrap().expires_at, None);
        for (more, scheme) in
            [("", "Bearer"), (",\"token_type\":\"DPoP\"", "DPoP"), (",\"token_type\":\"x\\ny\"", "Bearer")]
        {
            assert_eq!(read("a", more).unwrap().scheme, scheme, "{more}");
        }
        for (token, more) in [("", ""), ("a\r\nb", ""), ("a b", ""), ("ä", ""), ("a", ",\"expires_at\":\"soon\"")] {
            let error = read(token, more).unwrap_err();
            assert!(matches!(&error, Error::UnexpectedReply { .. }), "{token:?}: {error}");
        }
    }
}
