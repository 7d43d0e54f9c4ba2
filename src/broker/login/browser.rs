//! Browser login: out through the start URL to the provider, and back to the callback (redirect URI).

mod exchange;
mod failure;
mod paste;

use std::sync::Arc;

use url::Url;

use super::callback::{BrowserStart, CallbackRejected, CallbackRequest, StartRedirect};
use super::pending::message::Via;
use crate::account::attempts::{LoginPlan, ProviderRedirect, Rejected};
use crate::broker::handle::Broker;
use crate::broker::world::ListenerGuard;
use crate::config::AccountConfig;
use crate::contract::LoginVia;
use crate::error::Error;
use crate::oauth::authorize::{self, ResponseType};
use crate::oauth::dialect::Par;
use crate::oauth::grant::GrantType;
use crate::oauth::pkce;
use crate::os::browser::StartUrl;
use crate::provider::AskError;

impl Broker {
    /// The callback listener is opened before a login begins, so that no browser is sent to a closed port. A pasted
    /// answer needs none.
    pub(super) async fn open_listener(
        &self,
        account: &str,
        redirect_uri: &str,
        via: LoginVia,
    ) -> Result<Option<ListenerGuard>, Error> {
        if via == LoginVia::Paste {
            return Ok(None);
        }
        self.inner
            .world
            .callback_listener
            .open(redirect_uri)
            .await
            .map(Some)
            .map_err(|why| Error::login_failed(account, why))
    }

    /// The start URL has the redirect URI's own host and port: cookies do not cross between `localhost` and `127.0.0.1`.
    /// Without a listener it is the provider's page.
    pub(super) async fn start_url(
        &self,
        id: &str,
        account: &str,
        redirect_uri: &str,
        listener: Option<ListenerGuard>,
    ) -> Result<String, Error> {
        let logins = &self.inner.logins;
        let ended = || Error::login_failed(account, "it has just ended; try again".into());
        let Some(listener) = listener else {
            let redirect = logins.redirect_by_hand(id).await.ok_or_else(ended)?;
            return self.provider_url(&redirect).await;
        };
        logins.hold_listener(id, listener).await;
        let ticket = logins.ticket(id).await.ok_or_else(ended)?;
        let origin = Url::parse(redirect_uri).map(|url| start_origin(&url)).unwrap_or_default();
        Ok(format!("{origin}/login/start/{ticket}"))
    }

    pub(super) fn open_browser(&self, account: &Arc<AccountConfig>, start_url: &str) {
        let Ok(url) = StartUrl::parse(start_url) else { return };
        let (opener, account) = (Arc::clone(&self.inner.world.opener), Arc::clone(account));
        tokio::task::spawn_blocking(move || {
            if let Err(why) = opener.open(&url, account.keys.browser.as_deref()) {
                tracing::warn!(account = %account.name, "the browser was not opened: {why}");
            }
        });
    }

    /// The provider's page for this browser. A request is pushed again for each, since a `request_uri` works once
    /// (RFC 9126 §4). If that fails, the login has failed.
    async fn provider_url(&self, redirect: &ProviderRedirect) -> Result<String, Error> {
        let plan = &*redirect.plan;
        let url = match plan.dialect.par {
            Par::Always => self.pushed_url(plan, &redirect.parameters).await,
            Par::Auto | Par::Off => authorize::plain_url(&plan.dialect, &redirect.parameters)
                .map(String::from)
                .map_err(|error| Error::login_failed(&plan.account, error.to_string())),
        };
        if let Err(error) = &url {
            tracing::warn!(account = %plan.account, "{error}");
            self.inner.logins.fail(&redirect.id, error.clone()).await;
        }
        url
    }

    async fn pushed_url(&self, plan: &LoginPlan, parameters: &[(String, String)]) -> Result<String, Error> {
        let pushed = self.inner.world.provider.push(&plan.dialect, parameters, &plan.credentials).await;
        let request_uri = pushed.map_err(|error| {
            let (advice, provider_error) = match &error {
                AskError::Refused(refusal) => {
                    let advice = pkce::advice(&plan.dialect, &refusal.code, &refusal.description);
                    (advice, Some(refusal.code.clone()))
                }
                AskError::Impossible(_) | AskError::Unreachable { .. } => (String::new(), None),
            };
            let why = format!("the provider refused the authorization request: {error}{advice}");
            Error::LoginFailed { account: plan.account.clone(), why, provider_error }
        })?;
        authorize::pushed_url(&plan.dialect, &plan.credentials.client_id, &request_uri)
            .map(String::from)
            .map_err(|error| Error::login_failed(&plan.account, error.to_string()))
    }

