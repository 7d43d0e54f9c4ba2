//! Desktop notifications for accounts that need their user, with a button that opens the login: one notification for
//! all accounts, and one browser tab at a time.

use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use crate::broker::events::Received;
use crate::broker::handle::Broker;
use crate::contract::{AccountHealth, AccountReply, AccountState, EventKind, HealthReply, LoginStatus, LoginVia};
use crate::os::notify::{self, Notice, Untold};

/// Events within this time share a notification: a provider that ends one session may end all of them.
const BATCH_WINDOW: Duration = Duration::from_secs(2);
/// Accounts that a notification names. The others are counted.
const NAMES_SHOWN: usize = 5;
/// Longer than any login may take (`serve.login_timeout`).
const LOGIN_TIMEOUT: Duration = Duration::from_secs(2 * 3600);
/// The button's id.
const LOG_IN: &str = "login";

/// First pause before a failed notification is retried (exponential backoff): the daemon may start before the desktop.
const RETRY_PAUSE: Duration = Duration::from_secs(5);
/// Attempts, until something else happens.
const MAX_ATTEMPTS: u32 = 9;

/// What an account needs the user for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// A login.
    Login,
    /// A login before long.
    Due,
    /// To check why it can't be refreshed.
    Check,
}

impl Need {
    /// What the account needs the user for, if no event said so. A logged-out account needs nothing, nor does one that
    /// was not read yet or whose store is locked.
    fn of(account: &AccountReply) -> Option<Self> {
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

/// Never ends before the broker does.
pub(crate) async fn run(broker: Broker) {
    let mut events = broker.listen();
    let mut notifier = LoginNotifier::new(broker);
    notifier.check_all();
    loop {
        tokio::select! {
            received = events.next() => match received {
                None => return,
                Some(Received::Event(event)) => notifier.handle_event(&event.account, event.event).await,
                Some(Received::Lagged(_)) => notifier.check_all(),
            },
            () = &mut notifier.batch => notifier.show(),
            pressed = &mut notifier.notification => notifier.pressed(pressed).await,
            finished = &mut notifier.login => notifier.login_ended(finished).await,
        }
    }
}

/// A future that is awaited, possibly one that never ends.
type BoxedFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

fn never<T: Send + 'static>() -> BoxedFuture<T> {
    Box::pin(pending())
}

struct LoginNotifier {
    broker: Broker,
    needs: BTreeMap<String, Need>,
    /// Ends when the collected events are to be shown.
    batch: BoxedFuture<()>,
    /// The notification. Dropping it closes it.
    notification: BoxedFuture<Result<Option<String>, Untold>>,
    is_shown: bool,
    /// Failed attempts to show it.
    failures: u32,
    /// Logins to open, one after the other.
    queue: VecDeque<String>,
    /// Ends with the open login: whether it succeeded.
    login: BoxedFuture<bool>,
    is_open: bool,
}

impl LoginNotifier {
    fn new(broker: Broker) -> Self {
        Self {
            broker,
            needs: BTreeMap::new(),
            batch: never(),
            notification: never(),
            is_shown: false,
            failures: 0,
            queue: VecDeque::new(),
            login: never(),
            is_open: false,
        }
    }

    /// At the start, and after missed events. Accounts found this way are shown, but open no browser: that may have
    /// been done before.
    fn check_all(&mut self) {
        for account in self.broker.accounts() {
            match Need::of(&account) {
                Some(need) => _ = self.note(&account.account, need),
                None => self.forget(&account.account),
            }
        }
    }

    async fn handle_event(&mut self, account: &str, event: EventKind) {
        let need = match event {
            EventKind::LoginNeeded => Need::Login,
            EventKind::LoginDue => Need::Due,
            EventKind::Failing => Need::Check,
            EventKind::LoggedIn | EventKind::LoggedOut | EventKind::Refreshed | EventKind::Recovered => {
                return self.forget(account);
            }
        };
        let is_new = self.note(account, need);
        // Once: an unfinished login is not opened again automatically.
        let opens = self.broker.setting(account, |keys| keys.open_login) == Some(true);
        if opens && is_new && need == Need::Login {
            self.queue.push_back(account.to_owned());
            self.next_login_if_none().await;
        }
    }

