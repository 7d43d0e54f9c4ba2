//! Loading: what the store holds, after a start, an unlock or a config reload.

use std::sync::Arc;
use std::time::Duration;

use super::committed::{CommittedRecord, Unanswered};
use super::event::StoreTrouble;
use super::machine::{Machine, MachineState, Phase};
use super::policy::{Policy, Reacquire};
use super::unknown_refusals::UnknownRefusals;
use crate::account::downscoped::Narrowed;
use crate::account::login_reason::LoginReason;
use crate::account::record::Record;
use crate::account::schedule;
use crate::account::trouble::TroubleKind;
use crate::clock::{Boot, BootId, Moment, Wall};
use crate::oauth::dialect::Rotation;
use crate::oauth::grant::Expiry;

/// How far a clock may be set back over a reboot and still be believed: time servers correct it by less.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

impl Machine {
    pub(super) fn loaded(&mut self, record: Option<Box<Record>>, mark: u64, now: Moment) {
        self.phase = Phase::Idle;
        self.trouble = None;
        self.stored = record.as_ref().map_or(0, |record| record.generation).max(mark);
        self.state = match record {
            None => self.without_tokens(MachineState::SignedOut),
            Some(mut record) => {
                if record.binding == self.policy.binding {
                    // One copy of the text is enough.
                    record.binding = self.policy.binding.clone();
                }
                if let (Some(ends), Some(boot)) = (&mut record.ends_in_boot, &self.boot)
                    && ends.boot == *boot
                {
                    ends.boot = boot.clone();
                }
                let reason = record.needs_login.clone();
                let current = from_disk(*record, &self.policy, self.boot.as_ref(), now);
                match reason {
                    Some(reason) if !self.is_rolled_back(&current) => {
                        self.without_tokens(MachineState::NeedsLogin { reason, current: Some(current) })
                    }
                    _ => MachineState::Active(current),
                }
            }
        };
        self.check_current();
        self.note_missed_replay(now);
    }

    pub(super) fn not_loaded(&mut self, trouble: StoreTrouble, now: Moment, jitter: f64) {
        self.phase = Phase::Idle;
        match trouble {
            // The store works again: the user has to log in.
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

    pub(super) fn reconfigured(&mut self, policy: Arc<Policy>, now: Moment) {
        let replanned = self.policy.plan != policy.plan;
        self.policy = policy;
        self.check_current();
        if replanned {
            self.plan_again(now);
        }
        if let Some(trouble) = &mut self.trouble {
            // The secret, the client or the scopes may be right now: the config was read again for that.
            if matches!(trouble.kind, TroubleKind::Refused(_) | TroubleKind::Unexplained(_) | TroubleKind::Offline) {
                trouble.retry_at = now;
                // Also long before the next refresh: the user wants to know now whether the config is right.
                if let MachineState::Active(current) = &mut self.state {
                    current.due = current.due.map(|_| now);
                }
            }
        }
        self.unknown_refusals = UnknownRefusals::default();
        self.probe_at = None;
    }

    /// Tokens of another client or endpoint are kept but not used, and so are those of a record that was rolled back.
    /// They are used again when the config is changed back, or says that refresh tokens are never rotated.
    pub(super) fn check_current(&mut self) {
        let current = match std::mem::replace(&mut self.state, MachineState::Unread) {
            MachineState::Active(current)
            | MachineState::NeedsLogin {
                reason: LoginReason::ConfigChanged | LoginReason::RestoredFromBackup { .. },
                current: Some(current),
            } => current,
            other => return self.state = other,
        };
        let reason = if !current.record.binding.fits(&self.policy.binding) {
            Some(LoginReason::ConfigChanged)
        } else if self.is_rolled_back(&current) {
            Some(LoginReason::RestoredFromBackup { found: current.record.generation, written: self.stored })
        } else {
            current.record.needs_login.clone()
        };
        self.state = match reason {
            Some(reason) => self.without_tokens(MachineState::NeedsLogin { reason, current: Some(current) }),
            None => MachineState::Active(current),
        };
    }

    /// Whether a later record than `current` was written (rollback). Its refresh token may be spent, and sending it
    /// again ends the login at a provider with reuse detection (RFC 9700 §4.14.2). Without rotation there is nothing
    /// to detect.
    pub(super) fn is_rolled_back(&self, current: &CommittedRecord) -> bool {
        current.record.generation < self.stored && self.policy.rotation != Rotation::Never
    }

    /// The config says otherwise when to refresh.
    fn plan_again(&mut self, now: Moment) {
        let (policy, boot) = (self.policy.clone(), self.boot.clone());
        if let Some(current) = self.current_mut() {
            let again = from_disk(current.record.clone(), &policy, boot.as_ref(), now);
            (current.due, current.unasked) = (again.due, again.unasked);
        }
    }

    /// The clock may be right now.
    pub(super) fn reread_clock(&mut self, now: Moment) {
        let (policy, boot) = (self.policy.clone(), self.boot.clone());
        if let Some(current) = self.current_mut().filter(|current| current.clock_behind) {
            let again = from_disk(current.record.clone(), &policy, boot.as_ref(), now);
            *current = CommittedRecord { unanswered: current.unanswered, narrowed: current.narrowed.clone(), ..again };
        }
    }
}

/// Converts a record of an earlier run to this run's clocks.
///
/// In the same boot, boot time is certain, and the wall clock decides only when to ask for another token. After a
/// reboot there is only the wall clock. If it is behind the time when the token was obtained (a machine without a
/// clock battery), the token counts as expired until the clock is right or there is another token. At most the whole
/// lifetime is left.
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
    let warn_at = at.filter(|_| !renewable && deadline.is_some());
    let next = policy.plan.next(at, now.wall.since(tokens.obtained_at), now, 0.5).if_renewable(renewable);
    // An intent without a commit: the daemon died in between, and nobody knows how far the request got.
    let unanswered = record.intent.as_ref().map(|intent| Unanswered {
        since: moment_of(intent.started_at, now),
        sent: intent.sent.saturating_add(1),
        // An intent in the future: the clock was set back, so its age is unknown.
        missed: intent.started_at > now.wall,
    });
    let (narrowed, expiry_was_reported) = (Narrowed::default(), deadline.is_some_and(|deadline| now.reached(deadline)));
    CommittedRecord {
        record,
        deadline,
        due: next.due,
        unasked: next.unasked,
        warn_at,
        unanswered,
        trouble: None,
        narrowed,
        refreshes_as_narrowed: false,
        lost_scope: None,
        clock_behind,
        expiry_was_reported,
        by_login: false,
    }
}

fn moment_of(wall: Wall, now: Moment) -> Moment {
    Moment { wall: wall.min(now.wall), boot: Boot(now.boot.0.saturating_sub(now.wall.since(wall))) }
}
