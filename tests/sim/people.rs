//! Users who log in while the daemon runs: some return from the provider in time, some too late, and some never.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use ringback::broker::handle::Broker;
use ringback::broker::login::callback::{CallbackRequest, StartRedirect};
use ringback::broker::{CallbackListener, ListenerGuard};
use ringback::clock::{Boot, Clock};
use ringback::contract::{LoginStatus, LoginVia};
use ringback::provider::ProviderFuture;
use ringback::secret::Nonce256;

use crate::counts::{What, happens};
use crate::truth::{ACCOUNTS, Truth};

/// A started login.
#[derive(Clone)]
struct Begun {
    id: String,
    account: &'static str,
    ends: Boot,
    /// Its callback has arrived, and its code is being exchanged: it ends with the exchange.
    answered: bool,
}

/// The open callback listeners, and the pending logins.
#[derive(Default)]
pub(crate) struct Desk {
    begun: Mutex<Vec<Begun>>,
    doors: Arc<Mutex<BTreeMap<String, u32>>>,
    /// Accounts whose login is being started.
    beginning: Mutex<Vec<&'static str>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn redirect_uri(account: &str) -> String {
    format!("http://127.0.0.1:7464/callback/{account}")
}

/// Closes its listener on drop.
struct Open(Arc<Mutex<BTreeMap<String, u32>>>, String);

impl Drop for Open {
    fn drop(&mut self) {
        *held(&self.0).get_mut(&self.1).unwrap() -= 1;
    }
}

impl CallbackListener for Desk {
    fn open<'a>(&'a self, redirect_uri: &'a str) -> ProviderFuture<'a, Result<ListenerGuard, String>> {
        *held(&self.doors).entry(redirect_uri.to_owned()).or_default() += 1;
        let open = Open(Arc::clone(&self.doors), redirect_uri.to_owned());
        Box::pin(async move { Ok(Box::new(open) as ListenerGuard) })
    }
}

/// Everything that a user needs.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) truth: Arc<Truth>,
    pub(crate) broker: Broker,
    pub(crate) clock: Clock,
    pub(crate) desk: Arc<Desk>,
    pub(crate) account: &'static str,
    pub(crate) timeout: Duration,
}

impl Person {
    /// One login after another. Never ends.
    pub(crate) async fn live(self, life: u32) {
        let mut rng = self.truth.jitter(&format!("person {} {life}", self.account));
        loop {
            tokio::time::sleep(Duration::from_secs(rng.random_range(30..4000))).await;
            self.log_in(&mut rng).await;
        }
    }

    async fn log_in(&self, rng: &mut StdRng) {
        let Some((id, start_url)) = self.begin(rng).await else { return };
        let longest = self.timeout.as_secs() * 5 / 4 + 2;
        if happens(rng, 0.3) {
            tokio::time::sleep(Duration::from_secs(rng.random_range(1..longest))).await;
            return self.desk.look(&self.truth, &self.broker, &self.clock).await;
        }
        tokio::time::sleep(Duration::from_secs(rng.random_range(1..20))).await;
        let Ok(StartRedirect::Leaves(start)) = self.broker.open_ticket(start_url.rsplit('/').next().unwrap()).await
        else {
            return self.truth.step(What::Turned, self.account, || " to begin".into());
        };
        let query = start.authorize_url.split_once('?').unwrap().1;
        let state = query.split('&').find_map(|pair| pair.strip_prefix("state=")).unwrap().to_owned();
        let code = self.truth.consent(self.account);
        tokio::time::sleep(Duration::from_secs(rng.random_range(1..longest))).await;
        let request = CallbackRequest {
            arrived_on: redirect_uri(self.account),
            parameters: vec![("code".to_owned(), code), ("state".to_owned(), state)].into(),
            in_fragment: false,
            cookies: vec![(start.cookie_name, Nonce256::expose(&start.cookie_value).to_owned())],
        };
        self.answer(&id, request, rng).await;
    }

    /// The login's id and start URL.
    async fn begin(&self, rng: &mut StdRng) -> Option<(String, String)> {
        let begun = self.clock.now().boot;
        held(&self.desk.beginning).push(self.account);
        let started = self.broker.start_login(self.account, LoginVia::CallerBrowser).await;
        let again = happens(rng, 0.3);
        let second =
            if again { self.broker.start_login(self.account, LoginVia::CallerBrowser).await.ok() } else { None };
        held(&self.desk.beginning).retain(|account| *account != self.account);
        let started = started.ok()?;
        if let Some(second) = second.filter(|second| !second.joined || second.login_id != started.login_id)
            && !self.truth.slept_since(begun.0)
            && !started.joined
        {
            self.truth.violated(&format!("{}: {} is pending besides another login", self.account, second.login_id));
        }
        if !started.joined {
            self.truth.step(What::LoginBegun, self.account, String::new);
            // Tokio's timers have a resolution of a millisecond, and within the last one either task may be first.
            let ends = self.clock.now().boot.plus(self.timeout + Duration::from_millis(1));
            let (id, account) = (started.login_id.clone(), self.account);
            held(&self.desk.begun).push(Begun { id, account, ends, answered: false });
        }
        Some((started.login_id, started.start_url?))
    }

