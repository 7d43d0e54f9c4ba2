//! A committed record with its times on this machine's clocks.

use std::time::Duration;

use crate::account::downscoped::Narrowed;
use crate::account::lost_scope::LostScope;
use crate::account::record::Record;
use crate::account::schedule;
use crate::account::trouble::Trouble;
use crate::clock::Moment;
use crate::oauth::grant::Expiry;

const SECOND: Duration = Duration::from_secs(1);

/// A committed record and its times on this machine's clocks.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub(super) struct CommittedRecord {
    pub record: Record,
    /// When the access token expires, if that is known.
    pub deadline: Option<Moment>,
    /// When the next refresh is due; `None` if there is nothing to refresh with.
    pub due: Option<Moment>,
    /// Where only the user can help: when that is told ahead of time. Taken away once it was.
    pub warn_at: Option<Moment>,
    /// The machine's clock is behind the time when the token was obtained: nobody knows how old it is.
    pub clock_behind: bool,
    /// The account was looked at after the token's end.
    pub expiry_was_reported: bool,
    /// A login or import brought it: the provider is asked of it, also where the account had the very same token.
    pub by_login: bool,
    /// A refresh that nobody knows the end of.
    pub unanswered: Option<Unanswered>,
    /// What was wrong with the reply that it is from: the account's trouble once it is committed.
    pub trouble: Option<Trouble>,
    /// Tokens for less than all that was granted. In memory only: the next run asks again.
    pub narrowed: Narrowed,
    /// The refresh token came with a narrower token, and was not used for all that was granted yet.
    pub refreshes_as_narrowed: bool,
    /// Scope that was granted, and that a refresh did not bring. In memory only.
    pub lost_scope: Option<LostScope>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Unanswered {
    /// When it was first sent.
    pub since: Moment,
    /// How many times.
    pub sent: u32,
    /// The window for its replay went by unused: the daemon was not running, or the machine slept.
    pub missed: bool,
}

impl CommittedRecord {
    /// What is missing from `now`, the scope of a reply to a refresh for all that was granted.
    pub(super) fn lost_in(&self, now: Option<&str>) -> Option<LostScope> {
        let now: Vec<&str> = now?.split_whitespace().collect();
        let before = self.record.tokens.scope.iter().chain(self.lost_scope.as_ref().map(|lost| &lost.scope));
        let mut missing: Vec<&str> =
            before.flat_map(|scope| scope.split_whitespace()).filter(|scope| !now.contains(scope)).collect();
        missing.sort_unstable();
        missing.dedup();
        let known = self.lost_scope.as_ref().is_some_and(|lost| lost.by_narrowing);
        let by_narrowing = self.refreshes_as_narrowed || known;
        (!missing.is_empty()).then(|| LostScope { scope: missing.join(" "), by_narrowing })
    }

    /// The access token is dead on arrival; another one is asked for after a moment.
    pub(super) fn expire_now(&mut self, now: Moment, jitter: f64) {
        self.record.tokens.expiry = Expiry::At { wall: now.wall, lifetime: SECOND };
        self.record.ends_in_boot = None;
        self.deadline = Some(now);
        self.due = self.due.map(|_| now.plus(schedule::replay_pause(jitter)));
    }

    /// Whether there is an access token: a login may have brought only the means to get one.
    pub(super) fn has_token(&self) -> bool {
        !self.record.tokens.access_token.expose().is_empty()
    }

    pub(super) fn has_same_token_as(&self, other: &Self) -> bool {
        self.record.tokens.access_token.matches(other.record.tokens.access_token.expose())
    }
}
