//! Dry run: the requests of an account as they would be sent, built by the code that builds the real ones, with
//! placeholders for everything that is secret or generated for each request.

use std::fmt::Write as _;

use base64::Engine as _;
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use url::form_urlencoded;

use crate::clock::Clock;
use crate::config::AccountConfig;
use crate::oauth::assertion::Signing;
use crate::oauth::authorize::{AuthorizationRequest, ResponseType, pushed_url};
use crate::oauth::dialect::{ClientAuth, Dialect, Par, Pkce};
use crate::oauth::dpop;
use crate::oauth::exchange::{
    ClientKey, Credentials, HttpRequest, RevokedToken, Target, Trade, Unbuildable, User, device_request, push_request,
    revoke_request, token_request,
};
use crate::oauth::grant::{Expiry, GrantType, TokenSet};
use crate::secret::{
    AccessToken, AuthorizationCode, ClientSecret, CodeVerifier, DeviceCode, Nonce256, Password, PrivateKey,
    RefreshToken,
};

const HIDDEN: &str = "[hidden]";
const ANEW: &str = "[generated]";

/// All requests of this account, in order.
pub(super) fn requests(dialect: &Dialect, account: &AccountConfig, redirect_uri: &str) -> String {
    let sheet = RequestInputs { dialect, account, redirect_uri, credentials: stand_ins(dialect, account) };
    let mut text = String::new();
    let mut add = |title: &str, request: String| {
        // Writing to a `String` does not fail.
        let _ = write!(text, "\n{title}:\n{request}");
    };
    match account.grant {
        GrantType::AuthorizationCode => add("Login", sheet.login(ResponseType::Code)),
        GrantType::Implicit => add("Login", sheet.login(ResponseType::Token)),
        GrantType::DeviceCode => {
            let request = built(|signing| device_request(dialect, &account.target, &sheet.credentials, signing));
            add("Device code", request);
        }
        GrantType::ClientCredentials | GrantType::Password => {}
    }
    if let Some(trade) = sheet.trade() {
        add("Token", sheet.token(&trade));
    }
    if refreshes(account.grant) {
        let trade = Trade::RefreshToken {
            token: RefreshToken::new(HIDDEN),
            target: Target { scope: Vec::new(), ..sheet.account.target.for_one_token() },
        };
        add("Refresh", sheet.token(&trade));
    }
    add("Logout", sheet.revocation());
    text
}

/// Whether a grant can bring a refresh token.
fn refreshes(grant: GrantType) -> bool {
    !matches!(grant, GrantType::Implicit | GrantType::ClientCredentials)
}

/// The inputs for the requests of one account.
struct RequestInputs<'a> {
    dialect: &'a Dialect,
    account: &'a AccountConfig,
    redirect_uri: &'a str,
    credentials: Credentials,
}

