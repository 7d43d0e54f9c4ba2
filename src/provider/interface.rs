//! The trait for the authorization server, as the broker sees it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::account::state::Priority;
use crate::account::state::RefreshOutcome;
use crate::oauth::describe::Described;
use crate::oauth::device::DeviceAuthorization;
use crate::oauth::dialect::Dialect;
use crate::oauth::exchange::{Credentials, Target, Trade, Unbuildable};
use crate::oauth::grant::TokenSet;
use crate::oauth::reply::{Failed, Refusal};
use crate::secret::AccessToken;

/// A future of a trait's method.
pub type ProviderFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a request to the provider has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The request can't be made: there is no endpoint, or config and provider don't match.
    #[error("{0}")]
    Impossible(String),
    /// A refusal.
    #[error("{0}")]
    Refused(Refusal),
    /// A temporary failure.
    #[error("{why}")]
    Unreachable {
        /// One clause.
        why: String,
        /// How long the provider asked to wait.
        retry_after: Option<Duration>,
    },
}

impl From<Failed> for AskError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Refused(refusal) => Self::Refused(refusal),
            Failed::Busy { retry_after, why } => Self::Unreachable { why, retry_after },
        }
    }
}

impl From<Unbuildable> for AskError {
    fn from(why: Unbuildable) -> Self {
        Self::Impossible(why.to_string())
    }
}

/// The authorization server.
pub trait Provider: Send + Sync + 'static {
    /// The dialect with all its endpoints: those that it leaves open are read from the issuer's metadata, which is
    /// cached.
    fn resolve<'a>(&'a self, dialect: &'a Arc<Dialect>) -> ProviderFuture<'a, Result<Arc<Dialect>, AskError>>;

    /// A person asks: metadata that could not be read a moment ago is requested again at once.
    fn try_again(&self, _dialect: &Dialect) {}

    /// The config was reloaded: failures are forgotten, and files of certificates are read again.
    fn reloaded(&self) {}

    /// Accepts the issuer's metadata although its token endpoint has moved to another host; returns which one.
    fn accept<'a>(&'a self, dialect: &'a Arc<Dialect>) -> ProviderFuture<'a, Result<String, AskError>>;

    /// Pushes an authorization request (RFC 9126); returns its `request_uri`.
    fn push<'a>(
        &'a self,
        dialect: &'a Dialect,
        parameters: &'a [(String, String)],
        credentials: &'a Credentials,
    ) -> ProviderFuture<'a, Result<String, AskError>>;

    /// Asks for a device code (RFC 8628 §3.1).
    fn device<'a>(
        &'a self,
        dialect: &'a Dialect,
        target: &'a Target,
        credentials: &'a Credentials,
    ) -> ProviderFuture<'a, Result<DeviceAuthorization, AskError>>;

    /// What the provider reports about a token.
    fn describe<'a>(
        &'a self,
        dialect: &'a Dialect,
        token: &'a AccessToken,
        credentials: &'a Credentials,
    ) -> ProviderFuture<'a, Result<Described, AskError>>;

    /// Exchanges a grant for an access token. Sends one request, and a second if the first was refused for the nonce of its
    /// DPoP proof alone (RFC 9449 §8).
    fn trade_at<'a>(
        &'a self,
        priority: Priority,
        dialect: &'a Dialect,
        trade: &'a Trade,
        credentials: &'a Credentials,
    ) -> ProviderFuture<'a, RefreshOutcome>;

    /// The same, with the priority of a person.
    fn trade<'a>(
        &'a self,
        dialect: &'a Dialect,
        trade: &'a Trade,
        credentials: &'a Credentials,
    ) -> ProviderFuture<'a, RefreshOutcome> {
        self.trade_at(Priority::Person, dialect, trade, credentials)
    }

    /// Revokes the tokens. The error is one clause: they may still work.
    fn revoke<'a>(
        &'a self,
        dialect: &'a Dialect,
        tokens: &'a TokenSet,
        credentials: &'a Credentials,
    ) -> ProviderFuture<'a, Result<RevocationOutcome, String>>;
}

/// What became of the tokens at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevocationOutcome {
    /// None of them works any longer.
    Complete,
    /// The refresh token is revoked. The access token is not, for this reason (one clause): a provider need not end it
    /// with the refresh token (RFC 7009 §2.1: SHOULD), nor support its revocation.
    AccessTokenLives(String),
    /// The provider has no way to revoke a token. Nothing was sent.
    Unsupported,
}
