//! What the doors may ask of the broker.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{oneshot, watch};

use super::World;
use super::accounts::{Accounts, Member, ask, stop, until_read};
use super::actor::{self, AccountCommand, Common};
use super::downscope;
use super::events::{EventBus, Subscription};
use super::fresh_grant::Revoker;
use super::locking::LockState;
use super::logins::Logins;
use crate::account::view::{Snapshot, Ttl, Verdict, expiry_word, unix_deadline};
use crate::clock::Moment;
use crate::config::{AccountConfig, AccountKeys, Config};
use crate::contract::{AccountReply, ConfigMistake, EventKind, LogoutReply, ReloadRefused, TokenReply, VERSION};
use crate::error::Error;

/// What a token is for, in the doors' reach.
pub use crate::oauth::exchange::Target;

/// How long an account's task may take to end what it has in hand, when it is removed from the config.
pub(super) const FAREWELL: Duration = Duration::from_secs(40);

/// What a caller wants of a token.
#[derive(Debug, Clone, Default)]
pub struct TokenQuery {
    /// Validity wanted; `None`: the config's.
    pub min_ttl: Option<Duration>,
    /// How long to wait for a refresh or login; `None`: the config's for a refresh, none for a login.
    pub wait: Option<Duration>,
    /// What it is for, if not for all that the account asks for: each target has a token of its own.
    pub target: Option<Target>,
}

/// The broker as the doors see it. Cheap to clone.
#[derive(Clone)]
pub struct Broker {
    pub(super) inner: Arc<BrokerInner>,
}

/// The redirect URI of an account, if it can have one.
pub(super) type RedirectUri = dyn Fn(&AccountConfig) -> Option<String> + Send + Sync;

pub(super) struct BrokerInner {
    pub(super) world: World,
    pub(super) logins: Logins,
    /// Revokes what a login brought that can't be kept.
    pub(super) revoker: Revoker,
    pub(super) lock: LockState,
    /// The accounts whose logins are between their code and their end.
    pub(super) exchanging: watch::Sender<Vec<String>>,
    pub(super) accounts: Arc<ArcSwap<Accounts>>,
    /// The last reload, if it was refused.
    pub(super) refused: ArcSwapOption<ReloadRefused>,
    pub(super) common: Common,
    /// Where an account's answers come in if its config does not say: made from the first TCP listener.
    pub(super) redirect_uri: Box<RedirectUri>,
}

impl Broker {
    /// Starts a task per account and waits until each has read what is stored.
    pub async fn start(
        config: Arc<Config>,
        world: World,
        jumps: watch::Receiver<()>,
        redirect_uri: impl Fn(&AccountConfig) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let logins = Logins::spawn(world.clock.clone(), jumps.clone(), world.audit.clone());
        let accounts = Arc::new(ArcSwap::from_pointee(Accounts {
            config: Arc::clone(&config),
            members: BTreeMap::new(),
            leaving: BTreeMap::new(),
        }));
        let lock = LockState::new(world.store.state(), world.clock.now());
        let common = Common {
            jumps,
            shut: Arc::clone(&lock.shut),
            events: EventBus::new(),
            slots: Arc::default(),
            boot: world.clock.boot_id(),
        };
        let broker = Self {
            inner: Arc::new(BrokerInner {
                lock,
                revoker: Revoker::new(world.clone(), Arc::clone(&accounts)),
                world,
                logins,
                exchanging: watch::Sender::new(Vec::new()),
                accounts,
                refused: ArcSwapOption::empty(),
                common,
                redirect_uri: Box::new(redirect_uri),
            }),
        };
        broker.reload(config).await;
        broker
    }

    /// Takes over a new config: adds, changes and removes accounts. No token is dropped by it, and a removed account's
    /// file stays. A pending login ends if its account is gone or has another provider, client, grant or redirect URI.
    pub async fn reload(&self, config: Arc<Config>) {
        let _turn = self.inner.lock.turn.lock().await;
        let old = self.inner.accounts.load_full();
        self.inner.refused.store(None);
        self.inner.world.provider.reloaded();
        let mut accounts = BTreeMap::new();
        for (name, account) in &config.accounts {
            let handle = if let Some(member) = old.members.get(name) {
                // Never waits: the account may have a request in flight.
                member.handle.config.send_replace(Arc::clone(account));
                Arc::clone(&member.handle)
            } else {
                let (world, common) = (self.inner.world.clone(), self.inner.common.clone());
                Arc::new(actor::spawn(Arc::clone(account), world, common, old.leaving.get(name).cloned()))
            };
            accounts.insert(name.clone(), Member { config: Arc::clone(account), handle });
        }
        let removed = old.members.iter().filter(|(name, _)| !config.accounts.contains_key(*name));
        let mut leaving = old.leaving.clone();
        leaving.retain(|_, handle| !handle.inbox.is_closed());
        let new = accounts.iter().filter(|(name, _)| !leaving.contains_key(*name));
        for (_, member) in new {
            until_read(&member.handle).await;
        }
        let removed: Vec<_> = removed.map(|(name, member)| (name.clone(), Arc::clone(&member.handle))).collect();
        let now = self.inner.world.clock.now().wall;
        for (name, _) in &removed {
            self.inner.common.events.tell(name, EventKind::LoggedOut, now);
        }
        leaving.extend(removed);
        let told = leaving.clone();
        self.inner.accounts.store(Arc::new(Accounts { config: Arc::clone(&config), members: accounts, leaving }));
        self.end_stale_logins(&old).await;
        // What they have in hand may take its time; nobody has to wait for it.
        tokio::spawn(async move { stop(told.values(), FAREWELL).await });
    }