    /// Spends a start ticket.
    pub async fn open_ticket(&self, ticket: &str) -> Result<StartRedirect, CallbackRejected> {
        let redirect = self.inner.logins.redirect(ticket).await.map_err(|_| CallbackRejected::BadTicket)?;
        let Ok(authorize_url) = self.provider_url(&redirect).await else {
            return Ok(StartRedirect::Over(redirect.id));
        };
        let path = Url::parse(&redirect.plan.redirect_uri).map(|url| url.path().to_owned());
        Ok(StartRedirect::Leaves(BrowserStart {
            authorize_url,
            cookie_name: redirect.cookie_name,
            cookie_value: redirect.cookie,
            cookie_path: path.unwrap_or_else(|_| "/".into()),
            max_age: redirect.cookie_life,
        }))
    }

    /// Whether a login is pending whose redirect URI has this path.
    pub fn expects_callback(&self, path: &str) -> bool {
        self.inner.logins.overview().awaited.iter().any(|(uri, _)| has_path(uri, path))
    }

    /// Whether this path is an account's redirect URI, or that of a login from before the config changed.
    pub(crate) fn is_callback(&self, path: &str) -> bool {
        let remembered = || self.inner.logins.overview().remembered.iter().any(|uri| has_path(uri, path));
        self.expects_callback(path) || remembered() || self.any_account(path, |_| true)
    }

    /// Whether a callback at this path may have its answer in the fragment, which only a page can read.
    pub(crate) fn expects_fragment(&self, path: &str) -> bool {
        let overview = self.inner.logins.overview();
        overview.awaited.iter().any(|(uri, kind)| *kind == ResponseType::Token && has_path(uri, path))
            || self.any_account(path, |account| account.grant == GrantType::Implicit)
    }

    fn any_account(&self, path: &str, wanted: impl Fn(&AccountConfig) -> bool) -> bool {
        let accounts = self.inner.accounts.load();
        let leads_there = |account: &AccountConfig| {
            wanted(account) && (self.inner.redirect_uri)(account).is_some_and(|uri| has_path(&uri, path))
        };
        accounts.members.values().any(|member| leads_there(&member.config))
    }

    /// The browser's callback. Waits for the exchange to end; returns the id of the outcome page.
    pub async fn callback(&self, request: CallbackRequest) -> Result<String, CallbackRejected> {
        let accepted = self.inner.logins.callback(request, Via::Browser).await.map_err(|rejected| match rejected {
            Rejected::NoState => CallbackRejected::NoState,
            Rejected::OtherBrowser(_) => CallbackRejected::OtherBrowser,
            Rejected::NotPasted => CallbackRejected::NotPasted,
            Rejected::Over(id) => CallbackRejected::Over(id),
            // The last two concern tickets and pasted answers.
            Rejected::UnknownState | Rejected::BadTicket | Rejected::Malformed(_) => CallbackRejected::UnknownState,
        })?;
        Ok(self.exchange_accepted(accepted).await)
    }

    /// Tells callers that wait for a login with this redirect URI why an answer did not reach it.
    pub(crate) async fn tell_waiting(&self, redirect_uri: &str, notice: &'static str) {
        self.inner.logins.notify(redirect_uri, notice).await;
    }
}

fn has_path(uri: &str, path: &str) -> bool {
    Url::parse(uri).is_ok_and(|uri| uri.path() == path)
}

/// Where a login begins that comes back to this redirect URI. With https it begins without TLS, at a page that explains the
/// certificate and then leads on, before the browser warns of it.
fn start_origin(redirect_uri: &Url) -> String {
    match (redirect_uri.scheme(), redirect_uri.host_str(), redirect_uri.port_or_known_default()) {
        ("https", Some(host), Some(port)) => format!("http://{host}:{port}"),
        _ => redirect_uri.origin().ascii_serialization(),
    }
}
