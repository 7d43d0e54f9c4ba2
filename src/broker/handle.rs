//! `Broker`: the handle by which HTTP, the command line and the desktop use the accounts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use arc_swap::{ArcSwap, ArcSwapOption};

use super::accounts::{Accounts, Member, ask, stop, wait_until_loaded};
use super::actor::command::AccountCommand;
use super::actor::read_ahead::{StoredAccount, read_ahead};
use super::actor::shared_policies::SharedPolicies;
use super::actor::{self, common::Common};
use super::events::{EventBus, Subscription};
use super::hooks;
use super::lock::state::LockState;
use super::login::in_flight::ExchangesInFlight;
use super::login::pending::Logins;
use super::login::revoker::Revoker;
pub(crate) use super::token::query::Target;
pub use super::token::query::TokenQuery;
use super::world::World;
use crate::config::{AccountConfig, AccountKeys, Config};
use crate::contract::{AccountReply, ConfigMistake, EventKind, LogoutReply, ReloadRefused};
use crate::error::Error;

/// How long the task of a removed account may take to finish.
pub(super) const DRAIN_PATIENCE: Duration = Duration::from_secs(40);

/// Handle to the broker. Cheap to clone.
#[derive(Clone)]
pub struct Broker {
    pub(super) inner: Arc<BrokerInner>,
}

/// The redirect URI of an account, if it can have one.
pub(super) type RedirectUri = dyn Fn(&AccountConfig) -> Option<String> + Send + Sync;

pub(super) struct BrokerInner {
    pub(super) world: Arc<World>,
    pub(super) logins: Logins,
    /// Revokes grants that can't be stored.
    pub(super) revoker: Revoker,
    pub(super) lock: LockState,
    /// Logins whose code is being exchanged.
    pub(super) exchanging: ExchangesInFlight,
    pub(super) accounts: Arc<ArcSwap<Accounts>>,
    /// The last config reload, if it was refused.
    pub(super) refused: ArcSwapOption<ReloadRefused>,
    /// How often the config was read.
    pub(super) config_reads: AtomicU64,
    /// Why token files can't be written, by account.
    pub(super) file_errors: ArcSwap<BTreeMap<String, String>>,
    pub(super) common: Arc<Common>,
    /// The redirect URI of accounts whose config has none: derived from the first TCP listener.
    pub(super) redirect_uri: Box<RedirectUri>,
}

