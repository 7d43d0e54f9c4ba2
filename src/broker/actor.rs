//! Actor: the task that owns one account. It carries out the effects of the state machine one after the other and
//! awaits a refresh in line. So an account never has two refreshes in flight, and a caller that hangs up cancels none
//! (single-flight).

pub(super) mod cancellation;
pub(super) mod command;
pub(super) mod common;
mod disk;
mod flaws;
mod login;
mod logout;
mod mailbox;
pub(super) mod read_ahead;
mod refresh_counts;
mod request;
pub(super) mod shared_policies;
mod shutdown;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use self::cancellation::CancellationToken;
use self::command::{AccountCommand, AccountHandle};
use self::common::Common;
use self::flaws::{Flaws, log_lost_scope};
use self::mailbox::{MailboxReceiver, Received, mailbox};
use self::read_ahead::StoredAccount;
use self::refresh_counts::RefreshCounts;
use super::events::{event_between, tells_why};
use super::hooks::Hooks;
use super::login::fresh_grant::FreshGrant;
use super::scope_questions::ScopeQuestions;
use super::slots::RefreshSlot;
use super::snapshot::SnapshotCell;
use super::timer::sleep;
use super::world::World;
use crate::account::health::Health;
use crate::account::snapshot::Standing;
use crate::account::state::{Effect, Event, Machine};
use crate::clock::Boot;
use crate::config::AccountConfig;
use crate::contract::{EventKind, LoginStatus};
use crate::oauth::describe::Described;
use crate::oauth::exchange::Credentials;
use crate::random::Jitter;
use crate::store::Store;

struct Actor {
    config: Arc<AccountConfig>,
    world: Arc<World>,
    machine: Machine,
    published: Arc<SnapshotCell>,
    /// What the store holds, if it was read ahead, until the machine asks for it.
    stored: Option<Box<StoredAccount>>,
    /// Read on first use, and again after the provider refused.
    credentials: Option<Box<Credentials>>,
    /// The grant of the last login, until it is written.
    unwritten: Option<FreshGrant>,
    /// What the provider said of the token that is being stored: it is not asked again.
    described: Option<Box<Described>>,
    hooks: Hooks,
    refreshes: Arc<RefreshCounts>,
    scopes: ScopeQuestions,
    flaws: Flaws,
    jitter: Jitter,
    stopping: Arc<AtomicBool>,
    common: Arc<Common>,
    /// The health that was published last.
    health: Health,
    /// When the user is reminded that a login is needed.
    remind_at: Option<Boot>,
}

/// Starts the task of one account. `stored`: what the store holds, if it was read ahead. `after`: its earlier task, if
/// the account was removed from the config before and that task still has a request in flight.
pub(super) fn spawn(
    config: Arc<AccountConfig>,
    world: Arc<World>,
    common: Arc<Common>,
    stored: Option<Box<StoredAccount>>,
    after: Option<Arc<AccountHandle>>,
) -> AccountHandle {
    let machine = Machine::new(common.policies.of(&config)).in_boot(common.boot.clone());
    let snapshot = machine.snapshot(&config.name);
    let health = snapshot.health(world.clock.now());
    let published = Arc::new(SnapshotCell::new(snapshot));
    let (inbox, commands) = mailbox();
    let (stopping, refreshes) = <(Arc<AtomicBool>, Arc<RefreshCounts>)>::default();
    let scopes = ScopeQuestions::new(common.scope_bell.clone());
    let actor = Box::new(Actor {
        jitter: world.randomness.of(&config.name),
        config,
        world,
        machine,
        published: Arc::clone(&published),
        stored,
        credentials: None,
        unwritten: None,
        described: None,
        hooks: Hooks::default(),
        refreshes: Arc::clone(&refreshes),
        scopes: scopes.clone(),
        flaws: Flaws::default(),
        stopping: Arc::clone(&stopping),
        common,
        health,
        remind_at: None,
    });
    match after {
        None => drop(tokio::spawn(actor.run(commands))),
        Some(after) => drop(tokio::spawn(async move {
            after.inbox.closed().await;
            actor.run(commands).await;
        })),
    }
    AccountHandle { inbox, published, refreshes, scopes, stopping }
}

/// The origin of the account's token endpoint, or of its issuer.
fn host(config: &AccountConfig) -> String {
    let authority = config.dialect.authority();
    url::Url::parse(&authority).map_or(authority, |url| url.origin().ascii_serialization())
}

