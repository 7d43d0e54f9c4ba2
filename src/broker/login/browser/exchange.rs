//! Authorization code exchange: from a checked callback to stored tokens.

use std::sync::Arc;

use super::failure::{in_brackets, no_issuer, wrong_nonce};
use crate::account::attempts::{Accepted, LoginPlan, Next};
use crate::account::replace::Agreed;
use crate::account::state::RefreshOutcome;
use crate::broker::handle::Broker;
use crate::broker::login::result::LoginResult;
use crate::error::Error;
use crate::oauth::pkce;

impl Broker {
    /// Exchanges the code and stores the tokens, in a task of its own: the code is used up, so the exchange must not
    /// end when the browser disconnects.
    pub(super) async fn exchange_accepted(&self, accepted: Accepted) -> String {
        let id = accepted.id.clone();
        _ = tokio::spawn(self.clone().run_exchange(accepted)).await;
        id
    }

    async fn run_exchange(self, accepted: Accepted) {
        let _in_flight = self.inner.exchanging.begin(&accepted.plan.account);
        let (broker, id) = (self.clone(), accepted.id.clone());
        let work = tokio::spawn(async move {
            let result = broker.exchange(&accepted.id, Arc::clone(&accepted.plan), accepted.next).await;
            broker.conclude(&accepted.id, &accepted.plan.account, result).await;
        });
        if work.await.is_err() {
            self.inner.logins.fail(&id, Error::Internal { what: "the exchange of the code crashed".into() }).await;
        }
    }

    async fn exchange(&self, id: &str, plan: Arc<LoginPlan>, next: Next) -> Result<LoginResult, Error> {
        let failed =
            |why: String, provider_error| Error::LoginFailed { account: plan.account.clone(), why, provider_error };
        let asked = self.inner.world.clock.now().boot;
        let (trade, nonce) = match next {
            Next::Exchange { trade, nonce } => (trade, nonce),
            Next::Granted(grant) => {
                return self.take_over(Some(id), self.inner.revoker.guard(plan, grant, asked), Agreed::No).await;
            }
            Next::Refused { error, description } => {
                let advice = pkce::advice(&plan.dialect, &error, &description);
                let why = if error == "access_denied" {
                    format!("access was denied at the provider{}", in_brackets(&description))
                } else {
                    format!("the provider said {error}{}", in_brackets(&description))
                };
                return Err(failed(format!("{why}{advice}"), Some(error)));
            }
            Next::Malformed(why) => return Err(failed(format!("the provider's answer {why}{}", why.advice()), None)),
            // A token in it is not revoked: the answer may come from somebody else than the provider that would be
            // asked.
            Next::WrongIssuer => {
                return Err(failed("the answer came from a different provider (iss)".into(), None));
            }
            Next::NoIssuer { said } => {
                let why = no_issuer(&plan.dialect, said.as_ref());
                return Err(failed(why, said.map(|(error, _)| error)));
            }
            Next::WrongNonce(grant, wrong) => {
                let why = wrong_nonce(&plan.dialect, wrong);
                // Dropped, and thereby revoked: nobody knows whose login it was.
                drop(self.inner.revoker.guard(Arc::clone(&plan), grant, asked));
                return Err(failed(why, None));
            }
        };
        // Before the code is used. From here on, a lock waits for this.
        self.check_may_exchange(&plan.account)?;
        let answer = self.inner.world.provider.trade(&plan.dialect, &trade, &plan.credentials).await;
        if let RefreshOutcome::Refused(refusal) = &answer {
            let advice = pkce::advice(&plan.dialect, &refusal.code, &refusal.description);
            return Err(failed(
                format!("the provider refused the code: {refusal}{advice}"),
                Some(refusal.code.clone()),
            ));
        }
        let fresh = self.granted(&plan, "the code", answer, asked)?;
        if let Some(Err(wrong)) = nonce.map(|nonce| fresh.check_nonce(&nonce)) {
            return Err(failed(wrong_nonce(&plan.dialect, wrong), None));
        }
        self.take_over(Some(id), fresh, Agreed::No).await
    }
}
