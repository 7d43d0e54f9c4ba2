//! Result of a login: tokens that were stored, tokens that need a confirmation, or why there are none.

use super::fresh_grant::FreshGrant;
use crate::account::state::RefreshOutcome;
use crate::contract::{Confirm, Replaced};
use crate::error::Error;
use crate::oauth::grant::Grant;

/// What happened to the grant of a login.
pub(in crate::broker) enum LoginResult {
    /// It is stored.
    Stored(Replaced),
    /// It is another person's, and nobody has agreed to that.
    AnotherPerson(Box<Unconfirmed>),
}

/// A login that needs a confirmation.
pub(in crate::broker) struct Unconfirmed {
    pub(in crate::broker) fresh: FreshGrant,
    pub(in crate::broker) confirm: Confirm,
}

/// The grant that the provider gave for `what`, or why there is none.
pub(in crate::broker) fn granted(account: &str, what: &str, answer: RefreshOutcome) -> Result<Box<Grant>, Error> {
    let account = account.to_owned();
    match answer {
        RefreshOutcome::Granted(grant) => Ok(grant),
        RefreshOutcome::Refused(refusal) => {
            let why = format!("the provider refused {what}: {refusal}");
            Err(Error::LoginFailed { account, why, provider_error: Some(refusal.code) })
        }
        RefreshOutcome::Pending { .. } => {
            Err(Error::login_failed(&account, "the provider answered as to a device login".into()))
        }
        RefreshOutcome::Busy { why, .. }
        | RefreshOutcome::NotSent { why }
        | RefreshOutcome::CircuitOpen { why, .. }
        | RefreshOutcome::Lost { why } => Err(Error::login_failed(&account, why)),
    }
}