impl Actor {
    /// Its future is what an idle account takes, so whatever is awaited seldom is boxed.
    async fn run(mut self: Box<Self>, mut commands: MailboxReceiver<AccountCommand, Arc<AccountConfig>>) {
        let mut jumps = self.common.jumps.clone();
        let mut config = Arc::clone(&self.config);
        let mut recovery = self.common.slots.recovery(&host(&config));
        let locked = self.common.locked.load(Ordering::Acquire);
        self.drive(if locked { Event::Locked } else { Event::Timer }).await;
        loop {
            self.release_written();
            let before = std::mem::replace(&mut config, Arc::clone(&self.config));
            // A notification of the same host must not be missed.
            if !Arc::ptr_eq(&before, &config) && host(&before) != host(&config) {
                recovery = self.common.slots.recovery(&host(&config));
            }
            let now = self.world.clock.now();
            let cut_off = self.machine.is_cut_off();
            if !cut_off {
                recovery.mark_unchanged();
            }
            // While draining, nothing would be done: no reason to wake up.
            let wake_at = self.machine.wake_at().filter(|_| !self.is_draining()).map(|at| now.until(at));
            let reminder = self.remind_at.filter(|_| !self.is_draining()).map(|at| now.boot.until(at));
            let sleep_for = [wake_at, reminder].into_iter().flatten().min();
            // Only cancel-safe futures stand in the select. What they lead to is awaited outside of it.
            tokio::select! {
                received = commands.recv() => match received {
                    Received::Abandoned | Received::Command(AccountCommand::Stop) => {
                        return Box::pin(self.flush_uncommitted()).await;
                    }
                    Received::Command(command) => Box::pin(self.handle(command)).await,
                    Received::Config(config) => self.reconfigure(config).await,
                },
                slot = self.timer_due(sleep_for) => {
                    self.wake(Event::Timer).await;
                    drop(slot);
                }
                Ok(()) = jumps.changed() => self.wake(Event::Woken).await,
                Ok(()) = recovery.changed(), if cut_off => self.wake(Event::Recovered).await,
            }
        }
    }

    async fn handle(&mut self, command: AccountCommand) {
        // The caller may be gone by now: that changes nothing.
        match command {
            AccountCommand::Wanted(ttl, looked_at) => {
                self.drive(Event::Wanted(ttl)).await;
                _ = looked_at.map(|looked_at| looked_at.send(()));
            }
            AccountCommand::Narrow(target, ttl) => self.drive(Event::Narrow(target, ttl)).await,
            AccountCommand::Refresh(seen, asked, done) => {
                // Checked again at the head of the queue: another attempt may have done it or failed at it, and the
                // caller may be gone.
                let tried = self.machine.attempted_since(asked) || done.is_closed() || self.is_draining();
                if self.published.load().generation == seen && !tried {
                    let pause = sleep(Some(self.machine.forced_pause(self.world.clock.now())));
                    _ = self.cancellation().run_until_cancelled(pause).await;
                    self.drive(Event::Forced).await;
                }
                _ = done.send(());
            }
            AccountCommand::Rejected(done) => {
                let pause = self.machine.rejected_pause(self.world.clock.now());
                self.drive(Event::Rejected).await;
                _ = done.send(pause);
            }
            AccountCommand::LoggedIn(fresh, agreed, login, done) => {
                let cancelled = login.is_some_and(|login| login.borrow().status != LoginStatus::Pending);
                let result = if cancelled { self.cancelled_login() } else { self.logged_in(fresh, &agreed).await };
                _ = done.send(result);
            }
            AccountCommand::LogOut(done) => {
                let result = self.log_out().await;
                _ = done.send(result);
            }
            AccountCommand::Lock(done) => _ = done.send(self.lock().await),
            AccountCommand::Unlock(done) => {
                self.drive(Event::Unlocked).await;
                _ = done.send(Ok(()));
            }
            AccountCommand::Stop => {}
        }
    }

    async fn reconfigure(&mut self, config: Arc<AccountConfig>) {
        let policy = self.common.policies.of(&config);
        self.credentials = None;
        self.config = config;
        self.drive(Event::Reconfigured(policy)).await;
    }

    pub(super) fn cancellation(&self) -> CancellationToken {
        let (locked, stopping) = (Arc::clone(&self.common.locked), Arc::clone(&self.stopping));
        CancellationToken { locked, stopping, changes: self.published.subscribe() }
    }

