//! The authorization server over HTTP.

use std::path::PathBuf;
use std::sync::Arc;

use ring::rand::SystemRandom;
use tokio::sync::watch;

use super::breaker::CircuitOpen;
use super::dpop_nonces::DpopNonces;
use super::failure::{TransportFailure, Whole};
use super::interface::{AskError, Provider, ProviderFuture, RevocationOutcome};
use super::issuers::Issuers;
use super::latency::ProviderLatency;
use super::upstream::Upstreams;
use super::wire::HttpTransport;
use crate::account::state::Priority;
use crate::account::state::RefreshOutcome;
use crate::clock::Clock;
use crate::oauth::assertion::Signing;
use crate::oauth::authorize;
use crate::oauth::describe::{self, DescribeEndpoint, Described};
use crate::oauth::device::{self, DeviceAuthorization};
use crate::oauth::dialect::{Dialect, NetworkOptions};
use crate::oauth::echo::Sent;
use crate::oauth::exchange::{
    Credentials, HttpRequest, Target, Trade, Unbuildable, details_fallback_request, details_request, device_request,
    introspection_request, push_request, token_request,
};
use crate::oauth::grant::TokenSet;
use crate::oauth::reply::{self, Asked, ParsedReply};
use crate::secret::{AccessToken, Nonce256, RandomSecret as _, RefreshToken};

/// The real provider, over HTTP.
pub struct HttpProvider {
    pub(super) wire: HttpTransport,
    issuers: Issuers,
    upstreams: Upstreams,
    nonces: DpopNonces,
}

impl HttpProvider {
    /// Reads and sends nothing yet. Metadata is kept in memory.
    pub fn new(clock: Clock) -> Self {
        let (issuers, upstreams, nonces) = (Issuers::default(), Upstreams::default(), DpopNonces::default());
        Self { wire: HttpTransport::new(clock), issuers, upstreams, nonces }
    }

    /// Keeps metadata in this folder, too, so that a start without network works. The folder is created, private, when
    /// it is first needed.
    #[must_use]
    pub(crate) fn with_cache(self, folder: PathBuf) -> Self {
        Self { issuers: Issuers::kept_in(folder), ..self }
    }

    /// Notes in `latency` how long each request took.
    #[must_use]
    pub(crate) fn with_latency(self, latency: ProviderLatency) -> Self {
        Self { wire: self.wire.with_latency(latency), ..self }
    }

    /// The client of the reverse proxy.
    pub(crate) fn upstreams(&self) -> Upstreams {
        self.upstreams.clone()
    }

    /// Sets up the client before the first request needs it.
    pub(crate) async fn warm_up(&self) {
        if let Err(failure) = self.wire.client_by(NetworkOptions::default()).await {
            tracing::error!("{}; retrying at the next request", failure.words());
        }
    }

    /// Forgets the failures of every host whenever `bell` signals that the network may be back.
    pub(crate) async fn try_again_at(&self, mut bell: watch::Receiver<()>) {
        while bell.changed().await.is_ok() {
            self.issuers.forgive_all();
            self.wire.forgive();
        }
    }

