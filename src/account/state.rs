//! The account's state machine. It is told what happened and when, and says what to do next; the
//! broker's task does it and reports back.
//!
//! Guarantees (held by its shape, shown by `state_tests`):
//! - one refresh at most is in flight: [`Effect::Send`] is followed by nothing until its answer;
//! - nothing is visible that was not committed: only [`Event::Committed`] replaces what is held;
//! - the refresh token is kept until a new login or a logout, even when the provider refuses it;
//! - a pause lies between any two attempts.
//!
//! This file holds the words and when to ask; `answering` what the provider's answer means, `keeping` what is
//! loaded, committed and removed, `unexplained` refusals of unknown kind, `reacquire` tokens that need no refresh token,
//! `narrow` those for a part of what was granted, `describing` what the provider says of them, `partial` replies with
//! half of what they should have, `rejected` what an API said of a token, `lost_scope` a scope
//! that became less, `locking` what is left while the store is locked.

mod answering;
mod describing;
mod keeping;
mod locking;
mod lost_scope;
mod narrow;
mod partial;
mod reacquire;
mod rejected;
mod types;
mod unexplained;

use std::time::Duration;

use serde_json::{Map, Value};

use crate::account::record::{Intent, LoginReason, Record};
use crate::account::schedule;
use crate::clock::{Boot, BootId, Moment};
use crate::oauth::dialect::Rotation;
use crate::oauth::exchange::Target;
use crate::oauth::grant::{Binding, TokenSet};

pub use lost_scope::LostScope;
pub use narrow::Narrowed;
pub use types::{
    Effect, Event, Policy, Priority, Reacquire, RefreshOutcome, Renewal, StoreTrouble, Trouble, TroubleKind,
};
use unexplained::UnknownRefusals;

/// Attempts that a caller forces are at least this far apart.
const FORCED_APART: Duration = Duration::from_secs(2);

/// The account's machine.
#[derive(Debug)]
pub struct Machine {
    pub(super) policy: Policy,
    pub(super) state: MachineState,
    pub(super) phase: Phase,
    pub(super) trouble: Option<Trouble>,
    /// Start of the last attempt, for the pauses between forced ones. One that the circuit breaker kept back is none.
    pub(super) last_attempt: Option<Moment>,
    /// The provider asked to be left alone until then (`Retry-After`): no attempt before, whoever asks.
    pub(super) not_before: Option<Boot>,
    /// When the circuit breaker, which kept the last attempt back, may let one pass.
    pub(super) probe_at: Option<Moment>,
    /// The highest generation that is known to have been stored; the next one has to be higher, also where what is
    /// stored now is of no use, or older.
    pub(super) stored: u64,
    /// Refusals of unknown kind since the last token.
    pub(super) unknown_refusals: UnknownRefusals,
    /// Somebody is without a valid token and asked for one: the next attempt is on their behalf.
    wanted: bool,
    /// Which run of the machine its boot times are of.
    pub(super) boot: Option<BootId>,
}

/// Where the account stands.
#[derive(Debug)]
pub(super) enum MachineState {
    /// The store was not read yet, or could not be.
    Unread,
    /// Nobody can read the store: its key is not in memory, and neither is anything that it keeps.
    Locked,
    /// Nobody has logged in.
    SignedOut,
    /// There is no token yet, and one is got without the user.
    Starting,
    /// A committed token set that is kept fresh.
    Active(CommittedRecord),
    /// Only the user can help. What was held stays: the access token may still be valid, and the refresh
    /// token is not ours to throw away.
    NeedsLogin { reason: LoginReason, held: Option<CommittedRecord> },
}

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
    pub notice: Option<Moment>,
    /// The machine's clock is behind the time when the token was obtained: nobody knows how old it is.
    pub clock_behind: bool,
    /// The account was looked at after the token's end.
    pub end_was_told: bool,
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

