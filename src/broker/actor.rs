//! The task that owns one account. It carries out what the machine says, one thing after the other, and
//! awaits a refresh in line: two can't be in flight, and a caller that hangs up can't cancel one.

mod disk;
mod flaws;
mod halting;
mod leaving;
mod logged_in;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use self::flaws::Flaws;
use self::halting::HALTED;
use super::World;
use super::answers::LoginTaken;
use super::events::EventBus;
use super::fresh_grant::FreshGrant;
use super::hooks::Hooks;
use super::provider_call::{self, ProviderCall};
use super::published::Published;
use super::slots::{RefreshSlot, RefreshSlots};
use crate::account::health::Health;
use crate::account::replace::Agreed;
use crate::account::state::{Effect, Event, Machine, Policy, Reacquire, RefreshOutcome, Renewal};
use crate::account::view::{Snapshot, Standing};
use crate::clock::{Boot, BootId, Moment};
use crate::config::AccountConfig;
use crate::contract::{EventKind, LoginReply, LoginStatus, LogoutReply};
use crate::error::Error;
use crate::oauth::describe::Described;
use crate::oauth::dialect::Dialect;
use crate::oauth::echo::Sent;
use crate::oauth::exchange::{Credentials, Target, Trade};
use crate::oauth::grant::GrantType;
use crate::provider::AskError;
use crate::random::Jitter;
use crate::secret::AccessToken;
use crate::store::Store;

/// Requests that wait for the task. A full box means that somebody has asked already.
const INBOX: usize = 64;
/// What is spent on asking whose a token is, while everybody gets it already.
const DESCRIBE_PATIENCE: Duration = Duration::from_secs(5);
/// What the task is asked to do.
pub(super) enum AccountCommand {
    /// Somebody has no use for the published token: it wants this much validity. Told once that was looked at.
    Wanted(Duration, Option<oneshot::Sender<()>>),
    /// Somebody wants a token for this target, with this much validity.
    Narrow(Box<Target>, Duration),
    /// A person wants a newer token than that of this generation, and said so at this moment.
    Refresh(u64, Moment, oneshot::Sender<()>),
    /// A caller's API answered 401. Told how long that leads to nothing, since the token is new.
    Rejected(oneshot::Sender<Duration>),
    /// A login brought a grant. Taken only while that login still stands: a logout may have called it off; and of another
    /// person only if that was agreed to.
    LoggedIn(FreshGrant, Agreed, Option<watch::Receiver<LoginReply>>, oneshot::Sender<Result<LoginTaken, Error>>),
    /// Revoke where possible, delete always.
    LogOut(oneshot::Sender<Result<LogoutReply, Error>>),
    /// Keep what has to be kept, forget everything. The error is one clause: something could not be kept, and
    /// nothing was forgotten.
    Lock(oneshot::Sender<Result<(), String>>),
    /// The store's key is there again.
    Unlock(oneshot::Sender<Result<(), String>>),
    /// Write what could not be written yet, and end.
    Stop,
}

/// How the others reach the task.
pub(super) struct Handle {
    pub(super) inbox: mpsc::Sender<AccountCommand>,
    pub(super) published: Arc<Published>,
    /// The config to go by, taken over before the next command.
    pub(super) config: watch::Sender<Arc<AccountConfig>>,
    /// Set before [`AccountCommand::Stop`] is sent: from then on no refresh is begun.
    pub(super) stopping: Arc<AtomicBool>,
}

struct Actor {
    config: Arc<AccountConfig>,
    world: World,
    machine: Machine,
    published: Arc<Published>,
    /// Read when they are first needed, and again after the provider refused.
    credentials: Option<Credentials>,
    /// What the last login brought, until it is written.
    unwritten: Option<FreshGrant>,
    /// What the provider said of the token that is being stored, while that lasts: it is not asked again.
    told: Option<Box<Described>>,
    hooks: Hooks,
    flaws: Flaws,
    jitter: Jitter,
    stopping: Arc<AtomicBool>,
    common: Common,
    /// As it was when it was published last.
    health: Health,
    /// When it is told once more that a login is needed.
    remind_at: Option<Boot>,
}

/// What all accounts have in common.
#[derive(Clone)]
pub(super) struct Common {
    /// Rings when the machine woke up, its clock was set, or its network changed.
    pub(super) jumps: watch::Receiver<()>,
    /// Whether the store is locked, or about to be.
    pub(super) shut: Arc<AtomicBool>,
    pub(super) events: EventBus,
    pub(super) slots: Arc<RefreshSlots>,
    /// Which run of the machine this is.
    pub(super) boot: Option<BootId>,
}

