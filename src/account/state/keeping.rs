//! What is loaded, committed and removed: the part of the machine that changes what is held.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{
    CommittedRecord, Effect, Machine, MachineState, Narrowed, Phase, Policy, Reacquire, StoreTrouble, Trouble,
    TroubleKind, Unanswered, UnknownRefusals,
};
use crate::account::record::{EndsInBoot, LoginReason, Record};
use crate::account::schedule;
use crate::clock::{Boot, BootId, Moment, Wall};
use crate::oauth::dialect::Rotation;
use crate::oauth::grant::{Expiry, Grant, TokenSet};
use crate::oauth::identity;
use crate::secret::AccessToken;

const SECOND: Duration = Duration::from_secs(1);
/// How far a clock may be set back over a reboot and is still believed: time servers correct it by less.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);
/// No request takes longer; if more time has passed over one, the machine slept.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);

impl Machine {
    pub(super) fn loaded(&mut self, record: Option<Box<Record>>, mark: u64, now: Moment) {
        self.phase = Phase::Idle;
        self.trouble = None;
        self.stored = record.as_ref().map_or(0, |record| record.generation).max(mark);
        self.state = match record {
            None => self.without_tokens(MachineState::SignedOut),
            Some(record) => {
                let reason = record.needs_login.clone();
                let held = from_disk(*record, &self.policy, self.boot.as_ref(), now);
                match reason {
                    Some(reason) if !self.is_older(&held) => {
                        self.without_tokens(MachineState::NeedsLogin { reason, held: Some(held) })
                    }
                    _ => MachineState::Active(held),
                }
            }
        };
        self.check_held();
        self.notice_missed_replay(now);
    }

    pub(super) fn not_loaded(&mut self, trouble: StoreTrouble, now: Moment, jitter: f64) {
        self.phase = Phase::Idle;
        match trouble {
            // The store works again; it is the user who has to do something.
            StoreTrouble::Damaged(mark) => {
                self.stored = mark;
                self.needs_login(LoginReason::Damaged);
                let state = std::mem::replace(&mut self.state, MachineState::Unread);
                self.state = self.without_tokens(state);
            }
            StoreTrouble::Locked => self.lock(),
            StoreTrouble::Unavailable(why) => {
                self.fail(TroubleKind::Store, why, now, |failures| schedule::pause(failures.saturating_add(2), jitter));
            }
        }
    }

    pub(super) fn reconfigured(&mut self, policy: Policy, now: Moment) {
        self.policy = policy;
        self.check_held();
        if let Some(trouble) = &mut self.trouble {
            // The secret, the client or the scopes may be right now: somebody read the config again for it.
            if matches!(trouble.kind, TroubleKind::Refused(_) | TroubleKind::Unexplained(_) | TroubleKind::Offline) {
                trouble.retry_at = now;
                // Also long before the next refresh: whether it is mended now, nobody wants to learn by then.
                if let MachineState::Active(held) = &mut self.state {
                    held.due = held.due.map(|_| now);
                }
            }
        }
        self.unknown_refusals = UnknownRefusals::default();
        self.probe_at = None;
    }

    /// Tokens of another client or for another endpoint are kept but not used, and so are those of a record that was
    /// put back; they come back to life when the config does, or says that refresh tokens are never replaced.
    fn check_held(&mut self) {
        let held = match std::mem::replace(&mut self.state, MachineState::Unread) {
            MachineState::Active(held)
            | MachineState::NeedsLogin {
                reason: LoginReason::ConfigChanged | LoginReason::RestoredFromBackup { .. },
                held: Some(held),
            } => held,
            other => return self.state = other,
        };
        let reason = if held.record.binding != self.policy.binding {
            Some(LoginReason::ConfigChanged)
        } else if self.is_older(&held) {
            Some(LoginReason::RestoredFromBackup { found: held.record.generation, written: self.stored })
        } else {
            held.record.needs_login.clone()
        };
        self.state = match reason {
            Some(reason) => self.without_tokens(MachineState::NeedsLogin { reason, held: Some(held) }),
            None => MachineState::Active(held),
        };
    }

    /// Whether a later record than `held` was written: its refresh token may be spent, and shown once more, a provider
    /// that detects reuse ends the login (RFC 9700 §4.14.2). One that never replaces a refresh token has nothing to
    /// detect.
    pub(in crate::account) fn is_older(&self, held: &CommittedRecord) -> bool {
        held.record.generation < self.stored && self.policy.rotation != Rotation::Never
    }

    /// Higher than all that were written, also by the state folder that this one took the place of.
    pub(super) fn next_generation(&self) -> u64 {
        let newest = self.newest().map_or(0, |record| record.generation);
        self.stored.max(newest).saturating_add(1)
    }