/// What is going on.
#[derive(Debug)]
pub(super) enum Phase {
    Idle,
    Preparing {
        target: Option<Target>,
        priority: Priority,
    },
    Sending {
        sent_at: Moment,
        means: Means,
        target: Option<Target>,
    },
    Describing,
    Committing {
        next: Box<CommittedRecord>,
        needs_login: Option<LoginReason>,
    },
    /// New tokens that could not be written: kept, not published, written as soon as possible.
    Uncommitted {
        next: Box<CommittedRecord>,
        needs_login: Option<LoginReason>,
        retry_at: Moment,
    },
    /// Carries what was going on before, which a failed removal goes back to.
    Removing {
        before: Box<Self>,
    },
}

/// What a token is asked for with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::account) enum Means {
    RefreshToken,
    /// The client's or the user's own credentials: nothing is spent by it.
    Anew,
}

impl Machine {
    /// A machine that has not been told what is stored: its first [`Event::Timer`] asks for that.
    pub fn new(policy: Policy) -> Self {
        let (state, phase) = (MachineState::Unread, Phase::Idle);
        let unknown_refusals = UnknownRefusals::default();
        Self {
            policy,
            state,
            phase,
            trouble: None,
            last_attempt: None,
            not_before: None,
            probe_at: None,
            stored: 0,
            unknown_refusals,
            wanted: false,
            boot: None,
        }
    }

    /// The same, whose boot times are of this run of the machine.
    #[must_use]
    pub fn in_boot(self, boot: Option<BootId>) -> Self {
        Self { boot, ..self }
    }

    /// Takes in what happened. `jitter` is a random number in `[0, 1)`.
    pub fn step(&mut self, event: Event, now: Moment, jitter: f64) -> Effect {
        if matches!(self.state, MachineState::Locked) {
            return self.while_locked(event);
        }
        self.not_before.take_if(|wish| now.boot.reached(*wish));
        match event {
            Event::Locked => self.lock(),
            Event::Loaded(record, mark) => self.loaded(record, mark, now),
            Event::NotLoaded(trouble) => self.not_loaded(trouble, now, jitter),
            Event::Reconfigured(policy) => self.reconfigured(policy, now),
            Event::Noted | Event::Unlocked => {}
            Event::Stopping => return self.commit_again(),
            Event::Prepared(result) => return self.prepared(result, now, jitter),
            Event::Answered(answer) => return self.answered(answer, now, jitter),
            Event::Committed(result) => return self.committed(result, now, jitter),
            Event::Described(described) => return self.described(described, now),
            Event::Removed(result) => self.removed(result, now, jitter),
            Event::LoggedIn(grant, description, age) => {
                return self.logged_in(*grant, description, now.minus(age), now, jitter);
            }
            Event::LogOut => return self.log_out(),
            Event::Timer => return self.timer(now),
            Event::Woken => self.woken(now, jitter),
            Event::Recovered => self.recovered(now, jitter),
            Event::Wanted(ttl) => return self.wanted(ttl, now),
            Event::Narrow(target, ttl) => return self.narrow(*target, ttl, now),
            Event::Forced => return self.forced(FORCED_APART, Priority::Person, now),
            Event::Rejected => return self.rejected(now),
        }
        Effect::Rest
    }

    /// The newest tokens, kept or not yet kept, for a logout to give back.
    pub fn tokens(&self) -> Option<&TokenSet> {
        self.newest().map(|record| &record.tokens)
    }

    /// Whether what is held was put back from a backup: its refresh token is sent to nobody.
    pub fn is_restored(&self) -> bool {
        self.held().is_some_and(|held| self.is_older(held)) && !self.is_unkept()
    }

    /// Whose tokens a login would replace, as far as is known; `None`: there are none. Those of another client say
    /// nothing, since the same person may have another subject there (OpenID Connect Core §8.1).
    pub fn person(&self) -> Option<Map<String, Value>> {
        let newest = self.newest()?;
        Some(if newest.binding == self.policy.binding { newest.person() } else { Map::new() })
    }

    /// What tokens have to belong to, by the config of now.
    pub fn binding(&self) -> &Binding {
        &self.policy.binding
    }

    /// Whether there are tokens that could not be written yet.
    pub fn is_unkept(&self) -> bool {
        matches!(self.phase, Phase::Uncommitted { .. })
    }

    /// Whether an attempt was begun after this moment.
    pub fn attempted_since(&self, moment: Moment) -> bool {
        self.last_attempt.is_some_and(|last| last.boot > moment.boot)
    }

