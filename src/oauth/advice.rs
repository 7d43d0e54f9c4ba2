//! Advice on an `invalid_client` or similar error (RFC 6749 §5.2): what to do, and the place in the config.

use super::dialect::{ClientAuth, Dialect};
use super::exchange::Credentials;
use super::reply::{Failed, ParsedReply, Refusal};

/// Codes that mean failed client authentication: RFC 6749 §5.2, and the names that GitHub, Spotify and others use.
const NOT_AUTHENTICATED: [&str; 4] =
    ["invalid_client", "invalid_client_id", "bad_client_secret", "incorrect_client_credentials"];

/// The code of a refused DPoP proof (RFC 9449 §5).
const BAD_PROOF: &str = "invalid_dpop_proof";

/// Whether the code means that client authentication failed.
pub(crate) fn is_not_authenticated(code: &str) -> bool {
    NOT_AUTHENTICATED.iter().any(|known| code.eq_ignore_ascii_case(known))
}

/// Advice for failed client authentication and for a refused proof; empty for any other code.
fn of_client(dialect: &Dialect, credentials: &Credentials, code: &str) -> String {
    if code.eq_ignore_ascii_case(BAD_PROOF) && credentials.dpop_key.is_some() {
        return "; the proof of the tokens' key (DPoP) has a time in it: check this machine's clock, for example with \
                `ringback doctor`"
            .to_owned();
    }
    if !is_not_authenticated(code) {
        return String::new();
    }
    let (origin, section) = (&credentials.origin, format!("[providers.{}]", dialect.provider));
    match dialect.client_auth {
        ClientAuth::Basic => format!(
            "; sent with `client_auth = \"basic\"`: compare {origin} with the provider's. A server that does not \
             decode RFC 6749 §2.3.1 needs `client_auth = \"post\"` in `{section}`"
        ),
        ClientAuth::Post => format!(
            "; sent with `client_auth = \"post\"`: compare {origin} with the provider's. Some servers need \
             `client_auth = \"basic\"` in `{section}`"
        ),
        ClientAuth::PrivateKeyJwt => format!(
            "; signed with `client_auth = \"private_key_jwt\"`: compare {origin} with the public key at the \
             provider, and check this machine's clock"
        ),
        ClientAuth::None => format!(
            "; no secret was sent (`client_auth = \"none\"`): compare {origin} with the provider's. If the client \
             has a secret, set `client_auth = \"basic\"` or `\"post\"` in `{section}` and name the secret with \
             `client_secret_file`"
        ),
    }
}

impl Refusal {
    fn advised(self, dialect: &Dialect, credentials: &Credentials) -> Self {
        let advice = of_client(dialect, credentials, &self.code);
        let description = match (self.description.as_str(), advice.strip_prefix("; ")) {
            ("", Some(advice)) => advice.to_owned(),
            (said, _) => format!("{said}{advice}"),
        };
        Self { description, ..self }
    }
}

impl ParsedReply {
    /// The same, with advice if the provider refuses the client.
    #[must_use]
    pub(crate) fn advised(self, dialect: &Dialect, credentials: &Credentials) -> Self {
        match self {
            Self::Refused(refusal) => Self::Refused(refusal.advised(dialect, credentials)),
            other => other,
        }
    }
}

impl Failed {
    /// The same, with advice if the provider refuses the client.
    #[must_use]
    pub(crate) fn advised(self, dialect: &Dialect, credentials: &Credentials) -> Self {
        match self {
            Self::Refused(refusal) => Self::Refused(refusal.advised(dialect, credentials)),
            other @ Self::Busy { .. } => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::dialect::tests::dialect;
    use crate::oauth::reply::RefusalSubject;

    #[test]
    fn a_refusal_of_the_client_names_its_secret_and_the_way_that_it_was_sent() {
        let credentials = Credentials {
            client_id: "c".into(),
            client_secret: None,
            client_key: None,
            dpop_key: None,
            origin: "`client_id` and `client_secret_file` (/s) of `[accounts.work]`".into(),
        };
        for (client_auth, code, names) in [
            (ClientAuth::Basic, "invalid_client", Some("`client_auth = \"post\"` in `[providers.p]`")),
            (ClientAuth::Post, "invalid_client", Some("`client_auth = \"basic\"` in `[providers.p]`")),
            (ClientAuth::Post, "INCORRECT_CLIENT_CREDENTIALS", Some("`client_secret_file` (/s)")),
            (ClientAuth::None, "invalid_client", Some("no secret was sent")),
            (ClientAuth::PrivateKeyJwt, "invalid_client", Some("public key")),
            (ClientAuth::Basic, "invalid_grant", None),
            (ClientAuth::Basic, "invalid_scope", None),
        ] {
            let dialect = Dialect { client_auth, provider: "p".into(), ..dialect() };
            let refusal = |description: &str| {
                let refusal =
                    Refusal { code: code.into(), description: description.into(), blame: RefusalSubject::Client };
                refusal.advised(&dialect, &credentials).to_string()
            };
            let (bare, said) = (refusal(""), refusal("no"));
            match names {
                Some(names) => {
                    assert!(bare.contains(names) && bare.contains("`[accounts.work]`"), "{bare}");
                    assert!(
                        bare.starts_with(&format!("{code}: ")) && said.starts_with(&format!("{code}: no; ")),
                        "{said}"
                    );
                }
                None => assert_eq!((bare, said), (code.to_owned(), format!("{code}: no"))),
            }
        }
    }
}