    /// Lets every account finish what it has in hand, for at most `patience`.
    pub async fn shut_down(&self, patience: Duration) {
        self.inner.common.events.end();
        let accounts = self.inner.accounts.load_full();
        for member in accounts.members.values() {
            member.handle.stop_soon();
        }
        // A login whose code is being exchanged ends in its account's task: that one goes last.
        let exchanging = self.inner.exchanging.borrow().clone();
        let (last, first): (Vec<_>, Vec<_>) = accounts.members.iter().partition(|(name, _)| exchanging.contains(name));
        let last_logins = async {
            self.end_logins("the daemon is stopping").await;
            stop(last.into_iter().map(|(_, member)| &member.handle), patience).await;
        };
        let all = async {
            tokio::join!(
                stop(first.into_iter().map(|(_, member)| &member.handle), patience),
                stop(accounts.leaving.values(), patience),
                last_logins
            );
            self.inner.revoker.idle().await;
        };
        _ = tokio::time::timeout(patience, all).await;
    }

    /// The current access token of `account` (`default` stands for the default account).
    pub async fn token(&self, account: &str, query: TokenQuery) -> Result<TokenReply, Error> {
        let accounts = self.inner.accounts.load();
        let (name, member) = accounts.find(account)?;
        self.inner.lock.open()?;
        let serve = &accounts.config.serve;
        let ttl = query.min_ttl.map_or(Ttl::Usual(serve.min_ttl), Ttl::Asked);
        let now = self.inner.world.clock.now();
        self.inner.lock.asked_at(now);
        if let Some(target) = query.target.map(downscope::in_order) {
            let (member, name) = (member.clone(), name.to_owned());
            let wait = query.wait.unwrap_or(serve.wait);
            drop(accounts);
            return self.narrowed_token(&name, &member, &target, ttl, wait).await;
        }
        let snapshot = member.handle.published.look();
        if let Some(reply) = snapshot.lasts(ttl, now).then(|| token_reply(name, &snapshot, now)).flatten() {
            return Ok(reply);
        }
        let (member, name, usual_wait) = (member.clone(), name.to_owned(), serve.wait);
        drop((snapshot, accounts));
        self.wait_for_token(&name, &member, ttl, query.wait, usual_wait).await
    }

    async fn wait_for_token(
        &self,
        name: &str,
        member: &Member,
        ttl: Ttl,
        asked: Option<Duration>,
        usual: Duration,
    ) -> Result<TokenReply, Error> {
        let clock = &self.inner.world.clock;
        let published = &member.handle.published;
        let now = clock.now();
        let patience = now.boot.plus(published.look().patience(ttl, asked.unwrap_or(usual), now));
        let mut bell = published.listen();
        let wanted = published.look().effective(ttl);
        if published.look().trouble.is_some() {
            // What is published is the end of an earlier attempt: this caller may cause another, and is told of that.
            let (looked_at, told) = oneshot::channel();
            let asked = async {
                _ = member.handle.inbox.send(AccountCommand::Wanted(wanted, Some(looked_at))).await;
                _ = told.await;
            };
            _ = tokio::time::timeout(now.boot.until(patience), asked).await;
        } else {
            // A full box means that somebody has asked already.
            _ = member.handle.inbox.try_send(AccountCommand::Wanted(wanted, None));
        }
        loop {
            bell.borrow_and_update();
            self.inner.lock.open()?;
            let now = clock.now();
            {
                let snapshot = published.look();
                match snapshot.verdict(ttl, patience, now) {
                    Verdict::Serve => return token_reply(name, &snapshot, now).ok_or_else(|| snapshot.error(now)),
                    // Who asks to wait, waits for a login too.
                    Verdict::Fail(Error::LoginRequired { .. }) if asked.is_some() && !now.boot.reached(patience) => {}
                    Verdict::Fail(error) => return Err(error),
                    Verdict::Wait => {}
                }
            }
            _ = tokio::time::timeout(now.boot.until(patience), bell.changed()).await;
        }
    }