/// Starts the task of one account. `after`: the task that it had before it was taken out of the config, which may
/// still have a request in flight.
pub(super) fn spawn(config: Arc<AccountConfig>, world: World, common: Common, after: Option<Arc<Handle>>) -> Handle {
    let machine = Machine::new(policy(&config)).in_boot(common.boot.clone());
    let snapshot = machine.snapshot(&config.name);
    let health = snapshot.health(world.clock.now());
    let published = Arc::new(Published::new(snapshot));
    let (inbox, commands) = mpsc::channel(INBOX);
    let (config_sender, configs) = watch::channel(Arc::clone(&config));
    let stopping = Arc::<AtomicBool>::default();
    let hook_env = Arc::clone(&world.credentials);
    let jitter = world.randomness.of(&config.name);
    let actor = Actor {
        config,
        world,
        machine,
        published: Arc::clone(&published),
        credentials: None,
        unwritten: None,
        told: None,
        hooks: Hooks::spawn(hook_env),
        flaws: Flaws::default(),
        jitter,
        stopping: Arc::clone(&stopping),
        common,
        health,
        remind_at: None,
    };
    tokio::spawn(async move {
        if let Some(after) = after {
            after.inbox.closed().await;
        }
        actor.run(commands, configs).await;
    });
    Handle { inbox, published, config: config_sender, stopping }
}

fn policy(config: &AccountConfig) -> Policy {
    let has_password = config.user.as_ref().is_some_and(|user| user.password.is_some());
    let reacquire = match config.grant {
        GrantType::ClientCredentials => Reacquire::Always,
        GrantType::Password if has_password => Reacquire::WhileActive,
        _ => Reacquire::No,
    };
    Policy::new(&config.dialect, config.binding(), reacquire)
}

impl Actor {
    async fn run(
        mut self,
        mut commands: mpsc::Receiver<AccountCommand>,
        mut configs: watch::Receiver<Arc<AccountConfig>>,
    ) {
        let mut jumps = self.common.jumps.clone();
        let mut host = self.host();
        let mut recovery = self.common.slots.recovery(&host);
        let shut = self.common.shut.load(Ordering::Acquire);
        self.drive(if shut { Event::Locked } else { Event::Timer }).await;
        loop {
            self.note_written();
            let configured = self.host();
            if host != configured {
                recovery = self.common.slots.recovery(&configured);
                host = configured;
            }
            let now = self.world.clock.now();
            let cut_off = self.machine.is_cut_off();
            if !cut_off {
                recovery.mark_unchanged();
            }
            // What would not be done anyway is nothing to wake up for.
            let wake_at = self.machine.wake_at().filter(|_| !self.begins_nothing()).map(|at| now.until(at));
            let reminder = self.remind_at.filter(|_| !self.begins_nothing()).map(|at| now.boot.until(at));
            let nap = [wake_at, reminder].into_iter().flatten().min();
            // Only what is cancel-safe stands in the select; what it leads to is awaited in line.
            tokio::select! {
                command = commands.recv() => match command {
                    None | Some(AccountCommand::Stop) => return self.keep_the_unkept().await,
                    Some(command) => {
                        if configs.has_changed().unwrap_or_default() {
                            self.reconfigure(&mut configs).await;
                        }
                        self.handle(command).await;
                    }
                },
                Ok(()) = configs.changed() => self.reconfigure(&mut configs).await,
                turn = self.time_has_come(nap) => {
                    self.wake(Event::Timer).await;
                    drop(turn);
                }
                Ok(()) = jumps.changed() => self.wake(Event::Woken).await,
                Ok(()) = recovery.changed(), if cut_off => self.wake(Event::Recovered).await,
            }
        }
    }

