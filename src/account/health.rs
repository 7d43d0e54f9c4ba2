//! Account health: the one definition for status, page, doctor, hooks, events and notifications.

use super::login_reason::LoginReason;
use super::snapshot::{Snapshot, Standing};
use super::trouble::{Trouble, TroubleKind};
use crate::clock::Moment;
use crate::contract::{AccountHealth, HealthReply};
use crate::error::Error;

/// Whether an account has a valid token, and who has to act if not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// It has a valid token and will get the next one.
    Usable,
    /// It has a valid token. When that expires it will be `then`, unless something changes.
    Ending {
        /// When; `None`: unknown.
        until: Option<Moment>,
        /// What then.
        then: Unusable,
    },
    /// It has no valid token, and gets one when somebody asks (`lazy`).
    Idle,
    /// It has no valid token.
    Unusable(Unusable),
}

/// Who can help an account without a valid token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// Nobody: it is retried.
    Recovering,
    /// The user: a login, or a change of the config.
    NeedsUser,
    /// Whoever can make the store work, or unlock it.
    Store,
}

impl Health {
    /// Whether somebody has to act, now or before the token expires.
    pub(super) fn needs_attention(self) -> bool {
        match self {
            Self::Usable | Self::Idle => false,
            Self::Ending { then, .. } | Self::Unusable(then) => then != Unusable::Recovering,
        }
    }

    /// Whether there is a valid token.
    pub(crate) fn is_usable(self) -> bool {
        !matches!(self, Self::Idle | Self::Unusable(_))
    }

    /// For the wire.
    pub(super) fn reply(self, unix: impl Fn(Moment) -> i64) -> HealthReply {
        let word = |unusable| match unusable {
            Unusable::Recovering => AccountHealth::Recovering,
            Unusable::NeedsUser => AccountHealth::NeedsUser,
            Unusable::Store => AccountHealth::StoreUnavailable,
        };
        match self {
            Self::Usable => HealthReply { now: AccountHealth::Usable, until: None, then: None },
            Self::Idle => HealthReply { now: AccountHealth::Idle, until: None, then: None },
            Self::Ending { until, then } => {
                HealthReply { now: AccountHealth::Ending, until: until.map(unix), then: Some(word(then)) }
            }
            Self::Unusable(unusable) => HealthReply { now: word(unusable), until: None, then: None },
        }
    }
}

impl Snapshot {
    /// The account's health.
    pub(crate) fn health(&self, now: Moment) -> Health {
        let unusable = match (&self.standing, self.trouble.as_deref()) {
            (Standing::Locked, _) | (_, Some(Trouble { kind: TroubleKind::Store, .. })) => Some(Unusable::Store),
            (Standing::SignedOut | Standing::NeedsLogin(_), _) => Some(Unusable::NeedsUser),
            (_, Some(trouble)) => Some(self.after(trouble)),
            (Standing::Active, None) if self.login_soon => Some(Unusable::NeedsUser),
            (Standing::Active, None) if !self.refreshable && !self.has_valid_token(now) => Some(Unusable::NeedsUser),
            (Standing::Active | Standing::Starting | Standing::Unread, None) => None,
        };
        let until = self.token.as_ref().and_then(|token| token.deadline);
        match (self.has_usable_token(now), unusable) {
            (true, None) => Health::Usable,
            (true, Some(then)) => Health::Ending { until, then },
            (false, None) if self.on_demand && self.standing == Standing::Active => Health::Idle,
            (false, unusable) => Health::Unusable(unusable.unwrap_or(Unusable::Recovering)),
        }
    }

    /// The health of an account whose trouble continues.
    fn after(&self, trouble: &Trouble) -> Unusable {
        match &trouble.kind {
            TroubleKind::Refused(_) => Unusable::NeedsUser,
            TroubleKind::Unexplained(_) if self.refused_for_long => Unusable::NeedsUser,
            TroubleKind::Unexplained(_) | TroubleKind::Unreachable | TroubleKind::Offline => Unusable::Recovering,
            TroubleKind::Store => Unusable::Store,
        }
    }