impl Broker {
    /// Starts a task per account and waits until each has read the store.
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
            draining: BTreeMap::new(),
        }));
        let lock = LockState::new(world.store.state(), world.clock.now());
        let common = Arc::new(Common {
            jumps,
            locked: Arc::clone(&lock.locked),
            events: EventBus::new(world.randomness),
            hook_slots: hooks::slots(),
            file_changes: watch::Sender::new(()),
            scope_bell: watch::Sender::new(()),
            slots: Arc::default(),
            policies: SharedPolicies::default(),
            boot: world.clock.boot_id(),
        });
        let broker = Self {
            inner: Arc::new(BrokerInner {
                lock,
                revoker: Revoker::new(world.clone(), Arc::clone(&accounts)),
                world: Arc::new(world),
                logins,
                exchanging: ExchangesInFlight::default(),
                accounts,
                refused: ArcSwapOption::empty(),
                config_reads: AtomicU64::new(0),
                file_errors: ArcSwap::default(),
                common,
                redirect_uri: Box::new(redirect_uri),
            }),
        };
        broker.reload(config).await;
        broker
    }

    /// Applies a new config: adds, changes and removes accounts. No token is dropped, and a removed account's file
    /// stays. A pending login ends if its account is gone or has another provider, client, grant or redirect URI.
    pub(crate) async fn reload(&self, config: Arc<Config>) {
        let _transition = self.inner.lock.transition.lock().await;
        let old = self.inner.accounts.load_full();
        self.inner.refused.store(None);
        self.inner.world.provider.reloaded();
        let is_new = |name: &&String| !old.members.contains_key(*name) && !old.draining.contains_key(*name);
        let mut stored = self.read_ahead(config.accounts.keys().filter(is_new).cloned().collect()).await;
        let mut accounts = Vec::with_capacity(config.accounts.len());
        for (name, account) in &config.accounts {
            let handle = if let Some(member) = old.members.get(name) {
                // Never blocks: the account may have a request in flight.
                member.handle.inbox.configure(Arc::clone(account));
                member.handle.scopes.reconfigured(&member.config, account);
                Arc::clone(&member.handle)
            } else {
                let (world, common) = (Arc::clone(&self.inner.world), Arc::clone(&self.inner.common));
                let after = old.draining.get(name).cloned();
                Arc::new(actor::spawn(Arc::clone(account), world, common, stored.remove(name), after))
            };
            accounts.push((name.clone(), Member { config: Arc::clone(account), handle }));
        }
        // All at once, which fills the nodes of the tree.
        let accounts: BTreeMap<_, _> = accounts.into_iter().collect();
        let removed = old.members.iter().filter(|(name, _)| !config.accounts.contains_key(*name));
        let mut draining = old.draining.clone();
        draining.retain(|_, handle| !handle.inbox.is_closed());
        let new = accounts.iter().filter(|(name, _)| !draining.contains_key(*name));
        for (_, member) in new {
            wait_until_loaded(&member.handle).await;
        }
        let removed: Vec<_> = removed.map(|(name, member)| (name.clone(), Arc::clone(&member.handle))).collect();
        let now = self.inner.world.clock.now().wall;
        for (name, _) in &removed {
            let reason = Some("the account was removed from the config".to_owned());
            self.inner.common.events.publish(name, EventKind::LoggedOut, reason, now);
        }
        draining.extend(removed);
        let stopping = draining.clone();
        self.inner.accounts.store(Arc::new(Accounts { config: Arc::clone(&config), members: accounts, draining }));
        self.inner.common.file_changes.send_replace(());
        self.inner.config_reads.fetch_add(1, Ordering::Release);
        self.cancel_stale_logins(&old).await;
        // They may take their time to finish; nobody has to wait for it.
        tokio::spawn(async move { stop(stopping.values(), DRAIN_PATIENCE).await });
    }

    /// Reads what the store holds of these accounts, unless it is locked.
    async fn read_ahead(&self, names: Vec<String>) -> BTreeMap<String, Box<StoredAccount>> {
        if self.inner.lock.is_locked() { BTreeMap::new() } else { read_ahead(&self.inner.world.store, names).await }
    }

    /// Graceful shutdown: every account finishes what it is doing, for at most `patience`.
    pub async fn shut_down(&self, patience: Duration) {
        self.inner.common.events.end();
        let accounts = self.inner.accounts.load_full();
        for member in accounts.members.values() {
            member.handle.begin_stop();
        }
        // An exchange ends in its account's task, which is stopped last.
        let exchanging = self.inner.exchanging.accounts();
        let (last, first): (Vec<_>, Vec<_>) = accounts.members.iter().partition(|(name, _)| exchanging.contains(name));
        let last_logins = async {
            self.cancel_logins("the daemon is stopping").await;
            stop(last.into_iter().map(|(_, member)| &member.handle), patience).await;
        };
        let all = async {
            tokio::join!(
                stop(first.into_iter().map(|(_, member)| &member.handle), patience),
                stop(accounts.draining.values(), patience),
                last_logins
            );
            self.inner.revoker.idle().await;
        };
        _ = tokio::time::timeout(patience, all).await;
    }

    /// Whether the user is asked before a program gets its first token of this account (by its own name).
    pub(crate) fn asks_consent(&self, account: &str) -> bool {
        self.setting(account, |keys| keys.consent).unwrap_or(false)
    }

    /// What the config says of `account` (by its own name).
    pub(crate) fn setting<T>(&self, account: &str, read: impl FnOnce(&AccountKeys) -> T) -> Option<T> {
        self.inner.accounts.load().members.get(account).map(|member| read(&member.config.keys))
    }

    /// The config of `account` (by its own name).
    pub(crate) fn config_of(&self, account: &str) -> Result<Arc<AccountConfig>, Error> {
        self.known_member(account).map(|member| member.config)
    }

    /// Subscribes to account events from now on.
    pub(crate) fn listen(&self) -> Subscription {
        self.inner.common.events.subscribe()
    }

    /// Subscribes to account events after the one with this id, as far as they are kept.
    pub(crate) fn listen_after(&self, id: &str) -> Subscription {
        self.inner.common.events.subscribe_after(id)
    }

    /// Every account, sorted by name.
    pub(crate) fn accounts(&self) -> Vec<AccountReply> {
        let accounts = self.inner.accounts.load();
        accounts.members.values().map(|member| self.view(member)).collect()
    }

    /// Every account, sorted by name, with how its requests for new tokens ended: each result with its count.
    pub(crate) fn measured(&self) -> Vec<(AccountReply, Vec<(&'static str, u64)>)> {
        let accounts = self.inner.accounts.load();
        accounts.members.values().map(|member| (self.view(member), member.handle.refreshes.so_far().into())).collect()
    }

    /// Configured accounts that can't be used, with the reason.
    pub(crate) fn mistakes(&self) -> Vec<ConfigMistake> {
        let accounts = self.inner.accounts.load();
        let stopping = accounts.config.broken.iter();
        stopping.map(|(name, why)| ConfigMistake { account: Some(name.clone()), message: why.clone() }).collect()
    }

    /// A config was read and refused. Shown until the next one is applied.
    pub(crate) fn reload_refused(&self, mistakes: Vec<ConfigMistake>) {
        let at = self.inner.world.clock.now().wall.unix_seconds();
        self.inner.refused.store(Some(Arc::new(ReloadRefused { at, mistakes })));
        self.inner.config_reads.fetch_add(1, Ordering::Release);
    }

    /// How often the config was read: at the start, and for each reload, whether it was refused or not.
    pub(crate) fn config_reads(&self) -> u64 {
        self.inner.config_reads.load(Ordering::Acquire)
    }

    /// The last reload, if it was refused.
    pub(crate) fn refused_reload(&self) -> Option<Arc<ReloadRefused>> {
        self.inner.refused.load_full()
    }

    /// One account.
    pub fn account(&self, account: &str) -> Result<AccountReply, Error> {
        let accounts = self.inner.accounts.load();
        accounts.find(account).map(|(_, member)| self.view(member))
    }

    pub(super) fn view(&self, member: &Member) -> AccountReply {
        let (snapshot, now) = (member.handle.published.load(), self.inner.world.clock.now());
        // Locked at once, also while an account is still finishing.
        let mut reply = if self.inner.lock.is_locked() { snapshot.locked().reply(now) } else { snapshot.reply(now) };
        let overview = self.inner.logins.overview();
        reply.login_pending = overview.by_account.get(&reply.account).cloned();
        reply.login_confirm = overview.questions.get(&reply.account).cloned();
        reply.file_error = self.inner.file_errors.load().get(&reply.account).cloned();
        reply
    }

    /// The name of every account.
    pub(crate) fn names(&self) -> Vec<String> {
        self.inner.accounts.load().members.keys().cloned().collect()
    }

    /// The default account's name.
    pub(crate) fn default_account(&self) -> Option<String> {
        self.inner.accounts.load().config.default_account.clone()
    }

    /// Where the store's key comes from, in words.
    pub(crate) fn store_key(&self) -> String {
        self.inner.world.store.key_source()
    }

    /// Whether the tokens outlive the daemon.
    pub(crate) fn stores_durably(&self) -> bool {
        self.inner.world.store.is_durable()
    }

    /// Logout: revokes the tokens where possible, and always deletes them.
    pub(crate) async fn logout(&self, account: &str) -> Result<LogoutReply, Error> {
        let member = self.member(account)?;
        // Logins are cancelled first: neither an open tab nor a running exchange may sign the account in again.
        self.inner.logins.cancel(&member.config.name, "the account was logged out meanwhile").await;
        ask(&member, AccountCommand::LogOut).await?
    }

    /// Refused while the store is locked.
    pub(super) fn member(&self, account: &str) -> Result<Member, Error> {
        let member = self.known_member(account)?;
        self.inner.lock.check_unlocked().map(|()| member)
    }

    pub(super) fn known_member(&self, account: &str) -> Result<Member, Error> {
        self.inner.accounts.load().find(account).map(|(_, member)| member.clone())
    }
}