    /// How long until [`Event::Forced`] may do something.
    pub fn forced_pause(&self, now: Moment) -> Duration {
        self.last_attempt.map_or(Duration::ZERO, |last| now.until(last.plus(FORCED_APART)))
    }

    /// When [`Event::Timer`] is wanted next, if nothing else happens.
    pub fn wake_at(&self) -> Option<Moment> {
        match (&self.phase, &self.state) {
            (Phase::Uncommitted { retry_at, .. }, _) => Some(*retry_at),
            (Phase::Idle, MachineState::Unread) => self.trouble.as_ref().map(|trouble| trouble.retry_at),
            (Phase::Idle, MachineState::Starting) => {
                let retry_at = self.trouble.as_ref().map_or(Moment::EARLIEST, |trouble| trouble.retry_at);
                Some(self.wish_is_over_at().unwrap_or(retry_at))
            }
            (Phase::Idle, _) => self.kept_fresh().and_then(|held| {
                let wish = self.wish_is_over_at().filter(|_| held.due.is_some());
                let attempt = wish.or_else(|| self.next_attempt(held)).or(held.notice);
                // Where refreshes fail, the end of the token is news.
                let news = attempt.is_none() || self.trouble.is_some();
                let end = held.deadline.filter(|_| news && !held.end_was_told);
                attempt.map_or(end, |attempt| Some(end.map_or(attempt, |end| attempt.earliest(end))))
            }),
            _ => None,
        }
    }

    /// When to look again whether an attempt is due, where the provider asked to be left alone: from then on both clocks
    /// count.
    fn wish_is_over_at(&self) -> Option<Moment> {
        let wish = self.not_before?;
        Some(Moment::by_boot(self.trouble.as_ref().map_or(wish, |trouble| wish.max(trouble.retry_at.boot))))
    }

    /// What is held, where another token is got for it without the user.
    pub(super) fn kept_fresh(&self) -> Option<&CommittedRecord> {
        match &self.state {
            MachineState::Active(held) => Some(held),
            MachineState::NeedsLogin { reason, held: Some(held) } if reason.may_pass() => Some(held),
            _ => None,
        }
    }

    /// The first moment at which a program that asks causes an attempt.
    pub fn soonest_attempt(&self, now: Moment) -> Moment {
        let apart = self.last_attempt.map_or(now, |last| last.plus(FORCED_APART));
        let wish = self.not_before.map(Moment::by_boot);
        [wish, self.probe_at].into_iter().flatten().fold(apart, Moment::latest)
    }

    /// Whether [`Event::Timer`] would begin to ask for a token now, and not in reply to anybody. What nobody heard the
    /// answer to is sent once more promptly or not at all, and so is none of these.
    pub fn asks_of_its_own_accord(&self, now: Moment) -> bool {
        match (&self.phase, &self.state) {
            (Phase::Idle, MachineState::Starting) => true,
            (Phase::Idle, _) => self.kept_fresh().is_some_and(|held| {
                held.unanswered.is_none() && self.next_attempt(held).is_some_and(|at| now.reached(at))
            }),
            _ => false,
        }
    }

    /// Whether the last attempt did not get through to the provider, or found it unable to answer.
    pub fn is_cut_off(&self) -> bool {
        let kind = self.trouble.as_ref().map(|trouble| &trouble.kind);
        matches!(kind, Some(TroubleKind::Offline | TroubleKind::Unreachable))
    }

    /// Whether the account lives on a refresh token that nobody has refused.
    pub fn keeps_fresh_by_refresh(&self) -> bool {
        let usable = self.kept_fresh().filter(|held| !self.is_older(held));
        self.policy.reacquire == Reacquire::No && usable.is_some_and(|held| held.record.tokens.refresh_token.is_some())
    }

    /// When the next refresh of `held` may be sent; `None` if there is nothing to refresh with.
    pub(super) fn next_attempt(&self, held: &CommittedRecord) -> Option<Moment> {
        let due = held.due?;
        let pause = self.trouble.as_ref().map(|trouble| trouble.retry_at);
        let planned = match held.unanswered {
            None => due,
            Some(lost) if self.has_to_hold(lost, pause) => held.deadline.unwrap_or(due),
            Some(lost) => lost.since,
        };
        let wish = self.not_before.map(Moment::by_boot);
        Some([pause, wish].into_iter().flatten().fold(planned, Moment::latest))
    }

