//! Logout of an account: revokes its tokens at the provider where possible, and always deletes them.

use std::sync::Arc;

use super::Actor;
use super::cancellation::CANCELLED;
use crate::account::snapshot::Standing;
use crate::account::state::Event;
use crate::broker::login::fresh_grant::REVOKE_PATIENCE;
use crate::config::AccountConfig;
use crate::contract::{LogoutOutcome, LogoutReply};
use crate::error::Error;
use crate::failpoint;
use crate::oauth::dialect::Revoke;
use crate::oauth::grant::TokenSet;
use crate::provider::RevocationOutcome;

impl Actor {
    pub(super) async fn log_out(&mut self) -> Result<LogoutReply, Error> {
        let before = self.machine.snapshot(&self.config.name);
        if matches!(before.standing, Standing::Unread | Standing::Locked) {
            return Err(before.error(self.world.clock.now()));
        }
        let tokens = self.machine.tokens().cloned();
        let (outcome, detail) = match &tokens {
            None => (LogoutOutcome::NothingStored, "there was nothing to delete".to_owned()),
            // A provider that is shown a replaced refresh token may end a login that was made elsewhere since.
            Some(_) if self.machine.is_restored() => (
                LogoutOutcome::DeletedHereOnly,
                "deleted from this machine only: the state folder was restored from a backup, and the tokens that \
                 replaced its tokens are not known here"
                    .to_owned(),
            ),
            Some(tokens) => self.revoke(tokens).await,
        };
        self.drive(Event::LogOut).await;
        let after = self.machine.snapshot(&self.config.name);
        if after.standing != Standing::SignedOut {
            return Err(after.error(self.world.clock.now()));
        }
        self.scopes.clear();
        tracing::info!(account = %self.config.name, "logged out: {detail}");
        Ok(LogoutReply { account: self.config.name.to_string(), outcome, detail })
    }

    async fn revoke(&mut self, tokens: &TokenSet) -> (LogoutOutcome, String) {
        let config = Arc::clone(&self.config);
        let snapshot = self.machine.snapshot(&config.name);
        let expired =
            snapshot.token.is_some_and(|token| token.deadline.is_some_and(|at| self.world.clock.now().reached(at)));
        if expired && matches!(config.dialect.revoke, Revoke::DeleteBearer(_)) {
            return here_only("the access token had expired, and this provider revokes no other token");
        }
        let cancellation = self.cancellation();
        let revoking = self.revoke_at_provider(tokens, &config);
        cancellation.run_until_cancelled(revoking).await.unwrap_or_else(|| here_only(CANCELLED))
    }

    async fn revoke_at_provider(&mut self, tokens: &TokenSet, config: &AccountConfig) -> (LogoutOutcome, String) {
        let credentials = match self.credentials().await {
            Ok(credentials) => credentials,
            Err(why) => return here_only(&why),
        };
        let dialect = match self.world.provider.resolve(&config.dialect).await {
            Ok(dialect) => dialect,
            Err(error) => return here_only(&error.to_string()),
        };
        let asked = self.world.provider.revoke(&dialect, tokens, &credentials);
        match tokio::time::timeout(failpoint::patience(REVOKE_PATIENCE), asked).await {
            Ok(Ok(RevocationOutcome::Complete)) => (
                LogoutOutcome::RevokedAtProvider,
                "revoked at the provider (which may take some minutes to take effect) and deleted from this machine"
                    .into(),
            ),
            Ok(Ok(RevocationOutcome::AccessTokenLives(why))) => (
                LogoutOutcome::RevokedAtProvider,
                format!(
                    "deleted from this machine, and the refresh token was revoked at the provider; the access token was \
                     not ({why}), and may work until it expires"
                ),
            ),
            Ok(Ok(RevocationOutcome::Unsupported)) => here_only("the provider has no revocation endpoint"),
            Ok(Err(why)) => here_only(&why),
            Err(_) => here_only("the provider did not answer"),
        }
    }
}

fn here_only(why: &str) -> (LogoutOutcome, String) {
    (LogoutOutcome::DeletedHereOnly, format!("deleted from this machine only: {why}"))
}
