//! Which token an app got last as an OAuth client, so that asking for it again can be told from the first time.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::key::Digest;

/// A digest of the last token, by account; in memory only. It has no more entries than there are accounts.
#[derive(Debug, Default)]
pub(crate) struct HandedOut {
    last: Mutex<BTreeMap<String, Digest>>,
}

impl HandedOut {
    /// Notes that the app got `token` of `account`.
    pub(crate) fn note(&self, account: &str, token: &str) {
        let digest = Digest::of(token);
        self.last.lock().unwrap_or_else(PoisonError::into_inner).insert(account.to_owned(), digest);
    }

    /// Whether `token` is the one that it got last.
    pub(crate) fn was_last(&self, account: &str, token: &str) -> bool {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(account) == Some(&Digest::of(token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_token_of_each_account_is_known() {
        let handed_out = HandedOut::default();
        assert!(!handed_out.was_last("work", "a"));
        handed_out.note("work", "a");
        handed_out.note("home", "b");
        assert!(
            handed_out.was_last("work", "a") && !handed_out.was_last("work", "b") && !handed_out.was_last("home", "a")
        );
        handed_out.note("work", "b");
        assert!(handed_out.was_last("work", "b") && !handed_out.was_last("work", "a"));
        assert!(format!("{handed_out:?}").contains("Digest[..]"), "no digest is printed");
    }
}
