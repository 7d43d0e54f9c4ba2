//! What token files need of the accounts: the tokens as they are published, and when that changes. Nobody waits for a token
//! here, and none is requested.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::handle::Broker;
use super::token::bound::is_handed_out;
use crate::clock::Moment;
use crate::config::AccountConfig;
use crate::secret::AccessToken;

/// An account with token files.
pub(crate) struct FileAccount {
    /// Its config, with the files.
    pub(crate) config: Arc<AccountConfig>,
    /// The token that its callers get at this moment, if they get one.
    pub(crate) token: Option<FileToken>,
}

/// A token that is valid.
pub(crate) struct FileToken {
    /// The token.
    pub(crate) access_token: AccessToken,
    /// When it expires, if that is known.
    pub(crate) deadline: Option<Moment>,
}

impl Broker {
    /// The accounts that have token files.
    pub(crate) fn file_accounts(&self) -> Vec<FileAccount> {
        let (accounts, now) = (self.inner.accounts.load(), self.inner.world.clock.now());
        let with_files = accounts.members.values().filter(|member| !member.config.keys.file.is_empty());
        let account = with_files.map(|member| {
            let snapshot = member.handle.published.load();
            // Locked at once, also while an account is still finishing.
            let served = snapshot.token.as_ref().filter(|_| !self.inner.lock.is_locked());
            let served = served.filter(|served| served.dpop_key.is_none() || is_handed_out(&member.config, false));
            let valid = served.filter(|served| served.deadline.is_none_or(|deadline| !now.reached(deadline)));
            let token =
                valid.map(|served| FileToken { access_token: served.access_token.clone(), deadline: served.deadline });
            FileAccount { config: Arc::clone(&member.config), token }
        });
        account.collect()
    }

    /// Notified when an account with token files, or the config, has changed.
    pub(crate) fn file_changes(&self) -> watch::Receiver<()> {
        self.inner.common.file_changes.subscribe()
    }

    /// Why token files can't be written, by account. Shown in its status.
    pub(crate) fn set_file_errors(&self, errors: BTreeMap<String, String>) {
        self.inner.file_errors.store(Arc::new(errors));
    }
}
