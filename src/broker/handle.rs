//! What the doors may ask of the broker.

use std::time::Duration;

use crate::contract::{AccountReply, LoginReply, LoginStarted, LoginVia, LogoutReply, TokenReply};
use crate::error::Error;

/// What a caller wants of a token.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokenQuery {
    /// Validity wanted; `None`: the config's.
    pub min_ttl: Option<Duration>,
    /// How long to wait for a refresh or login; `None`: the config's for a refresh, none for a login.
    pub wait: Option<Duration>,
}

/// The browser's answer, as it arrived.
#[derive(Debug, Clone)]
pub struct CallbackRequest {
    /// The whole URI that the answer arrived on, without query: scheme, authority from Host, path.
    pub arrived_on: String,
    /// Query parameters in their order, percent-decoded once; duplicates kept, for the check.
    pub parameters: Vec<(String, String)>,
    /// Every cookie of the request by name and value.
    pub cookies: Vec<(String, String)>,
}

/// Where to send the browser from the one-time start URL.
pub struct BrowserStart {
    /// The provider's authorization URL, for a 303.
    pub authorize_url: String,
    /// Name of the flow cookie, unique per attempt.
    pub cookie_name: String,
    /// Its value.
    pub cookie_value: crate::secret::Nonce256,
    /// The path that the cookie is for: the callback's.
    pub cookie_path: String,
    /// How long the cookie is good for.
    pub max_age: Duration,
}

/// Why a request to the browser's two stops leads nowhere. Nothing was changed by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stray {
    /// No login is pending that this path belongs to: 404, as if the route did not exist.
    NoLoginPending,
    /// The start ticket is unknown, used or too old.
    BadTicket,
    /// The answer does not belong to any pending login (state, cookie or address differ).
    NotOurs,
    /// A parameter is missing, repeated or too long.
    Malformed,
}

/// The broker as the doors see it. Cheap to clone.
#[derive(Clone)]
pub struct Broker {}

impl Broker {
    /// The current access token of `account` (`default` stands for the default account).
    pub async fn token(&self, account: &str, query: TokenQuery) -> Result<TokenReply, Error> {
        let _ = (account, query);
        todo!()
    }
    /// Every account, sorted by name.
    pub fn accounts(&self) -> Vec<AccountReply> {
        todo!()
    }
    /// One account.
    pub fn account(&self, account: &str) -> Result<AccountReply, Error> {
        let _ = account;
        todo!()
    }
    /// The default account's name.
    pub fn default_account(&self) -> Option<String> {
        todo!()
    }
    /// Where the store's key comes from, in words.
    pub fn store_key(&self) -> String {
        todo!()
    }
    /// A new token now.
    pub async fn refresh(&self, account: &str) -> Result<AccountReply, Error> {
        let _ = account;
        todo!()
    }
    /// The API answered 401 to this account's token: at most one refresh per half minute.
    pub async fn rejected(&self, account: &str) -> Result<AccountReply, Error> {
        let _ = account;
        todo!()
    }
    /// Revoke where possible, delete always.
    pub async fn logout(&self, account: &str) -> Result<LogoutReply, Error> {
        let _ = account;
        todo!()
    }
    /// Starts or joins the account's one pending login. `local` is the base URL of the start ticket.
    pub async fn start_login(&self, account: &str, via: LoginVia) -> Result<LoginStarted, Error> {
        let _ = (account, via);
        todo!()
    }
    /// How a login stands; waits up to `wait` for it to end.
    pub async fn login(&self, id: &str, wait: Duration) -> Result<LoginReply, Error> {
        let _ = (id, wait);
        todo!()
    }
    /// The redirect URL pasted from another machine's browser.
    pub async fn paste(&self, id: &str, redirect_url: &str) -> Result<LoginReply, Error> {
        let _ = (id, redirect_url);
        todo!()
    }
    /// Spends a start ticket.
    pub async fn open_ticket(&self, ticket: &str) -> Result<BrowserStart, Stray> {
        let _ = ticket;
        todo!()
    }
    /// Whether a login is pending whose redirect URI has this path.
    pub fn expects_callback(&self, path: &str) -> bool {
        let _ = path;
        todo!()
    }
    /// The browser's answer. Waits for the exchange to end; gives the id of the outcome page.
    pub async fn callback(&self, request: CallbackRequest) -> Result<String, Stray> {
        let _ = request;
        todo!()
    }
    /// What the outcome page tells.
    pub async fn outcome(&self, outcome_id: &str) -> Option<LoginReply> {
        let _ = outcome_id;
        todo!()
    }
}