impl RequestInputs<'_> {
    fn login(&self, response_type: ResponseType) -> String {
        let (nonce, verifier) = (Nonce256::new(ANEW), CodeVerifier::new(ANEW));
        let dpop_jkt = self.credentials.dpop_key.as_ref().map(|_| ANEW);
        let request = AuthorizationRequest {
            dialect: self.dialect,
            client_id: &self.credentials.client_id,
            redirect_uri: self.redirect_uri,
            target: &self.account.target,
            response_type,
            nonce: &nonce,
            state: &nonce,
            verifier: &verifier,
            dpop_jkt,
        };
        let url = match self.dialect.par {
            Par::Always => pushed_url(self.dialect, &self.credentials.client_id, "[from the reply]"),
            Par::Auto | Par::Off => request.url(),
        };
        let url = match url {
            Ok(url) => url,
            Err(why) => return impossible(&why),
        };
        let parameters = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned()));
        let browser = format!("  in the browser: {}\n{}", bare(&url), listed(parameters));
        if self.dialect.par != Par::Always {
            return browser;
        }
        let parameters = request.parameters();
        built(|signing| push_request(self.dialect, &parameters, &self.credentials, signing)) + &browser
    }

    /// The grant that is exchanged for the first token.
    fn trade(&self) -> Option<Trade> {
        let target = self.account.target.for_one_token();
        Some(match self.account.grant {
            GrantType::AuthorizationCode => Trade::AuthorizationCode {
                code: AuthorizationCode::new("[code]"),
                redirect_uri: self.redirect_uri.to_owned(),
                verifier: (self.dialect.pkce != Pkce::Off).then(|| CodeVerifier::new(HIDDEN)),
                target,
            },
            GrantType::DeviceCode => Trade::DeviceCode { code: DeviceCode::new(HIDDEN), target },
            GrantType::ClientCredentials => Trade::ClientCredentials { target },
            GrantType::Password => {
                let user = self.account.user.as_ref().map(|user| user.user.clone());
                let user = user.unwrap_or_else(|| User::Name(String::new()));
                Trade::Password { user, password: Password::new(HIDDEN), target }
            }
            GrantType::Implicit => return None,
        })
    }

    fn token(&self, trade: &Trade) -> String {
        built(|signing| token_request(self.dialect, trade, &self.credentials, signing))
    }

    fn revocation(&self) -> String {
        let tokens = TokenSet {
            access_token: AccessToken::new(HIDDEN),
            refresh_token: refreshes(self.account.grant).then(|| RefreshToken::new(HIDDEN)),
            scope: None,
            expiry: Expiry::Unknown,
            obtained_at: Clock::System.now().wall,
            dpop_key: self.credentials.dpop_key.clone(),
            extra: serde_json::Map::new(),
        };
        let requests = [RevokedToken::RefreshToken, RevokedToken::AccessToken].map(|which| {
            signing(|signing| revoke_request(self.dialect, &tokens, which, &self.credentials, signing))
                .map_or_else(|why| impossible(&why), |request| request.as_ref().map_or_else(String::new, shown))
        });
        if requests.iter().all(String::is_empty) {
            return "  nothing is sent: the provider has no revocation endpoint\n".to_owned();
        }
        requests.into_iter().filter(|request| !request.is_empty()).collect::<Vec<_>>().join("\n")
    }
}