    /// Graceful shutdown or lock: nothing new is begun.
    fn is_draining(&self) -> bool {
        self.stopping.load(Ordering::Acquire) || self.common.locked.load(Ordering::Acquire)
    }

    /// Feeds the event to the state machine and carries out its effects until it rests. Every step is published.
    fn drive(&mut self, event: Event) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.carry_out(event))
    }

    async fn carry_out(&mut self, event: Event) {
        // A request that changes nothing is not published: that would wake every waiting caller.
        let may_be_idle = matches!(event, Event::Wanted(_) | Event::Narrow(..));
        if self.is_draining() && begins_something(&event) {
            return;
        }
        let mut event = event;
        let planned = self.machine.wake_at();
        loop {
            let effect = self.machine.step(event, self.world.clock.now(), self.jitter.share());
            let changed = self.published.load().busy || self.machine.wake_at() != planned;
            if may_be_idle && matches!(effect, Effect::Rest) && !changed {
                return;
            }
            let after = self.machine.snapshot(&self.config.name);
            let health = after.health(self.world.clock.now());
            let (kind, before) = {
                let before = self.published.load();
                log_lost_scope(&before, &after);
                (event_between(&before, self.health, &after, health), before.standing.clone())
            };
            self.health = health;
            self.published.publish(after);
            if !self.config.keys.file.is_empty() {
                self.common.file_changes.send_replace(());
            }
            // Announced after it was published: whoever receives the event and looks, sees it.
            if let Some(kind) = kind.filter(|kind| !self.is_known(*kind, &before)) {
                self.announce(kind);
            }
            event = match effect {
                Effect::Rest => return self.flaws.log(&self.config.name),
                Effect::Load => self.load().await,
                Effect::Prepare(record) => {
                    Event::Prepared(self.on_disk(move |store, name| store.begin(name, &record)).await)
                }
                Effect::Send(renewal) => Event::Answered(self.renew(renewal).await),
                Effect::Describe(token, key) => Event::Described(self.describe(&token, key).await),
                Effect::Commit(record) => self.commit(record).await,
                Effect::Note(record) => {
                    // Best effort: without it, a restart asks the provider once more than it has to.
                    _ = self.on_disk(move |store, name| store.begin(name, &record)).await;
                    Event::Noted
                }
                Effect::Remove => Event::Removed(self.on_disk(Store::remove).await),
            };
        }
    }

    /// Time may have passed.
    fn wake(&mut self, event: Event) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let remind = self.remind_at.is_some_and(|at| self.world.clock.now().boot.reached(at));
        if remind && !self.is_draining() {
            self.remind_at = None;
            if matches!(self.published.load().standing, Standing::NeedsLogin(_)) {
                self.announce(EventKind::LoginNeeded);
            }
        }
        self.drive(event)
    }

    /// After an unlock, a login that was needed before the lock is not announced again.
    fn is_known(&self, kind: EventKind, before: &Standing) -> bool {
        let unknown = matches!(before, Standing::Locked | Standing::Unread);
        kind == EventKind::LoginNeeded && unknown && self.remind_at.is_some()
    }

    fn announce(&mut self, kind: EventKind) {
        let now = self.world.clock.now();
        self.remind_at = (kind == EventKind::LoginNeeded).then(|| now.boot.plus(self.config.keys.remind_after));
        let reason = tells_why(kind).then(|| self.published.load().reason(now)).flatten();
        let event = self.common.events.publish(&self.config.name, kind, reason, now.wall);
        let hook = self.config.keys.hook.as_deref();
        self.hooks.run(hook, event, &self.world.credentials, &self.common.hook_slots);
    }

    /// Sleeps, and then waits for a slot at the provider if a planned attempt is due. Cancel-safe: commands are
    /// handled meanwhile, and an attempt that a caller waits for needs no slot.
    async fn timer_due(&self, sleep_for: Option<Duration>) -> RefreshSlot {
        sleep(sleep_for).await;
        if self.machine.is_planned_attempt_due(self.world.clock.now()) {
            Box::pin(self.common.slots.acquire(&self.config.dialect.provider)).await
        } else {
            None
        }
    }
}

/// Whether the event may begin a request, which a draining task doesn't.
fn begins_something(event: &Event) -> bool {
    matches!(
        event,
        Event::Wanted(_)
            | Event::Narrow(..)
            | Event::Timer
            | Event::Woken
            | Event::Recovered
            | Event::Forced
            | Event::Rejected
    )
}
