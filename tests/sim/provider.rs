//! The `Provider` implementation of the simulated server.

use std::sync::Arc;
use std::time::Duration;

use ringback::account::state::{Priority, RefreshOutcome};
use ringback::oauth::describe::Described;
use ringback::oauth::device::DeviceAuthorization;
use ringback::oauth::dialect::Dialect;
use ringback::oauth::exchange::{Credentials, Target, Trade};
use ringback::oauth::grant::TokenSet;
use ringback::provider::{AskError, Provider, ProviderFuture, RevocationOutcome};
use ringback::secret::AccessToken;

use crate::server::{Server, refused};

fn not_here<'a, T: Send + 'a>() -> ProviderFuture<'a, Result<T, AskError>> {
    Box::pin(async { Err(AskError::Impossible("not here".into())) })
}

impl Provider for Server {
    fn resolve<'a>(&'a self, dialect: &'a Arc<Dialect>) -> ProviderFuture<'a, Result<Arc<Dialect>, AskError>> {
        Box::pin(async move { Ok(Arc::clone(dialect)) })
    }

    fn accept<'a>(&'a self, _: &'a Arc<Dialect>) -> ProviderFuture<'a, Result<String, AskError>> {
        not_here()
    }

    fn push<'a>(
        &'a self,
        _: &'a Dialect,
        _: &'a [(String, String)],
        _: &'a Credentials,
    ) -> ProviderFuture<'a, Result<String, AskError>> {
        not_here()
    }

    fn device<'a>(
        &'a self,
        _: &'a Dialect,
        _: &'a Target,
        _: &'a Credentials,
    ) -> ProviderFuture<'a, Result<DeviceAuthorization, AskError>> {
        not_here()
    }

    fn describe<'a>(
        &'a self,
        _: &'a Dialect,
        _: &'a AccessToken,
        _: &'a Credentials,
    ) -> ProviderFuture<'a, Result<Described, AskError>> {
        not_here()
    }

    fn trade_at<'a>(
        &'a self,
        priority: Priority,
        dialect: &'a Dialect,
        trade: &'a Trade,
        _: &'a Credentials,
    ) -> ProviderFuture<'a, RefreshOutcome> {
        Box::pin(async move {
            match trade {
                Trade::RefreshToken { token, .. } => self.refresh(token.expose(), priority, dialect).await,
                Trade::AuthorizationCode { code, .. } => self.exchange(code.expose(), dialect).await,
                _ => refused(),
            }
        })
    }

    fn revoke<'a>(
        &'a self,
        _: &'a Dialect,
        tokens: &'a TokenSet,
        _: &'a Credentials,
    ) -> ProviderFuture<'a, Result<RevocationOutcome, String>> {
        Box::pin(async move {
            let refresh = tokens.refresh_token.as_ref().map(|token| token.expose().to_owned()).unwrap_or_default();
            self.truth.give_back(&refresh);
            tokio::time::sleep(Duration::from_millis(200)).await;
            Ok(RevocationOutcome::Complete)
        })
    }
}