    pub(super) fn granted(&mut self, grant: Grant, sent_at: Moment, now: Moment, jitter: f64) -> Effect {
        // Tokens of another client or for another endpoint, if any, are no part of this.
        let held = self.held().filter(|held| held.record.binding == self.policy.binding);
        let Some(held) = held else { return self.logged_in(grant, Map::new(), sent_at, now, jitter) };
        if grant.access_token.is_none() {
            return self.granted_in_part(grant, now, jitter);
        }
        let old = &held.record.tokens;
        let mut grant = grant;
        // RFC 6749 §6: what the reply leaves out stays as it is.
        grant.refresh_token = grant.refresh_token.or_else(|| old.refresh_token.clone());
        grant.scope = grant.scope.or_else(|| old.scope.clone());
        let (narrowed, mut identity) = (held.narrowed.clone(), held.record.person());
        identity.extend(identity::of_reply(&grant.extra));
        let logins = held.record.logins.clone();
        let lost_scope = held.lost_in(grant.scope.as_deref());
        // A replay may be answered with the very tokens that got lost, which may be over already. Of any other token, a
        // life of nothing says that nobody knows.
        let over = held.unanswered.is_some() && grant.expires_in.is_some_and(|life| life.is_zero());
        let generation = self.next_generation();
        let mut next = self.hold(grant, generation, sent_at, now, jitter);
        if over {
            next.end(now, jitter);
        }
        next.narrowed = narrowed;
        next.lost_scope = lost_scope;
        next.record.identity = identity;
        next.record.logins = logins;
        self.commit(Box::new(next), None)
    }

    /// `description` is what the provider said of the token already, if it was asked. The grant was asked for at `sent_at`:
    /// since then its code was exchanged, the account may have had something else in hand, and its user may have been
    /// asked something.
    pub(super) fn logged_in(
        &mut self,
        grant: Grant,
        description: Map<String, Value>,
        sent_at: Moment,
        now: Moment,
        jitter: f64,
    ) -> Effect {
        let generation = self.next_generation();
        let before = self.newest().filter(|record| record.binding == self.policy.binding);
        let logins = before.map(|record| record.logins.clone()).unwrap_or_default().begun(now.wall);
        let identity = identity::joined(identity::of_reply(&grant.extra), description);
        let flaws = grant.flaws.join("; ");
        let mut next = self.hold(grant, generation, sent_at, now, jitter);
        next.record.logins = logins;
        next.record.identity = identity;
        next.by_login = true;
        if !next.has_token() {
            next.trouble = Some(self.trouble_of(flaws, now, jitter));
        }
        self.commit(Box::new(next), None)
    }

    /// The newest record, kept or not yet kept.
    pub(super) fn newest(&self) -> Option<&Record> {
        match &self.phase {
            Phase::Uncommitted { next, .. } => Some(&next.record),
            _ => self.held().map(|held| &held.record),
        }
    }

    fn hold(&self, grant: Grant, generation: u64, sent_at: Moment, now: Moment, jitter: f64) -> CommittedRecord {
        let lifetime = match &grant.access_token {
            Some(_) => grant.expires_in.filter(|life| !life.is_zero()).or(self.policy.default_lifetime),
            // None is there yet, and that it has ended keeps it from everybody.
            None => Some(Duration::ZERO),
        };
        // Counted from before the request, since nobody knows when the provider began to count; but a
        // reply that took longer than half a life still gives half a life. Not so if the machine slept
        // while the reply lay in its buffers: that time is gone from the token's life.
        let slept = now.boot.0.saturating_sub(sent_at.boot.0) > LONGEST_REQUEST;
        let at_least = |counted: Moment, rest| if slept { counted } else { counted.latest(now.plus(rest)) };
        // By boot time: the wall clock may have been set while the reply was on its way.
        let by_boot = |at: Moment| now.plus(now.boot.until(at.boot));
        let deadline = lifetime.map(|life| by_boot(at_least(sent_at.plus(life), life / 2)));
        let due = match lifetime {
            Some(life) => by_boot(at_least(sent_at.plus(schedule::refresh_after(life, jitter)), life / 4)),
            None => now.plus(self.policy.max_age_unknown),
        };
        let renewable = grant.refresh_token.is_some() || self.policy.reacquire != Reacquire::No;
        let tokens = TokenSet {
            access_token: grant.access_token.unwrap_or_else(|| AccessToken::new("")),
            refresh_token: grant.refresh_token,
            scope: grant.scope,
            expiry: match (deadline, lifetime) {
                (Some(deadline), Some(lifetime)) => Expiry::At { wall: deadline.wall, lifetime },
                _ => Expiry::Unknown,
            },
            obtained_at: now.wall,
            extra: grant.extra,
        };
        let record = Record {
            ends_in_boot: self.ends_in_boot(deadline),
            ..Record::new(self.policy.binding.clone(), generation, tokens)
        };
        CommittedRecord {
            record,
            deadline,
            due: renewable.then_some(due),
            notice: deadline.filter(|_| !renewable).map(|_| due),
            unanswered: None,
            trouble: None,
            narrowed: Narrowed::default(),
            refreshes_as_narrowed: false,
            lost_scope: None,
            clock_behind: false,
            by_login: false,
            end_was_told: deadline.is_some_and(|deadline| now.reached(deadline)),
        }
    }

