//! The authorization server over HTTP.

use std::path::PathBuf;
use std::sync::Arc;

use ring::rand::SystemRandom;
use tokio::sync::watch;

use super::breaker::CircuitOpen;
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
use crate::oauth::reply::{self, ParsedReply};
use crate::secret::{AccessToken, Nonce256, RandomSecret as _, RefreshToken};

/// The real provider, over HTTP.
pub struct HttpProvider {
    pub(super) wire: HttpTransport,
    issuers: Issuers,
    upstreams: Upstreams,
}

impl HttpProvider {
    /// Reads and sends nothing yet. Metadata is kept in memory.
    pub fn new(clock: Clock) -> Self {
        Self { wire: HttpTransport::new(clock), issuers: Issuers::default(), upstreams: Upstreams::default() }
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

    /// Sets up the client before the first request needs it. Blocks, for some ten milliseconds.
    pub(crate) fn warm_up(&self) {
        if let Err(failure) = self.wire.client_by(NetworkOptions::default()) {
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

    /// Builds a request, with what a signature needs (RFC 7523 §3): the time and randomness.
    pub(super) fn build<T>(&self, build: impl FnOnce(Signing<'_>) -> Result<T, Unbuildable>) -> Result<T, Unbuildable> {
        let id = Nonce256::random(&mut rand::rng());
        build(Signing { now: self.wire.now(), id: &id, rng: &SystemRandom::new() })
    }

    async fn ask(
        &self,
        dialect: &Dialect,
        credentials: &Credentials,
        request: Result<HttpRequest, Unbuildable>,
    ) -> Result<(Whole, Sent), AskError> {
        let request = request?;
        let sent = Sent::of(&request);
        Ok((self.wire.ask(dialect, &credentials.client_id, request, Priority::Person).await?, sent))
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
            let request = self.build(|signing| push_request(dialect, parameters, credentials, signing));
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
            let request = self.build(|signing| device_request(dialect, target, credentials, signing));
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
            let (source, request) = if dialect.endpoints.details.is_some() {
                (DescribeEndpoint::Details, details_request(dialect, token))
            } else {
                let build = |signing: Signing<'_>| introspection_request(dialect, token, credentials, signing);
                (DescribeEndpoint::Introspection, self.build(build))
            };
            let (mut whole, sent) = self.ask(dialect, credentials, request).await?;
            let fallback = details_fallback_request(dialect, token);
            if let (DescribeEndpoint::Details, 404, Some(request)) = (source, whole.status, fallback) {
                // It sends the same token, so the same text is redacted from its reply.
                whole = self.ask(dialect, credentials, Ok(request)).await?.0;
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
            let request = match self.build(|signing| token_request(dialect, trade, credentials, signing)) {
                Ok(request) => request,
                Err(why) => return RefreshOutcome::NotSent { why: why.to_string() },
            };
            let sent = Sent::of(&request);
            match self.wire.ask(dialect, &credentials.client_id, request, priority).await {
                Ok(whole) => {
                    let reply = reply::parse_for(whole.received(), dialect, spent(trade)).without(&sent);
                    answer(reply.advised(dialect, credentials))
                }
                Err(TransportFailure::Cut { why, so_far }) => {
                    answer(reply::parse_cut(so_far.received(), why, dialect).without(&sent))
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