fn signing<T>(build: impl FnOnce(Signing<'_>) -> T) -> T {
    let (id, rng) = (Nonce256::new(ANEW), SystemRandom::new());
    build(Signing { now: Clock::System.now().wall, id: &id, rng: &rng, dpop_nonce: &|_| None })
}

/// A request as shown, or why there is none.
fn built(build: impl FnOnce(Signing<'_>) -> Result<HttpRequest, Unbuildable>) -> String {
    signing(build).map_or_else(|why| impossible(&why), |request| shown(&request))
}

fn impossible(why: &dyn std::error::Error) -> String {
    format!("  can't be sent: {why}\n")
}

/// The client without its secrets; signatures use a throw-away key.
fn stand_ins(dialect: &Dialect, account: &AccountConfig) -> Credentials {
    let signs = dialect.client_auth == ClientAuth::PrivateKeyJwt;
    let key = || {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).ok()?;
        let base64 = base64::engine::general_purpose::STANDARD.encode(document.as_ref());
        let pem = PrivateKey::new(format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n"));
        Some(ClientKey { pem, id: account.client_key.as_ref().and_then(|key| key.id.clone()) })
    };
    Credentials {
        client_id: account.client_id.to_string(),
        client_secret: account.client_secret.as_ref().map(|_| ClientSecret::new(HIDDEN)),
        client_key: if signs { key() } else { None },
        dpop_key: if account.keys.dpop { dpop::new_key(&SystemRandom::new()).ok() } else { None },
        origin: account.client_origin(),
    }
}

/// Method and URL, headers, and a line for each parameter.
fn shown(request: &HttpRequest) -> String {
    let mut text = format!("  {} {}\n", request.method, request.url);
    if let Some(header) = &request.authorization {
        let scheme = header.split(' ').next().unwrap_or_default();
        _ = writeln!(text, "  Authorization: {scheme} {HIDDEN}");
    }
    if request.dpop.is_some() {
        _ = writeln!(text, "  DPoP: {ANEW}");
    }
    if let Some(kind) = request.content_type {
        _ = writeln!(text, "  Content-Type: {kind}");
    }
    if let Some(query) = &request.query {
        text += "  in the URL's query:\n";
        text += &listed(pairs(query.as_bytes()));
    }
    match request.content_type {
        Some("application/json") => {
            let body: serde_json::Map<String, serde_json::Value> =
                serde_json::from_slice(&request.body).unwrap_or_default();
            text + &listed(body.into_iter().map(|(name, value)| match value {
                serde_json::Value::String(value) => (name, value),
                other => (name, other.to_string()),
            }))
        }
        _ => text + &listed(pairs(&request.body)),
    }
}

fn pairs(form: &[u8]) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(form).map(|(name, value)| (name.into_owned(), value.into_owned()))
}

fn listed(parameters: impl Iterator<Item = (String, String)>) -> String {
    parameters.fold(String::new(), |text, (name, value)| {
        let value = match name.as_str() {
            "code_challenge" => ANEW,
            "client_assertion" => HIDDEN,
            _ => &value,
        };
        text + &format!("    {name} = {value}\n")
    })
}

fn bare(url: &url::Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{FilePrivacy, parse};

    /// What is shown for the account `a` with these keys, at a provider with those.
    fn shown_for(provider: &str, account: &str) -> String {
        let text = format!(
            "[accounts.a]\nprovider = \"p\"\nclient_id = \"id\"\n{account}\n[providers.p]\n\
             authorize_url = \"https://h/a?x=1\"\ntoken_url = \"https://h/t\"\n{provider}\n"
        );
        let config = parse(&text, Path::new("/c.toml"), FilePrivacy::Private, None);
        let config = config.unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"));
        let account = &config.accounts["a"];
        requests(&account.dialect, account, "http://127.0.0.1:7464/cb")
    }

    #[test]
    fn every_way_to_send_is_shown_and_no_secret() {
        let secret = "client_secret = \"canary\"";
        let key = "client_key_file = \"/canary\"\nclient_key_id = \"k1\"";
        let user = format!("{secret}\ngrant = \"password\"\nusername = \"ann\"");
        for (provider, account, expected) in [
            ("", secret, &["Authorization: Basic [hidden]", "    x = 1\n", "code_challenge = [generated]"][..]),
            ("client_auth = \"post\"\nbody = \"json\"", secret, &["application/json", "client_secret = [hidden]"]),
            (
                "client_auth = \"post\"\nbody = \"query\"",
                secret,
                &["in the URL's query:\n", "client_secret = [hidden]"],
            ),
            ("client_auth = \"private_key_jwt\"", key, &["client_assertion = [hidden]", "jwt-bearer"]),
            (
                "par = \"always\"\npar_url = \"https://h/p\"",
                secret,
                &["POST https://h/p", "request_uri = [from the reply]"],
            ),
            ("", &user, &["username = ann", "password = [hidden]"]),
            (
                "refresh_url = \"https://h/r\"\nextra_refresh = { y = \"2\" }",
                secret,
                &["Refresh:\n  POST https://h/r", "y = 2"],
            ),
            ("revoke_url = \"https://h/v\"", secret, &["Logout:\n  POST https://h/v", "token = [hidden]"]),
            ("", secret, &["Logout:\n  nothing is sent"]),
        ] {
            let text = shown_for(provider, account);
            for words in expected {
                assert!(text.contains(words), "{words}\n{text}");
            }
            assert!(!text.contains("canary") && !text.contains("eyJ"), "{text}");
        }
    }

    #[test]
    fn a_grant_shows_the_requests_that_it_has() {
        for (grant, titles) in [
            ("authorization_code", &["Login", "Token", "Refresh", "Logout"][..]),
            ("device_code", &["Device code", "Token", "Refresh", "Logout"]),
            ("client_credentials", &["Token", "Logout"]),
            ("implicit", &["Login", "Logout"]),
        ] {
            let account = format!("client_secret = \"s\"\ngrant = \"{grant}\"");
            let text = shown_for("device_url = \"https://h/d\"", &account);
            let found: Vec<&str> = text.lines().filter_map(|line| line.strip_suffix(':')).collect();
            assert_eq!(found, titles, "{text}");
        }
    }
}