    pub(super) fn ends_in_boot(&self, deadline: Option<Moment>) -> Option<EndsInBoot> {
        let (boot, at) = (self.boot.clone()?, deadline?.boot.0);
        Some(EndsInBoot { boot, at_ms: u64::try_from(at.as_millis()).unwrap_or(u64::MAX) })
    }

    pub(super) fn commit(&mut self, next: Box<CommittedRecord>, needs_login: Option<LoginReason>) -> Effect {
        let record = Box::new(next.record.clone());
        self.phase = Phase::Committing { next, needs_login };
        Effect::Commit(record)
    }

    pub(super) fn commit_again(&mut self) -> Effect {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Uncommitted { next, needs_login, .. } => self.commit(next, needs_login),
            other => {
                self.phase = other;
                Effect::Rest
            }
        }
    }

    pub(super) fn committed(&mut self, result: Result<(), String>, now: Moment, jitter: f64) -> Effect {
        let (next, needs_login) = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Committing { next, needs_login } => (next, needs_login),
            other => {
                self.phase = other;
                return Effect::Rest;
            }
        };
        let token_is_new = self.held().is_none_or(|held| !held.has_token_of(&next));
        match result {
            Ok(()) => {
                let mut next = next;
                let asks = std::mem::take(&mut next.by_login) || token_is_new;
                self.trouble = next.trouble.take();
                self.unknown_refusals = UnknownRefusals::default();
                self.stored = next.record.generation;
                self.state = match needs_login {
                    None => MachineState::Active(*next),
                    Some(reason) => MachineState::NeedsLogin { reason, held: Some(*next) },
                };
                // The config may have changed while they waited to be written.
                self.check_held();
                if asks && matches!(self.state, MachineState::Active(_)) {
                    return self.describe();
                }
            }
            Err(why) => {
                self.fail(TroubleKind::Store, why, now, |failures| schedule::pause(failures, jitter));
                let retry_at = self.trouble.as_ref().map_or(now, |trouble| trouble.retry_at);
                self.phase = Phase::Uncommitted { next, needs_login, retry_at };
            }
        }
        Effect::Rest
    }

    pub(super) fn log_out(&mut self) -> Effect {
        // What was never read is not ours to delete: another key may open it.
        if matches!(self.state, MachineState::Unread) {
            return Effect::Rest;
        }
        let before = Box::new(std::mem::replace(&mut self.phase, Phase::Idle));
        self.phase = Phase::Removing { before };
        Effect::Remove
    }

    pub(super) fn removed(&mut self, result: Result<(), String>, now: Moment, jitter: f64) {
        let before = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Removing { before } => before,
            other => return self.phase = other,
        };
        match result {
            Ok(()) => {
                self.trouble = None;
                // A copy of what was deleted is older than that it was deleted.
                self.stored = self.stored.saturating_add(1);
                self.state = MachineState::SignedOut;
                return;
            }
            Err(why) => self.fail(TroubleKind::Store, why, now, |failures| schedule::pause(failures, jitter)),
        }
        self.phase = *before;
    }

    /// The clock may be right now.
    pub(super) fn read_the_clock_again(&mut self, now: Moment) {
        let (policy, boot) = (self.policy.clone(), self.boot.clone());
        if let Some(held) = self.held_mut().filter(|held| held.clock_behind) {
            let again = from_disk(held.record.clone(), &policy, boot.as_ref(), now);
            *held = CommittedRecord { unanswered: held.unanswered, narrowed: held.narrowed.clone(), ..again };
        }
    }

    pub(super) fn needs_login(&mut self, reason: LoginReason) {
        let held = match std::mem::replace(&mut self.state, MachineState::SignedOut) {
            MachineState::Active(held) => Some(held),
            MachineState::NeedsLogin { held, .. } => held,
            MachineState::Unread | MachineState::Locked | MachineState::SignedOut | MachineState::Starting => None,
        };
        self.state = MachineState::NeedsLogin { reason, held };
    }

    pub(super) fn fail(&mut self, kind: TroubleKind, why: String, now: Moment, pause: impl FnOnce(u32) -> Duration) {
        let failures = self.trouble.as_ref().map_or(0, |trouble| trouble.failures).saturating_add(1);
        let retry_at = now.plus(pause(failures));
        self.trouble = Some(Trouble { kind, why, at: now, failures, retry_at });
    }

    pub(in crate::account) fn held(&self) -> Option<&CommittedRecord> {
        match &self.state {
            MachineState::Active(held) | MachineState::NeedsLogin { held: Some(held), .. } => Some(held),
            _ => None,
        }
    }

    pub(super) fn held_mut(&mut self) -> Option<&mut CommittedRecord> {
        match &mut self.state {
            MachineState::Active(held) | MachineState::NeedsLogin { held: Some(held), .. } => Some(held),
            _ => None,
        }
    }
}