    /// The browser sends the callback, sometimes twice.
    async fn answer(&self, id: &str, request: CallbackRequest, rng: &mut StdRng) {
        let late = self.desk.is_over(id, self.clock.now().boot);
        self.desk.set_answered(id, true);
        let again = happens(rng, 0.3).then(|| request.clone());
        let (broker, first) = (self.broker.clone(), request);
        let coming = tokio::spawn(async move { broker.callback(first).await });
        if let Some(again) = again {
            tokio::time::sleep(Duration::from_millis(rng.random_range(0..1000))).await;
            _ = self.broker.callback(again).await;
        }
        let came = coming.await.unwrap();
        self.desk.set_answered(id, false);
        if came.is_err() {
            return self.truth.step(What::Turned, self.account, String::new);
        }
        if late {
            self.truth.violated(&format!("{}: a callback was accepted after the login's timeout", self.account));
        }
        let Ok(reply) = self.broker.login(id, Duration::ZERO).await else { return };
        match reply.status {
            LoginStatus::Succeeded => {
                self.truth.step(What::LoginKept, self.account, String::new);
                self.truth.check_kept(self.account);
            }
            LoginStatus::Failed => {
                let why = reply.failure.map(|failure| failure.error_description).unwrap_or_default();
                self.truth.step(What::LoginFailed, self.account, || format!(": {why}"));
                tokio::time::sleep(Duration::from_millis(1)).await;
                // Uncommitted grants of either account are not lost.
                if !ACCOUNTS.into_iter().any(|account| self.truth.with_disk(account, |disk, _| disk.uncommitted)) {
                    self.truth.check_accounted_for("a login that failed");
                }
            }
            LoginStatus::Pending => {
                self.truth.violated(&format!("{}: a login is pending after its callback", self.account));
            }
        }
    }
}

impl Desk {
    fn is_over(&self, id: &str, now: Boot) -> bool {
        held(&self.begun).iter().any(|begun| begun.id == id && now.reached(begun.ends))
    }

    fn set_answered(&self, id: &str, answered: bool) {
        held(&self.begun).iter_mut().filter(|begun| begun.id == id).for_each(|begun| begun.answered = answered);
    }

    /// Checks that timed-out logins have ended and their listeners are closed.
    pub(crate) async fn look(&self, truth: &Truth, broker: &Broker, clock: &Clock) {
        // Timers that are due in the same moment, such as that of a resume, may run after this one.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let all = held(&self.begun).clone();
        let now = clock.now().boot;
        for begun in all.iter().filter(|begun| !begun.answered && now.reached(begun.ends)) {
            self.check_over(truth, broker, begun).await;
        }
        for account in ACCOUNTS {
            let mut pending = 0;
            for begun in all.iter().filter(|begun| begun.account == account) {
                let stands = broker.login(&begun.id, Duration::ZERO).await;
                pending += u32::from(stands.is_ok_and(|reply| reply.status == LoginStatus::Pending));
            }
            if pending > 1 {
                truth.violated(&format!("{account}: {pending} logins are pending"));
            }
        }
        held(&self.begun).retain(|begun| begun.answered || !now.reached(begun.ends));
    }

    async fn check_over(&self, truth: &Truth, broker: &Broker, begun: &Begun) {
        let (account, id) = (begun.account, &begun.id);
        let busy = || held(&self.beginning).contains(&account);
        // Not by requesting the login itself, which would end it.
        let view = broker.account(account).unwrap();
        let (shown, other) = (view.login_pending.as_ref() == Some(id), view.login_pending.is_some());
        let open = held(&self.doors).get(&redirect_uri(account)).copied().unwrap_or_default();
        let awaited = broker.expects_callback(&format!("/callback/{account}"));
        if shown {
            truth.violated(&format!("{account}: a login is shown as pending after its timeout"));
        }
        if !other && !busy() && (open > 0 || awaited) {
            truth.violated(&format!("{account}: the listener of a login is open after its timeout"));
        }
        if let Ok(reply) = broker.login(id, Duration::ZERO).await {
            match reply.status {
                LoginStatus::Pending => truth.violated(&format!("{account}: a login is pending after its timeout")),
                LoginStatus::Failed => truth.step(What::LoginLate, account, String::new),
                LoginStatus::Succeeded => {}
            }
        }
    }
}
