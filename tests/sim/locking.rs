//! Locks and unlocks the store, and stops the daemon.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use ringback::broker::handle::{Broker, TokenQuery};
use ringback::contract::{LoginVia, UnlockRequest};

use crate::counts::What;
use crate::truth::{ACCOUNTS, Truth};

/// How long a stop waits for requests in flight and uncommitted tokens.
const PATIENCE: Duration = Duration::from_secs(60);
/// The daemon must do nothing for this long after a stop or a lock.
const AFTERWARDS: Duration = Duration::from_secs(120);

/// Locks and unlocks at random times. Never ends.
pub(crate) async fn lock_and_unlock(truth: Arc<Truth>, broker: Broker, life: u32) {
    let mut rng = truth.jitter(&format!("lock {life}"));
    loop {
        tokio::time::sleep(Duration::from_secs(rng.random_range(300..9000))).await;
        truth.with_gate(|gate, _| gate.slots += 1);
        let locked = broker.lock().await;
        if let Err(error) = locked {
            truth.step(What::NotLocked, "store", || format!(": {error}"));
            if !ACCOUNTS.into_iter().any(|account| truth.with_disk(account, |disk, _| disk.uncommitted || disk.doubted))
            {
                truth.violated(&format!("the store was not locked: {error}"));
            }
            truth.with_gate(|gate, _| gate.slots += 1);
            continue;
        }
        truth.with_gate(|gate, _| gate.locked = true);
        truth.step(What::Locked, "store", String::new);
        check_quiet(&truth, "the lock");
        refuses_everything(&truth, &broker).await;
        tokio::time::sleep(Duration::from_secs(rng.random_range(1..900))).await;
        refuses_everything(&truth, &broker).await;
        truth.check_accounted_for("the lock");
        truth.with_gate(|gate, _| gate.locked = false);
        broker.unlock(UnlockRequest::default()).await.unwrap();
        truth.with_gate(|gate, _| gate.slots += 1);
    }
}

async fn refuses_everything(truth: &Truth, broker: &Broker) {
    for account in ACCOUNTS {
        let token = broker.token(account, TokenQuery::default()).await.is_ok();
        let login = broker.start_login(account, LoginVia::CallerBrowser).await.is_ok();
        if token || login || broker.refresh(account).await.is_ok() {
            truth.violated(&format!("{account}: a request succeeded while the store was locked"));
        }
        if broker.account(account).unwrap().login_pending.is_some() {
            truth.violated(&format!("{account}: a login is pending while the store is locked"));
        }
    }
}

/// Checks that nothing is in flight and no tokens are uncommitted.
fn check_quiet(truth: &Truth, when: &str) {
    for account in ACCOUNTS {
        if truth.with_grant(account, |grant, _| grant.flying) > 0 {
            truth.violated(&format!("{account}: a refresh is in flight after {when}"));
        }
        // A stop that gave up on a full disk has reported it, and the tokens are gone.
        let stopping = truth.with_gate(|gate, _| gate.stopping);
        if !stopping && truth.with_disk(account, |disk, _| disk.uncommitted) {
            truth.violated(&format!("{account}: tokens are uncommitted after {when}"));
        }
    }
}

/// Stops the daemon: uncommitted tokens are stored if the disk permits, and then nothing happens.
pub(crate) async fn stop(truth: &Truth, broker: &Broker) {
    truth.with_gate(|gate, _| gate.stopping = true);
    broker.shut_down(PATIENCE).await;
    truth.step(What::Stopped, "daemon", String::new);
    truth.with_gate(|gate, _| gate.stopped = true);
    // A disk that was full until the end stores nothing, even if it has room again soon afterwards.
    let lost = ACCOUNTS
        .map(|account| truth.with_disk(account, |disk, now| disk.uncommitted && now < disk.full_until + PATIENCE));
    tokio::time::sleep(AFTERWARDS).await;
    for (account, lost) in ACCOUNTS.into_iter().zip(lost) {
        if truth.with_disk(account, |disk, _| std::mem::take(&mut disk.uncommitted)) && lost {
            truth.step(What::Forgotten, account, String::new);
            truth.with_grant(account, |grant, _| grant.unheard += 1);
        }
        if truth.with_grant(account, |grant, _| grant.flying) > 0 {
            truth.violated(&format!("{account}: a refresh is in flight after the stop"));
        }
    }
    truth.check_accounted_for("the stop");
}