    async fn handle(&mut self, command: AccountCommand) {
        // Whoever asked may be gone by now: that changes nothing.
        match command {
            AccountCommand::Wanted(ttl, looked_at) => {
                self.drive(Event::Wanted(ttl)).await;
                _ = looked_at.map(|looked_at| looked_at.send(()));
            }
            AccountCommand::Narrow(target, ttl) => self.drive(Event::Narrow(target, ttl)).await,
            AccountCommand::Refresh(seen, asked, done) => {
                // Looked at again at the head of the queue: somebody else's attempt may have done it, or
                // failed at it, and who asked may be gone.
                let tried = self.machine.attempted_since(asked) || done.is_closed() || self.begins_nothing();
                if self.published.look().generation == seen && !tried {
                    let pause = sleep(Some(self.machine.forced_pause(self.world.clock.now())));
                    _ = self.halted().cuts(pause).await;
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
                let called_off = login.is_some_and(|login| login.borrow().status != LoginStatus::Pending);
                let result = if called_off { self.too_late() } else { self.logged_in(fresh, &agreed).await };
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

    /// The origin of its token endpoint, or of its issuer.
    fn host(&self) -> String {
        let authority = self.config.dialect.authority();
        url::Url::parse(&authority).map_or(authority, |url| url.origin().ascii_serialization())
    }

    async fn reconfigure(&mut self, configs: &mut watch::Receiver<Arc<AccountConfig>>) {
        let config = Arc::clone(&configs.borrow_and_update());
        let policy = policy(&config);
        self.credentials = None;
        self.config = config;
        self.drive(Event::Reconfigured(policy)).await;
    }

    /// Whether the daemon stops, or the store is locked or about to be.
    fn begins_nothing(&self) -> bool {
        self.stopping.load(Ordering::Acquire) || self.common.shut.load(Ordering::Acquire)
    }

    /// Tells the machine and does what it says until it rests. Everybody sees every step.
    async fn drive(&mut self, event: Event) {
        // A request that needs nothing changes nothing; to ring for each would wake every waiter for it.
        let may_be_idle = matches!(event, Event::Wanted(_) | Event::Narrow(..));
        if self.begins_nothing() && holds_back(&event) {
            return;
        }
        let mut event = event;
        let planned = self.machine.wake_at();
        loop {
            let effect = self.machine.step(event, self.world.clock.now(), self.jitter.share());
            let changed = self.published.look().busy || self.machine.wake_at() != planned;
            if may_be_idle && matches!(effect, Effect::Rest) && !changed {
                return;
            }
            let after = self.machine.snapshot(&self.config.name);
            let health = after.health(self.world.clock.now());
            let (happening, before) = {
                let before = self.published.look();
                tell_lost_scope(&before, &after);
                (EventKind::between(&before, self.health, &after, health), before.standing.clone())
            };
            self.health = health;
            self.published.show(after);
            // Who hears of it and looks has to see it.
            if let Some(happening) = happening.filter(|happening| !self.was_told(*happening, &before)) {
                self.tell(happening);
            }
            event = match effect {
                Effect::Rest => return self.flaws.tell(&self.config.name),
                Effect::Load => self.load().await,
                Effect::Prepare(record) => {
                    Event::Prepared(self.on_disk(move |store, name| store.begin(name, &record)).await)
                }
                Effect::Send(renewal) => Event::Answered(self.renew(renewal).await),
                Effect::Describe(token) => Event::Described(self.describe(&token).await),
                Effect::Commit(record) => self.commit(record).await,
                Effect::Note(record) => {
                    // Best effort: if it fails, a restart asks once more than it would have to.
                    _ = self.on_disk(move |store, name| store.begin(name, &record)).await;
                    Event::Noted
                }
                Effect::Remove => Event::Removed(self.on_disk(Store::remove).await),
            };
        }
    }

    /// Time may have passed.
    async fn wake(&mut self, event: Event) {
        let remind = self.remind_at.is_some_and(|at| self.world.clock.now().boot.reached(at));
        if remind && !self.begins_nothing() {
            self.remind_at = None;
            if matches!(self.published.look().standing, Standing::NeedsLogin(_)) {
                self.tell(EventKind::LoginNeeded);
            }
        }
        self.drive(event).await;
    }

    /// A login that was needed before the store was locked is no news when it is unlocked.
    fn was_told(&self, happening: EventKind, before: &Standing) -> bool {
        let unknown = matches!(before, Standing::Locked | Standing::Unread);
        happening == EventKind::LoginNeeded && unknown && self.remind_at.is_some()
    }

    fn tell(&mut self, happening: EventKind) {
        let now = self.world.clock.now();
        self.remind_at = (happening == EventKind::LoginNeeded).then(|| now.boot.plus(self.config.keys.remind_after));
        self.hooks.tell(&self.config, happening);
        self.common.events.tell(&self.config.name, happening, now.wall);
    }

    /// Ends after `nap`, and when it is this account's turn, if it is going to ask for a token of its own accord.
    /// Cancel-safe: whoever comes meanwhile is served first, and a caller who waits for a token waits for no turn.
    async fn time_has_come(&self, nap: Option<Duration>) -> RefreshSlot {
        sleep(nap).await;
        if self.machine.asks_of_its_own_accord(self.world.clock.now()) {
            self.common.slots.take(&self.config.dialect.provider).await
        } else {
            None
        }
    }

    async fn renew(&mut self, renewal: Renewal) -> RefreshOutcome {
        let account = self.config.name.clone();
        tracing::debug!(%account, "asking for a new token");
        let answer = match self.try_renew(renewal).await {
            Ok(answer) => answer,
            Err(why) => RefreshOutcome::NotSent { why },
        };
        // What was sent is hidden already. The account's access token is not sent, and providers quote it all the same.
        let answer = match &self.published.look().token {
            Some(held) => {
                let secret = Sent::token(&held.access_token);
                answer.edited(|text| secret.hide(text))
            }
            None => answer,
        };
        if matches!(answer, RefreshOutcome::Granted(_) | RefreshOutcome::Refused(_)) && self.machine.is_cut_off() {
            self.common.slots.recovered(&self.host(), self.world.clock.now().boot);
        }
        match &answer {
            RefreshOutcome::Granted(grant) => self.flaws.note(&grant.flaws),
            RefreshOutcome::Refused(refusal) => {
                tracing::warn!(%account, "the provider refused a new token: {refusal}");
                // The secret may have been replaced meanwhile.
                self.credentials = None;
            }
            RefreshOutcome::Busy { why, .. }
            | RefreshOutcome::NotSent { why }
            | RefreshOutcome::CircuitOpen { why, .. } => {
                tracing::warn!(%account, "a new token has to wait: {why}");
            }
            RefreshOutcome::Pending { .. } => tracing::warn!(%account, "the provider answered as to a device"),
            RefreshOutcome::Lost { why } => tracing::warn!(%account, "nobody knows whether the request arrived: {why}"),
        }
        answer
    }

    /// The error is one clause: nothing was sent.
    async fn try_renew(&mut self, renewal: Renewal) -> Result<RefreshOutcome, String> {
        let halted = self.halted();
        // A lock or stop waits for what was sent, and for nothing before that.
        let priority = renewal.priority;
        let preparing = halted.clone().cuts(self.prepare(renewal)).await;
        let (dialect, trade, credentials) = match preparing.ok_or(HALTED)?? {
            Ok(prepared) => prepared,
            Err(error) => return Ok(provider_call::unsent(error)),
        };
        let sending = self.world.provider.trade_at(priority, &dialect, &trade, &credentials);
        match trade {
            // Nothing is spent by it, so nothing has to be kept of the reply.
            Trade::ClientCredentials { .. } => halted.cuts(sending).await.ok_or_else(|| HALTED.into()),
            _ => Ok(sending.await),
        }
    }

    /// All that a request takes. The outer error is one clause.
    async fn prepare(
        &mut self,
        renewal: Renewal,
    ) -> Result<Result<(Arc<Dialect>, Trade, Credentials), AskError>, String> {
        let credentials = self.credentials().await?;
        let provider_call = ProviderCall { config: &self.config, world: &self.world };
        let dialect = match provider_call.dialect().await {
            Ok(dialect) => dialect,
            Err(error) => return Ok(Err(error)),
        };
        let trade = provider_call.trade(renewal).await?;
        Ok(Ok((dialect, trade, credentials)))
    }

    async fn credentials(&mut self) -> Result<Credentials, String> {
        if let Some(credentials) = &self.credentials {
            return Ok(credentials.clone());
        }
        let read = ProviderCall { config: &self.config, world: &self.world }.credentials().await?;
        Ok(self.credentials.insert(read).clone())
    }

    /// Nothing depends on it: the token is served already.
    async fn describe(&mut self, token: &AccessToken) -> Option<Box<Described>> {
        if let Some(told) = self.told.take() {
            return Some(told);
        }
        self.halted().cuts(self.ask_whose(token)).await?
    }

    async fn ask_whose(&mut self, token: &AccessToken) -> Option<Box<Described>> {
        let credentials = self.credentials().await.ok()?;
        let dialect = ProviderCall { config: &self.config, world: &self.world }.dialect().await.ok()?;
        let asked = self.world.provider.describe(&dialect, token, &credentials);
        match tokio::time::timeout(DESCRIBE_PATIENCE, asked).await {
            Ok(Ok(described)) => Some(Box::new(described)),
            Ok(Err(error)) => {
                tracing::info!(account = %self.config.name, "the provider did not say whose token it is: {error}");
                None
            }
            Err(_) => None,
        }
    }
}

fn tell_lost_scope(before: &Snapshot, after: &Snapshot) {
    if let Some(lost) = after.lost_scope.as_ref().filter(|lost| before.lost_scope.as_ref() != Some(lost)) {
        tracing::warn!(account = %after.account, "{lost}");
    }
}

/// Whether the event may begin something new, which a task that is told to stop or to lock doesn't.
fn holds_back(event: &Event) -> bool {
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

pub(super) async fn sleep(nap: Option<Duration>) {
    match nap {
        Some(nap) => tokio::time::sleep(nap).await,
        None => std::future::pending().await,
    }
}
