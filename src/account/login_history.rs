//! Login history: when logins were made, and how long earlier ones lasted. Some providers end each login after the
//! same time.

use std::time::Duration;

use super::login_reason::LoginReason;
use crate::clock::Wall;

/// Enough to see a pattern.
const KEPT: usize = 5;
/// The error code for a refresh token that is no longer valid (RFC 6749 §5.2).
const DEAD: &str = "invalid_grant";

/// When the current login began, and how long earlier ones lasted.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginHistory {
    /// When the current one began. `None`: it has ended, or is older than this record.
    pub since: Option<Wall>,
    /// How long those lasted that the provider ended, in seconds, the newest last.
    pub lasted: Vec<u64>,
}

impl LoginHistory {
    /// After another login, at `now`.
    #[must_use]
    pub(super) fn begun(&self, now: Wall) -> Self {
        Self { since: Some(now), lasted: self.lasted.clone() }
    }

    /// The login ended for this reason, at `now`. Counted once: a repeated refusal is the same end.
    pub(super) fn end(&mut self, reason: &LoginReason, now: Wall) {
        let by_itself = matches!(reason, LoginReason::Refused { code } if code == DEAD);
        let Some(since) = self.since.take().filter(|_| by_itself) else { return };
        self.lasted.push(now.since(since).as_secs());
        let surplus = self.lasted.len().saturating_sub(KEPT);
        self.lasted.drain(..surplus);
    }
}

/// How many of the newest logins ended after about the same time, and how long the shortest of them lasted: an end is
/// often noticed late, but never early. `None`: there is no pattern.
pub(crate) fn pattern(lasted: &[u64]) -> Option<(usize, Duration)> {
    let newest = *lasted.last()?;
    let alike = lasted.iter().rev().take_while(|one| one.abs_diff(newest) <= newest / 10);
    let (count, shortest) = alike.fold((0, newest), |(count, shortest), one| (count + 1, shortest.min(*one)));
    (count >= 2 && shortest >= SHORTEST).then_some((count, Duration::from_secs(shortest)))
}

/// In seconds: shorter logins were not meant to last.
const SHORTEST: u64 = 3600;

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn refused(code: &str) -> LoginReason {
        LoginReason::Refused { code: code.into() }
    }

    #[test]
    fn an_end_counts_once_and_only_the_providers_own() {
        let at = |seconds: u64| Wall(0).plus(Duration::from_secs(seconds));
        let mut logins = LoginHistory::default();
        logins.end(&refused("invalid_grant"), at(DAY));
        assert_eq!(logins, LoginHistory::default(), "nobody knows when that one was made");
        logins = logins.begun(at(0));
        logins.end(&refused("invalid_grant"), at(7 * DAY));
        logins.end(&refused("invalid_grant"), at(9 * DAY));
        assert_eq!(logins, LoginHistory { since: None, lasted: vec![7 * DAY] });
        logins = logins.begun(at(10 * DAY));
        logins.end(&refused("another_subject"), at(11 * DAY));
        assert_eq!(logins, LoginHistory { since: None, lasted: vec![7 * DAY] });
        for length in 1..=6 {
            logins = logins.begun(at(0));
            logins.end(&refused("invalid_grant"), at(length));
        }
        assert_eq!(logins.lasted, [2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_pattern_is_two_or_more_ends_at_about_the_same_age() {
        for (lasted, expected) in [
            (&[][..], None),
            (&[7 * DAY], None),
            (&[7 * DAY, 7 * DAY + 3600], Some((2, 7 * DAY))),
            (&[7 * DAY + 3600, 7 * DAY + 40_000, 7 * DAY], Some((3, 7 * DAY))),
            (&[7 * DAY, 30 * DAY, 30 * DAY + 5], Some((2, 30 * DAY))),
            (&[7 * DAY, 7 * DAY, 30 * DAY], None),
            (&[7 * DAY, 8 * DAY], None),
            (&[60, 60, 60], None),
        ] {
            let expected = expected.map(|(count, shortest)| (count, Duration::from_secs(shortest)));
            assert_eq!(pattern(lasted), expected, "{lasted:?}");
        }
    }
}
