//! The authorization request (RFC 6749 §4.1.1) with PKCE (RFC 7636).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::oauth::dialect::{Dialect, NoEndpoint, Pkce};
use crate::oauth::exchange::Target;
use crate::secret::{CodeVerifier, Nonce256};

/// What one authorization request is made of.
#[derive(Debug, Clone, Copy)]
pub struct AuthorizationRequest<'a> {
    /// The provider.
    pub dialect: &'a Dialect,
    /// The client's public name.
    pub client_id: &'a str,
    /// The redirect URI, byte for byte as it will stand in the token request.
    pub redirect_uri: &'a str,
    /// What the tokens are for.
    pub target: &'a Target,
    /// What is to come back.
    pub response_type: ResponseType,
    /// Comes back inside an ID token, where one is asked for (OpenID Connect Core §3.2.2.1).
    pub nonce: &'a Nonce256,
    /// Comes back with the answer (RFC 6749 §10.12).
    pub state: &'a Nonce256,
    /// The attempt's own verifier; its challenge is sent unless the dialect says not to.
    pub verifier: &'a CodeVerifier,
}

/// What is to come back (RFC 6749 §3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseType {
    /// A code, in the query.
    Code,
    /// A token, in the fragment; with the scope `openid` an ID token, too.
    Token,
}

impl AuthorizationRequest<'_> {
    /// The URL for the browser. A query that the endpoint already has is kept (RFC 6749 §3.1). Holds
    /// neither the client secret nor the verifier.
    pub fn url(&self) -> Result<Url, NoEndpoint> {
        let mut url = self.dialect.authorize_url()?.clone();
        let scope = self.target.scope.join(&self.dialect.scope_separator);
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("response_type", "code");
            query.append_pair("client_id", self.client_id);
            query.append_pair("redirect_uri", self.redirect_uri);
            if !scope.is_empty() {
                query.append_pair("scope", &scope);
            }
            query.append_pair("state", self.state.expose());
            if self.dialect.pkce != Pkce::Off {
                query.append_pair("code_challenge", &challenge(self.verifier));
                query.append_pair("code_challenge_method", "S256");
            }
            query.extend_pairs(&self.dialect.extra_authorize);
        }
        // `+` for a space is form encoding; a provider that reads the query by RFC 3986 (Phone.com writes
        // `%20`) would take it literally, and everybody understands `%20`.
        let query = url.query().map(|q| q.replace('+', "%20"));
        url.set_query(query.as_deref());
        Ok(url)
    }
}

/// `BASE64URL(SHA256(verifier))` (RFC 7636 §4.2).
pub fn challenge(verifier: &CodeVerifier) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::dialect::tests::dialect;

    #[test]
    fn the_challenge_is_the_one_of_rfc_7636_appendix_b() {
        let verifier = CodeVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn the_url_says_everything_once_and_no_secret() {
        let mut dialect = dialect();
        dialect.endpoints.authorize = Some(Url::parse("https://id.example/authorize?tenant=a%20b").unwrap());
        dialect.extra_authorize.insert("prompt".into(), "consent".into());
        let (state, verifier) = (Nonce256::new("STATE"), CodeVerifier::new("VERIFIER"));
        let scope = vec!["account-owner".to_owned(), "call-logs".to_owned()];
        let target = Target { scope, ..Target::default() };
        let request = AuthorizationRequest {
            dialect: &dialect,
            client_id: "id with +&",
            redirect_uri: "http://127.0.0.1:7464/callback/p",
            target: &target,
            response_type: ResponseType::Code,
            nonce: &state,
            state: &state,
            verifier: &verifier,
        };
        let url = request.url().unwrap().to_string();
        assert_eq!(
            url,
            format!(
                "https://id.example/authorize?tenant=a%20b&response_type=code&client_id=id%20with%20%2B%26\
                 &redirect_uri=http%3A%2F%2F127.0.0.1%3A7464%2Fcallback%2Fp&scope=account-owner%20call-logs&state=STATE\
                 &code_challenge={}&code_challenge_method=S256&prompt=consent",
                challenge(&verifier)
            )
        );
        let silent = Dialect { pkce: Pkce::Off, ..dialect.clone() };
        let without = AuthorizationRequest { dialect: &silent, ..request }.url().unwrap().to_string();
        assert!(!without.contains("code_challenge") && !url.contains("VERIFIER"));
    }
}
