//! Provider requests of an account's task: token requests, and whose a token is.

use std::sync::Arc;
use std::time::Duration;

use super::cancellation::CANCELLED;
use super::{Actor, host};
use crate::account::state::{RefreshOutcome, Renewal};
use crate::broker::provider_call::{self, ProviderCall};
use crate::oauth::describe::Described;
use crate::oauth::dialect::Dialect;
use crate::oauth::echo::Sent;
use crate::oauth::exchange::{Credentials, Trade};
use crate::provider::AskError;
use crate::secret::{AccessToken, DpopKey};

/// Timeout for asking whose a token is. The token is served meanwhile.
const DESCRIBE_PATIENCE: Duration = Duration::from_secs(5);

impl Actor {
    pub(super) async fn renew(&mut self, renewal: Renewal) -> RefreshOutcome {
        let account = self.config.name.clone();
        tracing::debug!(%account, "requesting a new token");
        let answer = match self.try_renew(renewal).await {
            Ok(answer) => answer,
            Err(why) => RefreshOutcome::NotSent { why },
        };
        // The sent secrets are redacted already. The access token was not sent, but providers quote it too.
        let answer = match &self.published.load().token {
            Some(held) => {
                let secret = Sent::token(&held.access_token);
                answer.edited(|text| secret.hide(text))
            }
            None => answer,
        };
        if matches!(answer, RefreshOutcome::Granted(_) | RefreshOutcome::Refused(_)) && self.machine.is_cut_off() {
            self.common.slots.recovered(&host(&self.config), self.world.clock.now().boot);
        }
        self.refreshes.count(&answer);
        match &answer {
            RefreshOutcome::Granted(grant) => self.flaws.note(&grant.flaws),
            RefreshOutcome::Refused(refusal) => {
                tracing::warn!(%account, "the provider refused a new token: {refusal}");
                // The secret may have been replaced meanwhile.
                self.credentials = None;
            }
            RefreshOutcome::Busy { why, .. }
            | RefreshOutcome::NotSent { why }
            | RefreshOutcome::CircuitOpen { why, .. } => {
                tracing::warn!(%account, "a new token has to wait: {why}");
            }
            RefreshOutcome::Pending { .. } => tracing::warn!(%account, "the provider answered as to a device login"),
            RefreshOutcome::Lost { why } => {
                tracing::warn!(%account, "it is unknown whether the request arrived: {why}");
            }
        }
        answer
    }

    /// The error is one clause: nothing was sent.
    async fn try_renew(&mut self, renewal: Renewal) -> Result<RefreshOutcome, String> {
        let cancellation = self.cancellation();
        // A lock or stop waits for what was sent, and for nothing before that.
        let priority = renewal.priority;
        let preparing = cancellation.clone().run_until_cancelled(self.prepare(renewal)).await;
        let (dialect, trade, credentials) = match preparing.ok_or(CANCELLED)?? {
            Ok(prepared) => prepared,
            Err(error) => return Ok(provider_call::unsent(error)),
        };
        let sending = self.world.provider.trade_at(priority, &dialect, &trade, &credentials);
        match trade {
            // Client credentials are not used up by a request, so it may be cancelled.
            Trade::ClientCredentials { .. } => {
                cancellation.run_until_cancelled(sending).await.ok_or_else(|| CANCELLED.into())
            }
            _ => Ok(sending.await),
        }
    }

    /// Everything that a request needs. The outer error is one clause.
    async fn prepare(
        &mut self,
        renewal: Renewal,
    ) -> Result<Result<(Arc<Dialect>, Trade, Credentials), AskError>, String> {
        let mut credentials = self.credentials().await?;
        let provider_call = ProviderCall { config: &self.config, world: &self.world };
        let dialect = match provider_call.dialect().await {
            Ok(dialect) => dialect,
            Err(error) => return Ok(Err(error)),
        };
        credentials.dpop_key = provider_call.dpop_key(&renewal)?;
        let trade = provider_call.trade(renewal).await?;
        Ok(Ok((dialect, trade, credentials)))
    }

    pub(super) async fn credentials(&mut self) -> Result<Credentials, String> {
        if let Some(credentials) = &self.credentials {
            return Ok(Credentials::clone(credentials));
        }
        let read = ProviderCall { config: &self.config, world: &self.world }.credentials().await?;
        Ok(Credentials::clone(self.credentials.insert(Box::new(read))))
    }

    /// Best effort: the token is served already.
    /// `key`: the one that it is bound to.
    pub(super) async fn describe(&mut self, token: &AccessToken, key: Option<DpopKey>) -> Option<Box<Described>> {
        if let Some(described) = self.described.take() {
            return Some(described);
        }
        self.cancellation().run_until_cancelled(self.ask_whose(token, key)).await?
    }

    async fn ask_whose(&mut self, token: &AccessToken, key: Option<DpopKey>) -> Option<Box<Described>> {
        let credentials = Credentials { dpop_key: key, ..self.credentials().await.ok()? };
        let dialect = ProviderCall { config: &self.config, world: &self.world }.dialect().await.ok()?;
        let asked = self.world.provider.describe(&dialect, token, &credentials);
        match tokio::time::timeout(DESCRIBE_PATIENCE, asked).await {
            Ok(Ok(described)) => Some(Box::new(described)),
            Ok(Err(error)) => {
                tracing::info!(account = %self.config.name, "the provider did not identify the token's owner: {error}");
                None
            }
            Err(_) => None,
        }
    }
}
