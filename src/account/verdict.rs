//! Verdict on a token request: serve the cached token, wait for a refresh, or fail.

use std::time::Duration;

use super::schedule;
use super::snapshot::{Snapshot, Standing};
use crate::clock::{Boot, Moment};
use crate::error::Error;
use crate::oauth::grant::Expiry;

/// How long a caller with a valid token and no wish of their own waits for a fresher one.
const UNASKED_PATIENCE: Duration = Duration::from_secs(1);

/// How long a caller waits for another token if the clocks disagree about the current one.
const IN_DOUBT_PATIENCE: Duration = Duration::from_secs(5);

/// How much validity a caller needs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ttl {
    /// As the caller asked.
    Asked(Duration),
    /// The config's default: never a reason to refresh earlier than planned.
    Usual(Duration),
}

/// What a snapshot answers to a token request.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Serve this token.
    Serve,
    /// A refresh is in progress, or will be when asked for: wait, if you may.
    Wait,
    /// There is none, and waiting will not help before `retry_at`.
    Fail(Error),
}

impl Snapshot {
    /// Whether the token is good for `ttl`, as far as tokens of its lifetime can be.
    pub(crate) fn lasts(&self, ttl: Ttl, now: Moment) -> bool {
        let Some(token) = &self.token else { return false };
        token.deadline.is_none_or(|deadline| now.until(deadline) > self.effective(ttl))
    }

    /// `ttl`, capped to what a token of this lifetime can give.
    pub(crate) fn effective(&self, ttl: Ttl) -> Duration {
        let lifetime = match self.token.as_ref().map(|token| token.expiry) {
            Some(Expiry::At { lifetime, .. }) => Some(lifetime),
            _ => None,
        };
        match ttl {
            Ttl::Asked(wanted) => schedule::wanted_ttl(wanted, lifetime),
            Ttl::Usual(usual) => schedule::usual_ttl(usual, lifetime),
        }
    }

    /// How long a caller waits for a better token: never until the current one has expired, since a valid token is
    /// always served.
    pub(crate) fn patience(&self, ttl: Ttl, wait: Duration, now: Moment) -> Duration {
        let left = self.token.as_ref().and_then(|token| token.deadline).map_or(Duration::ZERO, |at| now.until(at));
        match ttl {
            _ if self.token.as_ref().is_some_and(|token| token.is_in_doubt(now)) => wait.min(IN_DOUBT_PATIENCE),
            _ if left.is_zero() => wait,
            Ttl::Asked(_) => wait.min(left / 2),
            Ttl::Usual(_) => wait.min(left / 2).min(UNASKED_PATIENCE),
        }
    }

    /// The verdict for a caller who can wait until `patience`.
    pub(crate) fn verdict(&self, ttl: Ttl, patience: Boot, now: Moment) -> Verdict {
        if self.lasts(ttl, now) {
            return Verdict::Serve;
        }
        let valid = self.has_usable_token(now);
        let retried = |at: Moment| now.plus(now.boot.until(patience)).reached(at);
        let hopeless = match (&self.standing, self.trouble.as_deref()) {
            (Standing::Active, None) => !self.refreshable,
            (Standing::Active, Some(_)) => !self.busy && self.next_attempt.is_none_or(|at| !retried(at)),
            (Standing::Unread | Standing::Starting, None) => false,
            (Standing::Starting, Some(trouble)) => !self.busy && !retried(trouble.retry_at),
            (Standing::Locked, _) => true,
            _ => !self.busy,
        };
        match (valid, hopeless || now.boot.reached(patience)) {
            // A valid token is always served, even if it is shorter than requested and can't be renewed.
            (true, true) => Verdict::Serve,
            (false, true) => Verdict::Fail(self.error(now)),
            (_, false) => Verdict::Wait,
        }
    }
}