    /// Why there is no token, or no newer one.
    pub(crate) fn error(&self, now: Moment) -> Error {
        let account = self.account.to_string();
        match (&self.standing, self.trouble.as_deref()) {
            (Standing::Locked, _) => Error::StoreLocked,
            (_, Some(Trouble { kind: TroubleKind::Store, why, .. })) => Error::StoreUnavailable { why: why.clone() },
            (Standing::NeedsLogin(LoginReason::Unexplained { code, said }), _) => {
                Error::RefusesForLong { account, why: said.clone(), provider_error: code.clone() }
            }
            (Standing::NeedsLogin(reason), _) => Error::LoginRequired { account, why: reason.to_string() },
            (Standing::SignedOut, _) => Error::LoginRequired { account, why: "nobody has logged in yet".into() },
            (Standing::Active, None) if !self.refreshable && self.has_usable_token(now) => {
                Error::NotRefreshable { account }
            }
            (Standing::Active, None) if !self.refreshable => {
                Error::LoginRequired { account, why: LoginReason::NoRefreshToken.to_string() }
            }
            (_, Some(Trouble { kind: TroubleKind::Refused(code), why, .. })) => {
                Error::ProviderRefused { account, why: why.clone(), provider_error: Some(code.clone()) }
            }
            (_, Some(Trouble { kind: TroubleKind::Unexplained(code), why, .. })) if self.refused_for_long => {
                Error::RefusesForLong { account, why: why.clone(), provider_error: code.clone() }
            }
            (_, Some(trouble)) => {
                let why = if self.clock_behind {
                    format!("{}; and {CLOCK_BEHIND}", trouble.why)
                } else {
                    trouble.why.clone()
                };
                Error::ProviderUnreachable { account, why, retry_after: now.until(self.soonest_attempt) }
            }
            (_, None) => Error::ProviderUnreachable {
                account,
                why: "the provider has not answered yet".into(),
                retry_after: std::time::Duration::from_secs(1),
            },
        }
    }
}

/// Why a stored token is not served.
pub(super) const CLOCK_BEHIND: &str =
    "this machine's clock is behind the time when the stored token was obtained, so its validity is unknown";
