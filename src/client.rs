//! The blocking client of the local API, as the command line uses it: plain sockets, no runtime, no
//! TLS. It knows the routes and finds the daemon; it prints nothing and decides nothing about tokens.

use std::fmt::Write as _;
use std::time::Duration;

use serde::de::DeserializeOwned;
use url::form_urlencoded;
use zeroize::{Zeroize, Zeroizing};

use crate::contract::{
    AcceptReply, AccountReply, AccountsReply, AppMade, AppRequest, AppsReply, ConsentAnswer, ConsentRequest,
    ConsentsReply, ErrorCode, ErrorReply, ImportReply, ImportRequest, InfoReply, LockReply, LoginAnswer, LoginReply,
    LoginRequest, LoginStarted, LogoutReply, PasteRequest, SessionReply, UnlockRequest,
};
use crate::secret::AccessToken;

mod connect;
mod discover;
mod exchange;
mod failure;
pub mod message;
#[cfg(test)]
mod tests;

use connect::{DaemonAddress, Transport};
pub use discover::{DaemonOptions, read_endpoint, read_key};
use exchange::{Broken, Request, Response};
pub use failure::Failure;

/// How much longer than the daemon's own waiting a reply may take: a refresh at a slow provider takes
/// half a minute at most.
pub const SLACK: Duration = Duration::from_secs(15);
/// The patience where the caller said nothing: the daemon then waits by its config, and bounds itself.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A way to the daemon. Each request opens its own connection.
#[derive(Debug)]
pub struct Client {
    door: DaemonAddress,
}

/// What is wanted of a token; `None` leaves it to the daemon's config.
#[derive(Debug, Clone, Default)]
pub struct TokenWish {
    /// Validity wanted, in seconds.
    pub min_ttl: Option<u64>,
    /// How long to wait for a login or refresh, in seconds.
    pub wait: Option<u64>,
    /// Only these of the granted scopes, separated by spaces.
    pub scope: Option<String>,
    /// For this audience.
    pub audience: Option<String>,
    /// For this resource (RFC 8707).
    pub resource: Option<String>,
}

impl Client {
    /// Looks for the daemon. Nothing is sent yet, so a daemon that is not there shows at the first
    /// request as `no_daemon`.
    ///
    /// Fails with `usage` where the environment or `endpoint.json` makes no sense, and with
    /// `not_permitted` where a key file is open to others.
    pub fn find(asked: &DaemonOptions) -> Result<Self, Failure> {
        Ok(Self { door: discover::door(asked, &|name| std::env::var_os(name))? })
    }

