//! Which account a URL is for, among those that a caller may see.

use super::accounts::Accounts;
use super::handle::Broker;
use crate::config::AccountConfig;
use crate::contract::AccountUrl;
use crate::error::Error;
use crate::oauth::api_url::{ApiUrl, Candidate, NotOne, account_for};

impl Broker {
    /// Every URL that accounts' tokens are for, of the accounts that the caller `sees`, by account.
    pub(crate) fn api_urls(&self, sees: impl Fn(&str) -> bool) -> Vec<AccountUrl> {
        let accounts = self.inner.accounts.load();
        let visible = accounts.members.iter().filter(|(name, _)| sees(name));
        visible.flat_map(|(name, member)| of_account(name, &member.config)).collect()
    }

    /// The account that `url` is for, among those that the caller `sees`: the others are as if they did not exist.
    pub(crate) fn account_for(&self, url: &str, sees: impl Fn(&str) -> bool) -> Result<AccountUrl, Error> {
        let url = ApiUrl::parse(url).map_err(|why| Error::Usage { what: format!("`url` {why}") })?;
        let accounts = self.inner.accounts.load();
        match account_for(&url, candidates(&accounts, &sees)) {
            Ok(name) => accounts.find(name).map(|(name, member)| account_url(name, &member.config, url.to_string())),
            Err(NotOne::Nobody) => {
                let mut known: Vec<_> = self.api_urls(&sees).into_iter().map(|known| known.url).collect();
                known.sort();
                known.dedup();
                Err(Error::NoAccountForUrl { url: url.to_string(), known })
            }
            Err(NotOne::Several(accounts)) => Err(Error::SeveralForUrl { url: url.to_string(), accounts }),
        }
    }
}

fn candidates<'a>(accounts: &'a Accounts, sees: &impl Fn(&str) -> bool) -> impl Iterator<Item = Candidate<'a>> {
    let default = accounts.config.default_account.as_deref();
    accounts.members.iter().filter(|(name, _)| sees(name)).map(move |(name, member)| Candidate {
        account: name,
        api_urls: member.config.api_urls(),
        issuer: member.config.dialect.issuer.as_deref(),
        is_default: default == Some(name),
    })
}

fn of_account(name: &str, config: &AccountConfig) -> Vec<AccountUrl> {
    config.api_urls().iter().map(|url| account_url(name, config, url.to_string())).collect()
}

fn account_url(name: &str, config: &AccountConfig, url: String) -> AccountUrl {
    AccountUrl { url, account: name.to_owned(), username: config.keys.credential_username.clone() }
}
