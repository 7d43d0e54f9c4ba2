//! Context of a provider call: the dialect with all its endpoints, the client's credentials, and what the token is
//! for.

use std::sync::Arc;

use ring::rand::SystemRandom;

use super::world::World;
use crate::account::state::{RefreshOutcome, Renewal};
use crate::config::{AccountConfig, ClientIdSource};
use crate::credentials;
use crate::error::Error;
use crate::oauth::describe::Described;
use crate::oauth::dialect::Dialect;
use crate::oauth::dpop;
use crate::oauth::exchange::{ClientKey, Credentials, Target, Trade, User};
use crate::oauth::grant::GrantType;
use crate::provider::AskError;
use crate::secret::{AccessToken, DpopKey, Password};

/// One account's access to its provider.
pub(super) struct ProviderCall<'a> {
    pub(super) config: &'a AccountConfig,
    pub(super) world: &'a World,
}

impl ProviderCall<'_> {
    /// The dialect with all its endpoints.
    pub(super) async fn dialect(&self) -> Result<Arc<Dialect>, AskError> {
        self.world.provider.resolve(&self.config.dialect).await
    }

    /// The client's credentials, read again each time. The error is one clause.
    pub(super) async fn credentials(&self) -> Result<Credentials, String> {
        let config = self.config;
        let mut credentials = Credentials {
            client_id: self.client_id().await?,
            client_secret: None,
            client_key: None,
            dpop_key: None,
            origin: config.client_origin(),
        };
        if let Some(source) = &config.client_secret {
            let read = credentials::resolve(source, &self.world.credentials).await;
            credentials.client_secret =
                Some(read.map_err(|error| format!("the client secret is not available: {error}"))?);
        }
        if let Some(file) = &config.client_key {
            let read = credentials::private_key(&file.path).await;
            let pem = read.map_err(|error| format!("the client's private key is not available: {error}"))?;
            credentials.client_key = Some(ClientKey { pem, id: file.id.clone() });
        }
        Ok(credentials)
    }

    async fn client_id(&self) -> Result<String, String> {
        match &self.config.client_id {
            ClientIdSource::Written(id) => Ok(id.clone()),
            ClientIdSource::Command(argv) => {
                let read = credentials::client_id(argv, &self.world.credentials).await;
                read.map_err(|error| format!("the client id is not available: {error}"))
            }
        }
    }

    /// The user, and the password from where the config says. The error is one clause.
    pub(super) async fn password(&self) -> Result<(User, Password), String> {
        let user = self.config.user.as_ref().ok_or("the config names no user")?;
        let source = user.password.as_ref().ok_or("the config has no source for the password")?;
        let read = credentials::password(source, &self.world.credentials).await;
        let password = read.map_err(|error| format!("the password is not available: {error}"))?;
        Ok((user.user.clone(), password))
    }

    /// The key that the next tokens are bound to (RFC 9449). A refresh goes on with that of its login, whatever the config
    /// says now: the refresh token of a public client is bound to it (§5). Where tokens are asked for anew, the config
    /// says; then the key of the last ones is used again, or one is made. The error is one clause.
    pub(super) fn dpop_key(&self, renewal: &Renewal) -> Result<Option<DpopKey>, String> {
        match (&renewal.refresh_token, &renewal.dpop_key) {
            (Some(_), key) => Ok(key.clone()),
            (None, Some(key)) if self.config.keys.dpop => Ok(Some(key.clone())),
            (None, _) => self.new_dpop_key(),
        }
    }

    /// A key for a login, if the config wants one. It is stored with the first tokens that are bound to it, in one record:
    /// no crash leaves the one without the other. The error is one clause.
    pub(super) fn new_dpop_key(&self) -> Result<Option<DpopKey>, String> {
        let made = self.config.keys.dpop.then(|| dpop::new_key(&SystemRandom::new()));
        made.transpose().map_err(|error| error.to_string())
    }

    /// The token request's grant. The error is one clause.
    pub(super) async fn trade(&self, renewal: Renewal) -> Result<Trade, String> {
        let target = self.target(renewal.target.as_ref());
        match renewal.refresh_token {
            Some(token) => {
                // A scope is sent only to ask for less: without one it is all that was granted (RFC 6749 §6).
                let scope = renewal.target.map(|narrow| narrow.scope).unwrap_or_default();
                Ok(Trade::RefreshToken { token, target: Target { scope, ..target } })
            }
            None if self.config.grant == GrantType::Password => {
                let (user, password) = self.password().await?;
                Ok(Trade::Password { user, password, target })
            }
            None => Ok(Trade::ClientCredentials { target }),
        }
    }

    /// The account's target, with `narrow` applied.
    fn target(&self, narrow: Option<&Target>) -> Target {
        let whole = self.config.target.for_one_token();
        let Some(narrow) = narrow.cloned() else { return whole };
        Target {
            scope: if narrow.scope.is_empty() { whole.scope } else { narrow.scope },
            resource: if narrow.resource.is_empty() { whole.resource } else { narrow.resource },
            audience: narrow.audience.or(whole.audience),
        }
    }

    /// What the provider says of a token.
    /// `key`: the one that it is bound to.
    pub(super) async fn describe(&self, token: &AccessToken, key: Option<DpopKey>) -> Result<Described, AskError> {
        let credentials = self.credentials().await.map_err(AskError::Impossible)?;
        let credentials = Credentials { dpop_key: key, ..credentials };
        let dialect = self.dialect().await?;
        self.world.provider.describe(&dialect, token, &credentials).await
    }
}

/// Converts the error of a call that precedes the token request.
pub(super) fn unsent(error: AskError) -> RefreshOutcome {
    match error {
        AskError::Refused(refusal) => RefreshOutcome::Refused(refusal),
        // The endpoints were asked for without a refresh token, so none was spent.
        AskError::Impossible(why) | AskError::Unreachable { why, retry_after: None } => RefreshOutcome::NotSent { why },
        AskError::Unreachable { why, retry_after } => RefreshOutcome::Busy { retry_after, why },
    }
}

pub(super) fn provider_error_reply(account: &str, error: AskError) -> Error {
    let account = account.to_owned();
    match error {
        AskError::Impossible(why) => Error::CannotAsk { account, why },
        AskError::Refused(refusal) => {
            Error::ProviderRefused { account, why: refusal.to_string(), provider_error: Some(refusal.code) }
        }
        AskError::Unreachable { why, retry_after } => {
            Error::ProviderUnreachable { account, why, retry_after: retry_after.unwrap_or_default() }
        }
    }
}
