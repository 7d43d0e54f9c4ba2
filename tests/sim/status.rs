//! Checks that the states of accounts, as shown by `status`, are true.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use ringback::account::login_reason::LoginReason;
use ringback::broker::handle::{Broker, TokenQuery};
use ringback::contract::{AccountHealth, AccountState};
use ringback::store::record;

use crate::truth::{ACCOUNTS, Truth};

/// Never ends.
pub(crate) async fn look(truth: Arc<Truth>, broker: Broker, life: u32) {
    let mut rng = truth.jitter(&format!("status {life}"));
    loop {
        tokio::time::sleep(Duration::from_secs(rng.random_range(20..600))).await;
        for account in ACCOUNTS {
            check_health(&truth, &broker, account).await;
            check_login(&truth, account);
        }
    }
}

/// An account is usable exactly if callers get a token, and an account with a valid token is usable.
async fn check_health(truth: &Truth, broker: &Broker, account: &'static str) {
    let slots = truth.with_gate(|gate, _| gate.slots);
    let health = health_of(broker, account);
    let query =
        TokenQuery { min_ttl: Some(Duration::ZERO), wait: Some(Duration::ZERO), target: None, proves_key: false };
    let reply = broker.token(account, query).await;
    if truth.with_gate(|gate, _| gate.slots != slots) {
        return;
    }
    match (is_usable(health), reply) {
        (true, Ok(reply)) => truth.check_served(account, &reply.access_token),
        (true, Err(error)) => truth.violated(&format!("{account}: shown as {health:?}, but has no token: {error}")),
        (false, _) => {
            // A record that was just written is not visible yet.
            tokio::time::sleep(Duration::from_millis(10)).await;
            let (health, valid) = (health_of(broker, account), truth.durable_and_valid(account));
            let unread = broker.account(account).unwrap().state == AccountState::StoreUnavailable;
            if valid && !is_usable(health) && !unread && truth.with_gate(|gate, _| gate.slots == slots) {
                truth.violated(&format!("{account}: shown as {health:?}, but has a valid token"));
            }
        }
    }
}

fn health_of(broker: &Broker, account: &str) -> AccountHealth {
    broker.account(account).unwrap().health.unwrap().now
}

fn is_usable(health: AccountHealth) -> bool {
    matches!(health, AccountHealth::Usable | AccountHealth::Ending)
}

/// A login ends only with its grant, or by a lost reply.
fn check_login(truth: &Truth, account: &'static str) {
    let Some(bytes) = truth.with_disk(account, |disk, _| disk.bytes.clone()) else { return };
    let reason = record::decode(&bytes).unwrap().needs_login;
    let reason = reason.filter(|reason| !matches!(reason, LoginReason::Unexplained { .. }));
    let ended = truth.with_grant(account, |grant, _| grant.ended.is_some() || grant.unheard > 0);
    if let Some(reason) = reason.filter(|_| !ended && !truth.is_older(account)) {
        truth.violated(&format!("{account}: its login was ended ({reason}), but its grant is valid"));
    }
}
