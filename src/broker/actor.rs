//! The task that owns one account. It carries out what the machine says, one thing after the other, and
//! awaits a refresh in line: two can't be in flight, and a caller that hangs up can't cancel one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::RngExt as _;
use tokio::sync::{mpsc, oneshot, watch};

use super::World;
use super::published::Published;
use crate::account::record::Record;
use crate::account::state::{Answer, Effect, Event, Machine, Policy, StoreTrouble};
use crate::account::view::Standing;
use crate::config::AccountConfig;
use crate::contract::{LogoutOutcome, LogoutReply};
use crate::credentials;
use crate::error::Error;
use crate::oauth::dialect::Revoke;
use crate::oauth::exchange::{Credentials, Target, Trade};
use crate::oauth::grant::{Binding, Grant, TokenSet};
use crate::secret::{ClientSecret, RefreshToken};
use crate::store::{Store, StoreError};

/// Requests that wait for the task. A full box means that somebody has asked already.
const INBOX: usize = 64;
/// What a logout spends on telling the provider.
const REVOKE_PATIENCE: Duration = Duration::from_secs(8);
/// Between attempts to write what could not be written, when the daemon is told to stop.
const LAST_CHANCES_APART: Duration = Duration::from_millis(200);
/// How many such attempts: half a minute of them, where a removed account has that long.
const LAST_CHANCES: u32 = 150;

/// What the task is asked to do.
pub(super) enum Command {
    /// Somebody has no use for the published token: it wants this much validity.
    Wanted(Duration),
    /// A person wants a newer token than that of this generation.
    Refresh(u64, oneshot::Sender<()>),
    /// A caller's API answered 401.
    Rejected(oneshot::Sender<()>),
    /// A login brought a grant.
    LoggedIn(Box<Grant>, Binding, oneshot::Sender<Result<(), Error>>),
    /// Revoke where possible, delete always.
    LogOut(oneshot::Sender<Result<LogoutReply, Error>>),
    /// The config changed.
    Reconfigure(Arc<AccountConfig>),
    /// Write what could not be written yet, and end.
    Stop,
}

/// How the others reach the task.
pub(super) struct Handle {
    pub(super) inbox: mpsc::Sender<Command>,
    pub(super) published: Arc<Published>,
    /// Set before [`Command::Stop`] is sent: from then on no refresh is begun.
    pub(super) stopping: Arc<AtomicBool>,
}

struct Actor {
    config: Arc<AccountConfig>,
    world: World,
    machine: Machine,
    published: Arc<Published>,
    /// Read when it is first needed, and again after the provider refused it.
    secret: Option<ClientSecret>,
    stopping: Arc<AtomicBool>,
}

/// Starts the task of one account. `jumps` rings when the machine woke up or its clock was set.
pub(super) fn spawn(config: Arc<AccountConfig>, world: World, jumps: watch::Receiver<()>) -> Handle {
    let machine = Machine::new(Policy::new(&config.dialect, config.binding()));
    let published = Arc::new(Published::new(machine.snapshot(&config.name)));
    let (inbox, commands) = mpsc::channel(INBOX);
    let stopping = Arc::<AtomicBool>::default();
    let actor = Actor {
        config,
        world,
        machine,
        published: Arc::clone(&published),
        secret: None,
        stopping: Arc::clone(&stopping),
    };
    tokio::spawn(actor.run(commands, jumps));
    Handle { inbox, published, stopping }
}

