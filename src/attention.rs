//! Desktop notifications for accounts that need their user, with a button that opens the login: one notification for
//! all accounts, and one browser tab at a time.

mod notice;

use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use self::notice::{LOG_IN, Need, is_shown_whole, notice};
use crate::broker::events::Received;
use crate::broker::handle::Broker;
use crate::contract::{AccountState, EventKind, LoginRequest, LoginStatus, LoginVia};
use crate::os::notify::{self, Untold};

/// Events within this time share a notification: a provider that ends one session may end all of them.
const BATCH_WINDOW: Duration = Duration::from_secs(2);
/// Longer than any login may take (`serve.login_timeout`).
const LOGIN_TIMEOUT: Duration = Duration::from_secs(2 * 3600);
/// First pause before a failed notification is retried (exponential backoff): the daemon may start before the desktop.
const RETRY_PAUSE: Duration = Duration::from_secs(5);
/// Attempts, until something else happens.
const MAX_ATTEMPTS: u32 = 9;

/// Never ends before the broker does.
pub(crate) async fn run(broker: Broker) {
    let mut events = broker.listen();
    let mut scopes = broker.scope_bell();
    let mut notifier = LoginNotifier::new(broker);
    notifier.check_all();
    loop {
        tokio::select! {
            received = events.next() => match received {
                None => return,
                Some(Received::Event(event)) => notifier.handle_event(&event.account, event.event).await,
                Some(Received::Lagged(_)) => notifier.check_all(),
            },
            Ok(()) = scopes.changed() => notifier.check_scopes(),
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
    /// What is asked about the scope of which account, as long as the user has not closed the question.
    scopes: BTreeMap<String, String>,
    /// Questions about scope that the user has closed. They still stand on the status page.
    closed: BTreeMap<String, String>,
    /// The account and the scope that the notification's button stands for; `None`: for the logins that are needed.
    offered: Option<(String, String)>,
    /// Ends when the collected events are to be shown.
    batch: BoxedFuture<()>,
    /// The notification. Dropping it closes it.
    notification: BoxedFuture<Result<Option<String>, Untold>>,
    is_shown: bool,
    /// Failed attempts to show it.
    failures: u32,
    /// Logins to open, one after the other, each with the scope that the user agreed to.
    queue: VecDeque<(String, String)>,
    /// Ends with the open login: whether it succeeded.
    login: BoxedFuture<bool>,
    is_open: bool,
}

impl LoginNotifier {
    fn new(broker: Broker) -> Self {
        Self {
            broker,
            needs: BTreeMap::new(),
            scopes: BTreeMap::new(),
            closed: BTreeMap::new(),
            offered: None,
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
            self.queue.push_back((account.to_owned(), String::new()));
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
        self.queue.retain(|(name, _)| name != account);
        let known = self.needs.remove(account).is_some();
        self.update_shown(known);
    }

    /// `fewer`: the notification names one account too many.
    fn update_shown(&mut self, fewer: bool) {
        if self.needs.is_empty() && self.scopes.is_empty() {
            self.close_notification();
            self.batch = never();
        } else if fewer && self.is_shown {
            self.batch = Box::pin(tokio::time::sleep(BATCH_WINDOW));
        }
    }

    /// A question about scope was asked, has grown, or is answered.
    fn check_scopes(&mut self) {
        let broker = &self.broker;
        let asked = broker.names().into_iter().filter_map(|name| {
            let wanted = broker.scope_wanted(&name)?;
            (broker.setting(&name, |keys| keys.notify) == Some(true)).then_some((name, wanted.scope))
        });
        let asked: BTreeMap<String, String> = asked.collect();
        self.closed.retain(|name, _| asked.contains_key(name));
        let is_closed = |name: &String, scope: &String| {
            let closed = self.closed.get(name).map_or("", String::as_str);
            scope.split(' ').all(|scope| closed.split(' ').any(|known| known == scope))
        };
        let open = asked.into_iter().filter(|(name, scope)| !is_closed(name, scope)).collect();
        let old = std::mem::replace(&mut self.scopes, open);
        if self.scopes.iter().any(|(name, scope)| old.get(name) != Some(scope)) {
            self.failures = 0;
            self.batch = Box::pin(tokio::time::sleep(BATCH_WINDOW));
        } else {
            self.update_shown(self.scopes != old);
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
        let mut shown: Vec<_> = shown.map(|(name, need)| (name.clone(), *need, self.reason(name))).collect();
        let asked = self.scopes.iter().filter(|(name, _)| !self.needs.contains_key(*name));
        shown.extend(asked.map(|(name, scope)| (name.clone(), Need::Scope, self.asks(name, scope))));
        self.close_notification();
        self.offered = match &*shown {
            [(name, Need::Scope, asks)] if is_shown_whole(asks) => self.scopes.get_key_value(name),
            _ => None,
        }
        .map(|(name, scope)| (name.clone(), scope.clone()));
        if let Some(notice) = notice(&shown) {
            (self.notification, self.is_shown) = (Box::pin(async move { notify::ask(&notice).await }), true);
        }
    }

    fn reason(&self, account: &str) -> String {
        self.broker.account(account).ok().and_then(|account| account.reason).unwrap_or_default()
    }

    /// The question about scope, as one sentence.
    fn asks(&self, account: &str, scope: &str) -> String {
        let config = self.broker.config_of(account).ok();
        let host = config.as_ref().and_then(|config| Some(config.proxied.as_ref()?.upstream.host()));
        let who = self.broker.scope_wanted(account).map(|wanted| wanted.who()).unwrap_or_default();
        format!("{} wants {scope} for {who}", host.unwrap_or("its API"))
    }

    async fn pressed(&mut self, pressed: Result<Option<String>, Untold>) {
        self.close_notification();
        if pressed.is_ok() {
            // Once: a later notification, about another account, does not ask it again.
            self.closed.extend(std::mem::take(&mut self.scopes));
        }
        match pressed {
            Ok(Some(action)) if action == LOG_IN => {
                let logins = self.needs.iter().filter(|(_, need)| **need != Need::Check);
                let logins = logins.map(|(name, _)| (name.clone(), String::new()));
                self.queue = match self.offered.take() {
                    Some(offered) => [offered].into(),
                    None => logins.collect(),
                };
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
        while let Some((account, more_scope)) = self.queue.pop_front() {
            // The event of the last login may not have arrived yet.
            if self.broker.account(&account).is_ok_and(|found| found.state == AccountState::Active)
                && self.needs.get(&account) != Some(&Need::Due)
                && more_scope.is_empty()
            {
                continue;
            }
            let request = LoginRequest { via: LoginVia::DaemonBrowser, more_scope, ..LoginRequest::default() };
            let started = match self.broker.start_login_as(&account, request).await {
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
