//! What the status page says of accounts and of the logins that wait for an answer, as rows of text.

use super::shown::{Bar, ShownTime, cut};
use crate::clock::Wall;
use crate::contract::{AccountHealth, AccountReply, AccountState, ExpiryWord, ProxyReply, ProxyUse, whose};

/// An account, in words.
pub(super) struct AccountRow {
    pub(super) name: String,
    pub(super) provider: String,
    pub(super) class: &'static str,
    pub(super) state: &'static str,
    /// Somebody has to act.
    pub(super) needs_somebody: bool,
    pub(super) is_usable: bool,
    /// It has no valid token, and gets one when a program asks.
    pub(super) is_idle: bool,
    /// A token's life.
    pub(super) life: Option<Bar>,
    pub(super) expires: Option<ShownTime>,
    pub(super) refresh: Option<ShownTime>,
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) times: Vec<(&'static str, ShownTime)>,
    pub(super) trouble: Option<String>,
    pub(super) can: AccountButtons,
}

/// What can be done about an account.
pub(super) struct AccountButtons {
    pub(super) log_in: bool,
    pub(super) refresh: bool,
    pub(super) log_out: bool,
}

/// A login that waits for an answer, in words.
pub(super) struct LoginRow {
    pub(super) account: String,
    pub(super) login: String,
    pub(super) current: String,
    pub(super) new: String,
}

/// A question about scope, in words.
pub(super) struct ScopeRow {
    pub(super) account: String,
    pub(super) scope: String,
    pub(super) who: String,
    pub(super) upstream: String,
}

/// What is asked about the account's scope, if anything. The scope is not cut: what is agreed to has to be seen.
pub(super) fn scope_row(account: &AccountReply) -> Option<ScopeRow> {
    let proxy = account.proxy.as_ref()?;
    let wanted = proxy.scope_wanted.as_ref()?;
    Some(ScopeRow {
        account: account.account.clone(),
        scope: wanted.scope.clone(),
        who: cut(&wanted.who()),
        upstream: cut(&proxy.upstream),
    })
}

pub(super) fn row(account: &AccountReply, now: Wall) -> AccountRow {
    let health = account.health_at(now.unix_seconds());
    let (class, state) = match (account.state, health.now) {
        (AccountState::SignedOut, _) => ("notice", "nobody has logged in"),
        (AccountState::NeedsLogin, _) => ("bad", "needs a login"),
        (AccountState::StoreUnavailable, _) => ("bad", "its tokens can't be read"),
        (_, AccountHealth::StoreUnavailable) => ("bad", "has no valid token, and a new one could not be stored"),
        (_, AccountHealth::NeedsUser) => ("bad", "has no valid token, and needs attention"),
        (AccountState::Starting, _) => ("notice", "is getting its first token"),
        (_, AccountHealth::Usable) => ("good", "has a valid token"),
        (_, AccountHealth::Idle) => ("good", "has no valid token, and gets one when a program asks"),
        (_, AccountHealth::Ending) => ("notice", "has a valid token, but can't get a new one"),
        (_, AccountHealth::Recovering | AccountHealth::Other) => ("bad", "has no valid token; retrying"),
    };
    let time = |at: Option<i64>| at.map(|at| ShownTime::of(at, now));
    let expiry = account.expiry.map(|expiry| match expiry {
        ExpiryWord::Never => "never",
        ExpiryWord::Unknown => "the provider did not say",
    });
    let facts = [
        ("Whose", whose(&account.identity)),
        ("Scope", account.scope.clone().filter(|scope| !scope.is_empty())),
        ("Proxy", account.proxy.as_ref().and_then(|proxy| proxy.base_url.clone())),
        ("Forwarded", account.proxy.as_ref().and_then(forwarded)),
        ("Expires", expiry.map(str::to_owned)),
        ("Login", account.login_pending.as_ref().map(|_| login(account).to_owned())),
    ];
    let times = [
        ("Logged in", time(account.logged_in_at)),
        ("Usable until", time(health.until)),
        ("Login due", time(account.login_due_at)),
    ];
    let error = account.last_error.as_ref().map(|error| error.error_description.clone());
    let holds = matches!(account.state, AccountState::Active | AccountState::NeedsLogin);
    let span = account.obtained_at.zip(account.expires_at);
    AccountRow {
        name: account.account.clone(),
        provider: cut(&account.provider),
        class,
        state,
        needs_somebody: account.attention_needed,
        is_usable: matches!(health.now, AccountHealth::Usable | AccountHealth::Ending),
        is_idle: health.now == AccountHealth::Idle,
        life: span.and_then(|(from, to)| Bar::of(from, to, account.next_refresh_at, now)),
        expires: time(account.expires_at),
        refresh: time(account.next_refresh_at),
        facts: facts.into_iter().filter_map(|(name, value)| Some((name, cut(&value?)))).collect(),
        times: times.into_iter().filter_map(|(name, at)| Some((name, at?))).collect(),
        // Where the state says it all, that is enough.
        trouble: account.reason.clone().or(error).map(|why| cut(&why)).filter(|why| !why.starts_with(state)),
        can: AccountButtons {
            log_in: account.state != AccountState::StoreUnavailable,
            refresh: account.refreshable && holds,
            log_out: holds,
        },
    }
}