impl Actor {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>, mut jumps: watch::Receiver<()>) {
        self.drive(Event::Timer).await;
        loop {
            let now = self.world.clock.now();
            let nap = self.machine.wake_at().map(|at| now.until(at));
            // Only what is cancel-safe stands in the select; what it leads to is awaited in line.
            tokio::select! {
                command = commands.recv() => match command {
                    None | Some(Command::Stop) => return self.keep_the_unkept().await,
                    Some(command) => self.handle(command).await,
                },
                () = sleep(nap) => self.drive(Event::Timer).await,
                Ok(()) = jumps.changed() => self.drive(Event::Timer).await,
            }
        }
    }

    async fn handle(&mut self, command: Command) {
        // Whoever asked may be gone by now: that changes nothing.
        match command {
            Command::Wanted(ttl) => self.drive(Event::Wanted(ttl)).await,
            Command::Refresh(seen, done) => {
                // Looked at again at the head of the queue: somebody else's refresh may have done it.
                if self.published.look().generation == seen {
                    sleep(Some(self.machine.forced_pause(self.world.clock.now()))).await;
                    self.drive(Event::Forced).await;
                }
                _ = done.send(());
            }
            Command::Rejected(done) => {
                self.drive(Event::Rejected).await;
                _ = done.send(());
            }
            Command::LoggedIn(grant, binding, done) => {
                let result = self.logged_in(grant, &binding).await;
                _ = done.send(result);
            }
            Command::LogOut(done) => {
                let result = self.log_out().await;
                _ = done.send(result);
            }
            Command::Reconfigure(config) => {
                self.drive(Event::Reconfigured(Policy::new(&config.dialect, config.binding()))).await;
                self.secret = None;
                self.config = config;
            }
            Command::Stop => {}
        }
    }

    /// Tells the machine and does what it says until it rests. Everybody sees every step.
    async fn drive(&mut self, event: Event) {
        // A request that needs nothing changes nothing; to ring for each would wake every waiter for it.
        let may_be_idle = matches!(event, Event::Wanted(_));
        if self.stopping.load(Ordering::Acquire) && matches!(event, Event::Wanted(_) | Event::Timer | Event::Forced) {
            return;
        }
        let mut event = event;
        loop {
            let effect = self.machine.step(event, self.world.clock.now(), rand::rng().random());
            if may_be_idle && matches!(effect, Effect::Rest) && !self.published.look().busy {
                return;
            }
            self.published.show(self.machine.snapshot(&self.config.name));
            event = match effect {
                Effect::Rest => return,
                Effect::Load => self.load().await,
                Effect::Prepare(record) => {
                    Event::Prepared(self.on_disk(move |store, name| store.begin(name, &record)).await)
                }
                Effect::Send(token) => Event::Answered(self.refresh(token).await),
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

    async fn load(&self) -> Event {
        match self.blocking(Store::load).await {
            Ok(record) => Event::Loaded(record.map(Box::new)),
            Err(error) => {
                tracing::error!(account = %self.config.name, "{error}");
                Event::NotLoaded(match error {
                    StoreError::SetAside { .. } => StoreTrouble::Damaged,
                    _ => StoreTrouble::Unavailable(error.to_string()),
                })
            }
        }
    }

    async fn commit(&self, record: Box<Record>) -> Event {
        let (generation, needs_login) = (record.generation, record.needs_login.clone());
        let result = self.on_disk(move |store, name| store.commit(name, &record)).await;
        match (&result, needs_login) {
            (Ok(()), None) => {
                tracing::info!(account = %self.config.name, generation, "a new token set is kept and served");
            }
            (Ok(()), Some(reason)) => tracing::warn!(account = %self.config.name, "needs a login: {reason}"),
            (Err(_), _) => {}
        }
        Event::Committed(result)
    }

    async fn refresh(&mut self, token: RefreshToken) -> Answer {
        let credentials = match self.credentials().await {
            Ok(credentials) => credentials,
            Err(why) => return Answer::NotSent { why },
        };
        let (config, account) = (Arc::clone(&self.config), &self.config.name);
        tracing::debug!(%account, "refreshing");
        let trade = Trade::RefreshToken { token, target: Target::default() };
        let answer = self.world.provider.trade(&config.dialect, &trade, &credentials).await;
        match &answer {
            Answer::Granted(_) | Answer::Pending { .. } => {}
            Answer::Refused(refusal) => {
                tracing::warn!(%account, "the provider refused the refresh: {refusal}");
                // The secret may have been replaced meanwhile.
                self.secret = None;
            }
            Answer::Busy { why, .. } | Answer::NotSent { why } => {
                tracing::warn!(%account, "the refresh has to wait: {why}");
            }
            Answer::Lost { why } => tracing::warn!(%account, "nobody knows whether the refresh arrived: {why}"),
        }
        answer
    }

    async fn credentials(&mut self) -> Result<Credentials, String> {
        if self.secret.is_none()
            && let Some(source) = &self.config.client_secret
        {
            let read = credentials::resolve(source, &self.world.credentials).await;
            self.secret = Some(read.map_err(|error| format!("the client secret can't be had: {error}"))?);
        }
        Ok(Credentials {
            client_id: self.config.client_id.clone(),
            client_secret: self.secret.clone(),
            client_key: None,
        })
    }

    /// Tries to write new tokens that could not be written, for as long as whoever stops this task waits.
    async fn keep_the_unkept(&mut self) {
        for chance in 0..LAST_CHANCES {
            if !self.machine.is_unkept() {
                return;
            }
            if chance > 0 {
                sleep(Some(LAST_CHANCES_APART)).await;
            }
            self.drive(Event::Stopping).await;
        }
        if self.machine.is_unkept() {
            tracing::error!(account = %self.config.name, "new tokens could not be written and are lost");
        }
    }

    async fn logged_in(&mut self, grant: Box<Grant>, binding: &Binding) -> Result<(), Error> {
        if binding != self.machine.binding() {
            let why = "the config changed while the login was pending".into();
            return Err(Error::LoginFailed { account: self.config.name.clone(), why, provider_error: None });
        }
        let unread = self.machine.snapshot(&self.config.name);
        if unread.standing == Standing::Unread {
            return Err(unread.error(self.world.clock.now()));
        }
        let before = unread.generation;
        self.drive(Event::LoggedIn(grant)).await;
        let after = self.machine.snapshot(&self.config.name);
        if after.generation > before || after.trouble.is_none() {
            Ok(())
        } else {
            Err(after.error(self.world.clock.now()))
        }
    }

    async fn log_out(&mut self) -> Result<LogoutReply, Error> {
        let before = self.machine.snapshot(&self.config.name);
        if before.standing == Standing::Unread {
            return Err(before.error(self.world.clock.now()));
        }
        let tokens = self.machine.tokens().cloned();
        let (outcome, detail) = match &tokens {
            None => (LogoutOutcome::NothingStored, "there was nothing to delete".to_owned()),
            Some(tokens) => self.revoke(tokens).await,
        };
        self.drive(Event::LogOut).await;
        let after = self.machine.snapshot(&self.config.name);
        if after.standing != Standing::SignedOut {
            return Err(after.error(self.world.clock.now()));
        }
        tracing::info!(account = %self.config.name, "logged out: {detail}");
        Ok(LogoutReply { account: self.config.name.clone(), outcome, detail })
    }

    async fn revoke(&mut self, tokens: &TokenSet) -> (LogoutOutcome, String) {
        let here_only = |why: &str| (LogoutOutcome::DeletedHereOnly, format!("deleted from this machine only: {why}"));
        let config = Arc::clone(&self.config);
        let snapshot = self.machine.snapshot(&config.name);
        let expired =
            snapshot.token.is_some_and(|token| token.deadline.is_some_and(|at| self.world.clock.now().reached(at)));
        if expired && matches!(config.dialect.revoke, Revoke::DeleteBearer(_)) {
            return here_only("the access token had expired, and this provider takes no other");
        }
        let credentials = match self.credentials().await {
            Ok(credentials) => credentials,
            Err(why) => return here_only(&why),
        };
        let asked = self.world.provider.revoke(&config.dialect, tokens, &credentials);
        match tokio::time::timeout(REVOKE_PATIENCE, asked).await {
            Ok(Ok(true)) => (
                LogoutOutcome::RevokedAtProvider,
                "revoked at the provider (which may take it some minutes) and deleted from this machine".into(),
            ),
            Ok(Ok(false)) => here_only("the provider has no way to revoke a token"),
            Ok(Err(why)) => here_only(&why),
            Err(_) => here_only("the provider did not answer"),
        }
    }

    async fn on_disk(
        &self,
        work: impl FnOnce(&dyn Store, &str) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), String> {
        self.blocking(work).await.map_err(|error| {
            tracing::error!(account = %self.config.name, "{error}");
            error.to_string()
        })
    }

    /// Disks block: not on the runtime's threads.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (store, name) = (Arc::clone(&self.world.store), self.config.name.clone());
        let done = tokio::task::spawn_blocking(move || work(&*store, &name)).await;
        done.unwrap_or_else(|_| Err(StoreError::Io { path: "the store".into(), why: "its thread died".into() }))
    }
}

pub(super) async fn sleep(nap: Option<Duration>) {
    match nap {
        Some(nap) => tokio::time::sleep(nap).await,
        None => std::future::pending().await,
    }
}
