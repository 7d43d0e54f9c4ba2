//! A committed record with its times on this machine's clocks.

use std::time::Duration;

use crate::account::downscoped::Narrowed;
use crate::account::lost_scope::LostScope;
use crate::account::record::Record;
use crate::account::schedule;
use crate::account::trouble::Trouble;
use crate::clock::Moment;
use crate::oauth::grant::Expiry;

/// The lifetime that is noted of tokens that had ended when they came.
pub(super) const OF_ENDED: Duration = Duration::from_secs(1);

/// A committed record and its times on this machine's clocks.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub(super) struct CommittedRecord {
    pub(in crate::account) record: Record,
    /// When the access token expires, if that is known.
    pub(in crate::account) deadline: Option<Moment>,
    /// When the next refresh is due; `None` if there is nothing to refresh with.
    pub(in crate::account) due: Option<Moment>,
    /// When it begins though nobody asks: when it is due, or later with `lazy`, or never.
    pub(in crate::account) unasked: Option<Moment>,
    /// When the user is told ahead of time that a login will be needed; `None` once that was done.
    pub(in crate::account) warn_at: Option<Moment>,
    /// The clock is behind the time when the token was obtained: its age is unknown.
    pub(in crate::account) clock_behind: bool,
    /// The token's expiry was reported.
    pub(in crate::account) expiry_was_reported: bool,
    /// From a login or import: the provider is asked about it, even if the account had the same token.
    pub(in crate::account) by_login: bool,
    /// A refresh without a reply.
    pub(in crate::account) unanswered: Option<Unanswered>,
    /// The flaws of its reply, which become the account's trouble once it is committed.
    pub(in crate::account) trouble: Option<Box<Trouble>>,
    /// Downscoped tokens. In memory only.
    pub(in crate::account) narrowed: Narrowed,
    /// The refresh token came with a downscoped token, and was not used for the whole scope yet.
    pub(in crate::account) refreshes_as_narrowed: bool,
    /// Scope that was granted and that a refresh did not bring. In memory only.
    pub(in crate::account) lost_scope: Option<LostScope>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Unanswered {
    /// When it was first sent.
    pub(in crate::account) since: Moment,
    /// How many times.
    pub(in crate::account) sent: u32,
    /// The window for its replay was missed: the daemon did not run, or the machine slept.
    pub(in crate::account) missed: bool,
}

impl CommittedRecord {
    /// The scope that `now` lacks, the scope of a refresh for everything that was granted.
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

    /// The access token has expired already; another one is asked for after a short pause.
    pub(super) fn expire_now(&mut self, now: Moment, jitter: f64) {
        self.record.tokens.expiry = Expiry::At { wall: now.wall, lifetime: OF_ENDED };
        self.record.ends_in_boot = None;
        self.deadline = Some(now);
        self.due = self.due.map(|_| now.plus(schedule::replay_pause(jitter)));
        // Whoever caused the refresh still has no token.
        self.unasked = self.due;
    }

    /// Whether there is an access token: a login may have brought a refresh token only.
    pub(super) fn has_token(&self) -> bool {
        !self.record.tokens.access_token.expose().is_empty()
    }

    pub(super) fn has_same_token_as(&self, other: &Self) -> bool {
        self.record.tokens.access_token.matches(other.record.tokens.access_token.expose())
    }
}