/// How much the proxy was used; `None`: it was not.
fn forwarded(proxy: &ProxyReply) -> Option<String> {
    let sum = |of: fn(&ProxyUse) -> u64| proxy.uses.iter().map(of).sum::<u64>();
    let (requests, refused) = (sum(|uses| uses.requests), sum(|uses| uses.refused));
    (requests + refused > 0).then(|| format!("{requests} requests to {}, {refused} refused", proxy.upstream))
}

fn login(account: &AccountReply) -> &'static str {
    if account.login_confirm.is_some() { "waits for an answer" } else { "in progress" }
}

/// The id of the account's login and what it asks, if it waits for an answer.
pub(super) fn login_row(account: &AccountReply) -> Option<LoginRow> {
    let (login, confirm) = account.login_pending.clone().zip(account.login_confirm.as_ref())?;
    let (current, new) = confirm.in_words();
    Some(LoginRow { account: account.account.clone(), login, current: cut(&current), new: cut(&new) })
}

/// How many wrong keys were shown, if any were.
pub(super) fn wrong_keys(count: u64) -> Option<String> {
    match count {
        0 => None,
        1 => Some("1 wrong key was shown".into()),
        _ => Some(format!("{count} wrong keys were shown")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(json: &str) -> AccountReply {
        let whole = format!(
            r#"{{"account":"work","provider":"p","state":"active","attention_needed":false,"refreshable":true,"generation":1{json}}}"#
        );
        serde_json::from_str(&whole).unwrap()
    }

    #[test]
    fn a_token_has_a_bar_with_its_next_refresh_if_its_life_is_known() {
        let whole = row(&account(r#","obtained_at":100,"expires_at":200,"next_refresh_at":180"#), Wall(120_000));
        let life = whole.life.unwrap();
        assert_eq!((life.passed, life.refresh), (200, Some(800)));
        assert_eq!((whole.class, whole.is_usable, whole.needs_somebody), ("good", true, false));
        assert!(row(&account(r#","expires_at":200"#), Wall(0)).life.is_none());
        let never = row(&account(r#","expiry":"never""#), Wall(0));
        assert!(never.life.is_none() && never.facts.contains(&("Expires", "never".into())));
    }

    #[test]
    fn a_lazy_account_is_idle_once_its_token_has_expired() {
        let health = r#","expires_at":200,"health":"idle""#;
        let idle = row(&account(health), Wall(300_000));
        assert_eq!((idle.class, idle.is_usable, idle.is_idle, idle.needs_somebody), ("good", false, true, false));
    }

    #[test]
    fn wrong_keys_are_counted_in_words() {
        for (count, told) in [(0, None), (1, Some("1 wrong key was shown")), (2, Some("2 wrong keys were shown"))] {
            assert_eq!(wrong_keys(count).as_deref(), told);
        }
    }
}