    /// Builds a request, with what a signature needs (RFC 7523 §3): the time and randomness; and with the nonce that its
    /// server wants in a DPoP proof.
    fn build<T>(&self, build: impl FnOnce(Signing<'_>) -> Result<T, Unbuildable>) -> Result<T, Unbuildable> {
        let (id, rng) = (Nonce256::random(&mut rand::rng()), SystemRandom::new());
        build(Signing { now: self.wire.now(), id: &id, rng: &rng, dpop_nonce: &|url| self.nonces.get(url) })
    }

    /// Builds and sends a request. If it is refused for the nonce of its DPoP proof alone, nothing was done, and it is sent
    /// once more with the nonce that the server names (RFC 9449 §8). `None`: there is nothing to send.
    pub(super) async fn sent(
        &self,
        dialect: &Dialect,
        client_id: &str,
        priority: Priority,
        request: impl Fn(Signing<'_>) -> Result<Option<HttpRequest>, Unbuildable>,
    ) -> Result<Option<(Result<Whole, TransportFailure>, Sent)>, Unbuildable> {
        let mut may_repeat = true;
        loop {
            let Some(request) = self.build(&request)? else { return Ok(None) };
            let (url, is_proved, sent) = (request.url.clone(), request.dpop.is_some(), Sent::of(&request));
            let outcome = self.wire.ask(dialect, client_id, request, priority).await;
            if let (true, Ok(whole)) = (is_proved, &outcome) {
                let named = self.nonces.note(&url, whole.dpop_nonce.as_deref());
                if std::mem::take(&mut may_repeat) && named && whole.wants_nonce() {
                    continue;
                }
            }
            return Ok(Some((outcome, sent)));
        }
    }

    async fn ask(
        &self,
        dialect: &Dialect,
        credentials: &Credentials,
        request: impl Fn(Signing<'_>) -> Result<HttpRequest, Unbuildable>,
    ) -> Result<(Whole, Sent), AskError> {
        let build = |signing: Signing<'_>| request(signing).map(Some);
        let sent = self.sent(dialect, &credentials.client_id, Priority::Person, build).await?;
        let (outcome, sent) = sent.ok_or_else(|| AskError::Impossible("there is nothing to send".into()))?;
        Ok((outcome?, sent))
    }
}

impl Provider for HttpProvider {
    fn resolve<'a>(&'a self, dialect: &'a Arc<Dialect>) -> ProviderFuture<'a, Result<Arc<Dialect>, AskError>> {
        Box::pin(self.issuers.resolve(&self.wire, dialect))
    }

    fn try_again(&self, dialect: &Dialect) {
        self.issuers.forgive(dialect);
    }

    fn reloaded(&self) {
        self.issuers.forgive_all();
        self.wire.forgive();
        self.wire.forget_clients();
        self.upstreams.forget_clients();
    }

    fn accept<'a>(&'a self, dialect: &'a Arc<Dialect>) -> ProviderFuture<'a, Result<String, AskError>> {
        Box::pin(self.issuers.accept(&self.wire, dialect))
    }

    fn push<'a>(
        &'a self,
        dialect: &'a Dialect,
        parameters: &'a [(String, String)],
        credentials: &'a Credentials,
    ) -> ProviderFuture<'a, Result<String, AskError>> {
        Box::pin(async move {
            let request = |signing: Signing<'_>| push_request(dialect, parameters, credentials, signing);
            let (whole, sent) = self.ask(dialect, credentials, request).await?;
            Ok(authorize::pushed(whole.received())
                .map_err(|failed| failed.without(&sent).advised(dialect, credentials))?)
        })
    }

    fn device<'a>(
        &'a self,
        dialect: &'a Dialect,
        target: &'a Target,
        credentials: &'a Credentials,
    ) -> ProviderFuture<'a, Result<DeviceAuthorization, AskError>> {
        Box::pin(async move {
            let request = |signing: Signing<'_>| device_request(dialect, target, credentials, signing);
            let (whole, sent) = self.ask(dialect, credentials, request).await?;
            Ok(device::parse(whole.received()).map_err(|failed| failed.without(&sent).advised(dialect, credentials))?)
        })
    }

    fn describe<'a>(
        &'a self,
        dialect: &'a Dialect,
        token: &'a AccessToken,
        credentials: &'a Credentials,
    ) -> ProviderFuture<'a, Result<Described, AskError>> {
        Box::pin(async move {
            let source = match dialect.endpoints.details {
                Some(_) => DescribeEndpoint::Details,
                None => DescribeEndpoint::Introspection,
            };
            let request = |signing: Signing<'_>| match source {
                DescribeEndpoint::Details => details_request(dialect, token, credentials, signing),
                DescribeEndpoint::Introspection => introspection_request(dialect, token, credentials, signing),
            };
            let (mut whole, sent) = self.ask(dialect, credentials, request).await?;
            let has_fallback = source == DescribeEndpoint::Details && dialect.endpoints.details_fallback.is_some();
            if has_fallback && whole.status == 404 {
                // It sends the same token, so the same text is redacted from its reply.
                let again = |signing: Signing<'_>| details_fallback_request(dialect, token, credentials, signing);
                whole = self.ask(dialect, credentials, again).await?.0;
            }
            Ok(describe::parse(source, whole.received())
                .map_err(|failed| failed.without(&sent).advised(dialect, credentials))?)
        })
    }

    fn trade_at<'a>(
        &'a self,
        priority: Priority,
        dialect: &'a Dialect,
        trade: &'a Trade,
        credentials: &'a Credentials,
    ) -> ProviderFuture<'a, RefreshOutcome> {
        Box::pin(async move {
            let request = |signing: Signing<'_>| token_request(dialect, trade, credentials, signing).map(Some);
            let (outcome, sent) = match self.sent(dialect, &credentials.client_id, priority, request).await {
                Ok(Some(sent)) => sent,
                Ok(None) => return RefreshOutcome::NotSent { why: "there is nothing to send".into() },
                Err(why) => return RefreshOutcome::NotSent { why: why.to_string() },
            };
            let asked = Asked { spent: spent(trade), dpop_key: credentials.dpop_key.as_ref() };
            match outcome {
                Ok(whole) => {
                    let reply = reply::parse_for(whole.received(), dialect, asked).without(&sent);
                    answer(reply.advised(dialect, credentials))
                }
                Err(TransportFailure::Cut { why, so_far }) => {
                    answer(reply::parse_cut(so_far.received(), why, dialect, asked).without(&sent))
                }
                Err(TransportFailure::NotSent(why)) => RefreshOutcome::NotSent { why },
                Err(TransportFailure::CircuitOpen(CircuitOpen { why, probe_in })) => {
                    RefreshOutcome::CircuitOpen { why, probe_in }
                }
                Err(TransportFailure::Busy { why, retry_after }) => RefreshOutcome::Busy { retry_after, why },
                Err(TransportFailure::Lost(why)) => RefreshOutcome::Lost { why },
            }
        })
    }

    fn revoke<'a>(
        &'a self,
        dialect: &'a Dialect,
        tokens: &'a TokenSet,
        credentials: &'a Credentials,
    ) -> ProviderFuture<'a, Result<RevocationOutcome, String>> {
        Box::pin(self.give_back(dialect, tokens, credentials))
    }
}

/// The refresh token that may be used up once the request was sent.
fn spent(trade: &Trade) -> Option<&RefreshToken> {
    match trade {
        Trade::RefreshToken { token, .. } => Some(token),
        _ => None,
    }
}

/// The outcome of a refresh with this reply: one that decides nothing leaves open whether the refresh token was used
/// up.
pub fn answer(reply: ParsedReply) -> RefreshOutcome {
    match reply {
        ParsedReply::Granted(grant) => RefreshOutcome::Granted(grant),
        ParsedReply::Refused(refusal) => RefreshOutcome::Refused(refusal),
        ParsedReply::Busy { retry_after, why } => RefreshOutcome::Busy { retry_after, why },
        ParsedReply::Pending { slow_down } => RefreshOutcome::Pending { slow_down },
        ParsedReply::Unclear { why } => RefreshOutcome::Lost { why },
    }
}