    /// The bare access token of `account`.
    pub fn token(&self, account: &str, wish: &TokenWish) -> Result<AccessToken, Failure> {
        let mut response = self.ask("GET", &token_target(account, wish), "text/plain", None, patience(wish.wait))?;
        let text = std::mem::take(&mut *response.body);
        let text = String::from_utf8(text).map(Zeroizing::new).map_err(|error| {
            error.into_bytes().zeroize();
            message::not_our_daemon("the token is not text")
        })?;
        let token = text.trim_ascii();
        // RFC 6750 §2.1 and RFC 6749 §A.12: visible ASCII. Anything else could break out of a header.
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(message::not_our_daemon("the token is empty or has characters that are not allowed in tokens"));
        }
        Ok(AccessToken::new(token))
    }

    /// The token reply as the daemon sent it: JSON, one object.
    pub fn token_json(&self, account: &str, wish: &TokenWish) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let target = token_target(account, wish);
        Ok(self.ask("GET", &target, JSON, None, patience(wish.wait))?.body)
    }

    /// All accounts.
    pub fn accounts(&self) -> Result<AccountsReply, Failure> {
        parse(&self.ask("GET", "/v1/accounts", JSON, None, SLACK)?)
    }

    /// One account.
    pub fn account(&self, account: &str) -> Result<AccountReply, Failure> {
        parse(&self.ask("GET", &account_target(account, ""), JSON, None, SLACK)?)
    }

    /// Asks for a new token now.
    pub fn refresh(&self, account: &str) -> Result<AccountReply, Failure> {
        parse(&self.ask("POST", &account_target(account, "/refresh"), JSON, None, PATIENCE)?)
    }

    /// What the provider says of the account's token.
    pub fn info(&self, account: &str) -> Result<InfoReply, Failure> {
        parse(&self.ask("GET", &account_target(account, "/info"), JSON, None, PATIENCE)?)
    }

    /// Hands over a token that was made elsewhere, over the socket only. Wipes `token`.
    pub fn import(&self, account: &str, mut token: ImportRequest) -> Result<ImportReply, Failure> {
        let body = self.on_socket("a token is accepted").and_then(|()| json(&token));
        token.access_token.zeroize();
        token.refresh_token.zeroize();
        parse(&self.ask("POST", &account_target(account, "/import"), JSON, Some(&body?), PATIENCE)?)
    }

    /// Has the daemon drop the store's key and all tokens from memory.
    pub fn lock(&self) -> Result<LockReply, Failure> {
        parse(&self.ask("POST", "/v1/lock", JSON, None, PATIENCE)?)
    }

    /// Has the daemon get the store's key again, over the socket only. Wipes the passphrase.
    pub fn unlock(&self, mut request: UnlockRequest) -> Result<LockReply, Failure> {
        let body = self.on_socket("a passphrase is accepted").and_then(|()| json(&request));
        request.passphrase.zeroize();
        parse(&self.ask("POST", "/v1/unlock", JSON, Some(&body?), PATIENCE)?)
    }

    /// Has the daemon use `provider`'s metadata though the token endpoint has moved to another host.
    pub fn accept_provider(&self, provider: &str) -> Result<AcceptReply, Failure> {
        parse(&self.ask("POST", &format!("/v1/providers/{}/accept", segment(provider)), JSON, None, PATIENCE)?)
    }

    /// Revokes where possible, deletes always.
    pub fn logout(&self, account: &str) -> Result<LogoutReply, Failure> {
        parse(&self.ask("DELETE", &account_target(account, "/token"), JSON, None, PATIENCE)?)
    }

    /// The questions whether a program may have a token, and the answers.
    pub fn consents(&self) -> Result<ConsentsReply, Failure> {
        self.on_socket(CONSENTS)?;
        parse(&self.ask("GET", "/v1/consents", JSON, None, SLACK)?)
    }

    /// Answers one of them.
    pub fn answer_consent(&self, id: &str, answer: ConsentAnswer) -> Result<ConsentsReply, Failure> {
        self.on_socket(CONSENTS)?;
        let body = json(&ConsentRequest { answer })?;
        parse(&self.ask("POST", &format!("/v1/consents/{}", segment(id)), JSON, Some(&body), SLACK)?)
    }

    /// Forgets an answer.
    pub fn forget_consent(&self, id: &str) -> Result<ConsentsReply, Failure> {
        self.on_socket(CONSENTS)?;
        parse(&self.ask("DELETE", &format!("/v1/consents/{}", segment(id)), JSON, None, SLACK)?)
    }

    /// A one-time URL that opens the status page.
    pub fn session(&self) -> Result<SessionReply, Failure> {
        self.on_socket("the status page is opened")?;
        parse(&self.ask("POST", "/v1/sessions", JSON, None, SLACK)?)
    }

    /// Every app.
    pub fn apps(&self) -> Result<AppsReply, Failure> {
        self.on_socket(APPS)?;
        parse(&self.ask("GET", "/v1/apps", JSON, None, SLACK)?)
    }

    /// Makes an app and its key.
    pub fn add_app(&self, app: &AppRequest) -> Result<AppMade, Failure> {
        self.on_socket(APPS)?;
        parse(&self.ask("POST", "/v1/apps", JSON, Some(&json(app)?), SLACK)?)
    }

    /// Gives an app another key.
    pub fn rotate_app(&self, name: &str) -> Result<AppMade, Failure> {
        self.on_socket(APPS)?;
        parse(&self.ask("POST", &format!("/v1/apps/{}/rotate", segment(name)), JSON, None, SLACK)?)
    }

    /// Takes an app's key away; gives the apps that are left.
    pub fn remove_app(&self, name: &str) -> Result<AppsReply, Failure> {
        self.on_socket(APPS)?;
        parse(&self.ask("DELETE", &format!("/v1/apps/{}", segment(name)), JSON, None, SLACK)?)
    }

    /// Refuses what must not pass a port that somebody else may have taken.
    fn on_socket(&self, what: &str) -> Result<(), Failure> {
        if matches!(self.door.way, Transport::Socket(_)) {
            return Ok(());
        }
        Err(message::socket_only(what))
    }

    /// Starts or joins the account's pending login.
    pub fn start_login(&self, account: &str, request: LoginRequest) -> Result<LoginStarted, Failure> {
        let body = json(&request)?;
        parse(&self.ask("POST", &account_target(account, "/login"), JSON, Some(&body), PATIENCE)?)
    }

    /// Answers a login that waits for it: `replace` stores what it brought, otherwise that is dropped.
    pub fn answer_login(&self, id: &str, replace: bool) -> Result<LoginReply, Failure> {
        let body = json(&LoginAnswer { replace })?;
        parse(&self.ask("POST", &format!("/v1/logins/{}/answer", segment(id)), JSON, Some(&body), PATIENCE)?)
    }

    /// How the login `id` stands; waits up to `wait` (whole seconds count) for it to end or to ask something.
    pub fn login(&self, id: &str, wait: Duration) -> Result<LoginReply, Failure> {
        let target = format!("/v1/logins/{}?wait={}", segment(id), wait.as_secs());
        parse(&self.ask("GET", &target, JSON, None, wait + SLACK)?)
    }

    /// Hands in the redirect URL that the user pasted.
    pub fn paste(&self, id: &str, redirect_url: &str) -> Result<LoginReply, Failure> {
        let mut request = PasteRequest { redirect_url: redirect_url.to_owned() };
        let body = json(&request);
        request.redirect_url.zeroize();
        parse(&self.ask("POST", &format!("/v1/logins/{}/paste", segment(id)), JSON, Some(&body?), PATIENCE)?)
    }

    /// One request. A reply that is not 2xx becomes the failure that it tells of.
    fn ask(
        &self,
        method: &'static str,
        target: &str,
        accept: &'static str,
        body: Option<&[u8]>,
        patience: Duration,
    ) -> Result<Response, Failure> {
        let (mut wire, key) = self.door.open()?;
        let request = Request { method, target, host: self.door.host(), accept, key: key.as_ref(), body };
        let response = exchange::exchange(wire.as_mut(), &request, patience).map_err(|broken| unanswered(&broken))?;
        if (200..300).contains(&response.status) { Ok(response) } else { Err(refusal(&response)) }
    }
}