    /// Whether an unanswered refresh token had its one prompt replay, or missed the window for it.
    ///
    /// Sent later than that, a provider with reuse detection may end the whole session, the access token
    /// that still works included. So it waits until there is nothing left to lose; then it is the last
    /// thing to try before asking the user.
    fn has_to_hold(&self, lost: Unanswered, pause: Option<Moment>) -> bool {
        let late = pause.is_some_and(|at| at.reached(lost.since.plus(self.policy.replay_window)));
        self.policy.rotation != Rotation::Never && (lost.missed || lost.sent > 1 || late)
    }

    fn timer(&mut self, now: Moment) -> Effect {
        match &self.phase {
            Phase::Idle => {}
            Phase::Uncommitted { retry_at, .. } if now.reached(*retry_at) => return self.commit_again(),
            _ => return Effect::Rest,
        }
        if matches!(self.state, MachineState::Unread) {
            let wait = self.trouble.as_ref().is_some_and(|trouble| !now.reached(trouble.retry_at));
            return if wait { Effect::Rest } else { Effect::Load };
        }
        if matches!(self.state, MachineState::Starting) {
            let paused = self.trouble.as_ref().is_some_and(|trouble| !now.reached(trouble.retry_at));
            let wait = paused || self.not_before.is_some();
            return if wait { Effect::Rest } else { self.begin(None, self.priority(), now) };
        }
        self.notice_missed_replay(now);
        self.notice_the_end(now);
        let Some(held) = self.kept_fresh() else { return Effect::Rest };
        match self.next_attempt(held) {
            Some(at) if now.reached(at) => self.begin(None, self.priority(), now),
            None if held.deadline.is_some_and(|deadline| now.reached(deadline)) => {
                self.needs_login(LoginReason::NoRefreshToken);
                Effect::Rest
            }
            _ => Effect::Rest,
        }
    }

    fn priority(&self) -> Priority {
        if self.wanted { Priority::Asked } else { Priority::Planned }
    }

    /// What is told of a token ahead of its end, and at its end.
    fn notice_the_end(&mut self, now: Moment) {
        if let Some(held) = self.held_mut() {
            held.notice.take_if(|at| now.reached(*at));
            held.end_was_told |= held.deadline.is_some_and(|deadline| now.reached(deadline));
        }
        self.tell_unexplained(now);
    }

    /// What could not be reached may be in reach now. Begins nothing: its time comes, as for all the others.
    fn woken(&mut self, now: Moment, jitter: f64) {
        let apart = self.last_attempt.map_or(now, |last| last.plus(FORCED_APART));
        let soon = now.plus(schedule::woken_pause(jitter)).latest(apart);
        self.probe_at = None;
        self.read_the_clock_again(now);
        if self.trouble.as_ref().is_some_and(|trouble| trouble.kind == TroubleKind::Offline) {
            self.try_by(soon);
        }
    }

    /// The provider is well again: nobody waits for the end of a pause that was meant for it.
    fn recovered(&mut self, now: Moment, jitter: f64) {
        self.probe_at = None;
        if self.is_cut_off() {
            self.try_by(now.plus(schedule::recovered_pause(jitter)).latest(self.soonest_attempt(now)));
        }
    }

    /// Brings the next attempt forward. It comes not before the provider's own wish, all the same.
    fn try_by(&mut self, at: Moment) {
        let Some(trouble) = &mut self.trouble else { return };
        if at.boot < trouble.retry_at.boot {
            trouble.retry_at = at;
        }
    }

    fn notice_missed_replay(&mut self, now: Moment) {
        let window = self.policy.replay_window;
        if let MachineState::Active(CommittedRecord { unanswered: Some(lost), .. }) = &mut self.state {
            lost.missed |= lost.sent == 1 && now.reached(lost.since.plus(window));
        }
    }

