//! What the users of the accounts are asked about scope: in memory, beside each account's task.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::account::more_scope::MoreScope;
use crate::config::AccountConfig;
use crate::oauth::scope::add_missing;

/// What an account's user is asked about scope. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::broker) struct ScopeQuestions {
    more: Arc<Mutex<MoreScope>>,
    /// Rung after each change, for all accounts together.
    bell: watch::Sender<()>,
}

impl ScopeQuestions {
    pub(in crate::broker) fn new(bell: watch::Sender<()>) -> Self {
        Self { more: Arc::default(), bell }
    }

    /// What was asked and answered.
    pub(in crate::broker) fn more(&self) -> MutexGuard<'_, MoreScope> {
        self.more.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `change` says whether it changed something; then the bell is rung.
    pub(in crate::broker) fn change(&self, change: impl FnOnce(&mut MoreScope) -> bool) -> bool {
        // The lock is free again before anybody is woken.
        let changed = change(&mut self.more());
        if changed {
            self.bell.send_replace(());
        }
        changed
    }

    /// A login that asked for `scope` has succeeded.
    pub(in crate::broker) fn logged_in(&self, scope: &[String], config: &AccountConfig) {
        self.change(|more| more.logged_in(scope, &config.target.scope));
    }

    /// Nothing that was asked or answered is true of the account any more.
    pub(in crate::broker) fn clear(&self) {
        self.change(MoreScope::clear);
    }

    /// The same if the account's scopes are now those of another server.
    pub(in crate::broker) fn reconfigured(&self, before: &AccountConfig, after: &AccountConfig) {
        let upstream = |config: &AccountConfig| config.proxied.as_ref().map(|proxied| proxied.upstream.clone());
        let is_same = before.dialect == after.dialect
            && before.client_id == after.client_id
            && upstream(before) == upstream(after);
        if !is_same {
            self.clear();
        }
    }

    /// The scope that a login asks for: the config's, what earlier ones got besides, and `agreed`, as the user was shown
    /// it. `None`: something of that was never asked.
    pub(in crate::broker) fn of_login(&self, config: &AccountConfig, agreed: &str) -> Option<Vec<String>> {
        let more = self.more();
        let agreed: Vec<&str> = agreed.split_ascii_whitespace().collect();
        if !agreed.iter().all(|scope| more.was_asked(scope)) {
            return None;
        }
        let mut scope = config.target.scope.clone();
        add_missing(&mut scope, more.requested().map(String::as_str).chain(agreed));
        Some(scope)
    }
}
