//! Accepts provider metadata whose token endpoint has moved to another host.

use std::sync::Arc;

use super::handle::Broker;
use super::provider_call::provider_error_reply;
use crate::contract::AcceptReply;
use crate::error::{Error, Missing};
use crate::oauth::reply::clean;

impl Broker {
    /// Accepts the provider's metadata although its token endpoint has moved to another host.
    pub(crate) async fn accept_provider(&self, provider: &str) -> Result<AcceptReply, Error> {
        let dialect = {
            let accounts = self.inner.accounts.load();
            let accounts = accounts.members.values().map(|member| &member.config.dialect);
            accounts.into_iter().find(|dialect| dialect.provider == provider).map(Arc::clone)
        };
        let unknown = || Error::Missing(Missing::Provider(clean(provider)));
        let dialect = dialect.ok_or_else(unknown)?;
        let accepted = self.inner.world.provider.accept(&dialect).await;
        let token_url = accepted.map_err(|error| provider_error_reply(provider, error))?;
        Ok(AcceptReply { provider: provider.to_owned(), token_url })
    }
}