const JSON: &str = "application/json";
const CONSENTS: &str = "questions are answered";
const APPS: &str = "apps are managed";
/// The daemon takes no longer bodies.
const REQUEST_CAP: usize = 192 * 1024;

fn patience(wait: Option<u64>) -> Duration {
    wait.map_or(PATIENCE, |seconds| Duration::from_secs(seconds).saturating_add(PATIENCE))
}

fn token_target(account: &str, wish: &TokenWish) -> String {
    let target = account_target(account, "/token");
    let parameters = [
        ("min_ttl", wish.min_ttl.map(|seconds| seconds.to_string())),
        ("wait", wish.wait.map(|seconds| seconds.to_string())),
        ("scope", wish.scope.clone()),
        ("audience", wish.audience.clone()),
        ("resource", wish.resource.clone()),
    ];
    let given = parameters.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    if query.is_empty() { target } else { format!("{target}?{query}") }
}

fn account_target(account: &str, rest: &str) -> String {
    format!("/v1/accounts/{}{rest}", segment(account))
}

/// `text` as one path segment. Dots are encoded too, or `..` would be a way up.
fn segment(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a `String` does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

fn json<T: serde::Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // Room for all that the daemon takes, at once, so that growing leaves no copies of secrets behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(REQUEST_CAP));
    serde_json::to_writer(&mut *bytes, value)
        .map_err(|error| message::not_our_daemon(format!("the request can't be written: {error}")))?;
    Ok(bytes)
}

fn parse<T: DeserializeOwned>(response: &Response) -> Result<T, Failure> {
    // The parser's message may quote the reply, so it stays here.
    serde_json::from_slice(&response.body)
        .map_err(|_| message::not_our_daemon("its reply does not follow version 1 of the API"))
}

/// What a reply outside 2xx tells.
fn refusal(response: &Response) -> Failure {
    match serde_json::from_slice::<ErrorReply>(&response.body) {
        Ok(mut reply) => {
            // One name on the wire for two statuses: the status tells them apart.
            if response.status == 403 && reply.error == ErrorCode::Unauthorized {
                reply.error = ErrorCode::Forbidden;
            }
            reply.into()
        }
        Err(_) => message::not_our_daemon(format!("it answered with status {} and no explanation", response.status)),
    }
}

fn unanswered(broken: &Broken) -> Failure {
    match broken {
        Broken::Slow => message::daemon_slow(),
        Broken::Short | Broken::Io(_) => message::daemon_broke_off(broken),
        Broken::Large | Broken::Garbled => message::not_our_daemon(broken),
    }
}
