//! The blocking client: one method for each route of the local API.

use std::time::Duration;

use zeroize::{Zeroize as _, Zeroizing};

use crate::body::{json, parse, refusal, unanswered};
use crate::contract::{
    AcceptReply, AccountReply, AccountUrl, AccountsReply, ApiUrlsReply, ImportReply, ImportRequest, InfoReply,
    LockReply, LoginAnswer, LoginReply, LoginRequest, LoginStarted, LogoutReply, PasteRequest, RejectedReply,
    UnlockRequest,
};
use crate::discover::{DaemonOptions, discover};
use crate::error::Error;
use crate::events::Events;
use crate::exchange::{Request, Response, exchange};
use crate::secret::AccessToken;
use crate::targets::{TokenOptions, account_target, api_urls_target, segment, token_target};
use crate::token::{self, Token};
use crate::transport::{DaemonAddress, Transport};

mod owner;
#[cfg(test)]
mod tests;

/// The timeout of a request that does not involve the provider, and the margin over a wait that the caller asks for.
pub const TIMEOUT_MARGIN: Duration = Duration::from_secs(15);
/// The timeout if the caller sets none: the daemon then waits as long as its config says, and limits that wait itself.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(90);

const JSON: &str = "application/json";
/// `User-Agent` of a program that does not name itself.
const AGENT: &str = concat!("ringback-client/", env!("CARGO_PKG_VERSION"));

/// A client of the daemon. Each request opens a connection of its own and blocks until the reply is complete.
///
/// # Errors
/// Each request fails with [`Error::NoDaemon`] if no daemon runs, with [`Error::Daemon`] if the daemon refuses, and
/// with another variant if another process listens in its place or no complete reply arrives in time. [`Error::code`]
/// gives the daemon's error code for each of them.
#[derive(Debug)]
pub struct Client {
    daemon: DaemonAddress,
    agent: &'static str,
}

impl Client {
    /// Finds the daemon. Nothing is sent yet, so a missing daemon shows only at the first request, as
    /// [`Error::NoDaemon`].
    ///
    /// # Errors
    /// `RINGBACK_URL`, `RINGBACK_KEY_FILE` or `endpoint.json` is invalid, or another user could have written it.
    pub fn find(asked: &DaemonOptions) -> Result<Self, Error> {
        Ok(Self { daemon: discover(asked, &|name| std::env::var_os(name))?, agent: AGENT })
    }

    /// Names the program in each request: the value of `User-Agent`, such as `editor/1.0`.
    #[must_use]
    pub fn with_user_agent(self, agent: &'static str) -> Self {
        Self { agent, ..self }
    }

    /// The current access token of `account`, refreshed first if need be. [`DEFAULT_ACCOUNT`] names the config's
    /// `default_account`.
    ///
    /// Ask for it before each use: the daemon answers from memory while the token is valid.
    ///
    /// [`DEFAULT_ACCOUNT`]: crate::contract::DEFAULT_ACCOUNT
    ///
    /// # Errors
    /// The code is [`LoginRequired`] if nobody has logged in, [`UnknownAccount`], [`ProviderUnreachable`] if no valid
    /// token is left and the provider can't be asked for one, or another of the daemon's codes.
    ///
    /// [`LoginRequired`]: crate::contract::ErrorCode::LoginRequired
    /// [`UnknownAccount`]: crate::contract::ErrorCode::UnknownAccount
    /// [`ProviderUnreachable`]: crate::contract::ErrorCode::ProviderUnreachable
    pub fn token(&self, account: &str, options: &TokenOptions) -> Result<AccessToken, Error> {
        let target = token_target(account, options);
        let mut response = self.ask("GET", &target, "text/plain", None, token_timeout(options.wait))?;
        token::bare(std::mem::take(&mut *response.body))
    }

    /// The same, with the account's own name and the token's lifetime.
    ///
    /// # Errors
    /// As for [`Self::token`].
    pub fn token_with_lifetime(&self, account: &str, options: &TokenOptions) -> Result<Token, Error> {
        Token::read(&self.token_json(account, options)?)
    }

    /// The same as JSON, with expiry and scope: the bytes of a [`TokenReply`](crate::contract::TokenReply), unchanged.
    ///
    /// # Errors
    /// As for [`Self::token`].
    pub fn token_json(&self, account: &str, options: &TokenOptions) -> Result<Zeroizing<Vec<u8>>, Error> {
        let target = token_target(account, options);
        Ok(self.ask("GET", &target, JSON, None, token_timeout(options.wait))?.body)
    }

    /// The ID token of `account`, if its config allows that.
    ///
    /// # Errors
    /// [`Usage`](crate::contract::ErrorCode::Usage) if it is not allowed, if there is none, or if it has expired.
    pub fn id_token(&self, account: &str) -> Result<AccessToken, Error> {
        token::id_token(&self.id_token_json(account)?)
    }