/// A record of an earlier run, its times put onto this run's clocks.
///
/// In the same run of the machine boot time is certain, and the wall clock decides only when to ask for another token.
/// After a reboot there is the wall clock alone: one that is behind the time when the token was obtained (a machine
/// without a battery for its clock) says nothing of its age, so it is taken for expired until the clock is right or
/// another token is there. Nothing is ever left of more than the whole lifetime.
fn from_disk(record: Record, policy: &Policy, boot: Option<&BootId>, now: Moment) -> CommittedRecord {
    let tokens = &record.tokens;
    let mut clock_behind = false;
    let (deadline, age, after) = match tokens.expiry {
        Expiry::At { wall, lifetime } => {
            let by_wall = now.plus(wall.since(now.wall).min(lifetime));
            let same_run = record.ends_in_boot.as_ref().filter(|ends| Some(&ends.boot) == boot);
            clock_behind = same_run.is_none() && tokens.obtained_at.since(now.wall) > CLOCK_TOLERANCE;
            let deadline = match same_run {
                Some(ends) => Moment { boot: Boot(Duration::from_millis(ends.at_ms)), ..by_wall },
                None if clock_behind => now,
                None => by_wall,
            };
            let left = now.until(deadline);
            (Some(deadline), lifetime.saturating_sub(left), schedule::refresh_after(lifetime, 0.5))
        }
        Expiry::Unknown => (None, now.wall.since(tokens.obtained_at), policy.max_age_unknown),
        Expiry::Never => (None, Duration::ZERO, Duration::MAX),
    };
    let renewable = tokens.refresh_token.is_some() || policy.reacquire != Reacquire::No;
    let at = (tokens.expiry != Expiry::Never).then(|| now.plus(after.saturating_sub(age)));
    let (due, notice) = if renewable { (at, None) } else { (None, at.filter(|_| deadline.is_some())) };
    // An intent without a commit: the daemon died in between, and nobody knows how far the request got.
    let unanswered = record.intent.as_ref().map(|intent| Unanswered {
        since: back_to(intent.started_at, now),
        sent: intent.sent.saturating_add(1),
        // From a time that is yet to come: the clock was set back, and nobody knows how long ago that was.
        missed: intent.started_at > now.wall,
    });
    let (narrowed, end_was_told) = (Narrowed::default(), deadline.is_some_and(|deadline| now.reached(deadline)));
    CommittedRecord {
        record,
        deadline,
        due,
        notice,
        unanswered,
        trouble: None,
        narrowed,
        refreshes_as_narrowed: false,
        lost_scope: None,
        clock_behind,
        end_was_told,
        by_login: false,
    }
}

impl CommittedRecord {
    /// The access token is dead on arrival; another one is asked for after a moment.
    fn end(&mut self, now: Moment, jitter: f64) {
        self.record.tokens.expiry = Expiry::At { wall: now.wall, lifetime: SECOND };
        self.record.ends_in_boot = None;
        self.deadline = Some(now);
        self.due = self.due.map(|_| now.plus(schedule::replay_pause(jitter)));
    }

    /// Whether there is an access token: a login may have brought only the means to get one.
    pub(in crate::account) fn has_token(&self) -> bool {
        !self.record.tokens.access_token.expose().is_empty()
    }

    fn has_token_of(&self, other: &Self) -> bool {
        self.record.tokens.access_token.matches(other.record.tokens.access_token.expose())
    }
}

fn back_to(wall: Wall, now: Moment) -> Moment {
    Moment { wall: wall.min(now.wall), boot: Boot(now.boot.0.saturating_sub(now.wall.since(wall))) }
}
