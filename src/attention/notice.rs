//! What a notification says: who needs the user for what.

use crate::contract::{AccountHealth, AccountReply, AccountState, HealthReply};
use crate::os::notify::{self, Notice};

/// Accounts that a notification names. The others are counted.
const NAMES_SHOWN: usize = 5;
/// The button's id.
pub(super) const LOG_IN: &str = "login";

/// What an account needs the user for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// A login.
    Login,
    /// A login before long.
    Due,
    /// To check why it can't be refreshed.
    Check,
    /// An answer: whether a login asks for more scope.
    Scope,
}

impl Need {
    /// What the account needs the user for, if no event said so. A logged-out account needs nothing, nor does one that
    /// was not read yet or whose store is locked.
    pub(super) fn of(account: &AccountReply) -> Option<Self> {
        let heals = |health: &HealthReply| health.then.is_none_or(|then| then == AccountHealth::Recovering);
        let health = account.health.as_ref()?;
        match (account.state, health.now) {
            (AccountState::NeedsLogin, _) => Some(Self::Login),
            (AccountState::SignedOut | AccountState::StoreUnavailable, _)
            | (_, AccountHealth::Usable | AccountHealth::Idle) => None,
            (_, AccountHealth::Ending) if heals(health) => None,
            (_, AccountHealth::Ending) if account.last_error.is_none() => Some(Self::Due),
            (_, _) => account.last_error.as_ref().map(|_| Self::Check),
        }
    }
}

/// Whether the user sees all of a question: else no button agrees to it.
pub(super) fn is_shown_whole(asks: &str) -> bool {
    notify::plain(asks) == asks
}

/// The notification for these accounts, each with its need and its reason.
pub(super) fn notice(shown: &[(String, Need, String)]) -> Option<Notice> {
    let logins = shown.iter().any(|(_, need, _)| matches!(need, Need::Login | Need::Due));
    let title = match shown {
        [] => return None,
        [(name, Need::Login, _)] => format!("{} needs a login", notify::plain(name)),
        [(name, Need::Due, _)] => format!("{} needs a login soon", notify::plain(name)),
        [(name, Need::Check, _)] => format!("{} can't be refreshed", notify::plain(name)),
        [(name, Need::Scope, _)] => format!("Log in to {} with more scope?", notify::plain(name)),
        more => format!("{} accounts need attention", more.len()),
    };
    let body = match shown {
        [(_, Need::Scope, asks)] => format!("{}. `ringback status` has the answers.", notify::plain(asks)),
        [(_, _, reason)] => notify::plain(reason),
        more => {
            let names =
                more.iter().take(NAMES_SHOWN).map(|(name, ..)| notify::plain(name)).collect::<Vec<_>>().join(", ");
            match more.len().saturating_sub(NAMES_SHOWN) {
                0 => names,
                others => format!("{names} and {others} more"),
            }
        }
    };
    let actions = match shown {
        [(_, Need::Scope, asks)] if is_shown_whole(asks) => vec![(LOG_IN, "Log in with it")],
        _ if logins => vec![(LOG_IN, "Log in")],
        _ => Vec::new(),
    };
    Some(Notice { title, body, actions })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn where_events_were_missed_the_health_says_who_needs_what() {
        for (state, health, error, need) in [
            ("active", json!({"health": "usable"}), false, None),
            ("active", json!({"health": "ending", "health_then": "recovering"}), true, None),
            ("active", json!({"health": "ending", "health_then": "needs_user"}), false, Some(Need::Due)),
            ("active", json!({"health": "ending", "health_then": "needs_user"}), true, Some(Need::Check)),
            ("active", json!({"health": "recovering"}), true, Some(Need::Check)),
            ("active", json!({"health": "needs_user"}), true, Some(Need::Check)),
            ("starting", json!({"health": "recovering"}), false, None),
            ("starting", json!({"health": "recovering"}), true, Some(Need::Check)),
            ("needs_login", json!({"health": "needs_user"}), false, Some(Need::Login)),
            ("needs_login", json!({"health": "ending", "health_then": "needs_user"}), false, Some(Need::Login)),
            ("signed_out", json!({"health": "needs_user"}), false, None),
            ("store_unavailable", json!({"health": "store_unavailable"}), true, None),
        ] {
            let mut account = json!({
                "account": "work", "provider": "p", "state": state, "attention_needed": true, "refreshable": true,
                "generation": 1,
            });
            let members = account.as_object_mut().unwrap();
            members.extend(health.as_object().unwrap().clone());
            if error {
                let error = json!({"error": "provider_unreachable", "error_description": "w", "at": 1, "failures": 1});
                members.insert("last_error".into(), error);
            }
            let said = account.to_string();
            let account: AccountReply = serde_json::from_value(account).expect(&said);
            assert!(account.health.is_some(), "{said}");
            assert_eq!(Need::of(&account), need, "{said}");
        }
    }

    #[test]
    fn one_notification_says_who_needs_what() {
        let of = |names: &[(&str, Need)]| {
            let shown: Vec<_> =
                names.iter().map(|(name, need)| ((*name).to_owned(), *need, "why".to_owned())).collect();
            notice(&shown).map(|n| format!("{} | {} | {}", n.title, n.body, n.actions.len()))
        };
        let many: Vec<_> = ["a", "b", "c", "d", "e", "f", "g"].map(|name| (name, Need::Login)).into();
        for (shown, said) in [
            (of(&[]), None),
            (of(&[("work", Need::Login)]), Some("work needs a login | why | 1")),
            (of(&[("work", Need::Due)]), Some("work needs a login soon | why | 1")),
            (of(&[("work", Need::Check)]), Some("work can't be refreshed | why | 0")),
            (of(&[("home", Need::Check), ("work", Need::Login)]), Some("2 accounts need attention | home, work | 1")),
            (
                of(&[("work", Need::Scope)]),
                Some("Log in to work with more scope? | why. `ringback status` has the answers. | 1"),
            ),
            (of(&[("home", Need::Scope), ("work", Need::Login)]), Some("2 accounts need attention | home, work | 1")),
            (of(&[("home", Need::Scope), ("work", Need::Check)]), Some("2 accounts need attention | home, work | 0")),
            (of(&many), Some("7 accounts need attention | a, b, c, d, e and 2 more | 1")),
        ] {
            assert_eq!(shown.as_deref(), said);
        }
    }
}