    /// Whether this need is new.
    fn note(&mut self, account: &str, need: Need) -> bool {
        self.failures = 0;
        if self.broker.setting(account, |keys| keys.notify) == Some(true) {
            self.batch = Box::pin(tokio::time::sleep(BATCH_WINDOW));
        }
        self.needs.insert(account.to_owned(), need) != Some(need)
    }

    fn forget(&mut self, account: &str) {
        self.queue.retain(|name| name != account);
        let known = self.needs.remove(account).is_some();
        if self.needs.is_empty() {
            self.close_notification();
            self.batch = never();
        } else if known && self.is_shown {
            // The notification names one account too many.
            self.batch = Box::pin(tokio::time::sleep(BATCH_WINDOW));
        }
    }

    fn close_notification(&mut self) {
        (self.notification, self.is_shown) = (never(), false);
    }

    /// Shows all accounts with needs, replacing the open notification.
    fn show(&mut self) {
        self.batch = never();
        let broker = &self.broker;
        self.needs.retain(|name, _| broker.setting(name, |_| ()).is_some());
        let shown = self.needs.iter().filter(|(name, _)| broker.setting(name, |keys| keys.notify) == Some(true));
        let shown: Vec<_> = shown.map(|(name, need)| (name.clone(), *need, self.reason(name))).collect();
        self.close_notification();
        if let Some(notice) = notice(&shown) {
            (self.notification, self.is_shown) = (Box::pin(async move { notify::ask(&notice).await }), true);
        }
    }

    fn reason(&self, account: &str) -> String {
        self.broker.account(account).ok().and_then(|account| account.reason).unwrap_or_default()
    }

    async fn pressed(&mut self, pressed: Result<Option<String>, Untold>) {
        self.close_notification();
        match pressed {
            Ok(Some(action)) if action == LOG_IN => {
                let logins = self.needs.iter().filter(|(_, need)| **need != Need::Check);
                self.queue = logins.map(|(name, _)| name.clone()).collect();
                self.next_login_if_none().await;
            }
            Ok(_) => {}
            Err(untold) => {
                tracing::info!("an account needs attention, see `ringback status`: {untold}");
                self.failures += 1;
                if self.failures < MAX_ATTEMPTS {
                    let pause = RETRY_PAUSE.saturating_mul(1 << (self.failures - 1));
                    self.batch = Box::pin(tokio::time::sleep(pause));
                }
            }
        }
    }

    async fn login_ended(&mut self, finished: bool) {
        if !finished {
            // The user is away, or does not want to.
            self.queue.clear();
        }
        self.next_login().await;
    }

    async fn next_login_if_none(&mut self) {
        if !self.is_open {
            self.next_login().await;
        }
    }

    async fn next_login(&mut self) {
        (self.login, self.is_open) = (never(), false);
        while let Some(account) = self.queue.pop_front() {
            // The event of the last login may not have arrived yet.
            if self.broker.account(&account).is_ok_and(|found| found.state == AccountState::Active)
                && self.needs.get(&account) != Some(&Need::Due)
            {
                continue;
            }
            let started = match self.broker.start_login(&account, LoginVia::DaemonBrowser).await {
                Ok(started) => started,
                Err(error) => {
                    tracing::warn!(%account, "the login can't be opened: {error}");
                    continue;
                }
            };
            let broker = self.broker.clone();
            self.is_open = true;
            self.login = Box::pin(async move {
                let ended = broker.login(&started.login_id, LOGIN_TIMEOUT).await;
                ended.is_ok_and(|login| login.status == LoginStatus::Succeeded)
            });
            return;
        }
    }
}

/// The notification for these accounts, each with its need and its reason.
fn notice(shown: &[(String, Need, String)]) -> Option<Notice> {
    let logins = shown.iter().any(|(_, need, _)| *need != Need::Check);
    let title = match shown {
        [] => return None,
        [(name, Need::Login, _)] => format!("{} needs a login", notify::plain(name)),
        [(name, Need::Due, _)] => format!("{} needs a login soon", notify::plain(name)),
        [(name, Need::Check, _)] => format!("{} can't be refreshed", notify::plain(name)),
        more => format!("{} accounts need attention", more.len()),
    };
    let body = match shown {
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
    Some(Notice { title, body, actions: if logins { vec![(LOG_IN, "Log in")] } else { Vec::new() } })
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
            (of(&many), Some("7 accounts need attention | a, b, c, d, e and 2 more | 1")),
        ] {
            assert_eq!(shown.as_deref(), said);
        }
    }
}
