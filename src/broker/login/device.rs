//! Device login (RFC 8628): the user types a code into a browser on any device, and the daemon polls for the token.

use std::sync::Arc;
use std::time::Duration;

use super::pending::message::PendingLogin;
use crate::account::attempts::LoginPlan;
use crate::account::replace::Agreed;
use crate::account::state::RefreshOutcome;
use crate::broker::handle::Broker;
use crate::broker::timer::sleep;
use crate::contract::{DevicePrompt, LoginReply, LoginStatus};
use crate::error::Error;
use crate::oauth::device::DeviceAuthorization;
use crate::oauth::exchange::Trade;
use crate::oauth::reply::Refusal;
use crate::provider::AskError;

/// The slow-down of polling after each `slow_down` (RFC 8628 §3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// The longest polling interval while the provider can't be reached.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Broker {
    /// Returns what the user has to do for the login `pending`, and starts to poll for its token.
    pub(super) async fn start_device(&self, plan: LoginPlan, pending: &PendingLogin) -> Result<DevicePrompt, Error> {
        if pending.joined {
            return self.joined_prompt(&plan.account, &pending.id).await;
        }
        // In a task of its own: if the caller disconnects, those who join the login still get the codes.
        let asking = tokio::spawn(self.clone().begin_device(pending.id.clone(), Arc::new(plan)));
        asking.await.unwrap_or_else(|_| Err(Error::Internal { what: "asking for a device code crashed".into() }))
    }

    /// The prompt of the caller that began the login, once it is there.
    async fn joined_prompt(&self, account: &str, id: &str) -> Result<DevicePrompt, Error> {
        let ended = || Error::login_failed(account, "it has just ended; try again".into());
        let mut updates = self.inner.logins.watch(id).await.ok_or_else(ended)?;
        let told = |reply: &LoginReply| reply.device.is_some() || reply.status != LoginStatus::Pending;
        let reply = updates.wait_for(told).await.map_err(|_| ended())?;
        reply.device.clone().ok_or_else(ended)
    }

    async fn begin_device(self, id: String, plan: Arc<LoginPlan>) -> Result<DevicePrompt, Error> {
        let (logins, provider) = (&self.inner.logins, &self.inner.world.provider);
        let asked = provider.device(&plan.dialect, &plan.target, &plan.credentials).await;
        let authorization = match asked {
            Ok(authorization) => authorization,
            Err(error) => {
                let failed = Error::LoginFailed {
                    account: plan.account.clone(),
                    why: format!("the provider gave no device code: {error}"),
                    provider_error: match error {
                        AskError::Refused(refusal) => Some(refusal.code),
                        AskError::Impossible(_) | AskError::Unreachable { .. } => None,
                    },
                };
                logins.fail(&id, failed.clone()).await;
                return Err(failed);
            }
        };
        let prompt = DevicePrompt {
            user_code: authorization.user_code.clone(),
            verification_uri: authorization.verification_uri.clone(),
            verification_uri_complete: authorization.verification_uri_complete.clone(),
        };
        logins.prompt(&id, prompt.clone()).await;
        tokio::spawn(self.clone().poll(id, plan, authorization));
        Ok(prompt)
    }

    /// Polls for the token until there is one, the codes have expired, or the login has ended.
    async fn poll(self, id: String, plan: Arc<LoginPlan>, authorization: DeviceAuthorization) {
        let Some(mut updates) = self.inner.logins.watch(&id).await else { return };
        let clock = &self.inner.world.clock;
        let ends = clock.now().boot.plus(authorization.expires_in);
        let trade = Trade::DeviceCode { code: authorization.device_code, target: plan.target.for_one_token() };
        let (mut interval, mut pause) = (authorization.interval, authorization.interval);
        loop {
            tokio::select! {
                () = sleep(Some(pause.min(clock.now().boot.until(ends)))) => {}
                _ = updates.wait_for(|reply| reply.status != LoginStatus::Pending) => return,
            }
            if clock.now().boot.reached(ends) {
                let result = Err(Error::login_failed(&plan.account, "the code has expired".into()));
                return self.conclude(&id, &plan.account, result).await;
            }
            // Counted as in flight before the lock is checked: a lock waits for this.
            let in_flight = self.inner.exchanging.begin(&plan.account);
            if let Err(error) = self.check_may_exchange(&plan.account) {
                return self.conclude(&id, &plan.account, Err(error)).await;
            }
            let asked = clock.now().boot;
            match self.inner.world.provider.trade(&plan.dialect, &trade, &plan.credentials).await {
                RefreshOutcome::Pending { slow_down } => {
                    interval += if slow_down { SLOWER } else { Duration::ZERO };
                    pause = interval;
                }
                // RFC 8628 §3.5: exponential backoff.
                RefreshOutcome::Busy { retry_after, .. } => {
                    pause = (pause * 2).min(LONGEST_PAUSE).max(retry_after.unwrap_or_default());
                }
                RefreshOutcome::NotSent { .. } | RefreshOutcome::CircuitOpen { .. } | RefreshOutcome::Lost { .. } => {
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                RefreshOutcome::Granted(grant) => {
                    let fresh = self.inner.revoker.guard(Arc::clone(&plan), grant, asked);
                    let result = self.take_over(Some(&id), fresh, Agreed::No).await;
                    return self.conclude(&id, &plan.account, result).await;
                }
                RefreshOutcome::Refused(refusal) => {
                    return self.conclude(&id, &plan.account, Err(refusal_error(&plan.account, refusal))).await;
                }
            }
            drop(in_flight);
        }
    }
}

/// RFC 8628 §3.5.
fn refusal_error(account: &str, refusal: Refusal) -> Error {
    let why = match refusal.code.as_str() {
        "access_denied" => "access was denied at the provider".to_owned(),
        "expired_token" => "the code has expired".to_owned(),
        _ => format!("the provider refused the device code: {refusal}"),
    };
    Error::LoginFailed { account: account.to_owned(), why, provider_error: Some(refusal.code) }
}
