//! Policies of accounts that are equal are kept once: most of many accounts have the same provider and client.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::account::state::{Policy, Reacquire, RefreshPlan};
use crate::config::AccountConfig;
use crate::oauth::grant::GrantType;

/// The newest of the policies that are looked at.
const LOOKED_AT: usize = 16;

/// The policies that accounts have got, the newest last.
#[derive(Debug, Default)]
pub(in crate::broker) struct SharedPolicies(Mutex<Vec<Weak<Policy>>>);

impl SharedPolicies {
    /// The policy of an account with this config.
    pub(super) fn of(&self, config: &AccountConfig) -> Arc<Policy> {
        let has_password = config.user.as_ref().is_some_and(|user| user.password.is_some());
        let reacquire = match config.grant {
            GrantType::ClientCredentials => Reacquire::Always,
            GrantType::Password if has_password => Reacquire::WhileActive,
            _ => Reacquire::No,
        };
        let plan = RefreshPlan { lazy: config.keys.lazy, at_least: config.keys.refresh_at_least };
        self.shared(Policy::new(&config.dialect, config.binding(), reacquire, plan))
    }

    /// The same policy, as another account has it if there is one.
    fn shared(&self, policy: Policy) -> Arc<Policy> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = known.iter().rev().take(LOOKED_AT).filter_map(Weak::upgrade);
        if let Some(same) = newest.into_iter().find(|known| **known == policy) {
            return same;
        }
        let policy = Arc::new(policy);
        // Those before are not looked at again.
        let surplus = known.len().saturating_sub(LOOKED_AT - 1);
        known.drain(..surplus);
        known.push(Arc::downgrade(&policy));
        policy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::dialect::Dialect;
    use crate::oauth::grant::Binding;

    #[test]
    fn equal_policies_are_kept_once_while_somebody_has_them() {
        let policy = |client: &str| {
            let binding = Binding { provider: "p".into(), token_url: "u".into(), client_id: client.into() };
            Policy::new(&Dialect::default(), binding, Reacquire::No, RefreshPlan::default())
        };
        let shared = SharedPolicies::default();
        let (one, other, again) = (shared.shared(policy("a")), shared.shared(policy("b")), shared.shared(policy("a")));
        assert!(Arc::ptr_eq(&one, &again) && !Arc::ptr_eq(&one, &other));
        assert_eq!(*other, policy("b"));
        for n in 0..100 {
            drop(shared.shared(policy(&n.to_string())));
        }
        assert!(shared.0.lock().unwrap().len() <= LOOKED_AT);
    }
}