    /// Whether the user is asked before a program gets its first token of this account (by its own name).
    pub fn asks_consent(&self, account: &str) -> bool {
        self.setting(account, |keys| keys.consent).unwrap_or(false)
    }

    /// What the config says of `account` (by its own name).
    pub fn setting<T>(&self, account: &str, read: impl FnOnce(&AccountKeys) -> T) -> Option<T> {
        self.inner.accounts.load().members.get(account).map(|member| read(&member.config.keys))
    }

    /// Hears what happens to the accounts from now on.
    pub fn listen(&self) -> Subscription {
        self.inner.common.events.listen()
    }

    /// Every account, sorted by name.
    pub fn accounts(&self) -> Vec<AccountReply> {
        let accounts = self.inner.accounts.load();
        accounts.members.values().map(|member| self.view(member)).collect()
    }

    /// Accounts of the config that can't be used, with why.
    pub fn mistakes(&self) -> Vec<ConfigMistake> {
        let accounts = self.inner.accounts.load();
        let told = accounts.config.broken.iter();
        told.map(|(name, why)| ConfigMistake { account: Some(name.clone()), message: why.clone() }).collect()
    }

    /// A config was read and not taken over. Shown until the next one is.
    pub fn reload_refused(&self, mistakes: Vec<ConfigMistake>) {
        let at = self.inner.world.clock.now().wall.unix_seconds();
        self.inner.refused.store(Some(Arc::new(ReloadRefused { at, mistakes })));
    }

    /// The last reload, if it was refused.
    pub fn refused_reload(&self) -> Option<Arc<ReloadRefused>> {
        self.inner.refused.load_full()
    }

    /// One account.
    pub fn account(&self, account: &str) -> Result<AccountReply, Error> {
        let accounts = self.inner.accounts.load();
        accounts.find(account).map(|(_, member)| self.view(member))
    }

    pub(super) fn view(&self, member: &Member) -> AccountReply {
        let (snapshot, now) = (member.handle.published.look(), self.inner.world.clock.now());
        // At once, also while an account still ends what it has in hand.
        let mut reply = if self.inner.lock.is_shut() { snapshot.locked().reply(now) } else { snapshot.reply(now) };
        let overview = self.inner.logins.overview();
        reply.login_pending = overview.by_account.get(&reply.account).cloned();
        reply.login_confirm = overview.questions.get(&reply.account).cloned();
        reply
    }

    /// The default account's name.
    pub fn default_account(&self) -> Option<String> {
        self.inner.accounts.load().config.default_account.clone()
    }

    /// Where the store's key comes from, in words.
    pub fn store_key(&self) -> String {
        self.inner.world.store.key_source()
    }

    /// Revoke where possible, delete always.
    pub async fn logout(&self, account: &str) -> Result<LogoutReply, Error> {
        let member = self.member(account)?;
        // First, so that neither a tab that is finished later nor a code that is being exchanged just now
        // signs the account in again.
        self.inner.logins.call_off(&member.config.name, "the account was logged out meanwhile").await;
        ask(&member, AccountCommand::LogOut).await?
    }

    /// Refused while the store is locked.
    pub(super) fn member(&self, account: &str) -> Result<Member, Error> {
        let member = self.known_member(account)?;
        self.inner.lock.open().map(|()| member)
    }

    pub(super) fn known_member(&self, account: &str) -> Result<Member, Error> {
        self.inner.accounts.load().find(account).map(|(_, member)| member.clone())
    }
}

/// Everything of a snapshot that a caller gets, or nothing if it holds no token.
pub(super) fn token_reply(account: &str, snapshot: &Snapshot, now: Moment) -> Option<TokenReply> {
    let token = snapshot.token.as_ref()?;
    let in_doubt = token.is_in_doubt(now);
    let left = |deadline: Moment| if in_doubt { now.boot.until(deadline.boot) } else { now.until(deadline) };
    Some(TokenReply {
        version: VERSION,
        account: account.to_owned(),
        access_token: token.access_token.expose().to_owned(),
        token_type: "Bearer".to_owned(),
        expires_in: token.deadline.map(|deadline| left(deadline).as_secs()),
        expiry_in_doubt: in_doubt,
        expires_at: token.deadline.map(|deadline| unix_deadline(deadline, now)),
        expiry: expiry_word(token.expiry),
        scope: token.scope.clone(),
        extra: token.extra.clone().into_iter().chain(snapshot.identity.clone()).collect(),
    })
}