    /// The same as JSON: the bytes of an [`IdTokenReply`](crate::contract::IdTokenReply), unchanged.
    ///
    /// # Errors
    /// As for [`Self::id_token`].
    pub fn id_token_json(&self, account: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        Ok(self.ask("GET", &account_target(account, "/id-token"), JSON, None, DEFAULT_TIMEOUT)?.body)
    }

    /// The state of every account.
    pub fn accounts(&self) -> Result<AccountsReply, Error> {
        parse(&self.ask("GET", "/v1/accounts", JSON, None, TIMEOUT_MARGIN)?)
    }

    /// The URLs that accounts' tokens are for, of every account that the caller may use.
    ///
    /// # Errors
    /// [`NotFound`](crate::contract::ErrorCode::NotFound) from a daemon that is older than 0.2.0; so, too, for
    /// [`Self::account_for`].
    pub fn api_urls(&self) -> Result<Vec<AccountUrl>, Error> {
        let reply: ApiUrlsReply = parse(&self.ask("GET", &api_urls_target(None), JSON, None, TIMEOUT_MARGIN)?)?;
        Ok(reply.api_urls)
    }

    /// The account whose tokens are for `url`. Leave out of it what is secret, such as a query.
    ///
    /// # Errors
    /// [`UnknownAccount`](crate::contract::ErrorCode::UnknownAccount) if there is none, or none that is preferred.
    pub fn account_for(&self, url: &str) -> Result<AccountUrl, Error> {
        let reply: ApiUrlsReply = parse(&self.ask("GET", &api_urls_target(Some(url)), JSON, None, TIMEOUT_MARGIN)?)?;
        let nothing = || Error::UnexpectedReply { why: "no account was named".to_owned() };
        reply.api_urls.into_iter().next().ok_or_else(nothing)
    }

    /// What happens to the accounts from now on.
    ///
    /// # Errors
    /// An older daemon has no events; one that has too many clients already refuses.
    pub fn events(&self) -> Result<Events, Error> {
        Events::open(&self.daemon, self.agent, None)
    }

    /// What has happened to the accounts after the event with this id, and what happens from now on. It begins with
    /// [`Happened::Lagged`](crate::Happened::Lagged) if the daemon no longer has all of that: it keeps the newest events
    /// in memory, and forgets them when it ends. See [`Self::resume_events`] for a stream that has ended.
    ///
    /// # Errors
    /// As for [`Self::events`].
    pub fn events_after(&self, id: &str) -> Result<Events, Error> {
        Events::open(&self.daemon, self.agent, Some(id))
    }

    /// Opens a stream again that has ended. What happened meanwhile comes first, or
    /// [`Happened::Lagged`](crate::Happened::Lagged) if the daemon no longer knows.
    ///
    /// # Errors
    /// As for [`Self::events`]; it can be tried again later.
    pub fn resume_events(&self, events: &mut Events) -> Result<(), Error> {
        events.reopen(&self.daemon, self.agent)
    }

    /// The state of one account.
    pub fn account(&self, account: &str) -> Result<AccountReply, Error> {
        parse(&self.ask("GET", &account_target(account, ""), JSON, None, TIMEOUT_MARGIN)?)
    }

    /// Refreshes the account's token now.
    pub fn refresh(&self, account: &str) -> Result<AccountReply, Error> {
        parse(&self.ask("POST", &account_target(account, "/refresh"), JSON, None, DEFAULT_TIMEOUT)?)
    }

    /// Reports that an API rejected the account's token with 401. The reply says whether there is a new one; if so, try
    /// once more with it, and not again.
    pub fn rejected(&self, account: &str) -> Result<RejectedReply, Error> {
        parse(&self.ask("POST", &account_target(account, "/rejected"), JSON, None, DEFAULT_TIMEOUT)?)
    }

    /// What the provider reports about the account's token.
    pub fn info(&self, account: &str) -> Result<InfoReply, Error> {
        parse(&self.ask("GET", &account_target(account, "/info"), JSON, None, DEFAULT_TIMEOUT)?)
    }

    /// Imports a token that was obtained elsewhere, and wipes the caller's copy.
    ///
    /// # Errors
    /// [`Error::SocketOnly`] over TCP.
    pub fn import(&self, account: &str, mut token: ImportRequest) -> Result<ImportReply, Error> {
        let body = self.on_socket("a token is accepted").and_then(|()| json(&token));
        token.access_token.zeroize();
        token.refresh_token.zeroize();
        parse(&self.ask("POST", &account_target(account, "/import"), JSON, Some(&body?), DEFAULT_TIMEOUT)?)
    }

