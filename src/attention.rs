//! Tells the user on the desktop that accounts need them, with a button that opens the login: one notification for
//! all of them, and one browser tab at a time.

use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use crate::broker::events::Received;
use crate::broker::handle::Broker;
use crate::contract::{AccountHealth, AccountReply, AccountState, EventKind, HealthReply, LoginStatus, LoginVia};
use crate::notify::{self, Notice, Untold};

/// What comes within this time is told together: a provider that ends one session may end all of them.
const GATHERED: Duration = Duration::from_secs(2);
/// Accounts that a notification names; it counts the others.
const NAMED: usize = 5;
/// Longer than any login may take (`serve.login_timeout`).
const LOGIN: Duration = Duration::from_secs(2 * 3600);
/// The button's id.
const LOG_IN: &str = "login";

/// A desktop that can't be told is tried again after so long, and then ever more seldom: a daemon may be there before
/// the desktop is.
const TRIED_AGAIN: Duration = Duration::from_secs(5);
/// How often, until something else happens.
const TRIES: u32 = 9;

/// What an account needs the user for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// A login.
    Login,
    /// A login before long.
    Due,
    /// A look at why it can't be refreshed.
    Look,
}

impl Need {
    /// What the account needs the user for, where no event told. Nobody logs in again to what was logged out of, and
    /// an account that was not read yet, or whose store is locked, needs nothing of its own.
    fn of(account: &AccountReply) -> Option<Self> {
        let heals = |health: &HealthReply| health.then.is_none_or(|then| then == AccountHealth::Recovering);
        let health = account.health.as_ref()?;
        match (account.state, health.now) {
            (AccountState::NeedsLogin, _) => Some(Self::Login),
            (AccountState::SignedOut | AccountState::StoreUnavailable, _) | (_, AccountHealth::Usable) => None,
            (_, AccountHealth::Ending) if heals(health) => None,
            (_, AccountHealth::Ending) if account.last_error.is_none() => Some(Self::Due),
            (_, _) => account.last_error.as_ref().map(|_| Self::Look),
        }
    }
}

/// Never ends before the broker does.
pub async fn call_for(broker: Broker) {
    let mut heard = broker.listen();
    let mut desk = LoginNotifier::new(broker);
    desk.look_at_all();
    loop {
        tokio::select! {
            happening = heard.next() => match happening {
                None => return,
                Some(Received::Event(event)) => desk.take_in(&event.account, event.event).await,
                Some(Received::Missed(_)) => desk.look_at_all(),
            },
            () = &mut desk.gathering => desk.show(),
            pressed = &mut desk.screen => desk.pressed(pressed).await,
            finished = &mut desk.login => desk.login_ended(finished).await,
        }
    }
}

/// Something that is waited for, or nothing.
type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

fn nothing<T: Send + 'static>() -> Later<T> {
    Box::pin(pending())
}

struct LoginNotifier {
    broker: Broker,
    needs: BTreeMap<String, Need>,
    /// Ends when what came together is to be shown.
    gathering: Later<()>,
    /// The notification. Whoever drops it takes it from the screen.
    screen: Later<Result<Option<String>, Untold>>,
    is_shown: bool,
    /// How often the desktop could not be told.
    untold: u32,
    /// Logins to be opened, one after the other.
    queue: VecDeque<String>,
    /// Ends with the one that is open; whether somebody finished it.
    login: Later<bool>,
    is_open: bool,
}

impl LoginNotifier {
    fn new(broker: Broker) -> Self {
        Self {
            broker,
            needs: BTreeMap::new(),
            gathering: nothing(),
            screen: nothing(),
            is_shown: false,
            untold: 0,
            queue: VecDeque::new(),
            login: nothing(),
            is_open: false,
        }
    }

    /// At the start, and where events were missed. What is found so is told, and opens no browser: nobody knows
    /// whether that was done before.
    fn look_at_all(&mut self) {
        for account in self.broker.accounts() {
            match Need::of(&account) {
                Some(need) => _ = self.note(&account.account, need),
                None => self.forget(&account.account),
            }
        }
    }

    async fn take_in(&mut self, account: &str, event: EventKind) {
        let need = match event {
            EventKind::LoginNeeded => Need::Login,
            EventKind::LoginDue => Need::Due,
            EventKind::Failing => Need::Look,
            EventKind::LoggedIn | EventKind::LoggedOut | EventKind::Refreshed | EventKind::Recovered => {
                return self.forget(account);
            }
        };
        let is_new = self.note(account, need);
        // Once: what nobody finished is not opened again by itself.
        if self.broker.setting(account, |keys| keys.open_login) == Some(true) && is_new && need == Need::Login {
            self.queue.push_back(account.to_owned());
            self.next_login_if_none().await;
        }
    }

