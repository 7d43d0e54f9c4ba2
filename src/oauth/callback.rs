//! The authorization response (RFC 6749 §4.1.2), read but not yet believed.
//!
//! Reading never decides anything: whose answer it is, the login that the `state` belongs to decides
//! (`account::attempts`), before `error` or `code` is looked at.

use crate::oauth::dialect::{Dialect, IssPolicy};
use crate::oauth::reply::clean;
use crate::secret::{AuthorizationCode, Nonce256};

/// Longest value of a parameter that is looked at, in bytes.
pub const LONGEST_VALUE: usize = 4096;

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
    /// No (RFC 6749 §4.1.2.1).
    Error {
        /// The code, cleaned.
        error: String,
        /// The description, cleaned; empty if there was none.
        description: String,
    },
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
    /// A token in the query: not what was asked for (RFC 9700 §2.1.2).
    #[error("a token came in the URL")]
    Token,
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

fn single<'a>(parameters: &'a [(String, String)], name: &str) -> Result<Option<&'a str>, Malformed> {
    let mut found = parameters.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(Malformed::Repeated),
        (Some(value), None) if value.len() > LONGEST_VALUE => Err(Malformed::TooLong),
        (value, None) => Ok(value),
    }
}

/// Whether the answer comes from the provider that was asked (RFC 9207 §2.4): simple string comparison.
///
/// A provider whose issuer isn't known can't be told from its `iss`; its callback path does that.
pub fn issuer_matches(dialect: &Dialect, iss: Option<&str>) -> bool {
    match (iss, dialect.issuer.as_deref(), dialect.iss) {
        (Some(came), Some(known), _) => came == known,
        (Some(_), None, _) | (None, _, IssPolicy::Optional) => true,
        (None, _, IssPolicy::Required) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::dialect::tests::dialect;

    fn check(query: &str, expected: &str) {
        let parameters: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let got = match read(&parameters) {
            Ok(Answer { state, iss, says: Says::Code(code) }) => {
                format!("{} {iss:?} code {}", state.expose(), code.expose())
            }
            Ok(Answer { says: Says::Error { error, description }, .. }) => format!("error {error}: {description}"),
            Err(malformed) => malformed.to_string(),
        };
        assert_eq!(got, expected, "{query}");
    }

    #[test]
    fn answers_are_read_strictly_and_unknown_parameters_ignored() {
        check("code=c~6&state=s&session_state=x", "s None code c~6");
        check("code=c&state=s&iss=https%3A%2F%2Fid", "s Some(\"https://id\") code c");
        check("error=access_denied&state=s", "error access_denied: ");
        check("error=a%0Ab&error_description=%1b%5B31mred&state=s", "error a b: [31mred");
        check("code=c", "`state` is missing");
        check("code=c&state=", "`state` is missing");
        check("error=access_denied", "`state` is missing");
        check("code=c&state=s&state=s", "a parameter is repeated");
        check("code=c&code=d&state=s", "a parameter is repeated");
        check("code=c&state=s&iss=a&iss=a", "a parameter is repeated");
        check("state=s", "there is no `code`");
        check("code=&state=s", "there is no `code`");
        check("code=c&error=e&state=s", "there is no `code`");
        check("access_token=t&state=s", "a token came in the URL");
        check(&format!("code={}&state=s", "x".repeat(4097)), "a parameter is too long");
    }

    #[test]
    fn issuers_are_compared_byte_for_byte() {
        let mut dialect = dialect();
        for (known, policy, came, matches) in [
            (None, IssPolicy::Optional, None, true),
            (None, IssPolicy::Optional, Some("https://x"), true),
            (Some("https://id"), IssPolicy::Optional, None, true),
            (Some("https://id"), IssPolicy::Optional, Some("https://id"), true),
            (Some("https://id"), IssPolicy::Optional, Some("https://id/"), false),
            (Some("https://id"), IssPolicy::Optional, Some("https://ID"), false),
            (Some("https://id"), IssPolicy::Required, None, false),
        ] {
            dialect.issuer = known.map(str::to_owned);
            dialect.iss = policy;
            assert_eq!(issuer_matches(&dialect, came), matches, "{known:?} {policy:?} {came:?}");
        }
    }
}
