//! The rights of an app. Pure.

use std::collections::BTreeSet;

use crate::reverse_proxy::rules::ProxyRules;

/// What the key of an app allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rights {
    /// Only these accounts; `None`: all, including accounts added later.
    pub(crate) accounts: Option<BTreeSet<String>>,
    /// Only tokens with no more than these scopes (RFC 6749 §3.3); `None`: any.
    pub(crate) scopes: Option<BTreeSet<String>>,
    /// Whether it may change anything: log in and out, refresh, accept a provider's new address.
    pub(crate) write: bool,
    /// Only requests through the proxy that these rules allow, and no token; `None`: tokens, and any request.
    pub(crate) proxy: Option<ProxyRules>,
}

impl Rights {
    /// Every right.
    pub(crate) const ALL: Self = Self { accounts: None, scopes: None, write: true, proxy: None };

    /// Whether the account of this name (its own, not `default`) may be read.
    pub(crate) fn cover(&self, account: &str) -> bool {
        self.accounts.as_ref().is_none_or(|accounts| accounts.contains(account))
    }

    /// Whether it has every right.
    pub(crate) fn is_all(&self) -> bool {
        *self == Self::ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn accounts_are_a_limit_where_they_are_named() {
        let limited =
            Rights { accounts: Some(set(&["work"])), scopes: Some(set(&["read", "list"])), write: false, proxy: None };
        assert!(limited.cover("work") && !limited.cover("home") && !limited.is_all());
        assert!(Rights::ALL.cover("anything") && Rights::ALL.is_all());
        assert!(!Rights { proxy: Some(ProxyRules::default()), ..Rights::ALL }.is_all());
        assert!(!Rights { accounts: Some(set(&[])), ..Rights::ALL }.cover("work"));
    }
}
