//! Refresh schedule and retry policy: refresh time, exponential backoff with full jitter, `Retry-After`. Pure:
//! `jitter` is a random number in `[0, 1)` and an argument.

use std::time::Duration;

/// Refresh at this part of the lifetime.
const DUE_AT: f64 = 0.80;
/// Spread of the refresh point to both sides, so that accounts that were started together drift apart.
const SPREAD: f64 = 0.05;
/// A refresh leaves at least this much of the lifetime, for retries.
const ROOM: Duration = Duration::from_secs(60);
/// First and longest pause between attempts (backoff).
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// The shortest pause: full jitter may draw zero, which would be a busy loop.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
/// The longest `Retry-After` that is honoured.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// When a token of this lifetime is refreshed, after it was obtained.
pub(crate) fn refresh_after(lifetime: Duration, jitter: f64) -> Duration {
    let jittered = lifetime.mul_f64(DUE_AT + SPREAD * (2.0 * jitter - 1.0));
    if lifetime >= 4 * ROOM { jittered.min(lifetime.saturating_sub(ROOM)) } else { jittered }
}

/// When a refresh token that is to be used every `span` is used again, after its last use: never later, and spread.
pub(crate) fn kept_alive_after(span: Duration, jitter: f64) -> Duration {
    span.mul_f64(1.0 - 0.1 * jitter)
}

/// The backoff after `failures` failures in a row: exponential with full jitter.
pub(crate) fn pause(failures: u32, jitter: f64) -> Duration {
    let ceiling = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST_PAUSE);
    ceiling.mul_f64(jitter).max(SHORTEST_PAUSE)
}

/// `Retry-After`, capped.
pub(crate) fn capped_retry_after(retry_after: Duration) -> Duration {
    retry_after.min(LONGEST_RETRY_AFTER)
}

/// The pause after a `Retry-After`: never shorter, a little longer, capped.
pub(crate) fn retry_after_pause(retry_after: Duration, failures: u32, jitter: f64) -> Duration {
    let capped = capped_retry_after(retry_after);
    (capped + capped.mul_f64(0.1 * jitter)).max(pause(failures, jitter))
}

/// The pause before the one replay of an unanswered refresh: short enough for any grace window.
pub(crate) fn replay_pause(jitter: f64) -> Duration {
    Duration::from_millis(500) + Duration::from_millis(500).mul_f64(jitter)
}

/// The pause when the network may be back: until it is configured, and spread over the accounts.
pub(crate) fn woken_pause(jitter: f64) -> Duration {
    Duration::from_millis(500) + Duration::from_millis(2500).mul_f64(jitter)
}

/// The pause after a refusal that only a changed config can help.
pub(crate) fn refused_pause(jitter: f64) -> Duration {
    LONGEST_PAUSE.mul_f64(0.9 + 0.2 * jitter)
}

/// The pause after `beyond` refusals of unknown kind since the user was told: 5 to 60 minutes.
pub(crate) fn unexplained_pause(beyond: u32, jitter: f64) -> Duration {
    LONGEST_PAUSE
        .saturating_mul(1 << beyond.min(4))
        .min(LONGEST_RETRY_AFTER)
        .mul_f64(0.9 + 0.1 * jitter)
        .max(LONGEST_PAUSE)
}

/// The pause after another account got an answer from the same provider, spread over the accounts.
pub(crate) fn recovered_pause(jitter: f64) -> Duration {
    Duration::from_secs(1).mul_f64(jitter)
}

/// The validity for a caller who asks for `wanted` of a token that lives for `lifetime`.
///
/// Half a lifetime at most: otherwise a caller who asks for more than a token can have makes every request a refresh.
pub(crate) fn wanted_ttl(wanted: Duration, lifetime: Option<Duration>) -> Duration {
    lifetime.map_or(wanted, |life| wanted.min(life / 2))
}

/// The validity for a caller who asks for nothing in particular: a tenth of a lifetime at most. That is half of what
/// the schedule leaves, so such callers never cause a refresh.
pub(crate) fn usual_ttl(usual: Duration, lifetime: Option<Duration>) -> Duration {
    lifetime.map_or(usual, |life| usual.min(life / 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_refresh_is_due_at_four_fifths_and_leaves_room() {
        for (lifetime, jitter, due) in
            [(3600, 0.5, 2880), (3600, 0.0, 2700), (3600, 1.0, 3060), (240, 1.0, 180), (300, 0.5, 240), (10, 0.5, 8)]
        {
            assert_eq!(refresh_after(s(lifetime), jitter).as_millis().div_ceil(1000), due, "{lifetime} {jitter}");
        }
    }

    #[test]
    fn pauses_grow_are_spread_and_bounded() {
        assert_eq!((pause(1, 0.0), pause(1, 1.0)), (SHORTEST_PAUSE, s(1)));
        assert_eq!((pause(4, 0.5), pause(9, 1.0), pause(u32::MAX, 1.0)), (s(4), s(256), s(300)));
        assert_eq!((retry_after_pause(s(11), 1, 0.0), retry_after_pause(s(100_000), 1, 0.0)), (s(11), s(3600)));
        assert!(retry_after_pause(s(0), 1, 0.0) >= SHORTEST_PAUSE);
    }

    proptest::proptest! {
        #[test]
        fn no_number_breaks_the_schedule(life in 1u64..400_000_000, failures: u32, jitter in 0.0f64..1.0) {
            let life = s(life);
            let due = refresh_after(life, jitter);
            assert!(due > Duration::ZERO && due < life);
            assert!(usual_ttl(s(10), Some(life)) < life.saturating_sub(due), "usual callers never bring a refresh forward");
            assert!(pause(failures, jitter) >= SHORTEST_PAUSE && pause(failures, jitter) <= LONGEST_PAUSE);
        }
    }
}