/// What is wrong with a token whose clocks disagree.
pub(super) const IN_DOUBT: &str = "the machine's clocks disagree about the token: by the elapsed time it is still \
valid, by the wall clock it is not";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Standing::{Active, Locked, SignedOut, Starting, Unread};
    use super::TroubleKind::{Offline, Store, Unreachable};
    use super::Unusable::{NeedsUser, Recovering};
    use super::*;
    use crate::account::served::Served;
    use crate::account::state::{Event, Machine, Policy, Reacquire, RefreshPlan};
    use crate::clock::{Boot, Wall};
    use crate::oauth::dialect::tests::dialect;
    use crate::oauth::grant::{Binding, Expiry};
    use crate::secret::AccessToken;

    const NOW: Moment = Moment { wall: Wall(1_700_000_000_000), boot: Boot(Duration::from_secs(1000)) };
    const LATER: Moment = Moment { wall: Wall(1_700_000_100_000), boot: Boot(Duration::from_secs(1100)) };

    /// An account with a token until `deadline`.
    fn snapshot(standing: Standing, deadline: Option<Moment>, trouble: Option<TroubleKind>) -> Snapshot {
        let binding = Binding { provider: "p".into(), token_url: "https://id.example/t".into(), client_id: "c".into() };
        let mut machine = Machine::new(Policy::new(&dialect(), binding, Reacquire::No, RefreshPlan::default()));
        let _ = machine.step(Event::Loaded(None, 0), NOW, 0.5);
        let token = deadline.map(|deadline| Served {
            access_token: AccessToken::new("a"),
            deadline: Some(deadline),
            expiry: Expiry::Unknown,
            scope: None,
            dpop_key: None,
            extra: serde_json::Map::new(),
        });
        let trouble =
            trouble.map(|kind| Box::new(Trouble { kind, why: "w".into(), at: NOW, failures: 1, retry_at: LATER }));
        Snapshot { standing, token, trouble, refreshable: true, ..machine.snapshot(&"work".into()) }
    }

    #[test]
    fn an_account_without_a_valid_token_is_never_called_usable() {
        let refused = || TroubleKind::Refused("invalid_client".into());
        let unexplained = || TroubleKind::Unexplained("http_403".into());
        let dead = || Standing::NeedsLogin(LoginReason::Refused { code: "invalid_grant".into() });
        let ahead = Moment { wall: NOW.wall, boot: LATER.boot };
        let ending = |then| Health::Ending { until: Some(LATER), then };
        for (standing, deadline, trouble, health, exit) in [
            (Active, Some(LATER), None, Health::Usable, 0),
            (Active, Some(LATER), Some(Unreachable), ending(Recovering), 0),
            (Active, Some(LATER), Some(Offline), ending(Recovering), 0),
            (Active, Some(LATER), Some(unexplained()), ending(Recovering), 0),
            (Active, Some(LATER), Some(refused()), ending(NeedsUser), 5),
            (Active, Some(LATER), Some(Store), ending(Unusable::Store), 9),
            (Active, Some(NOW), None, Health::Unusable(Recovering), 7),
            (Active, Some(NOW), Some(Unreachable), Health::Unusable(Recovering), 7),
            (Active, Some(NOW), Some(unexplained()), Health::Unusable(Recovering), 7),
            (Active, Some(NOW), Some(refused()), Health::Unusable(NeedsUser), 5),
            (Active, Some(NOW), Some(Store), Health::Unusable(Unusable::Store), 9),
            // The clocks disagree: served once another one could not be had.
            (Active, Some(ahead), None, Health::Unusable(Recovering), 7),
            (Active, Some(ahead), Some(Offline), Health::Ending { until: Some(ahead), then: Recovering }, 0),
            (Starting, None, None, Health::Unusable(Recovering), 7),
            (Starting, None, Some(Offline), Health::Unusable(Recovering), 7),
            (Starting, None, Some(refused()), Health::Unusable(NeedsUser), 5),
            (dead(), Some(LATER), None, ending(NeedsUser), 5),
            (dead(), Some(NOW), None, Health::Unusable(NeedsUser), 5),
            (SignedOut, None, None, Health::Unusable(NeedsUser), 5),
            (Locked, None, None, Health::Unusable(Unusable::Store), 9),
            (Unread, None, None, Health::Unusable(Recovering), 7),
            (Unread, None, Some(Store), Health::Unusable(Unusable::Store), 9),
        ] {
            let what = format!("{standing:?} {deadline:?} {trouble:?}");
            let view = snapshot(standing, deadline, trouble);
            assert_eq!(view.health(NOW), health, "{what}");
            let reply = view.reply(NOW);
            assert_eq!(reply.health.map(HealthReply::exit_code), Some(exit), "{what}");
            assert_eq!(reply.attention_needed, [5, 9].contains(&exit), "{what}");
            let served = matches!(
                view.verdict(crate::account::verdict::Ttl::Asked(Duration::ZERO), NOW.boot, NOW),
                crate::account::verdict::Verdict::Serve
            );
            assert_eq!(served, health.is_usable(), "{what}: usable is what callers get");
        }
        let not_refreshable = Snapshot { refreshable: false, ..snapshot(Active, Some(NOW), None) };
        assert_eq!(not_refreshable.health(NOW), Health::Unusable(NeedsUser));
        let soon = Snapshot { refreshable: false, login_soon: true, ..snapshot(Active, Some(LATER), None) };
        assert_eq!(soon.health(NOW), ending(NeedsUser));
        for (trouble, health) in [(None, Health::Idle), (Some(Unreachable), Health::Unusable(Recovering))] {
            let lazy = Snapshot { on_demand: true, ..snapshot(Active, Some(NOW), trouble) };
            assert_eq!((lazy.health(NOW), lazy.reply(NOW).attention_needed), (health, false));
        }
        let for_long = Snapshot { refused_for_long: true, ..snapshot(Starting, None, Some(unexplained())) };
        assert_eq!(for_long.health(NOW), Health::Unusable(NeedsUser));
    }

    #[test]
    fn the_worst_exit_code_wins() {
        for (codes, worst) in [(&[][..], 0), (&[0, 7, 0], 7), (&[7, 5, 0], 5), (&[5, 9, 7], 9)] {
            assert_eq!(HealthReply::worst(codes.iter().copied()), worst);
        }
    }
}