    /// Locks the store: the daemon drops the store's key and all tokens from memory.
    pub fn lock(&self) -> Result<LockReply, Error> {
        parse(&self.ask("POST", "/v1/lock", JSON, None, DEFAULT_TIMEOUT)?)
    }

    /// Unlocks the store: the daemon gets the store's key again. Wipes the passphrase in `request`.
    ///
    /// # Errors
    /// [`Error::SocketOnly`] over TCP.
    pub fn unlock(&self, mut request: UnlockRequest) -> Result<LockReply, Error> {
        let body = self.on_socket("a passphrase is accepted").and_then(|()| json(&request));
        request.passphrase.zeroize();
        parse(&self.ask("POST", "/v1/unlock", JSON, Some(&body?), DEFAULT_TIMEOUT)?)
    }

    /// Accepts `provider`'s metadata although its token endpoint has moved to another host.
    pub fn accept_provider(&self, provider: &str) -> Result<AcceptReply, Error> {
        parse(&self.ask("POST", &format!("/v1/providers/{}/accept", segment(provider)), JSON, None, DEFAULT_TIMEOUT)?)
    }

    /// Logs the account out: revokes its tokens if the provider supports it, and always deletes them.
    pub fn logout(&self, account: &str) -> Result<LogoutReply, Error> {
        parse(&self.ask("DELETE", &account_target(account, "/token"), JSON, None, DEFAULT_TIMEOUT)?)
    }

    /// Starts or joins the account's pending login.
    #[expect(clippy::needless_pass_by_value, reason = "earlier versions took it like this")]
    pub fn start_login(&self, account: &str, request: LoginRequest) -> Result<LoginStarted, Error> {
        let body = json(&request)?;
        parse(&self.ask("POST", &account_target(account, "/login"), JSON, Some(&body), DEFAULT_TIMEOUT)?)
    }

    /// Answers a login that asks whether to replace another person's tokens: with `replace`, the new tokens are stored;
    /// otherwise they are dropped.
    pub fn answer_login(&self, id: &str, replace: bool) -> Result<LoginReply, Error> {
        let body = json(&LoginAnswer { replace })?;
        parse(&self.ask("POST", &format!("/v1/logins/{}/answer", segment(id)), JSON, Some(&body), DEFAULT_TIMEOUT)?)
    }

    /// The state of the login `id`; waits up to `wait` (rounded down to whole seconds) for it to end, to ask a question,
    /// or to have more notices than the caller has `seen`. `None`: than it has when the daemon is asked.
    pub fn login(&self, id: &str, wait: Duration, seen: Option<usize>) -> Result<LoginReply, Error> {
        let seen = seen.map(|seen| format!("&seen={seen}")).unwrap_or_default();
        let target = format!("/v1/logins/{}?wait={}{seen}", segment(id), wait.as_secs());
        parse(&self.ask("GET", &target, JSON, None, wait.saturating_add(TIMEOUT_MARGIN))?)
    }

    /// Submits the redirect URL that the user pasted.
    pub fn paste(&self, id: &str, redirect_url: &str) -> Result<LoginReply, Error> {
        let mut request = PasteRequest { redirect_url: redirect_url.to_owned() };
        let body = json(&request);
        request.redirect_url.zeroize();
        parse(&self.ask("POST", &format!("/v1/logins/{}/paste", segment(id)), JSON, Some(&body?), DEFAULT_TIMEOUT)?)
    }

    /// Fails unless the daemon is reached by its unix socket: another user may have taken the TCP port.
    fn on_socket(&self, what: &'static str) -> Result<(), Error> {
        if matches!(self.daemon.transport, Transport::Socket(_)) {
            return Ok(());
        }
        Err(Error::SocketOnly { what })
    }

    /// Sends one request. A reply outside 2xx becomes the error that it reports.
    fn ask(
        &self,
        method: &'static str,
        target: &str,
        accept: &'static str,
        body: Option<&[u8]>,
        timeout: Duration,
    ) -> Result<Response, Error> {
        let (mut stream, key) = self.daemon.open()?;
        let (host, key, agent, last_event_id) = (self.daemon.host(), key.as_ref(), self.agent, None);
        let request = Request { method, target, host, accept, key, agent, last_event_id, body };
        let response = exchange(stream.as_mut(), &request, timeout).map_err(|error| unanswered(&error))?;
        if (200..300).contains(&response.status) { Ok(response) } else { Err(refusal(&response)) }
    }
}

fn token_timeout(wait: Option<u64>) -> Duration {
    wait.map_or(DEFAULT_TIMEOUT, |seconds| Duration::from_secs(seconds).saturating_add(DEFAULT_TIMEOUT))
}