    /// Whether that is new.
    fn note(&mut self, account: &str, need: Need) -> bool {
        self.untold = 0;
        if self.broker.setting(account, |keys| keys.notify) == Some(true) {
            self.gathering = Box::pin(tokio::time::sleep(GATHERED));
        }
        self.needs.insert(account.to_owned(), need) != Some(need)
    }

    fn forget(&mut self, account: &str) {
        self.queue.retain(|name| name != account);
        let known = self.needs.remove(account).is_some();
        if self.needs.is_empty() {
            self.take_away();
            self.gathering = nothing();
        } else if known && self.is_shown {
            // It names one too many.
            self.gathering = Box::pin(tokio::time::sleep(GATHERED));
        }
    }

    fn take_away(&mut self) {
        (self.screen, self.is_shown) = (nothing(), false);
    }

    /// Shows all who want it, in the place of what is on the screen.
    fn show(&mut self) {
        self.gathering = nothing();
        let broker = &self.broker;
        self.needs.retain(|name, _| broker.setting(name, |_| ()).is_some());
        let shown = self.needs.iter().filter(|(name, _)| broker.setting(name, |keys| keys.notify) == Some(true));
        let shown: Vec<_> = shown.map(|(name, need)| (name.clone(), *need, self.reason(name))).collect();
        self.take_away();
        if let Some(notice) = notice(&shown) {
            (self.screen, self.is_shown) = (Box::pin(async move { notify::ask(&notice).await }), true);
        }
    }

    fn reason(&self, account: &str) -> String {
        self.broker.account(account).ok().and_then(|account| account.reason).unwrap_or_default()
    }

    async fn pressed(&mut self, pressed: Result<Option<String>, Untold>) {
        self.take_away();
        match pressed {
            Ok(Some(action)) if action == LOG_IN => {
                let logins = self.needs.iter().filter(|(_, need)| **need != Need::Look);
                self.queue = logins.map(|(name, _)| name.clone()).collect();
                self.next_login_if_none().await;
            }
            Ok(_) => {}
            Err(untold) => {
                tracing::info!("an account needs you, see `ringback status`: {untold}");
                self.untold += 1;
                if self.untold < TRIES {
                    let pause = TRIED_AGAIN.saturating_mul(1 << (self.untold - 1));
                    self.gathering = Box::pin(tokio::time::sleep(pause));
                }
            }
        }
    }

    async fn login_ended(&mut self, finished: bool) {
        if !finished {
            // Nobody is there, or somebody has had enough.
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
        (self.login, self.is_open) = (nothing(), false);
        while let Some(account) = self.queue.pop_front() {
            // What came of the last one may not have been heard yet.
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
                let ended = broker.login(&started.login_id, LOGIN).await;
                ended.is_ok_and(|login| login.status == LoginStatus::Succeeded)
            });
            return;
        }
    }
}

/// What is shown for these accounts, each with its need and its reason.
fn notice(shown: &[(String, Need, String)]) -> Option<Notice> {
    let logins = shown.iter().any(|(_, need, _)| *need != Need::Look);
    let title = match shown {
        [] => return None,
        [(name, Need::Login, _)] => format!("{} needs a login", notify::plain(name)),
        [(name, Need::Due, _)] => format!("{} needs a login soon", notify::plain(name)),
        [(name, Need::Look, _)] => format!("{} can't be refreshed", notify::plain(name)),
        more => format!("{} accounts need you", more.len()),
    };
    let body = match shown {
        [(_, _, reason)] => notify::plain(reason),
        more => {
            let names = more.iter().take(NAMED).map(|(name, ..)| notify::plain(name)).collect::<Vec<_>>().join(", ");
            match more.len().saturating_sub(NAMED) {
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
            ("active", json!({"health": "ending", "health_then": "needs_user"}), true, Some(Need::Look)),
            ("active", json!({"health": "recovering"}), true, Some(Need::Look)),
            ("active", json!({"health": "needs_user"}), true, Some(Need::Look)),
            ("starting", json!({"health": "recovering"}), false, None),
            ("starting", json!({"health": "recovering"}), true, Some(Need::Look)),
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
            (of(&[("work", Need::Look)]), Some("work can't be refreshed | why | 0")),
            (of(&[("home", Need::Look), ("work", Need::Login)]), Some("2 accounts need you | home, work | 1")),
            (of(&many), Some("7 accounts need you | a, b, c, d, e and 2 more | 1")),
        ] {
            assert_eq!(shown.as_deref(), said);
        }
    }
}