    fn wanted(&mut self, ttl: Duration, now: Moment) -> Effect {
        let held = self.kept_fresh();
        if held.is_none() && !matches!(self.state, MachineState::Starting) {
            return Effect::Rest;
        }
        // Looked at again at the head of the queue: usually somebody else's refresh has done the work.
        if held.is_some_and(|held| held.deadline.is_none_or(|deadline| now.until(deadline) > ttl)) {
            return Effect::Rest;
        }
        if held.is_none_or(|held| held.deadline.is_none_or(|deadline| now.reached(deadline))) {
            return self.wanted_by_who_has_none(now);
        }
        let held_back = held.is_some_and(|held| held.unanswered.is_some());
        let paused = self.trouble.as_ref().is_some_and(|trouble| !now.reached(trouble.retry_at));
        if held_back || paused { Effect::Rest } else { self.forced(FORCED_APART, Priority::Asked, now) }
    }

    /// Somebody is left without a valid token: the next attempt comes as soon as the provider's own wish and the pace
    /// of such attempts allow. A refusal stays one for a while, however many callers ask.
    fn wanted_by_who_has_none(&mut self, now: Moment) -> Effect {
        let refused = self.trouble.as_ref().is_some_and(|trouble| {
            matches!(trouble.kind, TroubleKind::Refused(_)) || self.unknown_refusals.are_enough()
        });
        if refused && self.trouble.as_ref().is_some_and(|trouble| !now.reached(trouble.retry_at)) {
            return Effect::Rest;
        }
        let soonest = self.soonest_attempt(now);
        if now.reached(soonest) {
            return self.forced(FORCED_APART, Priority::Asked, now);
        }
        self.wanted = true;
        self.try_by(soonest);
        Effect::Rest
    }

    /// Refreshes whether due or not, also where a login is needed: the person asking may know better. Only the
    /// provider's own wish comes first.
    fn forced(&mut self, apart: Duration, priority: Priority, now: Moment) -> Effect {
        let idle = matches!(self.phase, Phase::Idle);
        let too_soon = self.last_attempt.is_some_and(|last| !now.reached(last.plus(apart)));
        let kept_back = priority != Priority::Person && self.probe_at.is_some_and(|at| !now.reached(at));
        if !idle || too_soon || kept_back || self.not_before.is_some() {
            Effect::Rest
        } else {
            self.begin(None, priority, now)
        }
    }

    /// Asks for a token for `target`; `None`: for all that the account asks for.
    pub(super) fn begin(&mut self, target: Option<Target>, priority: Priority, now: Moment) -> Effect {
        self.wanted = false;
        // A refresh token is of no use to a client that can always ask anew (RFC 6749 §4.4.3), and could be lost.
        let refreshes = self.policy.reacquire != Reacquire::Always;
        let usable = |held: &&CommittedRecord| held.record.binding == self.policy.binding && !self.is_older(held);
        let held = self.held().filter(|held| refreshes && usable(held));
        let Some((held, token)) = held.and_then(|held| Some((held, held.record.tokens.refresh_token.as_ref()?))) else {
            return self.begin_anew(target, priority, now);
        };
        let mut record = held.record.clone();
        let (started_at, sent) = held.unanswered.map_or((now.wall, 0), |lost| (lost.since.wall, lost.sent));
        record.intent = Some(Intent { fingerprint: token.fingerprint(), started_at, sent });
        self.phase = Phase::Preparing { target, priority };
        Effect::Prepare(Box::new(record))
    }

    fn prepared(&mut self, result: Result<(), String>, now: Moment, jitter: f64) -> Effect {
        let (target, priority) = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Preparing { target, priority } => (target, priority),
            other => {
                self.phase = other;
                return Effect::Rest;
            }
        };
        if let Err(why) = result {
            // What could not be kept is not asked for: the old token serves to its end.
            self.last_attempt = Some(now);
            self.fail(TroubleKind::Store, why, now, |failures| schedule::pause(failures, jitter));
            return Effect::Rest;
        }
        let Some(token) = self.held().and_then(|held| held.record.tokens.refresh_token.clone()) else {
            return Effect::Rest;
        };
        self.phase = Phase::Sending { sent_at: now, means: Means::RefreshToken, target: target.clone() };
        Effect::Send(Renewal { refresh_token: Some(token), target, priority })
    }
}

#[cfg(test)]
mod tests;
